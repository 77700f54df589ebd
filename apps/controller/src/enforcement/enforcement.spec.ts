import { expect, describe, it } from 'vitest';
import { createNftablesDriver, TerminalFault } from '#drivers';
import type { Connection } from '#model';
import { parseAddress, type Mac } from '#net';
import type { AuditEntry } from '../store/audit.js';
import { evaluatePolicy } from '../policy/evaluate.js';
import type { LiveSession } from '../sessions/session-store.js';
import { tinyPolicy } from '../../../../test/e2e/tiny-policy.js';
import { EnforcementPoint } from './enforcement-point.js';
import { desiredState } from './membership.js';
import { connectionsToCut } from './revalidate.js';

const evaluated = evaluatePolicy(new Map(Object.entries(tinyPolicy)), new Date('2026-05-04T10:00:00Z'), {
  commit: null,
  author: null,
  committedAt: null,
});
if (!evaluated.ok) throw new Error(JSON.stringify(evaluated.diagnostics));
const { snapshot } = evaluated.value;

const session = (changes: Partial<LiveSession>): LiveSession => ({
  id: 's1',
  mac: '00:1a:00:00:00:01' as Mac,
  site: 'main',
  method: 'mac',
  addresses: ['10.21.0.5'],
  updatedAt: '2026-05-04T10:00:00.000Z',
  class: 'infusion-pump',
  posture: 'normal',
  segment: 'pumps',
  role: 'infusion-pump',
  ...changes,
});

const unknown = (changes: Partial<LiveSession>): LiveSession => session({ class: null, posture: null, ...changes });
/** The port is in quarantine; by the registry the device may leave it. */
const leaving = { segment: 'quarantine', role: 'quarantined', addresses: ['10.66.0.5'] };

const membersOf = (...sessions: LiveSession[]): Record<string, string[]> =>
  Object.fromEntries([...desiredState(snapshot, 'main', sessions).membership].map(([name, set]) => [name, [...set]]));

const connection = (source: string, destination: string, destinationPort = 443): Connection => ({
  source: parseAddress(source)!,
  destination: parseAddress(destination)!,
  protocol: 6,
  sourcePort: 50_000,
  destinationPort,
});

describe('membership', () => {
  it.each<[string, LiveSession[], Record<string, string[]>]>([
    ['a device counts as its class', [session({})], { 'infusion-pump': ['10.21.0.5'] }],
    [
      'quarantined: as the role of quarantine, at once',
      [session({ posture: 'quarantined' })],
      { quarantined: ['10.21.0.5'] },
    ],
    ['without a record: as unknown', [unknown({ addresses: ['10.66.0.5'] })], { quarantined: ['10.66.0.5'] }],
    ['without a record, not moved yet: in none', [unknown({})], {}],
    ['released, still in quarantine: in none', [session(leaving)], {}],
    [
      'released and moved: by its new address alone',
      [session({ ...leaving, segment: 'pumps', role: 'infusion-pump', addresses: ['10.66.0.5', '10.21.0.5'] })],
      { 'infusion-pump': ['10.21.0.5'] },
    ],
    ['at risk, not moved yet: restricted at once', [session({ posture: 'at-risk' })], { quarantined: ['10.21.0.5'] }],
    [
      'quarantined and moved: by its old address too',
      [session({ ...leaving, posture: 'quarantined' })],
      { quarantined: ['10.66.0.5'] },
    ],
    [
      'whose class got another segment with the same rights: where its port is',
      [session({ segment: 'quarantine', addresses: ['10.66.0.5', '10.21.0.5'] })],
      { 'infusion-pump': ['10.66.0.5', '10.21.0.5'] },
    ],
    ['of a wireless child site: by the segments of its parent', [session({ ...leaving, site: 'main-wifi' })], {}],
    ['of a class that the policy lost: in none', [session({ class: 'gone' })], {}],
    ['at a child site', [session({ site: 'main-wifi' })], { 'infusion-pump': ['10.21.0.5'] }],
    ['at another site: not here', [session({ site: 'branch' })], {}],
    ["that claims a server's address: no member", [session({ addresses: ['10.10.4.20', 'fe80::1', 'x'] })], {}],
    ['IPv6 in canonical text', [session({ addresses: ['FD21:0::0005'] })], { 'infusion-pump': ['fd21::5'] }],
  ])('%s', (_, sessions, members) => {
    expect(membersOf(...sessions)).toEqual(members);
  });

  it('gives an address that two sessions claim to the one heard of last, in either order', () => {
    const old = session({ id: 'a', updatedAt: '2026-05-04T09:00:00.000Z' });
    const fresh = session({ id: 'b', posture: 'quarantined' });
    expect(membersOf(old, fresh)).toEqual({ quarantined: ['10.21.0.5'] });
    expect(membersOf(fresh, old)).toEqual({ quarantined: ['10.21.0.5'] });
  });
});

describe('revalidation', () => {
  it('cuts what the role may not, keeps what it may, and leaves foreign connections alone', () => {
    const library = connection('10.21.0.5', '10.10.4.20');
    const remediation = connection('10.21.0.5', '10.10.9.9');
    const foreign = connection('10.50.0.1', '10.50.0.2');
    const nobody = connection('10.21.0.99', '10.10.4.20');
    const all = [library, remediation, foreign, nobody];
    const asPump = desiredState(snapshot, 'main', [session({})]);
    expect(connectionsToCut(snapshot, asPump, all)).toEqual([remediation, nobody]);
    const inQuarantine = desiredState(snapshot, 'main', [session({ posture: 'quarantined' })]);
    expect(connectionsToCut(snapshot, inQuarantine, all)).toEqual([library, nobody]);
  });

  it('judges an address of a critical segment as its role: nobody told who is there', () => {
    const files = {
      ...tinyPolicy,
      'rules/x.csv': 'p, newcomer, drug-library, https, allow, always, note\n',
      'catalog/classes-x.yaml': 'newcomer: {}\n',
      'catalog/segments-x.yaml':
        'newcomers: { role: newcomer, sites: { main: { vlan: 997, prefixes: [10.97.0.0/20, "fd97::/64"] } } }\n',
      'network/server-down.yaml': 'servers: { a: { address: 10.0.8.10 } }\nsites: { main: { segment: newcomers } }\n',
    };
    const provenance = { commit: null, author: null, committedAt: null };
    const found = evaluatePolicy(new Map(Object.entries(files)), new Date('2026-05-04T10:00:00Z'), provenance);
    if (!found.ok) throw new Error(JSON.stringify(found.diagnostics));
    const [library, remediation] = ['10.10.4.20', '10.10.9.9'].map((to) => connection('10.97.0.5', to));
    const state = desiredState(found.value.snapshot, 'main', []);
    expect(connectionsToCut(found.value.snapshot, state, [library!, remediation!])).toEqual([remediation]);
  });
});

describe('EnforcementPoint', () => {
  const entry = {
    name: 'fw1',
    driver: 'nftables',
    site: 'main',
    nas: null,
    transport: { kind: 'simulated' },
    options: {},
  } as const;

  const same = (text: string): string => text;

  function pointOf(sessions: () => LiveSession[], rendered = same, planned = same) {
    const honest = createNftablesDriver();
    const driver: typeof honest = {
      ...honest,
      render: (state) => rendered(honest.render(state)),
      plan: (...args) => {
        const plan = honest.plan(...args);
        return { ...plan, commands: planned(plan.commands) };
      },
    };
    const device = driver.simulated('fw1');
    const trail: AuditEntry[] = [];
    const point = new EnforcementPoint(entry, {
      driver,
      session: driver.connect({ kind: 'simulated', name: 'fw1' }),
      loadGoal: () => Promise.resolve({ snapshot, desired: desiredState(snapshot, 'main', sessions()) }),
      audit: (entries) => {
        trail.push(...entries);
        return Promise.resolve();
      },
      clock: { now: () => new Date(0) },
    });
    return { point, device, trail };
  }

  const library = {
    source: parseAddress('10.21.0.5')!,
    destination: parseAddress('10.10.4.20')!,
    protocol: 6,
    port: 443,
  };

  it('moves a device with its posture, and ends the connections that it may not have any more', async () => {
    let posture: LiveSession['posture'] = 'normal';
    const { point, device, trail } = pointOf(() => [session({ posture })]);
    await point.pass();
    expect(point.state).toMatchObject({ state: 'in-sync', rulesDigest: snapshot.digest, members: 1 });
    expect(device.route(library)).toBe('passed');
    expect(await device.connections()).toHaveLength(1);
    posture = 'quarantined';
    await point.pass();
    expect(await device.connections()).toEqual([]);
    expect(device.route(library)).toBe('dropped');
    expect(trail.map(({ action }) => action)).toEqual(['enforcement.apply', 'enforcement.cut']);
  });

  it('finds, repairs and records drift; a second look finds none', async () => {
    const { point, device, trail } = pointOf(() => [session({})]);
    await point.pass();
    await device.load(JSON.stringify({ nftables: [{ delete: { table: { family: 'inet', name: 'cordon' } } }] }));
    expect(device.route(library)).toBe('untouched');
    await point.pass();
    expect(device.route(library)).toBe('passed');
    expect(point.state.lastDrift?.steps.length).toBeGreaterThan(0);
    await point.pass();
    expect(trail.map(({ action }) => action)).toEqual(['enforcement.apply', 'enforcement.drift-repaired']);
  });

  it('pushes nothing whose text does not mean what the rules say, and audits it once', async () => {
    const { point, device, trail } = pointOf(
      () => [session({})],
      (text) => text.replaceAll('443', '444'),
    );
    await expect(point.pass()).rejects.toThrow(TerminalFault);
    await expect(point.pass()).rejects.toThrow('tcp/444 to 10.10.4.20');
    expect(point.state).toMatchObject({ state: 'failed', rulesDigest: null });
    expect(device.route(library)).toBe('untouched');
    expect(trail.map(({ action }) => action)).toEqual(['enforcement.artefact-differs']);
  });

  it('pushes no text other than the one that was proved', async () => {
    const { point, device, trail } = pointOf(
      () => [session({})],
      same,
      (commands) => commands.replaceAll('443', '444'),
    );
    await expect(point.pass()).rejects.toThrow('not those that were proved');
    expect(device.route(library)).toBe('untouched');
    expect(trail.map(({ action }) => action)).toEqual(['enforcement.artefact-differs']);
  });

  it('says that the device is unreachable, and still cuts once it is back', async () => {
    let posture: LiveSession['posture'] = 'normal';
    const { point, device } = pointOf(() => [session({ posture })]);
    await point.pass();
    device.route(library);
    posture = 'quarantined';
    device.isReachable = false;
    await expect(point.pass()).rejects.toThrow('does not answer');
    expect(point.state).toMatchObject({ state: 'unreachable', lastError: { message: expect.any(String) as string } });
    device.isReachable = true;
    await point.pass();
    expect(await device.connections()).toEqual([]);
    expect(point.state.state).toBe('in-sync');
  });
});
