import { describe, expect, it } from 'vitest';
import { findScans } from './scans.js';

/** Connections of source 0 to destination × service, so many seconds after each other. */
function scansOf(
  targets: readonly (readonly [number, number])[],
  seconds: number,
  given: { answered?: boolean | null; isServer?: boolean; isUnknown?: boolean } = {},
) {
  const { answered = null, isServer = false, isUnknown = false } = given;
  return findScans(
    {
      source: targets.map(() => 0),
      destination: targets.map(([destination]) => destination),
      service: targets.map(([, service]) => service),
      first: targets.map((_, i) => i * seconds * 1000),
      isAnswered: targets.map(() => answered),
      isServer: () => isServer,
      isUnknown: () => isUnknown,
      familyOf: (service) => service,
    },
    { scanTargets: 10, scanSeconds: 60, minConnections: 3 },
  );
}

const hosts = Array.from({ length: 12 }, (_, i) => [i, 22] as const);
const ports = Array.from({ length: 12 }, (_, i) => [1, i] as const);
const polled = Array.from({ length: 5 }, () => hosts).flat();

describe('a scan', () => {
  it.each<[string, ReturnType<typeof scansOf>, number]>([
    ['goes through addresses', scansOf(hosts, 1), 12],
    ['goes through ports', scansOf(ports, 1), 12],
    ['goes through ports of devices, from a server', scansOf(ports, 1, { isServer: true }), 12],
    ['is of a server, too, where nobody answers', scansOf(hosts, 1, { isServer: true, answered: false }), 12],
    ['comes back to addresses that nobody has', scansOf(polled, 1, { isUnknown: true }), 60],
  ])('%s', (_, scans, connections) => {
    expect(scans.map((scan) => scan.connections.length)).toEqual([connections]);
  });

  it.each<[string, ReturnType<typeof scansOf>]>([
    ['takes its time', scansOf(hosts, 30)],
    ['is answered', scansOf(hosts, 1, { answered: true })],
    ['is a server that polls its devices', scansOf(hosts, 1, { isServer: true })],
    ['comes back to the same devices', scansOf(polled, 1)],
  ])('is nothing that %s', (_, scans) => expect(scans).toEqual([]));
});
