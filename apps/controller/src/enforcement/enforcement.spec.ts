import fc from 'fast-check';
import { expect, describe, it } from 'vitest';
import { proveRulesOf } from '#artefacts';
import { createNftablesDriver, judgeByInvariant, TerminalFault, type Packet } from '#drivers';
import type { Connection } from '#model';
import { formatAddress, parseAddress, type Mac } from '#net';
import type { AuditEntry } from '../store/audit.js';
import type { PointRulesRow } from '../store/rows.js';
import type { WebhookEvent } from '../webhooks/events.js';
import { evaluatePolicy } from '../policy/evaluate.js';
import type { LiveSession } from '../sessions/live-sessions.js';
import { tinyPolicy } from '../../../../test/e2e/tiny-policy.js';
import { EnforcementPoint } from './enforcement-point.js';
import { forgetful } from './left-rules-store.js';
import { onlyInForce, type EnforcedPolicy } from './generations.js';
import { describeCounters } from './describe-counters.js';
import { desiredState, type DesiredState } from './membership.js';
import { LocalPointWork } from './point-work.js';
import { RuleCounts } from './rule-counts.js';
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
  nas: 'sw1',
  nasPort: '7',
  vlan: 210,
  mac: '00:1a:00:00:00:01' as Mac,
  site: 'main',
  method: 'mac',
  addresses: ['10.21.0.5'],
  updatedAt: '2026-05-04T10:00:00.000Z',
  class: 'infusion-pump',
  posture: 'normal',
  segment: 'pumps',
  role: 'infusion-pump',
  snapshotDigest: snapshot.digest,
  convergence: 'settled',
  inUse: null,
  ...changes,
});

const unknown = (changes: Partial<LiveSession>): LiveSession => session({ class: null, posture: null, ...changes });
/** The port is in quarantine; by the registry the device may leave it. */
const leaving = { segment: 'quarantine', role: 'quarantined', addresses: ['10.66.0.5'] };

const membersOf = (...sessions: LiveSession[]): Record<string, string[]> =>
  Object.fromEntries(
    [...desiredState(onlyInForce(snapshot), 'main', sessions).membership].map(([name, set]) => [name, [...set]]),
  );

const connection = (source: string, destination: string, destinationPort = 443): Connection => ({
  source: parseAddress(source)!,
  destination: parseAddress(destination)!,
  protocol: 6,
  sourcePort: 50_000,
  destinationPort,
});

describe('membership', () => {
  it('is the same from all sessions as from those of the site and the sites below it alone', () => {
    const sites = ['main', 'main-wifi', 'elsewhere'];
    const all = Array.from({ length: 60 }, (_, n) =>
      session({
        id: `s${n}`,
        site: sites[n % 3]!,
        // Some claim the address of another, also of one at another site.
        addresses: [`10.21.0.${n % 25}`],
        updatedAt: `2026-05-04T10:00:${String((n * 7) % 60).padStart(2, '0')}.000Z`,
        posture: n % 4 === 0 ? 'quarantined' : 'normal',
      }),
    );
    const local = all.filter(({ site }) => site !== 'elsewhere').toReversed();
    expect(local.length).toBe(40);
    const sets = (of: Record<string, string[]>) =>
      new Map(Object.entries(of).map(([name, set]) => [name, new Set(set)]));
    expect(sets(membersOf(...all))).toEqual(sets(membersOf(...local)));
  });

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

describe('membership while a policy is being rolled out', () => {
  const nextOf = evaluatePolicy(
    new Map(Object.entries({ ...tinyPolicy, 'catalog/applications.yaml': 'https: { ports: [tcp/443, tcp/8443] }\n' })),
    new Date('2026-05-04T10:00:00Z'),
    { commit: null, author: null, committedAt: null },
  );
  if (!nextOf.ok) throw new Error(JSON.stringify(nextOf.diagnostics));
  const next = nextOf.value.snapshot;
  const canary = '00:1a:00:00:00:02' as Mac;
  const other = { mac: canary, id: 's2', addresses: ['10.21.0.6'] };
  const at = (
    coverage: { sites?: string[]; devices?: Mac[] },
    previous: EnforcedPolicy['previous'] = null,
  ): EnforcedPolicy => ({
    inForce: snapshot,
    next: { snapshot: next, coverage: { sites: new Set(coverage.sites), devices: new Set(coverage.devices) } },
    previous,
  });
  const under = (of: typeof snapshot, name: string): string => `${name}.${of.digest.slice(0, 8)}`;
  const packet = (from: string, port: number): Packet => ({
    source: parseAddress(from)!,
    destination: parseAddress('10.10.4.20')!,
    protocol: 6,
    port,
  });
  const passes = (policy: EnforcedPolicy, sessions: LiveSession[], from: string, port: number): boolean =>
    judgeByInvariant(desiredState(policy, 'main', sessions), packet(from, port)) === 'passed';

  it('gives a canary the rules of the new policy, and the others of its site those of the policy in force', () => {
    const both = [session({}), session(other)];
    const policy = at({ devices: [canary] });
    expect([...desiredState(policy, 'main', both).membership.keys()]).toEqual([
      'infusion-pump',
      under(next, 'infusion-pump'),
    ]);
    expect([passes(policy, both, '10.21.0.5', 443), passes(policy, both, '10.21.0.5', 8443)]).toEqual([true, false]);
    expect([passes(policy, both, '10.21.0.6', 443), passes(policy, both, '10.21.0.6', 8443)]).toEqual([true, true]);
  });

  it('turns the site over with its stage, and has one set of rules again', () => {
    const both = [session({}), session(other)];
    const covered = desiredState(at({ sites: ['main'] }), 'main', both);
    expect([covered.rules.snapshotDigest, [...covered.membership.keys()]]).toEqual([next.digest, ['infusion-pump']]);
    expect(desiredState(at({ sites: ['branch'] }), 'main', both).rules.snapshotDigest).toBe(snapshot.digest);
  });

  it.each<[string, Partial<LiveSession>]>([
    ['the bridge says so', { convergence: 'held' }],
    ['it is in use, and the bridge has not looked yet', { inUse: '2026-05-04T09:00:00Z' }],
    ['it was told long ago', { convergence: 'held', snapshotDigest: 'f'.repeat(64) }],
    [
      'it is in use, was told long ago, and is to be quarantined',
      { inUse: '2026-05-04T09:00:00Z', snapshotDigest: 'f'.repeat(64), posture: 'quarantined' },
    ],
    ['it is in use, and was told long ago', { inUse: '2026-05-04T09:00:00Z', snapshotDigest: 'f'.repeat(64) }],
  ])('leaves a device that is held back under the policy that it was told: %s', (_, held) => {
    const both = [session(held), session(other)];
    const policy = at({ sites: ['main'] });
    expect([passes(policy, both, '10.21.0.5', 8443), passes(policy, both, '10.21.0.6', 8443)]).toEqual([false, true]);
    const over = { ...onlyInForce(next), previous: snapshot };
    expect([passes(over, both, '10.21.0.5', 8443), passes(over, both, '10.21.0.6', 8443)]).toEqual([false, true]);
    expect([passes(policy, both, '10.21.0.5', 443), passes(over, both, '10.21.0.5', 443)]).toEqual([true, true]);
  });

  it('does not let a hold keep a quarantine from the firewall, unless policy says that it waits', () => {
    const quarantined = session({ posture: 'quarantined', convergence: 'held' });
    expect(passes(onlyInForce(snapshot), [quarantined], '10.21.0.5', 443)).toBe(false);
    const inUse = session({ posture: 'quarantined', inUse: '2026-05-04T09:00:00Z' });
    expect(passes(onlyInForce(snapshot), [inUse], '10.21.0.5', 443)).toBe(true);
    const letGo = session({ posture: 'quarantined', inUse: '2026-05-04T09:00:00Z', convergence: 'changing' });
    expect(passes(onlyInForce(snapshot), [letGo], '10.21.0.5', 443)).toBe(false);
  });

  it('followed from look to look is the same as worked out at once, and a set in which nothing changed the same set', () => {
    const policy = at({ devices: [canary] });
    const id = fc.nat(7).map((n) => `s${n}`);
    const change = fc.record({
      id,
      mac: fc.constantFrom('00:1a:00:00:00:01' as Mac, canary),
      site: fc.constantFrom('main', 'main-wifi', 'elsewhere'),
      addresses: fc.array(fc.constantFrom('10.21.0.5', '10.21.0.6', '10.66.0.5', '10.9.9.9', 'none'), { maxLength: 2 }),
      updatedAt: fc.nat(9).map((n) => `2026-05-04T10:00:0${n}.000Z`),
      class: fc.constantFrom('infusion-pump', null),
      posture: fc.constantFrom('normal' as const, 'quarantined' as const, 'at-risk' as const),
      convergence: fc.constantFrom('settled' as const, 'held' as const),
    });
    const steps = fc.array(fc.oneof(change, id), { maxLength: 30 });
    const plain = ({ membership, roles, rules }: DesiredState) => ({
      membership: Object.fromEntries([...membership].map(([name, set]) => [name, [...set].sort()])),
      roles: ['10.21.0.5', '10.21.0.6', '10.66.0.5', '10.9.9.9'].map((text) => roles.get(parseAddress(text)!)),
      size: roles.size,
      rules,
    });
    fc.assert(
      fc.property(steps, (changes) => {
        const sessions = new Map<string, LiveSession>();
        const kept = { ...policy };
        let before: DesiredState | null = null;
        for (const step of changes) {
          if (typeof step === 'string') sessions.delete(step);
          else sessions.set(step.id, session(step));
          const all = [...sessions.values()];
          const state = desiredState(kept, 'main', all);
          expect(plain(state)).toEqual(plain(desiredState({ ...policy }, 'main', all)));
          for (const [name, set] of before?.membership ?? [])
            if (set.symmetricDifference(state.membership.get(name) ?? new Set()).size === 0)
              expect(state.membership.get(name)).toBe(set);
          before = state;
        }
      }),
      { numRuns: 300 },
    );
  });

  it('cuts connections by the policy that their device is under', () => {
    const both = [session({}), session(other)];
    const desired = desiredState(at({ devices: [canary] }), 'main', both);
    const old = connection('10.21.0.5', '10.10.4.20', 8443);
    const fresh = connection('10.21.0.6', '10.10.4.20', 8443);
    expect(connectionsToCut(desired, [old, fresh])).toEqual([old]);
  });
});

describe('revalidation', () => {
  it('cuts what the role may not, keeps what it may, and leaves foreign connections alone', () => {
    const library = connection('10.21.0.5', '10.10.4.20');
    const remediation = connection('10.21.0.5', '10.10.9.9');
    const foreign = connection('10.50.0.1', '10.50.0.2');
    const nobody = connection('10.21.0.99', '10.10.4.20');
    const all = [library, remediation, foreign, nobody];
    const asPump = desiredState(onlyInForce(snapshot), 'main', [session({})]);
    expect(connectionsToCut(asPump, all)).toEqual([remediation, nobody]);
    const inQuarantine = desiredState(onlyInForce(snapshot), 'main', [session({ posture: 'quarantined' })]);
    expect(connectionsToCut(inQuarantine, all)).toEqual([library, nobody]);
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
    const state = desiredState(onlyInForce(found.value.snapshot), 'main', []);
    expect(connectionsToCut(state, [library!, remediation!])).toEqual([remediation]);
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

  /** `before`: what is left of a controller that was there before: the device, and what it had stored. */
  function pointOf(
    sessions: () => LiveSession[],
    rendered = same,
    planned = same,
    lookSeconds = 0,
    before: { readonly driver: ReturnType<typeof createNftablesDriver>; readonly stored: PointRulesRow[] } = {
      driver: createNftablesDriver(),
      stored: [],
    },
    policy = snapshot,
  ) {
    const { driver: honest, stored } = before;
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
    const events: WebhookEvent[] = [];
    const reports: string[] = [];
    const kept = { load: () => Promise.resolve([]), save: () => Promise.resolve() };
    const counts = new RuleCounts('fw1', kept, { now: () => new Date(clock.seconds * 1000) });
    const clock = { seconds: 0 };
    const session = driver.connect({ kind: 'simulated', name: 'fw1' });
    const listed: (readonly string[] | 'all')[] = [];
    const connections = session.connections.bind(session);
    session.connections = (of) => {
      listed.push(of?.map(formatAddress) ?? 'all');
      return connections(of);
    };
    const hints = { count: 0, lost: (): void => undefined };
    session.watch = (onLost) => (hints.lost = onLost);
    const point = new EnforcementPoint(entry, {
      capabilities: driver.capabilities,
      open: (onLost) =>
        new LocalPointWork({
          driver,
          session,
          prove: (rules) => Promise.resolve(proveRulesOf(driver, rules)),
          onLost,
        }),
      wake: () => void hints.count++,
      turn: () => Promise.resolve(),
      loadGoal: () => Promise.resolve(desiredState(onlyInForce(policy), 'main', sessions())),
      left: {
        load: async () => stored.at(-1) ?? (await forgetful.load('fw1', 'target')),
        save: (row) => {
          stored.push(row);
          return Promise.resolve();
        },
      },
      audit: (entries, told) => {
        trail.push(...entries);
        events.push(...told);
        return Promise.resolve();
      },
      report: ({ state }) => {
        reports.push(state);
        return Promise.resolve();
      },
      clock: { now: () => new Date(clock.seconds * 1000) },
      lookSeconds,
      counts,
    });
    return { point, device, trail, events, reports, clock, listed, hints, stored, driver: honest };
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

  it('looks only for the connections of devices that changed, unless it can’t know whose are forbidden now', async () => {
    let sessions = [session({})];
    const { point, device, listed } = pointOf(() => sessions, same, same, 1000);
    await point.pass();
    expect(listed.splice(0)).toEqual(['all']);
    device.route(library);
    const ofOther = connection('10.21.0.99', '10.10.4.20');
    device.track(ofOther);
    sessions = [session({ posture: 'quarantined' })];
    await point.pass();
    expect(listed.splice(0)).toEqual([['10.21.0.5']]);
    expect(await device.connections()).toEqual([ofOther]);
    // one that failed is looked for again
    sessions = [session({ posture: 'quarantined' }), session({ id: 's2', addresses: ['10.21.0.6'] })];
    device.isReachable = false;
    await expect(point.pass()).rejects.toThrow('does not answer');
    device.isReachable = true;
    sessions = [session({})];
    await point.pass();
    expect(listed.splice(0).at(-1)?.toString().split(',').sort()).toEqual(['10.21.0.5', '10.21.0.6']);
    sessions = Array.from({ length: 20 }, (_, i) => session({ id: `s${i}`, addresses: [`10.21.0.${i + 20}`] }));
    await point.pass();
    expect(listed.splice(0)).toEqual(['all']);
    await device.load(JSON.stringify({ nftables: [{ delete: { table: { family: 'inet', name: 'cordon' } } }] }));
    void point.nextPass();
    await point.pass();
    expect(listed.splice(0)).toEqual(['all']);
  });

  it('looks at the whole device at once when that says that it may have lost what it held', async () => {
    const { point, device, trail, hints } = pointOf(() => [session({})], same, same, 1000);
    await point.pass();
    await device.load(JSON.stringify({ nftables: [{ delete: { table: { family: 'inet', name: 'cordon' } } }] }));
    await point.pass();
    expect(device.route(library)).toBe('untouched');
    hints.lost();
    expect(hints.count).toBe(1);
    await point.pass();
    expect(device.route(library)).toBe('passed');
    expect(trail.map(({ action }) => action)).toEqual(['enforcement.apply', 'enforcement.drift-repaired']);
  });

  it('tells nothing of a device that it lets go of in the middle of a pass', async () => {
    const { point, device, reports } = pointOf(() => [session({})]);
    device.isReachable = false;
    const pass = point.pass();
    await point.close();
    await expect(pass).rejects.toThrow('does not answer');
    expect(reports).toEqual([]);
    await expect(pointOf(() => [session({})]).point.pass()).resolves.toBeUndefined();
  });

  it('finds, repairs and records drift; a second look finds none', async () => {
    const { point, device, trail, events } = pointOf(() => [session({})]);
    await point.pass();
    await device.load(JSON.stringify({ nftables: [{ delete: { table: { family: 'inet', name: 'cordon' } } }] }));
    expect(device.route(library)).toBe('untouched');
    await point.pass();
    expect(device.route(library)).toBe('passed');
    expect(point.state.lastDrift?.steps.length).toBeGreaterThan(0);
    await point.pass();
    expect(trail.map(({ action }) => action)).toEqual(['enforcement.apply', 'enforcement.drift-repaired']);
    expect(events).toMatchObject([
      { type: 'enforcement.drifted', data: { point: 'fw1', site: 'main', driver: 'nftables', repaired: true } },
    ]);
  });

  it('reports once that it fails, and once that it is in sync again', async () => {
    const { point, device, reports } = pointOf(() => [session({})]);
    await point.pass();
    device.isReachable = false;
    for (let n = 0; n < 2; n++) await expect(point.pass()).rejects.toThrow('does not answer');
    device.isReachable = true;
    for (let n = 0; n < 2; n++) await point.pass();
    expect(reports).toEqual(['in-sync', 'unreachable', 'in-sync']);
  });

  it('looks at the whole device only as often as it is told to, or when somebody asks', async () => {
    let posture: LiveSession['posture'] = 'normal';
    const { point, device, clock } = pointOf(() => [session({ posture })], same, same, 5);
    await point.pass();
    const dropTable = JSON.stringify({ nftables: [{ delete: { table: { family: 'inet', name: 'cordon' } } }] });
    await device.load(dropTable);
    clock.seconds = 4.9;
    await point.pass();
    expect(device.route(library)).toBe('untouched');
    clock.seconds = 5;
    await point.pass();
    expect(device.route(library)).toBe('passed');
    expect(point.state.lastDrift).not.toBeNull();
    await device.load(dropTable);
    const asked = point.nextPass();
    await point.pass();
    await asked;
    expect(device.route(library)).toBe('passed');
    // a change that the device does not take makes it look, too
    await device.load(dropTable);
    posture = 'quarantined';
    await point.pass();
    expect(device.route(library)).toBe('dropped');
  });

  it('looks at the whole device after a pass that failed', async () => {
    const { point, device } = pointOf(() => [session({})], same, same, 1000);
    await point.pass();
    device.isReachable = false;
    const asked = point.nextPass();
    await expect(point.pass()).rejects.toThrow('does not answer');
    await asked;
    expect(point.state.state).toBe('unreachable');
    device.isReachable = true;
    await point.pass();
    expect(point.state.state).toBe('in-sync');
  });

  it('counts by policy line, over a replacement of the rules', async () => {
    const { point, device, clock } = pointOf(() => [session({})], same, same, 5);
    await point.pass();
    device.route(library);
    device.route({ ...library, port: 9999 });
    const metOf = () => {
      const { lines, denied } = describeCounters('fw1', point.counts, snapshot);
      return {
        met: lines.filter(({ packets }) => packets > 0),
        never: lines.filter(({ packets }) => packets === 0),
        denied,
      };
    };
    expect(metOf().met).toEqual([]);
    clock.seconds = 31;
    await point.pass();
    const { met, never, denied } = metOf();
    expect(met).toEqual([expect.objectContaining({ file: 'rules/flows.csv', effect: 'allow', packets: 1, bytes: 64 })]);
    expect(met[0]!.text).toContain('drug-library');
    expect(never.length).toBeGreaterThan(0);
    expect(denied).toMatchObject({ packets: 1 });
    await device.load(JSON.stringify({ nftables: [{ delete: { table: { family: 'inet', name: 'cordon' } } }] }));
    clock.seconds = 62;
    await point.pass();
    device.route(library);
    clock.seconds = 93;
    await point.pass();
    expect(metOf().met).toEqual([
      expect.objectContaining({ packets: 2, bytes: 128, since: '1970-01-01T00:00:00.000Z' }),
    ]);
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

  describe('over a restart of the controller', () => {
    const pump = () => [session({})];
    const nextFiles = { ...tinyPolicy, 'catalog/applications.yaml': 'https: { ports: [tcp/443, tcp/8443] }\n' };
    const nextOf = evaluatePolicy(new Map(Object.entries(nextFiles)), new Date('2026-05-04T10:00:00Z'), {
      commit: null,
      author: null,
      committedAt: null,
    });
    if (!nextOf.ok) throw new Error(JSON.stringify(nextOf.diagnostics));
    const next = nextOf.value.snapshot;
    const dropTable = JSON.stringify({ nftables: [{ delete: { table: { family: 'inet', name: 'cordon' } } }] });
    type Before = ReturnType<typeof pointOf>;
    const after = (before: Before, policy = snapshot) =>
      pointOf(pump, same, same, 0, { driver: before.driver, stored: before.stored }, policy);
    const actions = ({ trail }: Before) => trail.map(({ action }) => action);
    const left = async (): Promise<Before> => {
      const point = pointOf(pump);
      await point.point.pass();
      expect(point.stored.map(({ begunAt, fingerprint }) => [begunAt !== null, fingerprint !== null])).toEqual([
        [true, false],
        [false, true],
      ]);
      return point;
    };

    it('knows what it left there, and finds nothing', async () => {
      const again = after(await left());
      await again.point.pass();
      expect(actions(again)).toEqual([]);
      const { rules, lastDrift, lastSecondWriter } = again.point.state;
      expect([rules.verdict, lastDrift, lastSecondWriter]).toEqual(['in-sync', null, null]);
      expect(rules.left).toBe(rules.read);
    });

    it('takes a new policy for its own to do', async () => {
      const again = after(await left(), next);
      await again.point.pass();
      expect(actions(again)).toEqual(['enforcement.apply']);
      expect(again.point.state).toMatchObject({ lastDrift: null, lastSecondWriter: null, rulesDigest: next.digest });
    });

    it('finds what a hand changed meanwhile, also under a new policy', async () => {
      for (const policy of [snapshot, next]) {
        const before = await left();
        await before.device.load(dropTable);
        const again = after(before, policy);
        await again.point.pass();
        expect(actions(again)).toEqual(['enforcement.drift-repaired']);
        expect(again.events).toMatchObject([{ type: 'enforcement.drifted', data: { repaired: true } }]);
      }
    });

    it('finds who else brought it what policy wants, once', async () => {
      const before = await left();
      // Another controller, with a memory of its own.
      await pointOf(pump, same, same, 0, { driver: before.driver, stored: [] }, next).point.pass();
      const again = after(before, next);
      await again.point.pass();
      await again.point.pass();
      expect(actions(again)).toEqual(['enforcement.second-writer']);
      expect(again.events).toMatchObject([
        { type: 'enforcement.second-writer', data: { point: 'fw1', digest: next.digest } },
      ]);
      expect(again.point.state.lastSecondWriter).not.toBeNull();
      expect(again.point.state.lastDrift).toBeNull();
      const last = after(again, next);
      await last.point.pass();
      expect(actions(last)).toEqual([]);
    });

    it('accuses nobody of what it may have done itself when it was killed', async () => {
      const before = await left();
      const killed = after(before, next);
      await killed.point.pass();
      // All that it did is on the device; of what it stored, the last is that it began.
      const begun = killed.stored.findLastIndex(({ begunAt }) => begunAt !== null);
      const stored = killed.stored.slice(0, begun + 1);
      const again = pointOf(pump, same, same, 0, { driver: before.driver, stored }, next);
      await again.point.pass();
      expect(actions(again)).toEqual([]);
      expect(again.point.state).toMatchObject({
        lastDrift: null,
        lastSecondWriter: null,
        rules: { verdict: 'in-sync' },
      });
    });

    it('nor of what it lost in the middle of a change', async () => {
      const before = await left();
      const stored = [...before.stored, { ...before.stored.at(-1)!, begunAt: '2026-05-04T10:00:00Z' }];
      await before.device.load(dropTable);
      const again = pointOf(pump, same, same, 0, { driver: before.driver, stored }, next);
      await again.point.pass();
      expect(again.point.state.lastDrift).toBeNull();
      expect(actions(again)).toEqual(['enforcement.apply']);
    });
  });
});
