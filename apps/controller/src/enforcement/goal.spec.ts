import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { proveRulesOf } from '#artefacts';
import { driverNamed, type OpenvswitchDriver } from '#drivers';
import type { NamedList } from '#model';
import type { Mac } from '#net';
import type { EnforcementPointEntry, Snapshot } from '#policy';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { tinyPolicy } from '../../../../test/e2e/tiny-policy.js';
import { evaluatePolicy } from '../policy/evaluate.js';
import type { LiveSession } from '../sessions/live-sessions.js';
import { Database } from '../store/database.js';
import { EnforcementPoint } from './enforcement-point.js';
import { onlyInForce } from './generations.js';
import { goalOf } from './goal.js';
import { KeptLists } from './kept-lists.js';
import { forgetful } from './left-rules-store.js';
import { LocalPointWork } from './point-work.js';
import { RuleCounts } from './rule-counts.js';

const at = new Date('2026-05-04T10:00:00Z');
const evaluate = (changes: Record<string, string>) =>
  evaluatePolicy(new Map(Object.entries({ ...tinyPolicy, ...changes })), at, {
    commit: null,
    author: null,
    committedAt: null,
  });

function snapshotWith(changes: Record<string, string> = {}): Snapshot {
  const nas = { 'network/nas.yaml': 'sw1: { address: 127.0.0.1, site: main, profile: juniper-ex, secret: "env:X" }\n' };
  const evaluated = evaluate({ ...nas, ...changes });
  if (!evaluated.ok) throw new Error(JSON.stringify(evaluated.diagnostics));
  return evaluated.value.snapshot;
}

const snapshot = snapshotWith();
const policy = onlyInForce(snapshot);

const point = (driver: string, options: Record<string, string> = {}): EnforcementPointEntry => ({
  name: 'p',
  driver,
  site: 'main',
  nas: 'sw1',
  transport: { kind: 'simulated' },
  options,
});
const bridge = point('openvswitch', { bridge: 'br0' });
const lists = point('netconf', { model: 'ietf-acl' });

let count = 0;
const session = (changes: Partial<LiveSession>): LiveSession => ({
  id: `s${count++}`,
  mac: '00:1a:00:00:00:01' as Mac,
  nas: 'sw1',
  nasPort: 'port7',
  site: 'main',
  method: 'mac',
  addresses: ['10.21.0.5'],
  updatedAt: '2026-05-04T10:00:00.000Z',
  class: 'infusion-pump',
  posture: 'normal',
  segment: 'pumps',
  vlan: 210,
  role: 'infusion-pump',
  snapshotDigest: snapshot.digest,
  convergence: 'settled',
  inUse: null,
  ...changes,
});

describe('a point is asked for what its driver enforces', () => {
  it.each<[string, EnforcementPointEntry, string[]]>([
    ['a firewall', point('nftables'), ['flows', 'members']],
    ['a bridge', bridge, ['flows', 'members', 'ports']],
    ['a gateway', point('openvswitch', { bridge: 'br0', ports: 'none' }), ['flows', 'members']],
    ['a switch with RFC 8519', lists, ['lists']],
    ['a switch with OpenConfig', point('netconf', { model: 'openconfig' }), ['lists', 'vlans']],
  ])('%s', (_, entry, parts) => {
    const { rules, membership, ports } = goalOf(policy, entry, [session({})]);
    const asked = {
      flows: rules.entries.length > 0,
      members: membership.size > 0,
      lists: rules.lists.length > 0,
      vlans: rules.vlans.length > 0,
      ports: ports.size > 0,
    };
    expect(
      Object.entries(asked)
        .filter(([, is]) => is)
        .map(([name]) => name),
    ).toEqual(parts);
  });

  it('a cluster, for the services that are in it, and for no others', () => {
    const endpoints = `${tinyPolicy['catalog/endpoints.yaml']}formulary: { kubernetes: { cluster: p, namespace: default, service: formulary } }\nelsewhere: { kubernetes: { cluster: q, namespace: default, service: other } }\n`;
    const cluster = (name: string) =>
      `${name}: { driver: kubernetes, site: main, transport: { kind: kubernetes, kubeconfig: in-cluster } }\n`;
    const inCluster = snapshotWith({
      'catalog/endpoints.yaml': endpoints,
      'network/enforcement-points.yaml': cluster('p') + cluster('q'),
    });
    const { rules, ports } = goalOf(onlyInForce(inCluster), { ...point('kubernetes'), nas: null }, []);
    expect(rules.workloads.map(({ endpoint }) => endpoint)).toEqual(['formulary']);
    expect([rules.lists, rules.vlans, ports.size]).toEqual([[], [], 0]);
  });

  it('by the same rules object as long as it is the same', () => {
    const openconfig = point('netconf', { model: 'openconfig' });
    expect(goalOf(policy, openconfig, []).rules).toBe(
      goalOf(policy, { ...openconfig, name: 'q' }, [session({})]).rules,
    );
  });
});

describe('a point comes to hold its goal, proved and read back, with', () => {
  const told = session({});
  it.each<[string, EnforcementPointEntry, LiveSession[]]>([
    ['lists of RFC 8519', lists, []],
    ['lists and VLANs of OpenConfig', point('netconf', { model: 'openconfig' }), []],
    ['lists by the command line', point('cli-over-ssh', { make: 'ios-xe' }), []],
    ['flows and ports of a bridge', bridge, [told]],
  ])('%s', async (_, entry, sessions) => {
    const driver = driverNamed(entry.driver, entry.options)!;
    if (entry.driver === 'openvswitch')
      (driver as OpenvswitchDriver).simulated('p').setPort({ name: 'port7', tag: null, mode: null, isOurs: false });
    const kept = { load: () => Promise.resolve([]), save: () => Promise.resolve() };
    const clock = { now: () => at };
    const enforced = new EnforcementPoint(entry, {
      capabilities: driver.capabilities,
      open: (onLost) =>
        new LocalPointWork({
          driver,
          session: driver.connect({ kind: 'simulated', name: 'p' }),
          prove: (rules) => Promise.resolve(proveRulesOf(driver, rules)),
          onLost,
        }),
      loadGoal: () => Promise.resolve(goalOf(policy, entry, sessions)),
      left: { load: () => forgetful.load('p', 'target'), save: () => Promise.resolve() },
      audit: () => Promise.resolve(),
      wake: () => undefined,
      turn: () => Promise.resolve(),
      report: () => Promise.resolve(),
      clock,
      lookSeconds: 0,
      counts: new RuleCounts('p', kept, clock),
    });
    await enforced.pass();
    await enforced.pass();
    expect(enforced.state).toMatchObject({ state: 'in-sync', lastDrift: null, rulesDigest: snapshot.digest });
    expect(enforced.portsRead).toEqual(entry === bridge ? new Map([['port7', 210]]) : null);
    await enforced.close();
  });
});

describe('the VLAN of a port', () => {
  const later = '2026-05-04T11:00:00.000Z';
  it.each<[string, LiveSession[], [string, number][]]>([
    ['is what its switch was told', [session({ vlan: 666 })], [['port7', 666]]],
    ['is none for a session that named no port', [session({ nasPort: null })], []],
    ['is none of another switch', [session({ nas: 'sw2' })], []],
    ['is of the one heard of last', [session({ vlan: 666, updatedAt: later }), session({})], [['port7', 666]]],
    [
      'is quarantine if one of those on it is in quarantine, whoever was heard of last',
      [session({ vlan: 666, posture: 'quarantined' }), session({ updatedAt: later })],
      [['port7', 666]],
    ],
  ])('%s', (_, sessions, ports) => {
    expect([...goalOf(policy, bridge, sessions).ports]).toEqual(ports);
    expect([...goalOf(policy, bridge, sessions.toReversed()).ports]).toEqual(ports);
  });

  it('is not that of a telephone before it', () => {
    const voice = snapshotWith({
      'catalog/segments.yaml': tinyPolicy['catalog/segments.yaml']!.replace('pumps:\n', 'pumps:\n  voice: true\n'),
      'network/nas.yaml': tinyPolicy['network/nas.yaml']!.replace('rfc', 'aruba-cx'),
    });
    const phone = session({});
    const behind = session({ vlan: 666, segment: 'quarantine', updatedAt: '2026-05-04T09:00:00.000Z' });
    expect([...goalOf(onlyInForce(voice), bridge, [phone, behind]).ports]).toEqual([['port7', 666]]);
  });
});

describe('lists of a switch', () => {
  const changed = snapshotWith({ 'catalog/applications.yaml': 'https: { ports: [tcp/8443] }\n' });
  const namesOf = ({ rules }: ReturnType<typeof goalOf>): string[] => rules.lists.map(({ name }) => name);
  let folder: string;
  let database: Database;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'cordon-lists-'));
    database = await Database.open(join(folder, 'cordon.db'));
  });
  afterEach(async () => {
    await database.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('are those of the policy in force, of the next and of the one before, as sessions may have any', () => {
    const all = [snapshot, changed].flatMap((each) => namesOf(goalOf(onlyInForce(each), lists, [])));
    expect(new Set(all).size).toBe(all.length);
    const next = { snapshot: changed, coverage: { sites: new Set<string>(), devices: new Set<Mac>() } };
    expect(namesOf(goalOf({ inForce: snapshot, next, previous: null }, lists, [])).sort()).toEqual(all.sort());
    expect(namesOf(goalOf({ inForce: changed, next: null, previous: snapshot }, lists, [])).sort()).toEqual(all.sort());
  });

  it('stay, over a restart, as long as a session has one of a policy that nobody has any more', async () => {
    const old = goalOf(policy, lists, []).rules.lists;
    await new KeptLists(database).keep(old);
    await new KeptLists(database).keep(old);
    const kept = new KeptLists(database);
    const mine = (all: readonly NamedList[]) => all.filter(({ name }) => name.startsWith('cordon-infusion-pump-'));
    expect(mine(old)).toHaveLength(1);
    expect(await kept.of([session({})])).toEqual(mine(old));
    expect(await kept.of([])).toEqual([]);
    expect(namesOf(goalOf(onlyInForce(changed), lists, [], await kept.of([session({})])))).toContain(
      mine(old)[0]!.name,
    );
  });
});

describe('what a driver can’t express', () => {
  const point = (driver: string): string =>
    `x: { driver: netconf, site: main, nas: sw1, options: { model: ${driver} }, transport: { kind: simulated } }\n`;
  const files = (model: string): Record<string, string> => ({
    'catalog/applications.yaml': 'https: { ports: [tcp/443] }\nm3ua: { ports: [sctp/2905] }\n',
    'rules/flows-more.csv': 'p, infusion-pump, drug-library, m3ua, allow, always, "ports of SCTP"\n',
    'network/nas.yaml': 'sw1: { address: 127.0.0.1, site: main, profile: juniper-ex, secret: "env:X" }\n',
    'network/enforcement-points.yaml': point(model),
  });

  it('is refused when the policy is compiled, with the place of the point', () => {
    const evaluated = evaluate(files('ietf-acl'));
    expect(evaluated).toMatchObject({
      ok: true,
      value: {
        testFailures: [
          {
            severity: 'error',
            code: 'point-unsupported',
            summary: expect.stringMatching(/^`x` \(netconf\): .*SCTP/i) as string,
            span: { file: 'network/enforcement-points.yaml', line: 1 },
          },
        ],
      },
    });
  });

  it('and taken by one that can', () => {
    expect(evaluate(files('openconfig'))).toMatchObject({ ok: true, value: { testFailures: [] } });
  });
});
