import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Authentication, BridgeEvent, Fingerprint, Session } from '#model';
import type { Mac } from '#net';
import { compilePolicy, loadPolicy, type Snapshot } from '#policy';
import { policyFiles } from '#testkit';
import { sampleSession } from '../../test/sample-session.js';
import { storeEvents } from '../bridge/store-events.js';
import { DeviceStore } from '../devices/device-store.js';
import { Database } from '../store/database.js';
import type { SuspicionRow } from '../store/rows.js';
import { Wakeups } from '../wakeups.js';
import { webhookEvents, type WebhookEvent } from '../webhooks/events.js';
import { Outbox, webhookBox } from '../outbox/outbox.js';
import { SuspicionStore } from './suspicion-store.js';

const pump = '00:1a:2b:00:00:01' as Mac;
const start = Date.parse('2026-05-01T10:00:00.000Z');
const time = (minute: number): string => new Date(start + minute * 60_000).toISOString();
const clock = { now: () => new Date(start) };

let folder: string;
let database: Database;
let store: SuspicionStore;
let devices: DeviceStore;
let seq = 0;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cordon-suspicions-'));
  database = await Database.open(join(folder, 'cordon.db'));
  store = new SuspicionStore(database, clock);
  devices = new DeviceStore(database, clock, new Wakeups());
  seq = 0;
});

afterEach(async () => {
  await database.close();
  rmSync(folder, { recursive: true, force: true });
});

function policy(suspicions: string): Snapshot {
  const loaded = loadPolicy(policyFiles({ 'network/suspicions.yaml': suspicions }));
  const compiled = loaded.ok ? compilePolicy(loaded.value, new Date(start)) : loaded;
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.diagnostics));
  return compiled.value;
}

const alarm = policy('downgrade: alarm');
const quarantine = policy('downgrade: quarantine');

const shown = (
  minute: number,
  method: 'mac' | 'certificate',
  change: Partial<Authentication> = {},
): Authentication => ({
  at: time(minute),
  mac: pump,
  nas: 'sw1',
  nasPort: '7',
  outcome: 'accept',
  reason: 'granted',
  code: null,
  method,
  class: 'infusion-pump',
  posture: 'unverified',
  site: 'main',
  segment: 'pumps',
  vlan: 210,
  rule: 'rules/access.csv:3',
  snapshotDigest: 'd',
  decisionId: `cordon:${minute}`,
  count: 1,
  ...change,
});

const eventsOf = (authentications: readonly Authentication[]): BridgeEvent[] =>
  authentications.map((authentication) => ({ type: 'authentication', seq: ++seq, authentication }));

/** Answers whether bridges have to be told of a device. */
async function report(authentications: readonly Authentication[], snapshot: Snapshot | null = alarm): Promise<boolean> {
  const batch = { bridge: 'b/1', events: eventsOf(authentications) };
  return (await storeEvents(database, batch, new Date(start), { rows: 1000 }, snapshot)).devicesChanged;
}

const tell = (snapshot: Snapshot, ...sessions: Session[]) =>
  storeEvents(
    database,
    { bridge: 'b/1', events: sessions.map((each) => ({ type: 'session', seq: ++seq, session: each })) },
    new Date(start),
    { rows: 1000 },
    snapshot,
  );

const all = async (): Promise<SuspicionRow[]> => [...(await store.list({ limit: 100 })).items];
const register = (name = 'infusion-pump') =>
  devices.create({ mac: pump, class: name, posture: 'normal', name: '', location: '', serial: '', notes: '' }, 'ada');

describe('a downgrade', () => {
  it('is raised once, and counted when it is seen again', async () => {
    await report([shown(0, 'certificate'), shown(1, 'mac')]);
    await report([shown(2, 'mac', { nasPort: '8' })]);
    expect(await all()).toMatchObject([
      {
        kind: 'downgrade',
        state: 'open',
        action: 'alarm',
        count: 2,
        nasPort: '8',
        raisedAt: time(1),
        lastSeenAt: time(2),
      },
    ]);
    expect(await store.count()).toEqual([{ kind: 'downgrade', raised: 1, open: 1 }]);
  });

  it.each<[string, Authentication[]]>([
    ['a device that never showed a certificate', [shown(0, 'mac')]],
    ['a MAC authentication that is reported late', [shown(5, 'certificate'), shown(1, 'mac')]],
    ['another device', [shown(0, 'certificate'), shown(1, 'mac', { mac: '00:1a:2b:00:00:02' })]],
    [
      'a refusal of what was no MAC authentication',
      [shown(0, 'certificate'), { ...shown(1, 'mac'), method: null, outcome: 'reject' }],
    ],
    ['a password', [shown(0, 'certificate'), { ...shown(1, 'mac'), method: 'password' }]],
  ])('is not %s', async (_, authentications) => {
    await report(authentications);
    expect(await all()).toEqual([]);
  });

  it('is told to webhooks when it is raised, and not each time it is seen', async () => {
    const outbox = new Outbox(database, webhookBox);
    await outbox.setHeard(true);
    await report([shown(0, 'certificate'), shown(1, 'mac')]);
    await report([shown(2, 'mac')]);
    const { type, data } = JSON.parse((await outbox.next())!.body) as WebhookEvent;
    expect(type).toBe('suspicion.raised');
    expect(webhookEvents['suspicion.raised'].data.parse(data)).toMatchObject({ kind: 'downgrade', action: 'alarm' });
    expect(await outbox.state()).toMatchObject({ waiting: 1 });
  });

  it('is over when the certificate comes back on that port, and not on another', async () => {
    await report([shown(0, 'certificate'), shown(1, 'mac')]);
    await report([shown(2, 'certificate', { nasPort: '9' })]);
    expect(await all()).toMatchObject([{ state: 'open' }]);
    await report([shown(3, 'certificate')]);
    expect(await all()).toMatchObject([{ state: 'over', closedBy: 'system' }]);
    await report([shown(4, 'mac')]);
    expect(await all()).toMatchObject([{ state: 'open' }, { state: 'over' }]);
  });

  it('is learnt also while there is no policy', async () => {
    await report([shown(0, 'certificate')], null);
    await report([shown(1, 'mac')]);
    expect(await all()).toHaveLength(1);
  });

  it('counts a report once that a bridge sends again', async () => {
    const batch = { bridge: 'b/1', events: eventsOf([shown(0, 'certificate'), shown(1, 'mac')]) };
    for (let i = 0; i < 2; i++) await storeEvents(database, batch, new Date(start), { rows: 1000 }, alarm);
    expect(await all()).toMatchObject([{ count: 1 }]);
  });

  it('does not keep a batch from being stored when looking for it fails', async () => {
    const broken = new Proxy(alarm, {
      get: (target, name) => {
        if (name === 'suspicions') throw new Error('a mistake');
        return Reflect.get(target, name) as unknown;
      },
    });
    const events = eventsOf([shown(0, 'certificate'), shown(1, 'mac')]);
    const stored = await storeEvents(database, { bridge: 'b/1', events }, new Date(start), { rows: 1000 }, broken);
    expect(stored).toMatchObject({ answer: { stored: seq }, authentications: 2, devicesChanged: false });
    expect(stored.problem).toMatch(/a mistake/);
    expect(await all()).toEqual([]);
    await report([shown(2, 'mac')]);
  });

  it('is forgotten with the device', async () => {
    await register();
    await report([shown(0, 'certificate')]);
    await devices.remove(pump, 'ada');
    await report([shown(1, 'mac')]);
    expect(await all()).toEqual([]);
  });
});

describe('quarantine by suspicion', () => {
  const posture = async (): Promise<string | undefined> => (await devices.find(pump))?.posture;

  it('happens once: a release holds, until the suspicion is raised anew', async () => {
    await register();
    expect(await report([shown(0, 'certificate'), shown(1, 'mac')], quarantine)).toBe(true);
    expect(await posture()).toBe('quarantined');
    await devices.change(pump, { posture: 'normal' }, { actor: 'ada', action: 'device.posture', reason: 'seen' });
    expect(await report([shown(2, 'mac')], quarantine)).toBe(false);
    expect(await posture()).toBe('normal');
    await report([shown(3, 'certificate'), shown(4, 'mac')], quarantine);
    expect(await posture()).toBe('quarantined');
  });

  it('does not follow a refusal, and follows the first that got in after it', async () => {
    await register();
    const refused = shown(1, 'mac', { outcome: 'reject', code: 'no-grant', class: null, segment: null });
    expect(await report([shown(0, 'certificate'), refused], quarantine)).toBe(false);
    expect(await all()).toMatchObject([{ action: 'alarm', class: 'infusion-pump' }]);
    expect(await report([shown(2, 'mac')], quarantine)).toBe(true);
    expect(await all()).toMatchObject([{ action: 'quarantine', count: 2 }]);
  });

  it('is an alarm for a device without a record', async () => {
    expect(await report([shown(0, 'certificate'), shown(1, 'mac')], quarantine)).toBe(false);
    expect(await all()).toMatchObject([{ action: 'alarm' }]);
  });

  it('is left out where policy ignores it', async () => {
    await register();
    await report([shown(0, 'certificate'), shown(1, 'mac')], policy('downgrade: ignore'));
    expect(await all()).toEqual([]);
    expect(await posture()).toBe('normal');
  });
});

describe('a dismissal', () => {
  it('is for open ones, and is audited with name and reason', async () => {
    await report([shown(0, 'certificate'), shown(1, 'mac')]);
    const [{ id }] = (await all()) as [SuspicionRow];
    expect(await store.dismiss(id, 'new card', 'ada')).toMatchObject({ state: 'dismissed', closedBy: 'ada' });
    await expect(store.dismiss(id, 'again', 'ada')).rejects.toThrow('dismissed already');
    await expect(store.dismiss(id + 1, 'x', 'ada')).rejects.toThrow(`no suspicion ${id + 1}`);
    const audit = await database.read((db) => db.query('SELECT actor, action, target, reason FROM audit'));
    expect(audit).toEqual([{ actor: 'ada', action: 'suspicion.dismiss', target: pump, reason: 'new card' }]);
    await report([shown(2, 'mac')]);
    expect(await all()).toHaveLength(1);
  });
});

describe('an address of no manufacturer', () => {
  const session = (id: string, change: Partial<Session> = {}): Session =>
    sampleSession(time(0), { id, mac: pump, ...change });
  const makers = (action: string, own = '00:aa:bb'): Snapshot =>
    policy(`vendor: ${action}\nclasses: { infusion-pump: { manufacturers: ["${own}"] } }`);

  it('is counted by sessions, not by what is reported of one', async () => {
    await tell(makers('alarm'), session('a'), session('a', { revision: 2 }));
    await tell(makers('alarm'), session('b'));
    expect(await all()).toMatchObject([{ kind: 'vendor', state: 'open', count: 2 }]);
  });

  it('stays dismissed for its class, and is raised for another', async () => {
    const both = policy(
      'classes: { infusion-pump: { manufacturers: ["00:aa:bb"] }, medical-device: { manufacturers: ["00:aa:bb"] } }',
    );
    await tell(both, session('a'));
    const [{ id }] = (await all()) as [SuspicionRow];
    await store.dismiss(id, 'a spare card', 'ada');
    await tell(both, session('b'));
    expect(await all()).toHaveLength(1);
    await tell(both, session('b', { revision: 2, class: 'medical-device' }));
    expect(await all()).toMatchObject([{ state: 'open', class: 'medical-device' }, { state: 'dismissed' }]);
  });

  it('is over when the list has it', async () => {
    await tell(makers('alarm'), session('a'));
    await tell(makers('alarm', '00:1a:2b'), session('a', { revision: 2 }));
    expect(await all()).toMatchObject([{ state: 'over' }]);
  });

  it('goes to quarantine once policy wants it, without a new session', async () => {
    await register();
    await tell(makers('alarm'), session('a'));
    const stored = await tell(makers('quarantine'), session('a', { revision: 2 }));
    expect(stored.devicesChanged).toBe(true);
    expect(await all()).toMatchObject([{ action: 'quarantine' }]);
  });
});

describe('a fingerprint that is not of the class', () => {
  const odd: Fingerprint = { 'dhcp-class-identifier': 'MSFT 5.0' };
  const own: Fingerprint = { 'dhcp-class-identifier': 'alaris-8015' };
  let revision = 1;
  const session = (fingerprint: Fingerprint | null, change: Partial<Session> = {}): Session =>
    sampleSession(time(0), { id: 'a', mac: pump, fingerprint, revision: revision++, ...change });
  const rules = (action = 'alarm', values = '"alaris-*"'): Snapshot =>
    policy(`fingerprint: ${action}
classes:
  infusion-pump: { fingerprints: { dhcp-class-identifier: [${values}] } }
  medical-device: { fingerprints: { dhcp-class-identifier: ["nothing"] } }
`);

  it('is raised with what was said and what the class has, and counted when something else is said', async () => {
    await tell(rules(), session(null), session(odd), session(odd));
    expect(await all()).toMatchObject([
      {
        kind: 'fingerprint',
        state: 'open',
        action: 'alarm',
        count: 1,
        said: odd,
        reason: 'its dhcp-class-identifier is "MSFT 5.0", and class `infusion-pump` has "alaris-*"',
      },
    ]);
    await tell(rules(), session({ 'dhcp-class-identifier': 'udhcp 1.36' }));
    expect(await all()).toMatchObject([{ count: 2, said: { 'dhcp-class-identifier': 'udhcp 1.36' } }]);
  });

  it.each<[string, Fingerprint | null, Partial<Session>]>([
    ['what the class says', own, {}],
    ['nothing', null, {}],
    ['what the class does not list', { 'dhcp-host-name': 'x' }, {}],
    ['what was said in a session that is over', odd, { state: 'closed' }],
    ['what is said by a class without fingerprints', odd, { class: 'unknown' }],
  ])('is not %s', async (_, fingerprint, change) => {
    await tell(rules(), session(fingerprint, change));
    expect(await all()).toEqual([]);
  });

  it.each<[string, () => Promise<unknown>]>([
    ['the device says on that port what the class says', () => tell(rules(), session(own))],
    ['the list has it', () => tell(rules('alarm', '"alaris-*", "msft*"'), session(odd))],
    [
      'the list has it, and the device is on another port by now',
      () => tell(rules('alarm', '"alaris-*", "msft*"'), session(null, { id: 'b', nasPort: '8' })),
    ],
    ['the policy asks for nothing any more', () => tell(alarm, session(odd))],
    ['the class is put right', () => tell(rules(), session(odd, { class: 'unknown' }))],
  ])('is over when %s', async (_, happens) => {
    await tell(rules(), session(odd));
    await happens();
    expect(await all()).toMatchObject([{ state: 'over', closedBy: 'system' }]);
  });

  it.each<[string, Session[]]>([
    ['a copy of the address says the right thing on another port', [session(own, { id: 'b', nasPort: '8' })]],
    ['nothing was told of that in a new session on its port', [session({ 'dhcp-host-name': 'x' }, { id: 'b' })]],
    ['the session ends', [session(odd, { state: 'closed', endedAt: time(1) })]],
  ])('stays open when %s', async (_, reported) => {
    await tell(rules(), session(odd));
    await tell(rules(), ...reported.map((each) => ({ ...each, revision: 100 })));
    expect(await all()).toMatchObject([{ state: 'open', nasPort: '7', count: 1 }]);
  });

  it('stays dismissed for what was said, and is raised when something else is said, or for another class', async () => {
    await tell(rules(), session(odd));
    const [{ id }] = (await all()) as [SuspicionRow];
    await store.dismiss(id, 'a service laptop', 'ada');
    await tell(rules(), session(odd), session(odd, { id: 'b' }));
    await tell(rules('alarm', '"alaris-*", "other"'), session(odd));
    expect(await all()).toHaveLength(1);
    await tell(rules(), session({ 'dhcp-class-identifier': 'udhcp 1.36' }));
    expect(await all()).toMatchObject([{ state: 'open' }, { state: 'dismissed' }]);
    await tell(rules(), session(own), session(odd, { class: 'medical-device' }));
    expect(await all()).toMatchObject([
      { state: 'open', class: 'medical-device' },
      { state: 'over' },
      { state: 'dismissed' },
    ]);
  });

  it('quarantines once, and not again after a release while the same is said', async () => {
    await register();
    expect((await tell(rules('quarantine'), session(odd))).devicesChanged).toBe(true);
    await devices.change(pump, { posture: 'normal' }, { actor: 'ada', action: 'device.posture', reason: 'seen' });
    const again = await tell(rules('quarantine'), session(odd), session(null, { id: 'b' }), session(odd, { id: 'b' }));
    expect(again.devicesChanged).toBe(false);
    expect(await all()).toMatchObject([{ action: 'quarantine', count: 2 }]);
  });

  it('is left out where policy ignores it', async () => {
    await tell(rules('ignore'), session(odd));
    expect(await all()).toEqual([]);
  });
});
