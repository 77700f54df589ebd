import { addressSet, formatRange, parseAddress, parseRange, rangesOf, type AddressSet } from '#net';
import { policyFiles } from '#testkit';
import { describe, expect, it } from 'vitest';
import { analysePolicy } from './analyse/analyse.js';
import { decodeSnapshot } from './codec/decode.js';
import { encodeSnapshot } from './codec/encode.js';
import { compilePolicy, PolicyCompiler } from './compile/compile.js';
import { decideFlow } from './decider.js';
import { loadPolicy } from './load/load.js';
import type { Policy } from './policy.js';
import type { Snapshot } from './snapshot.js';
import { buildSnapshot } from './verify/check.js';
import { runPolicyTests } from './verify/policy-tests.js';
import { locateWorkloads, noWorkloads, workloadKey, workloadsOf, type KnownWorkloads } from './workloads.js';

const at = new Date('2026-11-23T11:00:00Z');
const addresses = (...texts: string[]): AddressSet => addressSet(texts.map((text) => parseRange(text)!));
const textOf = (set: AddressSet | undefined): string => (set ? rangesOf(set).map(formatRange).join() : 'none');

/** The small policy, with a drug library in a cluster, and `fixed` addresses of it in the catalog. */
const files = (fixed = '', tests = ''): Map<string, string> =>
  policyFiles({
    'catalog/endpoints-x.yaml': `formulary: { ${fixed} kubernetes: { namespace: pharmacy, service: formulary } }\n`,
    'network/enforcement-points-x.yaml':
      'k1: { driver: kubernetes, site: main, options: { namespaces: pharmacy }, transport: { kind: kubernetes, kubeconfig: in-cluster } }\n',
    'rules/x.csv': 'p, infusion-pump, formulary, https, allow, always, "pumps ask for doses"\n',
    'tests/x.yaml': `tests:\n  - { name: doses, from: infusion-pump, to: formulary, app: https, expect: allow }\n${tests}`,
  });
const known = (...texts: string[]): KnownWorkloads => new Map([['k1/pharmacy/formulary', addresses(...texts)]]);

function load(of = files()): Policy {
  const loaded = loadPolicy(of);
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.diagnostics));
  return loaded.value;
}

function compile(of = files(), where = noWorkloads): Snapshot {
  const compiled = compilePolicy(locateWorkloads(load(of), where).policy, at);
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.diagnostics));
  return compiled.value;
}

const addressesIn = (snapshot: Snapshot): string =>
  textOf(snapshot.endpoints.find(({ name }) => name === 'formulary')?.addresses);
const reaches = (snapshot: Snapshot, address: string): string => {
  const destination = { address: parseAddress(address)! };
  return decideFlow(snapshot, { source: { class: 'infusion-pump' }, destination, protocol: 6, port: 443 }).verdict;
};

describe('an endpoint that is a service of a cluster', () => {
  it('has the addresses of the catalog and those that the cluster tells', () => {
    expect(addressesIn(compile(files('addresses: [10.5.5.5],'), known('10.96.0.7', 'fd00:96::7')))).toBe(
      '10.5.5.5,10.96.0.7,fd00:96::7',
    );
    expect(addressesIn(compile(files('addresses: [10.5.5.5],')))).toBe('10.5.5.5');
    expect(addressesIn(compile(files(), known('10.96.0.7')))).toBe('10.96.0.7');
    expect(addressesIn(compile())).toBe('');
  });

  it('is reached where it is, and nowhere else', () => {
    const snapshot = compile(files(), known('10.96.0.7'));
    expect(reaches(snapshot, '10.96.0.7')).toBe('allow');
    expect(reaches(snapshot, '10.96.0.8')).toBe('deny');
    expect(reaches(compile(), '10.96.0.7')).toBe('deny');
  });

  it('gives the snapshot another digest with each address, and the same with the same', () => {
    const [one, other] = [compile(files(), known('10.96.0.7')), compile(files(), known('10.96.0.8'))];
    expect(one.digest).not.toBe(other.digest);
    expect(compile(files(), known('10.96.0.7')).digest).toBe(one.digest);
    expect(
      compile(files(), new Map([...known('10.96.0.7'), ['k1/pharmacy/others', addresses('10.96.0.9')]])).digest,
    ).toBe(one.digest);
  });

  it('comes through the codec with its place', () => {
    const snapshot = compile(files(), known('10.96.0.7'));
    const decoded = decodeSnapshot(JSON.parse(JSON.stringify(encodeSnapshot(snapshot))));
    expect(decoded.endpoints).toEqual(snapshot.endpoints);
    expect(workloadsOf(decoded, 'k1')).toEqual([
      { endpoint: 'formulary', namespace: 'pharmacy', service: 'formulary', addresses: addresses('10.96.0.7') },
    ]);
    expect(workloadsOf(decoded, 'fw1')).toEqual([]);
    expect(decoded.endpoints.filter(({ kubernetes }) => kubernetes).map(({ name }) => name)).toEqual(['formulary']);
  });

  it('never has an address of a device segment, and that is said', () => {
    const { policy, diagnostics } = locateWorkloads(load(), known('10.21.0.9', '10.96.0.7'));
    expect(textOf(policy.endpoints.get('formulary')?.addresses)).toBe('10.96.0.7');
    expect(diagnostics).toMatchObject([
      { code: 'workload-in-segment', severity: 'warning', span: { file: 'catalog/endpoints-x.yaml', line: 1 } },
    ]);
    expect(diagnostics[0]?.summary).toBe('`k1` says that `formulary` is at 10.21.0.9, where devices are');
  });

  it('is the same for a compiler that has compiled it elsewhere before', () => {
    const compiler = new PolicyCompiler();
    const policy = load();
    for (const where of [noWorkloads, known('10.96.0.7'), known('10.96.0.8'), known(), known('10.96.0.7')]) {
      const found = compiler.compile(locateWorkloads(policy, where).policy, at);
      expect(found.ok && found.value.digest).toBe(compile(files(), where).digest);
    }
  });

  it('costs a policy without any nothing: it stays the same object', () => {
    const policy = load();
    expect(locateWorkloads(policy, noWorkloads).policy).toBe(policy);
  });
});

describe('without a cluster to ask', () => {
  it('rules and tests about it are found as infos, at their places', () => {
    const found = analysePolicy(load(), at).filter(({ code }) => code === 'workload-no-address');
    expect(found.map(({ severity, span }) => `${severity} ${span?.file}:${span?.line}`).sort()).toEqual([
      'info rules/x.csv:1',
      'info tests/x.yaml:2',
    ]);
    expect(buildSnapshot(files(), at, () => []).ok).toBe(true);
    expect(analysePolicy(load(files('addresses: [10.5.5.5],')), at).map(({ code }) => code)).not.toContain(
      'workload-no-address',
    );
  });

  it('a group of such services alone is no error either', () => {
    const grouped = files();
    grouped.set('rules/y.csv', 'g, formulary, dosing\np, infusion-pump, dosing, any, deny, always, x\n');
    const codes = analysePolicy(load(grouped), at).filter(({ span }) => span?.file === 'rules/y.csv');
    expect(codes.map(({ code }) => code)).toEqual(['workload-no-address']);
  });

  const invariants = `invariants:
  - { name: always, always: { from: infusion-pump, to: [formulary, library-1], app: https } }
  - { name: never, never: { from: infusion-pump, to: formulary, app: https } }
`;
  it('what wants it reachable is not asked, what wants it closed holds', () => {
    const policy = load(files('', invariants));
    const compiled = compilePolicy(policy, at);
    expect(compiled.ok && runPolicyTests(policy, compiled.value)).toEqual([]);
  });

  it('and both are asked once it has an address', () => {
    const located = locateWorkloads(load(files('', invariants)), known('10.96.0.7')).policy;
    const compiled = compilePolicy(located, at);
    expect(compiled.ok && runPolicyTests(located, compiled.value).map(({ name }) => name)).toEqual(['never']);
    const closed = files();
    closed.set('rules/x.csv', '');
    const shut = locateWorkloads(load(closed), known('10.96.0.7')).policy;
    const found = compilePolicy(shut, at);
    expect(found.ok && runPolicyTests(shut, found.value).map(({ name }) => name)).toEqual(['doses']);
  });
});

it('names a service by its cluster, namespace and name', () => {
  expect(load().workloads.map(workloadKey)).toEqual(['k1/pharmacy/formulary']);
});
