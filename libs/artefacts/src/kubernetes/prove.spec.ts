import fc from 'fast-check';
import { createKubernetesDriver } from '#drivers';
import { noRules, type EnforcementState, type FlowSide } from '#model';
import { describe, expect, it } from 'vitest';
import { EnforcementProof } from '../enforcement-proof.js';
import { addresses, at, classes, line } from '../spec/flow-rules.js';
import { provePolicies } from './prove.js';

const driver = createKubernetesDriver({ namespaces: 'clinical' });
const pacs = at('10.10.4.20', 'fd10:4::20');
const state: EnforcementState = {
  rules: {
    ...noRules,
    scope: addresses('10.21.0.0/20', 'fd21::/64'),
    entries: [
      line('1', 'allow', classes('pump'), pacs, 'tcp/443', 'udp/5000-5010'),
      line('2', 'deny', classes('pump', 'scanner'), pacs, 'tcp/23'),
      line('3', 'allow', pacs, classes('pump'), 'tcp/3613'),
      line('4', 'allow', at('10.21.0.0/24'), pacs, 'tcp/22-23'),
    ],
    workloads: [
      { endpoint: 'pacs', namespace: 'clinical', service: 'pacs', addresses: addresses('10.10.4.20', 'fd10:4::20') },
    ],
  },
  membership: new Map([
    ['pump', new Set(['10.21.0.5', '10.21.1.5', 'fd21::5'])],
    ['scanner', new Set(['10.21.0.6'])],
  ]),
  ports: new Map(),
};

interface Item {
  kind: string;
  metadata: { name: string; annotations: Record<string, string> };
  spec: {
    policyTypes?: string[];
    podSelector?: { matchLabels: Record<string, string> };
    ingress?: { from: unknown[]; ports?: unknown[] }[];
  };
}
const damaged = (change: (items: Item[]) => void): string => {
  const list = JSON.parse(driver.render(state)) as { items: Item[] };
  const before = JSON.stringify(list);
  change(list.items);
  expect(JSON.stringify(list)).not.toBe(before);
  return JSON.stringify(list);
};
const named = (items: Item[], pattern: RegExp): Item => items.find(({ metadata }) => pattern.test(metadata.name))!;
const remove = (items: Item[], pattern: RegExp): void => {
  for (const [i, { kind, metadata }] of [...items.entries()].reverse())
    if (kind === 'NetworkPolicy' && pattern.test(metadata.name)) items.splice(i, 1);
};
const block = (cidr: string) => ({ ipBlock: { cidr } });

describe('NetworkPolicies', () => {
  it('are proved for the state they were made from, and for others with the same rules', () => {
    const proof = new EnforcementProof(driver);
    for (const membership of [
      state.membership,
      new Map<string, Set<string>>(),
      new Map([['pump', new Set(['10.21.3.3'])]]),
    ]) {
      expect(proof.check({ ...state, membership })?.summary).toBeUndefined();
      const text = driver.plan({ ...state, membership }, null).commands;
      expect(proof.checkText({ ...state, membership }, text)?.summary).toBeUndefined();
    }
    const others = new Map([['pump', new Set(['10.21.3.3'])]]);
    expect(proof.checkText({ ...state, membership: others }, driver.render(state))?.code).toBe('artefact-differs');
  });

  it('are proved where there is nothing to enforce, and where all is in scope', () => {
    for (const rules of [
      { ...state.rules, workloads: [] },
      { ...state.rules, entries: [] },
      { ...state.rules, scope: addresses('0.0.0.0/0', '::/0') },
      { ...state.rules, scope: addresses() },
    ])
      expect(provePolicies({ ...state, rules }, driver.render({ ...state, rules }))?.summary).toBeUndefined();
  });

  it.each<[string, (items: Item[]) => void, RegExp]>([
    ['that close its pods are missing', (items) => remove(items, /^cordon\.pacs$/), /policy passes it/],
    [
      'all are missing',
      (items) => remove(items, /./),
      /from .* to the pods of service `clinical\/pacs`: the Net\w+ pass it/,
    ],
    [
      'for devices are missing',
      (items) => remove(items, /from\.devices/),
      /(tcp|udp)\/\d+ from 10\.21\.0\.5 .*policy passes it/,
    ],
    [
      'for the way out are missing',
      (items) => remove(items, /to\.devices/),
      /tcp\/3613 from the pods .* to 10\.21\.0\.5: policy passes it/,
    ],
    [
      'let one more device in',
      (items) => named(items, /from\.devices/).spec.ingress![0]!.from.push(block('10.21.9.9/32')),
      /10\.21\.9\.9 .*the NetworkPolicies pass it/,
    ],
    [
      'let everybody in by an empty list of ports',
      (items) => delete named(items, /from\.devices/).spec.ingress![0]!.ports,
      /the NetworkPolicies pass it/,
    ],
    [
      'have one more port',
      (items) => named(items, /from\.devices/).spec.ingress![0]!.ports!.push({ protocol: 'TCP', port: 8080 }),
      /tcp\/8080 from/,
    ],
    [
      'have a wider range of ports',
      (items) =>
        Object.assign(
          items
            .flatMap(({ spec }) => spec.ingress?.[0]?.ports ?? [])
            .find((port) => (port as { endPort?: number }).endPort === 5010)!,
          { endPort: 5011 },
        ),
      /udp\/5011 from/,
    ],
    [
      'let a denied device through a block',
      (items) => {
        for (const each of named(items, /from\.addresses/).spec.ingress![0]!.from as {
          ipBlock: { except?: string[] };
        }[])
          delete each.ipBlock.except;
      },
      /tcp\/23 from 10\.21\.0\.(5|6)/,
    ],
    [
      'open a part of the scope',
      (items) => named(items, /^cordon\.pacs$/).spec.ingress![0]!.from.push(block('10.21.15.0/24')),
      /10\.21\.15\.0 .*the NetworkPolicies pass it/,
    ],
    ['close what is out of scope', (items) => delete named(items, /^cordon\.pacs$/).spec.ingress, /policy passes it/],
    [
      'leave a direction open',
      (items) => {
        const { spec } = named(items, /^cordon\.pacs$/) as { spec: { policyTypes: string[]; egress?: unknown } };
        spec.policyTypes = ['Ingress'];
        delete spec.egress;
        remove(items, /\.to\./);
      },
      /from the pods .*the NetworkPolicies pass it/,
    ],
    [
      'select other pods',
      (items) => (named(items, /^cordon\.pacs$/).spec.podSelector!.matchLabels = { app: 'other' }),
      /selects other pods/,
    ],
    [
      'are about an unknown service',
      (items) => (named(items, /^cordon\.pacs$/).metadata.annotations['cordon/service'] = 'other'),
      /not understood|not know/,
    ],
    [
      'have a field that is not known',
      (items) => Object.assign(named(items, /^cordon\.pacs$/).spec, { priority: 1 }),
      /not understood.*priority/,
    ],
    [
      'have peers that are no addresses',
      (items) => named(items, /from\.devices/).spec.ingress![0]!.from.push({ namespaceSelector: {} }),
      /not understood/,
    ],
  ])('are refuted when those that … %s', (_, damage, why) => {
    expect(provePolicies(state, damaged(damage))?.summary).toMatch(why);
  });

  it('are refuted when they are no text of a cluster', () => {
    expect(provePolicies(state, 'nothing')?.summary).toMatch(/not understood/);
  });

  const range = fc.constantFrom(
    '10.0.0.0/31',
    '10.0.0.1',
    '10.0.0.8',
    '10.0.0.0/8',
    '0.0.0.0/0',
    'fd00::1',
    'fd00::/127',
    '::/0',
  );
  const server = ['10.0.0.8', 'fd00::8'];
  const side: fc.Arbitrary<FlowSide> = fc.oneof(
    fc.array(range, { maxLength: 2 }).map((texts) => at(...texts)),
    fc.constant(at(...server)),
    fc.subarray(['a', 'b']).map((chosen) => classes(...chosen)),
  );
  const service = fc.constantFrom('any', 'tcp', 'tcp/1-9', 'tcp/0-5', 'udp/5', 'sctp', 'icmp/8', 'ip/50');
  const entry = fc
    .tuple(fc.nat(5), fc.constantFrom('allow' as const, 'deny' as const), side, side, service)
    .map(([id, action, source, destination, app]) => line(String(id), action, source, destination, app));
  const random = fc
    .record({
      scope: fc.array(range, { maxLength: 2 }).map((texts) => addresses(...texts)),
      entries: fc.array(entry, { maxLength: 6 }),
      members: fc.tuple(fc.subarray(['10.0.0.1', '10.0.0.2', 'fd00::1']), fc.subarray(['10.0.0.1', '10.9.9.9'])),
    })
    .map(({ scope, entries, members: [a, b] }): EnforcementState => ({
      rules: {
        ...noRules,
        scope,
        entries,
        workloads: [{ endpoint: 's', namespace: 'clinical', service: 's', addresses: addresses(...server) }],
      },
      membership: new Map([
        ['a', new Set(a)],
        ['b', new Set(b)],
      ]),
      ports: new Map(),
    }))
    .filter((each) => driver.check(each).length === 0);

  it('are proved for any state', () => {
    fc.assert(
      fc.property(random, (each) => {
        expect(provePolicies(each, driver.render(each))?.summary).toBeUndefined();
      }),
      { numRuns: 300 },
    );
  });

  it('are proved for another state only if they are what it would have', () => {
    fc.assert(
      fc.property(random, random, (one, other) => {
        const isProved = provePolicies(other, driver.render(one)) === null;
        const isSame = provePolicies(one, driver.render(other)) === null;
        expect(isProved).toBe(isSame);
      }),
      { numRuns: 200 },
    );
  });
});
