import fc from 'fast-check';
import { parseAddress, parseService, portOf, protocolOf } from '#net';
import { describe, expect, it } from 'vitest';
import { loadPolicy } from '../load/load.js';
import type { FlowRuleSource, Policy } from '../policy.js';
import { deviceAddress, policyFiles } from '../spec/generated.js';
import { naiveVerdict, type NaivePacket, type NaiveSide } from '../spec/naive.js';
import type { PacketExample } from './cells.js';
import { judgeFlowRules } from './flow-rules.js';
import { placementsOf } from './placements.js';
import type { Standing } from './standing.js';

/* A universe in which every packet can be asked for, and the plainest evaluation there is as the judge. */

const now = new Date('2026-11-23T12:00:00Z');
/** A Wednesday, hour by hour: neither window open, either, both; and the same once more when `until 2030` is over. */
const hours = ['03', '09', '12', '15'];
const instants = ['2026-11-25', '2031-11-26'].flatMap((day) => hours.map((hour) => new Date(`${day}T${hour}:00:00Z`)));

const windows = [
  'early: { days: [wed], from: "08:00", to: "13:00", timezone: UTC }',
  'late: { days: [wed], from: "11:00", to: "18:00", timezone: UTC }',
].join('\n');

/** Rules over few names, so that they lie on one another often. From a device to `internal` is to every other device, too. */
const denseRules = (whens: readonly string[]): fc.Arbitrary<string> =>
  fc
    .uniqueArray(
      fc.tuple(
        fc.constantFrom('pump', 'scanner', 'medical', 'device', 'unknown', 'e0', 'e1'),
        fc.constantFrom('pump', 'scanner', 'medical', 'device', 'e0', 'e1', 'e2', 'internal', 'internet'),
        fc.constantFrom('a0', 'web', 'any'),
        fc.constantFrom('allow', 'deny'),
        fc.constantFrom(...whens),
      ),
      { minLength: 6, maxLength: 14, size: 'max', selector: (rule) => rule.join() },
    )
    .map((rules) => rules.filter(([subject, object]) => object !== 'internal' || !subject.startsWith('e')))
    .map((rules) => rules.map((words) => `p, ${words.join(', ')}, note`).join('\n'));

const denseFiles = (whens: readonly string[]): fc.Arbitrary<Map<string, string>> =>
  fc
    .tuple(policyFiles, denseRules(whens))
    .map(([files, rules]) => new Map(files).set('rules/flows.csv', rules).set('catalog/schedules.yaml', windows));
const timedFiles = denseFiles(['always', 'always', 'early', 'late', 'until 2030-01-01', 'until 2020-01-01']);
/** One instant says all. */
const timelessFiles = denseFiles(['always']);

const services = [
  'tcp/79',
  'tcp/80',
  'tcp/81',
  'tcp/443',
  'udp/50',
  'udp/53',
  'icmp/8',
  'icmp/3',
  'icmp6/128',
  'icmp6/1',
  'ip/50',
  'ip/51',
].map((text) => parseService(text)!.first);
const hosts = Array.from({ length: 16 }, (_, host) => host);
const strangers: readonly NaiveSide[] = [
  ...hosts.flatMap((host) => [`10.0.0.${host}`, `fd00::${host.toString(16)}`]),
  '192.0.2.1',
  '2001:db8::1',
  '10.9.9.9',
  'fd99::1',
  '10.1.0.9',
  'fd02::9',
].map((text) => ({ address: parseAddress(text)! }));
const devices: readonly NaiveSide[] = Object.entries(deviceAddress).flatMap(([device, addresses]) =>
  addresses.map((text) => ({ class: device, address: parseAddress(text)! })),
);

const exists = ({ source, destination, protocol }: NaivePacket): boolean => {
  const { family } = source.address!;
  return family === destination.address!.family && protocol !== (family === 4 ? 58 : 1);
};
const universe: readonly NaivePacket[] = [...strangers, ...devices].flatMap((source) =>
  [...strangers, ...devices].flatMap((destination) =>
    services.map((key) => ({ source, destination, protocol: protocolOf(key), port: portOf(key) })).filter(exists),
  ),
);
const somePackets = fc.array(fc.constantFrom(...universe), { minLength: 120, maxLength: 120 });

function judge(files: ReadonlyMap<string, string>): { policy: Policy; judged: [FlowRuleSource, Standing][] } {
  const loaded = loadPolicy(files);
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.diagnostics[0]));
  const { standings } = judgeFlowRules(loaded.value, placementsOf(loaded.value, now), now);
  return { policy: loaded.value, judged: [...standings] };
}

const without = (policy: Policy, out: readonly FlowRuleSource[]): Policy => ({
  ...policy,
  flowRules: policy.flowRules.filter((rule) => !out.includes(rule)),
});
const only = (policy: Policy, rules: readonly FlowRuleSource[]): Policy => ({ ...policy, flowRules: rules });
const isRemovable = ([, { kind }]: [FlowRuleSource, Standing]): boolean => kind !== 'effective';
const packetOf = ({ source, destination, protocol, port }: PacketExample): NaivePacket => ({
  source: sideOf(source),
  destination: sideOf(destination),
  protocol,
  port,
});
const sideOf = ({ class: device, address }: PacketExample['source']): NaiveSide =>
  device === null ? { address } : { class: device, address };
const verdicts = (policy: Policy, packets: readonly NaivePacket[], at: readonly Date[]): string[] =>
  at.flatMap((instant) => packets.map((packet) => naiveVerdict(policy, packet, instant)));
const speaksOf = (policy: Policy, rule: FlowRuleSource, packet: NaivePacket): boolean =>
  naiveVerdict(only(policy, [{ ...rule, effect: 'allow', when: { kind: 'always' } }]), packet, now) === 'allow';

describe('rules that are found to do nothing, against the plainest evaluation', () => {
  it('can all be taken out at once without changing any verdict, at any time', () => {
    const seen = new Map<string, number>();
    fc.assert(
      fc.property(timedFiles, somePackets, (files, packets) => {
        const { policy, judged } = judge(files);
        for (const [, { kind }] of judged) seen.set(kind, (seen.get(kind) ?? 0) + 1);
        const rest = without(
          policy,
          judged.filter(isRemovable).map(([rule]) => rule),
        );
        expect(verdicts(rest, packets, instants)).toEqual(verdicts(policy, packets, instants));
      }),
      { numRuns: 80 },
    );
    // Else the test would say nothing.
    for (const kind of ['never-matches', 'shadowed', 'redundant', 'without-effect', 'effective'])
      expect([kind, (seen.get(kind) ?? 0) > 2]).toEqual([kind, true]);
  });

  it('can all be taken out of any packet of the universe', () => {
    fc.assert(
      fc.property(timelessFiles, (files) => {
        const { policy, judged } = judge(files);
        const rest = without(
          policy,
          judged.filter(isRemovable).map(([rule]) => rule),
        );
        const changed = universe.filter(
          (packet) => naiveVerdict(policy, packet, now) !== naiveVerdict(rest, packet, now),
        );
        expect(changed).toEqual([]);
      }),
      { numRuns: 40 },
    );
  });

  it('can each be taken out alone', () => {
    fc.assert(
      fc.property(timedFiles, somePackets, (files, packets) => {
        const { policy, judged } = judge(files);
        const before = verdicts(policy, packets, instants);
        for (const [rule] of judged.filter(isRemovable).slice(0, 4))
          expect(verdicts(without(policy, [rule]), packets, instants)).toEqual(before);
      }),
      { numRuns: 25 },
    );
  });

  it('leave rules of which each decides the packet that is given for it', () => {
    let asked = 0;
    fc.assert(
      fc.property(timedFiles, (files) => {
        const { policy, judged } = judge(files);
        for (const effect of ['allow', 'deny'] as const) {
          const idle = judged.filter((each) => isRemovable(each) && each[0].effect === effect).map(([rule]) => rule);
          const lean = without(policy, idle);
          for (const [rule, standing] of judged) {
            if (standing.kind !== 'effective' || rule.effect !== effect) continue;
            const packet = packetOf(standing.decides);
            expect(exists(packet)).toBe(true);
            const leaner = without(lean, [rule]);
            expect(verdicts(lean, [packet], instants)).not.toEqual(verdicts(leaner, [packet], instants));
            asked++;
          }
        }
      }),
      { numRuns: 200 },
    );
    expect(asked).toBeGreaterThan(300);
  });
});

describe('the reason that is given for a rule', () => {
  it('is rules that suffice, and a packet on which they meet', () => {
    let asked = 0;
    fc.assert(
      fc.property(timelessFiles, (files) => {
        const { policy, judged } = judge(files);
        for (const [rule, standing] of judged) {
          if (standing.kind !== 'shadowed' && standing.kind !== 'contradicted' && standing.kind !== 'redundant')
            continue;
          const { by, example } = standing;
          const packet = packetOf(example);
          expect(exists(packet)).toBe(true);
          expect(speaksOf(policy, rule, packet)).toBe(true);
          expect(by.some((other) => speaksOf(policy, other, packet))).toBe(true);
          // A redundant allow may be closed in part: those denies stay.
          const denies = policy.flowRules.filter(({ effect }) => effect === 'deny');
          const closing = standing.kind === 'redundant' && rule.effect === 'allow' ? denies : [];
          const probe = universe.filter(
            (each) => speaksOf(policy, rule, each) && !closing.some((deny) => speaksOf(policy, deny, each)),
          );
          const covered = (rules: readonly FlowRuleSource[]): boolean =>
            probe.every((each) => rules.some((other) => speaksOf(policy, other, each)));
          expect(covered(by)).toBe(true);
          asked++;
        }
      }),
      { numRuns: 60 },
    );
    expect(asked).toBeGreaterThan(20);
  });

  it('is true of what denies cut off an allow', () => {
    let asked = 0;
    fc.assert(
      fc.property(timelessFiles, (files) => {
        const { policy, judged } = judge(files);
        for (const [rule, standing] of judged) {
          if (standing.kind !== 'effective' || !standing.cut) continue;
          const packet = packetOf(standing.cut.example);
          expect(speaksOf(policy, rule, packet)).toBe(true);
          expect(naiveVerdict(policy, packet, now)).toBe('deny');
          expect(naiveVerdict(policy, packetOf(standing.decides), now)).toBe('allow');
          expect(standing.cut.by.every(({ effect }) => effect === 'deny')).toBe(true);
          asked++;
        }
      }),
      { numRuns: 200 },
    );
    expect(asked).toBeGreaterThan(20);
  });
});
