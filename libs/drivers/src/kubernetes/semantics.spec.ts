import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { noRules, type EnforcementState, type FlowEntry, type FlowSide, type Workload } from '#model';
import { addressSet, formatAddress, serviceAlgebra, type Address, type AddressRange, type Family } from '#net';
import { at, flow, ranges, samplesFor } from '../conformance-states.js';
import { judgeByInvariant, type Packet } from '../invariant.js';
import { judgeByPolicies } from './evaluate.js';
import { createKubernetesDriver } from './index.js';
import { isPolicy, keyOf, type ClusterText, type NetworkPolicy } from './objects.js';
import { orderChanges, type Change } from './order.js';
import { formatText } from './render.js';
import type { StoredPolicy } from './session.js';

/*
 * A universe so small that random rules and random packets meet: a dozen addresses a family, two services of one or two of them, three
 * classes, few ports.
 */

const driver = createKubernetesDriver({ namespaces: 'clinical' });
const family = fc.constantFrom<Family>(4, 6);
const value = fc.integer({ min: 0, max: 11 }).map((n) => 0x0a14_0000n + BigInt(n));
const address: fc.Arbitrary<Address> = fc.record({ family, value });
const range: fc.Arbitrary<AddressRange> = fc
  .tuple(family, value, value)
  .map(([family, a, b]) => ({ family, first: a < b ? a : b, last: a < b ? b : a }));
const servers: Readonly<Record<string, Workload>> = Object.fromEntries(
  [
    ['pacs', ['10.20.0.1', '10.20.0.2', '::a14:1']],
    ['labs', ['10.20.0.5']],
  ].map(([name, addresses]) => [
    name,
    { endpoint: name, namespace: 'clinical', service: name, addresses: ranges(...(addresses as string[])) } as Workload,
  ]),
);
const classNames = ['pump', 'scanner', 'monitor'] as const;
const side: fc.Arbitrary<FlowSide> = fc.oneof(
  fc.array(range, { maxLength: 3 }).map((list): FlowSide => ({ kind: 'addresses', addresses: addressSet(list) })),
  fc.constantFrom(...Object.values(servers)).map(({ addresses }): FlowSide => ({ kind: 'addresses', addresses })),
  fc.subarray([...classNames]).map((classes): FlowSide => ({ kind: 'classes', classes })),
);
const port = fc.constantFrom(1, 2, 3, 22, 443, 65_535);
const service = fc.oneof(
  fc.constant({ first: 0, last: 0xff_ffff }),
  fc.constantFrom(6, 17, 132).map((p) => ({ first: p * 65_536, last: p * 65_536 + 65_535 })),
  fc
    .tuple(fc.constantFrom(6, 17, 132), port, port)
    .map(([p, a, b]) => ({ first: p * 65_536 + Math.min(a, b), last: p * 65_536 + Math.max(a, b) })),
);
const entry: fc.Arbitrary<FlowEntry> = fc.record({
  id: fc.constantFrom('00000000000a', '00000000000b', '00000000000c', 'd0000000000d'),
  action: fc.constantFrom('allow', 'allow', 'deny'),
  source: side,
  destination: side,
  services: fc.array(service, { minLength: 1, maxLength: 2 }).map((list) => serviceAlgebra.normalize(list)),
  line: fc.constant('rules/flows.csv:1'),
});
const isServers = (candidate: Address): boolean =>
  candidate.value === 0x0a14_0001n || candidate.value === 0x0a14_0002n || candidate.value === 0x0a14_0005n;
const membership = fc
  .tuple(
    ...classNames.map((name) =>
      fc
        .array(
          address.filter((candidate) => !isServers(candidate)),
          { maxLength: 4 },
        )
        .map((list) => [name, new Set(list.map(formatAddress))] as const),
    ),
  )
  .map((rows) => new Map<string, ReadonlySet<string>>(rows));
/** Only states that can be said: `check` is asked, as before every push. */
const state: fc.Arbitrary<EnforcementState> = fc
  .record({
    rules: fc
      .record({
        scope: fc.array(range, { maxLength: 3 }).map(addressSet),
        entries: fc.array(entry, { maxLength: 6 }),
        workloads: fc.subarray(Object.values(servers), { minLength: 1 }),
      })
      .map((rules) => ({ ...noRules, ...rules })),
    membership,
    ports: fc.constant(new Map<string, number>()),
  })
  .filter((candidate) => driver.check(candidate).length === 0);
const packet: fc.Arbitrary<Packet> = fc
  .record({ family, source: value, destination: value, protocol: fc.constantFrom(6, 17, 132, 1), port })
  .map(({ family, source, destination, protocol, port }) => ({
    source: { family, value: source },
    destination: { family, value: destination },
    protocol,
    port,
  }));

const policiesOf = (of: EnforcementState): NetworkPolicy[] =>
  (JSON.parse(driver.render(of)) as ClusterText).items.filter(isPolicy);
const judgeStored = (policies: Iterable<NetworkPolicy>) => {
  const services = Object.values(servers).map(({ namespace, service }) => ({
    apiVersion: 'v1' as const,
    kind: 'Service' as const,
    metadata: { namespace, name: service },
    spec: { selector: { 'cordon/service': service } },
  }));
  return judgeByPolicies(formatText({ items: [...services, ...policies] }));
};

describe('kubernetes semantics', () => {
  it('judges any packet by any state as the invariant says', () => {
    fc.assert(
      fc.property(state, fc.array(packet, { minLength: 40, maxLength: 40 }), (state, packets) => {
        const judge = judgeByPolicies(driver.render(state));
        for (const packet of packets)
          expect({ packet, verdict: judge(packet) }).toEqual({ packet, verdict: judgeByInvariant(state, packet) });
      }),
      { numRuns: 400 },
    );
  });

  it('expects of any state what its artefact says', () => {
    fc.assert(
      fc.property(state, (state) => {
        expect(driver.expect(state)).toEqual(driver.parse(driver.render(state)));
      }),
      { numRuns: 100 },
    );
  });

  it('lets nothing pass at any moment of a change that neither the old nor the new state lets pass, and interrupts nothing that both do', () => {
    fc.assert(
      fc.property(state, state, fc.array(packet, { minLength: 30, maxLength: 30 }), (before, after, packets) => {
        const stored = new Map(policiesOf(before).map((policy) => [keyOf(policy), policy]));
        const listed = [...stored.values()].map((policy): StoredPolicy => ({
          policy,
          uid: keyOf(policy),
          resourceVersion: '1',
        }));
        const passes = (policies: Iterable<NetworkPolicy>) => {
          const judge = judgeStored(policies);
          return packets.map((each) => judge(each) !== 'dropped');
        };
        const [old, goal] = [passes(stored.values()), passes(policiesOf(after))];
        const changes = orderChanges(policiesOf(after), listed, () => false);
        const isCalm = !changes.some(exchangesPeers);
        for (const change of changes) {
          if (change.kind === 'remove') stored.delete(keyOf(change.stored.policy));
          else stored.set(keyOf(change.policy), change.policy);
          for (const [i, isPassing] of passes(stored.values()).entries()) {
            expect({ packet: packets[i], isPassing: isPassing && !old[i]! && !goal[i]! }).toMatchObject({
              isPassing: false,
            });
            if (isCalm && !isOpenedOrClosed(before, after, packets[i]!))
              expect({ packet: packets[i], isPassing: isPassing || !old[i]! || !goal[i]! }).toMatchObject({
                isPassing: true,
              });
          }
        }
        expect(passes(stored.values())).toEqual(goal);
      }),
      { numRuns: 200 },
    );
  });

  const has = (set: Workload['addresses'], { family, value }: Address): boolean =>
    (family === 4 ? set.v4 : set.v6).some(({ first, last }) => first <= value && value <= last);
  /** Pods that become a workload are closed first and opened then; those that are none any more are opened at the end. */
  const isOpenedOrClosed = (
    before: EnforcementState,
    after: EnforcementState,
    { source, destination }: Packet,
  ): boolean =>
    Object.values(servers)
      .filter((workload) => before.rules.workloads.includes(workload) !== after.rules.workloads.includes(workload))
      .some(({ addresses }) => has(addresses, source) || has(addresses, destination));
  const peersOf = ({ spec }: NetworkPolicy): Set<string> =>
    new Set(
      [...(spec.ingress ?? []).flatMap(({ from }) => from), ...(spec.egress ?? []).flatMap(({ to }) => to)].map(
        (peer) => JSON.stringify(peer),
      ),
    );
  const exchangesPeers = (change: Change): boolean => {
    if (change.kind !== 'replace' || change.policy.metadata.annotations['cordon/rules'] !== undefined) return false;
    const [old, fresh] = [peersOf(change.stored.policy), peersOf(change.policy)];
    return !old.isSubsetOf(fresh) && !fresh.isSubsetOf(old);
  };

  const { baseState } = samplesFor(['flows', 'workloads']);
  const server = baseState.rules.workloads[0]!;
  const withEntries = (...entries: FlowEntry[]): EnforcementState => ({
    ...baseState,
    rules: { ...baseState.rules, entries },
  });
  const toServer = (id: string, action: FlowEntry['action'], from: FlowSide, ...apps: string[]): FlowEntry =>
    flow(id, action, from, { kind: 'addresses', addresses: server.addresses }, ...apps);
  const pumps: FlowSide = { kind: 'classes', classes: ['infusion-pump'] };
  const net: FlowSide = { kind: 'addresses', addresses: ranges('10.20.0.0/24') };
  const tcp = (from: string, port: number): Packet => ({
    source: at(from),
    destination: at('10.10.0.10'),
    protocol: 6,
    port,
  });

  it('takes a device out of the fixed addresses around it when its class may less', () => {
    const state = withEntries(toServer('a', 'allow', net, 'tcp/443', 'tcp/22'), toServer('b', 'deny', pumps, 'tcp/22'));
    const judge = judgeByPolicies(driver.render(state));
    expect([443, 22].map((port) => judge(tcp('10.20.0.11', port)))).toEqual(['passed', 'dropped']);
    expect([443, 22].map((port) => judge(tcp('10.20.0.12', port)))).toEqual(['passed', 'passed']);
    const leaving = { ...state, membership: new Map([['infusion-pump', new Set(['10.20.0.21'])]]) };
    const plan = driver.plan(leaving, driver.expect(state));
    expect(plan.kind).toBe('membership');
    expect(plan.steps.join('\n')).toMatch(/remove 10\.20\.0\.11 from the exceptions of/);
  });

  it('closes a workload to a device that has one of its addresses rather than to take it for the workload', () => {
    const stolen = new Map([...baseState.membership, ['infusion-pump', new Set(['10.10.0.10', '10.20.0.11'])]]);
    const state = {
      ...withEntries(flow('a', 'allow', pumps, { kind: 'addresses', addresses: ranges('10.20.0.50') }, 'tcp/443')),
      membership: stolen,
    };
    const twice = {
      ...state,
      rules: { ...state.rules, workloads: [{ ...server, addresses: ranges('10.10.0.10', '10.10.0.11') }] },
    };
    const out: Packet = { source: at('10.10.0.10'), destination: at('10.20.0.50'), protocol: 6, port: 443 };
    expect(judgeByPolicies(driver.render(twice))(out)).toBe('dropped');
    // it is all of the workload's addresses: then the line is about the workload
    expect(judgeByPolicies(driver.render(state))(out)).toBe('passed');
  });

  it.each([
    [
      'an `any` of which a protocol is denied',
      [toServer('a', 'allow', pumps, 'any'), toServer('b', 'deny', pumps, 'icmp')],
      1,
    ],
    [
      'ICMP that is denied as well',
      [toServer('a', 'allow', pumps, 'tcp/443', 'icmp/8'), toServer('b', 'deny', pumps, 'icmp')],
      0,
    ],
    ['ICMP between others', [flow('a', 'allow', pumps, pumps, 'icmp/8')], 0],
    ['ICMP for a class without devices', [toServer('a', 'allow', { kind: 'classes', classes: ['none'] }, 'icmp/8')], 0],
  ])('with %s: %#', (_, entries, errors) => {
    expect(driver.check(withEntries(...entries))).toHaveLength(errors);
  });

  it('refuses more ports than can be named where there are no ranges, and names a few one by one', () => {
    const old = createKubernetesDriver({ namespaces: 'clinical', portRanges: 'no' });
    const wide = withEntries(toServer('a', 'allow', pumps, 'tcp/1000-2000'));
    expect(old.check(wide)).toMatchObject([{ code: 'kubernetes-port-range' }]);
    expect(driver.check(wide)).toEqual([]);
    const few = old.render(withEntries(toServer('a', 'allow', pumps, 'tcp/1000-1003')));
    expect([few.includes('endPort'), few.match(/"port": \d+/g)?.length]).toEqual([false, 4]);
  });

  it('has no rule without ports for what can only be port 0', () => {
    const policies = policiesOf(withEntries(toServer('a', 'allow', pumps, 'tcp/0')));
    expect(policies.map(({ metadata }) => metadata.name)).toEqual(['cordon.server']);
  });
});
