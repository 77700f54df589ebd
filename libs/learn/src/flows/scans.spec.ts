import { describe, expect, it } from 'vitest';
import { findScans } from './scans.js';

/** Connections of source 0 to destination × service, so many seconds after each other, or at these. */
function scansOf(
  targets: readonly (readonly [number, number])[],
  seconds: number | readonly number[],
  given: { answered?: boolean | null; isServer?: boolean; isUnknown?: boolean; together?: Together } = {},
) {
  const { answered = null, isServer = false, isUnknown = false, together = {} } = given;
  const first = targets.map((_, i) => 1000 * (typeof seconds === 'number' ? i * seconds : seconds[i]!));
  return findScans(
    {
      source: targets.map(() => 0),
      destination: targets.map(([destination]) => destination),
      service: targets.map(([, service]) => service),
      first,
      last: first.map((at, i) => at + 1000 * (together[i]?.seconds ?? 0)),
      times: targets.map((_, i) => together[i]?.times ?? 1),
      isAnswered: targets.map(() => answered),
      isServer: () => isServer,
      isUnknown: () => isUnknown,
      familyOf: (service) => service,
    },
    { scanTargets: 10, scanSeconds: 60, minConnections: 3 },
  );
}

/** Which connections stand for several within so many seconds. */
type Together = Readonly<Record<number, { readonly times: number; readonly seconds: number }>>;

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

  it.each<[string, number, number, number]>([
    ['takes along several of the same that went on meanwhile', 5, 300, 13],
    ['leaves alone several of the same that were over before', 5, 99, 12],
    ['leaves alone a single connection that began before', 1, 300, 12],
  ])('%s', (_, times, seconds, connections) => {
    const earlier = [[99, 443], ...hosts] as const;
    const at = [0, ...hosts.map((__, i) => 100 + i)];
    const [scan] = scansOf(earlier, at, { together: { 0: { times, seconds } } });
    expect(scan!.connections).toHaveLength(connections);
  });

  it('counts what is told together as the times that it was', () => {
    const together = Object.fromEntries(hosts.map((__, i) => [i, { times: 3, seconds: 0 }]));
    expect(scansOf(hosts, 1, { together })).toEqual([]);
    expect(scansOf(hosts, 1, { together, answered: false })).toHaveLength(1);
  });
});
