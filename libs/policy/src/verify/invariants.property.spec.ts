import fc from 'fast-check';
import { parseAddress, parseService, serviceAlgebra } from '#net';
import { describe, expect, it } from 'vitest';
import { compilePolicy } from '../compile/compile.js';
import { decideFlow } from '../decider.js';
import { loadPolicy } from '../load/load.js';
import type { FlowInvariant, Policy } from '../policy.js';
import type { RuleLine, Snapshot } from '../snapshot.js';
import { at, policyFiles } from '../spec/generated.js';
import { isApplication, isPrincipal, naiveVerdict, type NaivePacket, type NaiveSide } from '../spec/naive.js';
import type { CounterexamplePacket, CounterexampleSide } from './failure.js';
import { runPolicyTests } from './policy-tests.js';

/*
 * An invariant's verdict against one packet at a time: every device class, every address that generated policies can tell
 * apart, every device at every such address of a segment that it may be in, every service that they can tell apart, at an
 * instant before and one after the only date in the horizon.
 */
const check = new Date('2029-06-01T00:00:00Z');
const later = new Date('2030-01-02T00:00:00Z');

const services = [
  'tcp/80',
  'tcp/81',
  'tcp/100',
  'tcp/443',
  'tcp/9',
  'udp/53',
  'udp/55',
  'udp/9',
  'icmp/8',
  'icmp/3',
  'icmp6/128',
  'icmp6/3',
  'ip/50',
  'sctp/1',
].map((text) => parseService(text)!.first);
const hosts = Array.from({ length: 16 }, (_, host) => [`10.0.0.${host}`, `fd00::${host.toString(16)}`]).flat();
const elsewhere = ['192.0.2.1', '2001:db8::1', '10.9.9.9', 'fd99::9'];
/** In `campus` and not in it, of each segment. */
const spots: Readonly<Record<string, readonly string[]>> = {
  pumps: ['10.1.0.7', '10.1.0.200', 'fd01::7', 'fd01::8000:0:0:7'],
  others: ['10.2.0.7', 'fd02::7'],
  jail: ['10.3.0.7', '10.3.0.200', 'fd03::7'],
};
const campus = 'campus: { addresses: [10.1.0.0/25, 10.3.0.0/25, "fd01::/65"] }';

const some = <T>(from: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...from);
const classNames = ['pump', 'monitor', 'scanner', 'medical', 'imaging', 'device', 'unknown'];
const endpointNames = ['e0', 'e1', 'e2', 'internet', 'campus', '10.0.0.3', 'fd00::5', '10.1.0.7'];
const appNames = ['a0', 'a1', 'web', 'any', 'tcp/80', 'icmp', 'udp/50-60'];
const list = (names: readonly string[], max: number) => fc.uniqueArray(some(names), { minLength: 1, maxLength: max });
const ends = list([...classNames, ...endpointNames, 'any'], 2);
const placeOf = fc.option(
  fc.record({ postures: fc.uniqueArray(some(['unverified', 'quarantined']), { minLength: 1, maxLength: 2 }) }),
  { nil: {}, freq: 2 },
);
const exceptOf = fc.option(
  fc.record(
    {
      from: list([...classNames, ...endpointNames], 1),
      to: list([...classNames, ...endpointNames], 2),
      app: list(appNames.slice(0, 3), 1),
    },
    { requiredKeys: [] },
  ),
  { nil: undefined, freq: 2 },
);
const invariants = fc
  .record({
    kind: some(['never', 'always', 'only']),
    from: ends,
    to: ends,
    app: list(appNames, 2),
    place: placeOf,
    except: exceptOf,
    time: some([{}, { at: later.toISOString() }, { throughout: '300 days' }]),
  })
  .map(({ kind, from, to, app, place, except, time }) => {
    const isDevice = (name: string): boolean => name === 'any' || classNames.includes(name);
    const named = kind === 'only' ? from.filter((name) => name !== 'any' && parseAddress(name) === null) : from;
    const devices = (kind === 'only' ? to : [...from, ...to]).some(isDevice);
    const claim = {
      from: named.length > 0 ? named : ['pump'],
      to,
      app,
      ...(devices ? place : {}),
      ...(except && { except }),
    };
    return { name: 'i', [kind]: claim, ...time };
  });
/** Rules of devices to `campus`, which lies across two segments, and denies that end: what they close opens then. */
const campusRules = fc
  .uniqueArray(fc.tuple(some(classNames), some(['campus', 'pump', 'e0']), fc.boolean()), {
    maxLength: 2,
    selector: ([from, to]) => `${from} ${to}`,
  })
  .map((rules) =>
    rules
      .flatMap(([from, to, closed]) => [
        `p, ${from}, ${to}, extra, allow, always, x`,
        ...(closed ? [`p, ${from}, ${to}, extra, deny, until 2030-01-01, x`] : []),
      ])
      .join('\n'),
  );

interface Side extends NaiveSide {
  /** Where a device with an address sits. */
  readonly segment?: string;
}

/** Everything that can be an end of a packet. */
function sidesOf(policy: Policy, snapshot: Snapshot): Side[] {
  const bare = [...policy.classes.keys()].map((name) => ({ class: name }));
  const placed = new Map(snapshot.accessTable.map(({ role, segment }) => [`${role} ${segment}`, { role, segment }]));
  return [
    ...bare,
    ...[...hosts, ...elsewhere, ...Object.values(spots).flat()].map((text) => ({ address: at(text) })),
    ...[...placed.values()].flatMap(({ role, segment }) =>
      spots[segment]!.map((text) => ({ class: role, address: at(text), segment })),
    ),
  ];
}

/** Whether a side is one that the name speaks of. */
function isMeant(
  policy: Policy,
  snapshot: Snapshot,
  { kind, where }: FlowInvariant,
  name: string,
  side: Side,
): boolean {
  const isAnyone = name === 'any';
  if (!isAnyone && !policy.classes.has(name)) return isContained(policy, name, side);
  if (side.class === undefined) return isAnyone;
  const members = isAnyone ? [...policy.classes.keys()] : policy.principalTree.members(name);
  if (where === null && members.includes(side.class)) return true;
  if (where === null && kind !== 'never') return false;
  return snapshot.accessTable.some(
    (grant) =>
      members.includes(grant.class) &&
      grant.role === side.class &&
      (where?.postures ?? [grant.posture]).includes(grant.posture) &&
      (side.segment === undefined || side.segment === grant.segment),
  );
}

function isContained(policy: Policy, name: string, side: Side): boolean {
  const address = parseAddress(name);
  return address
    ? side.address?.value === address.value && side.address.family === address.family
    : isPrincipal(policy, side, name);
}

/** Null when the two can't exchange such a packet. */
function packetBetween(source: Side, destination: Side, key: number): NaivePacket | null {
  const packet = { source, destination, protocol: key >>> 16, port: key & 0xffff };
  const known = [source.address?.family, destination.address?.family].filter((one) => one !== undefined);
  const fits =
    new Set(known).size < 2 &&
    !(known[0] === 4 && packet.protocol === 58) &&
    !(known[0] === 6 && packet.protocol === 1);
  return fits ? packet : null;
}

function isCovered(policy: Policy, app: string, key: number): boolean {
  const service = parseService(app);
  return service ? serviceAlgebra.contains([service], key) : isApplication(policy, app, key);
}

/** All packets that the invariant says something about. */
function* spokenOf(policy: Policy, snapshot: Snapshot, invariant: FlowInvariant): Generator<NaivePacket> {
  const { kind, from, to, app, except } = invariant;
  const sides = sidesOf(policy, snapshot);
  const sources =
    kind === 'only'
      ? sides
      : sides.filter((side) => from.some((name) => isMeant(policy, snapshot, invariant, name, side)));
  const destinations = sides.filter((side) => to.some((name) => isMeant(policy, snapshot, invariant, name, side)));
  for (const source of sources) {
    if (except.from.some((name) => isContained(policy, name, source))) continue;
    if (kind === 'only' && from.some((name) => isContained(policy, name, source))) continue;
    for (const destination of destinations) {
      if (except.to.some((name) => isContained(policy, name, destination))) continue;
      for (const key of services) {
        if (
          !app.some((name) => isCovered(policy, name, key)) ||
          except.app.some((name) => isCovered(policy, name, key))
        )
          continue;
        const packet = packetBetween(source, destination, key);
        if (packet) yield packet;
      }
    }
  }
}

function build(files: ReadonlyMap<string, string>): { policy: Policy; snapshots: Map<string, Snapshot> } {
  const loaded = loadPolicy(files);
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.diagnostics));
  const snapshots = [check, later].map((instant) => {
    const compiled = compilePolicy(loaded.value, instant);
    if (!compiled.ok) throw new Error(JSON.stringify(compiled.diagnostics));
    return [instant.toISOString(), compiled.value] as const;
  });
  return { policy: loaded.value, snapshots: new Map(snapshots) };
}

describe('an invariant of a generated policy', () => {
  it('holds exactly when it holds for every single packet, and a counterexample is one', () => {
    const seen = { holds: 0, broken: 0, placed: 0 };
    fc.assert(
      fc.property(policyFiles, campusRules, invariants, (files, extra, invariant) => {
        files.set('catalog/endpoints-campus.yaml', campus);
        files.set('catalog/applications-extra.yaml', 'extra: { ports: [tcp/80-443, icmp] }');
        files.set('rules/campus.csv', extra);
        files.set('tests/x.yaml', JSON.stringify({ invariants: [invariant] }));
        const { policy, snapshots } = build(files);
        const claim = policy.invariants[0] as FlowInvariant;
        const snapshot = snapshots.get(check.toISOString())!;
        const instants =
          claim.when.kind === 'check' ? [check] : claim.when.kind === 'instants' ? [later] : [check, later];
        const wanted = claim.kind === 'always' ? 'allow' : 'deny';
        const packets = [...spokenOf(policy, snapshot, claim)];
        const broken = instants.find((instant) =>
          packets.some((packet) => naiveVerdict(policy, packet, instant) !== wanted),
        );
        const failures = runPolicyTests(policy, snapshot);
        const real = failures.filter(({ counterexample }) => counterexample !== null);
        const about = { claim: invariant, extra, summaries: failures.map(({ summary }) => summary) };
        expect({ ...about, isBroken: real.length > 0 }).toEqual({ ...about, isBroken: broken !== undefined });
        if (claim.kind !== 'always') expect(real).toEqual(failures);
        const instantsSeen = real.map((failed) => failed.at).sort();
        expect(instantsSeen[0]).toEqual(broken?.toISOString());
        for (const { counterexample, at: instant, rules } of real) {
          const shown = counterexample as CounterexamplePacket;
          const packet = {
            source: sideOf(shown.from),
            destination: sideOf(shown.to),
            protocol: shown.protocol,
            port: shown.port,
          };
          const verdict = decideFlow(snapshots.get(instant)!, packet);
          expect(verdict.verdict).not.toBe(wanted);
          expect(inOrderOfLines(verdict.rules)).toEqual(inOrderOfLines(rules));
          expect(naiveVerdict(policy, packet, new Date(instant))).not.toBe(wanted);
          if (shown.to.class !== null && shown.to.address !== null) seen.placed++;
        }
        seen[broken ? 'broken' : 'holds']++;
      }),
      { numRuns: 100 },
    );
    for (const count of Object.values(seen)) expect(count).toBeGreaterThan(0);
  });
});

/** A decision names those of the nearest class first, a counterexample as they stand. */
const inOrderOfLines = (rules: readonly RuleLine[]): RuleLine[] =>
  [...rules].sort((a, b) => (a.file === b.file ? a.line - b.line : a.file < b.file ? -1 : 1));

const sideOf = ({ class: device, address }: CounterexampleSide): NaiveSide => ({
  ...(device !== null && { class: device }),
  ...(address !== null && { address: at(address) }),
});
