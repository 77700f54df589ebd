import fc from 'fast-check';
import { addressSet, hasAddress, parseAddress, parseRange, parseService, serviceAlgebra, serviceKey } from '#net';
import { compilePolicy, loadPolicy, type Policy, type Snapshot } from '#policy';
import { policyFiles as tinyFiles } from '#testkit';
import { describe, expect, it } from 'vitest';
import { deviceAddress, policyFiles } from '../../../policy/src/spec/generated.js';
import { naiveVerdict, type NaivePacket, type NaiveSide } from '../../../policy/src/spec/naive.js';
import type { FlowChange, FlowEnd } from '../plan.js';
import { diffFlows } from './diff-flows.js';

const instant = new Date('2026-11-23T12:00:00Z');

function build(files: ReadonlyMap<string, string>): { policy: Policy; snapshot: Snapshot } {
  const policy = loadPolicy(files);
  if (!policy.ok) throw new Error(JSON.stringify(policy.diagnostics[0]));
  const snapshot = compilePolicy(policy.value, instant);
  if (!snapshot.ok) throw new Error(JSON.stringify(snapshot.diagnostics[0]));
  return { policy: policy.value, snapshot: snapshot.value };
}

const classes = ['pump', 'monitor', 'scanner', 'medical', 'imaging', 'device', 'unknown'];
const services: readonly (readonly [number, number])[] = [
  [6, 80],
  [6, 81],
  [6, 443],
  [6, 9],
  [17, 53],
  [17, 55],
  [1, 8],
  [1, 3],
  [58, 128],
  [50, 0],
];
const hosts = Array.from({ length: 16 }, (_, i) => [`10.0.0.${i}`, `fd00::${i.toString(16)}`]).flat();
const addresses = [...hosts, '192.0.2.1', '2001:db8::1', '10.9.9.9', '10.1.0.200', '10.3.0.9'];

/** Every packet that the generated policies tell apart: device to address, address to device, device to device. */
const universe: readonly NaivePacket[] = services.flatMap(([protocol, port]) => {
  const other = protocol === 1 ? ':' : protocol === 58 ? '.' : ' ';
  const fits = (address: string): boolean => !address.includes(other);
  const ends = addresses.filter(fits).map((text): NaiveSide => ({ address: parseAddress(text)! }));
  const peers = classes.flatMap((name): NaiveSide[] => {
    const known = deviceAddress[name];
    if (!known) return [{ class: name }];
    const at = [...known, ...known.map((text) => text.replace(/7$/, '77'))].filter(fits);
    return at.map((text) => ({ class: name, address: parseAddress(text)! }));
  });
  return classes.flatMap((name) => [
    ...[...ends, ...peers].map((destination) => ({ source: { class: name }, destination, protocol, port })),
    ...ends.map((source) => ({ source, destination: { class: name }, protocol, port })),
  ]);
});

/** Whether a packet is one of an entry's, by what the entry says and nothing else. */
function matcherOf(change: FlowChange): (packet: NaivePacket) => boolean {
  const set = serviceAlgebra.normalize(change.services.ports.map((text) => parseService(text)!));
  const [isSource, isDestination] = [endMatcher(change.source), endMatcher(change.destination)];
  return ({ source, destination, protocol, port }) =>
    serviceAlgebra.contains(set, serviceKey(protocol, port)) && isSource(source) && isDestination(destination);
}

function endMatcher(end: FlowEnd): (side: NaiveSide) => boolean {
  const ranges = end.ranges && addressSet(end.ranges.map((text) => parseRange(text)!));
  const within = ({ address }: NaiveSide): boolean =>
    ranges === null || (address !== undefined && hasAddress(ranges, address));
  if (end.kind === 'classes')
    return (side) => side.class !== undefined && end.classes.includes(side.class) && within(side);
  return (side) => within(side) && !(side.class !== undefined && end.exceptClasses.includes(side.class));
}

function expectExact(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): void {
  const [a, b] = [build(before), build(after)];
  const changes = diffFlows(a.snapshot, b.snapshot, () => null);
  const matchers = changes.map((change) => ({ change: change.change, isMeant: matcherOf(change) }));
  for (const packet of universe) {
    const [was, is] = [naiveVerdict(a.policy, packet, instant), naiveVerdict(b.policy, packet, instant)];
    const shown = new Set(matchers.filter(({ isMeant }) => isMeant(packet)).map(({ change }) => change));
    const expected = was === is ? [] : [is === 'allow' ? 'opened' : 'closed'];
    if ([...shown].join() !== expected.join())
      expect({ packet: describePacket(packet), shown: [...shown], changes }).toEqual({ expected });
  }
  for (const { lines } of changes) expect(lines.length).toBeGreaterThan(0);
}

const describePacket = (packet: NaivePacket): string =>
  JSON.stringify(packet, (_, value: unknown) => (typeof value === 'bigint' ? value.toString() : value));

/** Rules towards addresses where devices are, and between classes: what an address and a class both decide. */
const mixedRules = fc.array(
  fc.tuple(
    fc.constantFrom(...classes),
    fc.constantFrom('wide', 'internal', ...classes),
    fc.constantFrom('a0', 'a1', 'any'),
    fc.constantFrom('allow', 'deny'),
  ),
  { minLength: 1, maxLength: 6 },
);
const wide = 'wide: { addresses: [10.1.0.0/25, 10.2.0.8, "fd01::/64"] }';

function withMixed(files: ReadonlyMap<string, string>, rules: readonly (readonly string[])[]): Map<string, string> {
  // The same rule twice, whatever its note, is an error.
  const known = new Set(
    files
      .get('rules/flows.csv')!
      .split('\n')
      .map((line) => line.slice(0, line.lastIndexOf(','))),
  );
  const drawn = new Set(rules.map((rule) => `p, ${rule.join(', ')}, always`)).difference(known);
  const lines = [...drawn].map((rule) => `${rule}, mixed`);
  return new Map([
    ...files,
    ['catalog/endpoints.yaml', `${files.get('catalog/endpoints.yaml')}\n${wide}`],
    ['rules/mixed.csv', lines.join('\n')],
  ]);
}

describe('flows opened and closed', () => {
  it('are exactly the difference of two unrelated policies, packet by packet', () => {
    fc.assert(fc.property(policyFiles, policyFiles, expectExact), { numRuns: 60 });
  });

  it('are exactly the difference where addresses of device segments are named too', () => {
    fc.assert(
      fc.property(policyFiles, mixedRules, mixedRules, (files, a, b) =>
        expectExact(withMixed(files, a), withMixed(files, b)),
      ),
      { numRuns: 60 },
    );
  });

  it('are none between a policy and itself', () => {
    fc.assert(
      fc.property(policyFiles, (files) => {
        expect(diffFlows(build(files).snapshot, build(files).snapshot, () => null)).toEqual([]);
      }),
      { numRuns: 25 },
    );
  });

  it('turn from opened to closed when the change is taken back', () => {
    fc.assert(
      fc.property(policyFiles, policyFiles, (a, b) => {
        const there = diffFlows(build(a).snapshot, build(b).snapshot, () => null);
        const back = diffFlows(build(b).snapshot, build(a).snapshot, () => null);
        const wanted = (list: readonly FlowChange[], change: string): number =>
          list.filter((flow) => flow.change === change).length;
        expect(wanted(back, 'closed')).toBe(wanted(there, 'opened'));
        expect(wanted(back, 'opened')).toBe(wanted(there, 'closed'));
      }),
      { numRuns: 25 },
    );
  });
});

const line = (text: string): Map<string, string> =>
  tinyFiles({ 'rules/plan.csv': text, 'catalog/applications-http.yaml': 'http: { ports: [tcp/80] }' });

/** `opened A -> B services | risk | lines`. */
const told = (before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): string[] =>
  diffFlows(build(before).snapshot, build(after).snapshot, () => null).map(
    ({ change, source, destination, services, risk, lines }) =>
      `${change} ${source.text} -> ${destination.text} ${services.text} | ${risk} | ${lines
        .map(({ sign, file, line }) => `${sign}${file}:${line}`)
        .join(' ')}`,
  );

describe('a change of flows is told', () => {
  it.each([
    [
      'by the class of the rule and all below it',
      'p, medical-device, library-1, tcp-extra, allow, always, x',
      'opened medical-device -> library-1 tcp-extra | high | +rules/plan.csv:1',
    ],
    [
      'by the name that the rule uses, where two stand for the same addresses',
      'p, quarantined, drug-library, https, allow, always, x',
      'opened quarantined -> drug-library https | low | +rules/plan.csv:1',
    ],
    [
      'from the far side when that opens it',
      'p, remediation, quarantined, https, allow, always, x',
      'opened remediation -> quarantined https | low | +rules/plan.csv:1',
    ],
    [
      'between classes',
      'p, quarantined, unknown, https, allow, always, x',
      'opened quarantined -> unknown https | medium | +rules/plan.csv:1',
    ],
    [
      'with every service',
      'p, quarantined, remediation, any, allow, always, x',
      'opened quarantined -> remediation any except https | high | +rules/plan.csv:1',
    ],
    [
      'as risky to the internet',
      'p, quarantined, internet, https, allow, always, x',
      'opened quarantined -> internet https | high | +rules/plan.csv:1',
    ],
  ])('%s', (_, rule, expected) => {
    const extra = { 'catalog/applications-x.yaml': 'tcp-extra: { ports: [tcp/8443] }' };
    const [before, after] = [tinyFiles(extra), tinyFiles({ ...extra, 'rules/plan.csv': rule })];
    expect(told(before, after)).toEqual([expected]);
    expect(told(after, before)).toEqual([
      expected
        .replace('opened', 'closed')
        .replace(/\| \w+ \|/, '| low |')
        .replace('+', '-'),
    ]);
  });

  it('as risky for a class that the same change makes less critical', () => {
    const classes = tinyFiles().get('catalog/classes.yaml')!;
    const after = line('p, remediation, infusion-pump, https, allow, always, x');
    expect(classes).toContain('life-critical');
    expect(told(tinyFiles(), after.set('catalog/classes.yaml', classes.replace('life-critical', 'standard')))).toEqual([
      'opened remediation -> infusion-pump https | high | +rules/plan.csv:1',
    ]);
  });

  it('by the deny that is gone', () => {
    const allow = 'p, device, library-1, https, allow, always, x';
    expect(told(line(`${allow}\np, quarantined, library-1, https, deny, always, x`), line(allow))).toEqual([
      'opened quarantined -> library-1 https | low | -rules/plan.csv:2',
    ]);
  });

  it('except for a class below that keeps its verdict', () => {
    const deny = 'p, infusion-pump, library-1, any, deny, always, x';
    expect(told(line(deny), line(`${deny}\np, device, library-1, http, allow, always, x`))).toEqual([
      'opened device except infusion-pump -> library-1 http | low | +rules/plan.csv:2',
    ]);
  });

  it('for a class alone, where classes below it keep their verdict', () => {
    const deny = 'p, unknown, remediation, any, deny, always, x';
    expect(told(line(deny), line(`${deny}\np, device, remediation, https, allow, always, x`))).toEqual([
      'opened medical-device, device itself -> remediation https | high | +rules/plan.csv:2',
    ]);
  });

  it('by an unchanged line whose endpoint has other addresses', () => {
    const moved = tinyFiles().get('catalog/endpoints.yaml')!.replace('10.10.4.20', '10.10.4.99');
    const changes = diffFlows(
      build(tinyFiles()).snapshot,
      build(tinyFiles({ 'catalog/endpoints.yaml': moved })).snapshot,
      () => null,
    );
    expect(changes.map(({ change, destination, lines }) => [change, destination.text, lines[0]!.because])).toEqual([
      ['opened', '10.10.4.99', '`drug-library` stands for something else'],
      ['closed', '10.10.4.20', '`drug-library` stands for something else'],
    ]);
  });

  it('once, though notes, comments and order change around it', () => {
    const a = line('p, quarantined, library-1, https, allow, always, "one note"');
    const b = line('# a comment\np, quarantined, library-1, https, allow, always, "another"');
    expect(told(a, b)).toEqual([]);
  });
});
