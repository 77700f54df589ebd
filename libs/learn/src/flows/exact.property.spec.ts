import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatAddress, serviceKey, type Address } from '#net';
import { compilePolicy, decideFlow, loadPolicy, type Policy, type Snapshot } from '#policy';
import { at as addressOf, deviceAddress, policyFiles, service } from '../../../policy/src/spec/generated.js';
import { isPrincipal, type NaiveSide } from '../../../policy/src/spec/naive.js';
import { learn, learnedAt } from './spec/learning.js';
import { flowHeader, flowRow } from './spec/traffic.js';

/** Devices are where the access rules of the generated policies put them, two of a class. */
const placed = ['pump', 'monitor', 'scanner'] as const;
const addressesOf = (name: string): readonly (readonly string[])[] => {
  const [v4, v6] = deviceAddress[name] as [string, string];
  return [
    [v4, v6],
    [v4.replace(/\d+$/, (last) => `${Number(last) + 20}`), `${v6}0`],
  ];
};
const inventory = [
  'id,class,site,ip',
  ...placed.flatMap((name) => addressesOf(name).map((own, i) => `${name}-${i},${name},main,${own.join(';')}`)),
].join('\n');

type Far = { readonly address: string } | { readonly class: (typeof placed)[number] };
interface Flow {
  readonly device: (typeof placed)[number];
  readonly far: Far;
  readonly isInbound: boolean;
  readonly service: readonly [number, number];
}

const hosts = Array.from({ length: 16 }, (_, i) => [`10.0.0.${i}`, `fd00::${i.toString(16)}`]).flat();
const far: fc.Arbitrary<Far> = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom(...hosts).map((address) => ({ address })) },
  { weight: 2, arbitrary: fc.constantFrom(...placed).map((name) => ({ class: name })) },
  { weight: 1, arbitrary: fc.constantFrom('192.0.2.1', '10.9.9.9').map((address) => ({ address })) },
);
const flow: fc.Arbitrary<Flow> = fc
  .record({ device: fc.constantFrom(...placed), far, isInbound: fc.boolean(), service })
  // Destination unreachable is no connection; ICMP is of one family.
  .filter(({ service: [protocol, port] }) => protocol !== 1 || port === 8)
  .filter(({ far: to, service: [protocol] }) => protocol !== ('address' in to && to.address.includes(':') ? 1 : 58));
/** Often everything to one place, so that there is something to group. */
const flows = fc
  .array(fc.tuple(flow, fc.boolean()), { minLength: 1, maxLength: 8 })
  .map((all) => all.flatMap(([one, isOfAll]) => (isOfAll ? placed.map((device) => ({ ...one, device })) : [one])));

/** Three times of each device of the class. */
function rowsOf({ device, far: to, isInbound, service: [protocol, port] }: Flow): string[] {
  const rows: string[] = [];
  for (const [i, own] of addressesOf(device).entries()) {
    const other = 'address' in to ? to.address : addressesOf(to.class)[1 - i]![0]!;
    const near = own[other.includes(':') ? 1 : 0]!;
    const [from, target] = isInbound ? [other, near] : [near, other];
    for (let day = 1; day <= 3; day++)
      rows.push(flowRow(addressOf(from), addressOf(target), serviceKey(protocol, port), Date.UTC(2026, 10, day, i)));
  }
  return rows;
}

interface Probe {
  readonly source: NaiveSide;
  readonly destination: NaiveSide;
  readonly service: readonly [number, number];
}

function probeOf({ device, far: to, isInbound, service: one }: Flow): Probe {
  const other = 'address' in to ? { address: addressOf(to.address) } : sideOf(to.class, false);
  const near = sideOf(device, 'address' in to && to.address.includes(':'));
  return isInbound
    ? { source: other, destination: near, service: one }
    : { source: near, destination: other, service: one };
}

const sideOf = (name: string, isV6: boolean): NaiveSide => ({
  class: name,
  address: addressOf(deviceAddress[name]![isV6 ? 1 : 0]!),
});

const judged = (snapshot: Snapshot, { source, destination, service: [protocol, port] }: Probe) =>
  decideFlow(snapshot, { source, destination, protocol, port });

const services: readonly (readonly [number, number])[] = [
  [6, 80],
  [6, 81],
  [6, 82],
  [6, 443],
  [6, 9],
  [17, 53],
  [17, 55],
  [17, 59],
  [1, 8],
  [1, 13],
  [58, 128],
  [58, 135],
  [50, 0],
];

/** Every way that anything of this universe could go. */
function* probes(): Generator<Probe> {
  for (const device of [...placed, 'unknown']) {
    for (const one of services) {
      for (const isV6 of [false, true]) {
        const near = sideOf(device, isV6);
        for (const host of [...hosts, '192.0.2.1', '10.9.9.9']) {
          if (host.includes(':') !== isV6) continue;
          const other = { address: addressOf(host) };
          yield { source: near, destination: other, service: one };
          yield { source: other, destination: near, service: one };
        }
        for (const peer of [...placed, 'unknown'])
          yield { source: near, destination: sideOf(peer, isV6), service: one };
      }
    }
  }
}

function compiled(files: ReadonlyMap<string, string>): { policy: Policy; snapshot: Snapshot } | null {
  const loaded = loadPolicy(files);
  if (!loaded.ok) return null;
  const snapshot = compilePolicy(loaded.value, learnedAt);
  return snapshot.ok ? { policy: loaded.value, snapshot: snapshot.value } : null;
}

/** What tells a side from others in the words of the policy: its class, or the endpoints that have its address, or the address itself. */
function identify({ policy }: { policy: Policy }, side: NaiveSide): string {
  if (side.class !== undefined) return side.class;
  const text = formatAddress(side.address as Address);
  const holders = [...policy.endpoints].filter(([name]) => isPrincipal(policy, side, name)).map(([name]) => name);
  const own = holders.filter((name) => !['internal', 'internet', 'ga', 'gb'].includes(name));
  return own.length > 0 ? holders.join() : text;
}

const keyOf = (given: { policy: Policy }, { source, destination, service: [protocol, port] }: Probe): string =>
  `${identify(given, source)} > ${identify(given, destination)} > ${protocol}/${port}`;

describe('for random policies and random traffic', () => {
  it('learned lines allow what was seen, and nothing else', () => {
    let learnedLines = 0;
    fc.assert(
      fc.property(policyFiles, flows, (files, given) => {
        const before = compiled(files);
        if (before === null) return;
        const learned = learn(files, inventory, [flowHeader, ...given.flatMap(rowsOf)], { scanTargets: 1000 });
        const after = compiled(new Map([...files, ...learned.files]));
        expect(after).not.toBeNull();
        learnedLines += learned.lines.length;

        const seen = new Set(given.map((one) => keyOf(before, probeOf(one))));
        for (const probe of probes()) {
          const isOpened =
            judged(after!.snapshot, probe).verdict === 'allow' && judged(before.snapshot, probe).verdict === 'deny';
          if (isOpened && !seen.has(keyOf(before, probe)))
            expect.fail(`opened, but never seen: ${keyOf(before, probe)}`);
        }
        for (const one of given) {
          if (judged(after!.snapshot, probeOf(one)).verdict === 'allow') continue;
          const verdict = judged(before.snapshot, probeOf(one));
          const { source, destination } = probeOf(one);
          const names = new Set([source, destination].map((side) => side.class));
          const told = learned.leftOut.filter((row) =>
            row.kind === 'no-exact-line'
              ? names.has(row.source) || names.has(row.destination)
              : source.class === undefined || row.source === source.class,
          );
          const kinds = new Set(told.map(({ kind }) => kind));
          if (verdict.rules.length > 0 && source.class !== undefined) expect(kinds).toContain('denied');
          else expect([...kinds]).not.toEqual([]);
        }
      }),
      { numRuns: 25 },
    );
    expect(learnedLines).toBeGreaterThan(10);
  });
});
