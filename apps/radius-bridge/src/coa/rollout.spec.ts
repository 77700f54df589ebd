import type { Mac } from '#net';
import type { Snapshot } from '#policy';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { FakeNas } from '../../test/fake-nas.js';
import { openSession, testParts } from '../../test/parts.js';
import { sampleFiles, sampleSnapshot } from '../../test/sample-policy.js';
import { DecisionIds } from '../authentication/decision-id.js';
import type { TrackedSession } from '../sessions/tracked-session.js';
import { CoaClient } from './coa-client.js';
import { CoaReconciler } from './coa-reconciler.js';

const macOf = (i: number): Mac => `00:1a:2b:3c:4d:${i.toString(16).padStart(2, '0')}` as Mac;
const widerAcl = sampleFiles['catalog/applications.yaml']!.replace('[tcp/443]', '[tcp/443, tcp/8443]');

/** Policies before and after a change that touches pumps alone: another port in their ACL. */
describe('a change of policy', () => {
  const nas = new FakeNas();
  let nasYaml = '';
  let parts: ReturnType<typeof testParts>;
  let reconciler: CoaReconciler;
  let now = new Date();
  let before: Snapshot;
  let after: Snapshot;

  beforeAll(async () => {
    const port = await nas.listen();
    nasYaml = `switch: { address: 127.0.0.1, site: main, profile: rfc, secret: "env:S", coaPort: ${port}, sessionTimeout: 3600 }`;
  });
  beforeEach(() => {
    nas.reset();
    now = new Date('2026-11-30T12:00:00Z');
  });
  afterEach(() => {
    reconciler.close();
    expect(nas.violations).toEqual([]);
  });
  afterAll(() => nas.close());

  function start(rollout = '', random = () => 0): void {
    const files = {
      'network/nas.yaml': nasYaml,
      'network/rollout.yaml': rollout,
      'catalog/schedules.yaml': 'night: { days: [mon], from: "22:00", to: "23:00", timezone: UTC }',
      'catalog/classes.yaml': `${sampleFiles['catalog/classes.yaml']!}\nopen: { description: break-glass }`,
      'rules/access.csv': `${sampleFiles['rules/access.csv']!}\np2, open, everywhere, unverified, imaging, always, "break-glass"`,
    };
    before = sampleSnapshot(files);
    after = sampleSnapshot({ ...files, 'catalog/applications.yaml': widerAcl });
    parts = testParts(before);
    const client = new CoaClient(parts.counters, [5000]);
    const timing = { firstRetry: 50, lastRetry: 500, promise: 50 };
    const ports = { ...parts, client, log: () => undefined };
    reconciler = new CoaReconciler(ports, new DecisionIds(), () => now, timing, random);
  }

  function session(i: number, deviceClass = 'infusion-pump'): TrackedSession {
    const mac = macOf(i);
    parts.devices.apply(false, 1, [{ mac, class: deviceClass, posture: 'normal' }]);
    return openSession(parts, mac, now, { nasPort: i });
  }

  const has = ({ session: { snapshotDigest } }: TrackedSession, snapshot: Snapshot): boolean =>
    snapshotDigest === snapshot.digest;
  const told = (): (string | null)[] => nas.distinct.map(({ mac }) => mac);
  const mark = (i: number, inUse?: string, posture: 'normal' | 'quarantined' = 'normal') =>
    parts.devices.apply(false, 2, [{ mac: macOf(i), class: 'infusion-pump', posture, ...(inUse && { inUse }) }]);

  it('reaches devices and sites as far as the rollout has got, goes back when it is taken back, and holds for all in the end', async () => {
    start();
    const [one, two] = [session(1), session(2)];
    parts.stage(after, { devices: [macOf(1)] });
    reconciler.reviewAll();
    await parts.until(() => has(one, after));
    expect(told()).toEqual([macOf(1)]);
    parts.stage(after, { sites: ['main'] });
    reconciler.reviewAll();
    await parts.until(() => has(two, after));
    parts.stage(null);
    reconciler.reviewAll();
    await parts.until(() => has(one, before) && has(two, before));
    expect(told().length).toBe(4);
    parts.stage(after, { sites: ['everywhere'] });
    reconciler.reviewAll();
    await parts.until(() => has(one, after) && has(two, after));
    parts.take(after);
    parts.stage(null);
    reconciler.reviewAll();
    expect(told().length).toBe(6);
  });

  it.each([
    ['next-reauth', '', /waits for its next authentication/],
    ['manual', '', /waits for a person/],
    ['maintenance-window', ', window: night', /waits for `night`, which opens 2026-11-30T22:00Z/],
  ])('waits for %s, and says so', (change, window, reason) => {
    start(`classes: { medical-device: { change: ${change}${window} } }`);
    const one = session(1);
    parts.take(after);
    reconciler.reviewAll();
    expect(one.session.convergence).toMatchObject({ state: 'held', reason: expect.stringMatching(reason) as string });
    expect([told(), reconciler.backlog]).toEqual([[], 0]);
  });

  it('is carried out in its window, and at once where a person released it', async () => {
    start('classes: { medical-device: { change: maintenance-window, window: night } }');
    const [one, two] = [session(1), session(2)];
    parts.take(after);
    parts.devices.order({ breakGlass: [], released: [{ mac: macOf(1), class: null, digest: after.digest }] });
    reconciler.reviewAll();
    await parts.until(() => has(one, after));
    expect(has(two, after)).toBe(false);
    now = new Date('2026-11-30T22:30:00Z');
    reconciler.reviewAll();
    await parts.until(() => has(two, after));
  });

  it('does not make a quarantine wait for the time of its class', async () => {
    start('classes: { medical-device: { change: manual } }');
    const one = session(1);
    parts.take(after);
    mark(1, undefined, 'quarantined');
    reconciler.reviewDevice(macOf(1));
    await parts.until(() => one.session.vlan === 999);
  });

  it('waits for a device in clinical use until it is released, or the longest wait is over', async () => {
    start('inUse: { waitHours: 1 }');
    const [one, two] = [session(1), session(2)];
    mark(1, '2026-11-30T11:00:00.000Z');
    mark(2, '2026-11-30T11:00:00.000Z');
    parts.take(after);
    reconciler.reviewAll();
    expect(one.session.convergence).toMatchObject({
      state: 'held',
      since: now.toISOString(),
      reason: expect.stringContaining(
        'in clinical use since 2026-11-30T11:00Z, waits until 2026-11-30T13:00Z',
      ) as string,
    });
    mark(1);
    reconciler.reviewDevice(macOf(1));
    await parts.until(() => has(one, after));
    now = new Date('2026-11-30T12:59:00Z');
    reconciler.reviewAll();
    expect(told()).toEqual([macOf(1)]);
    now = new Date('2026-11-30T13:00:00Z');
    reconciler.reviewAll();
    await parts.until(() => has(two, after));
  });

  it.each([
    ['waits', 210, 'held'],
    ['overrides', 999, 'settled'],
  ])('lets a quarantine of a device in use be what policy says: %s', async (quarantine, vlan, state) => {
    start(`inUse: { quarantine: ${quarantine} }`);
    const one = session(1);
    mark(1, '2026-11-30T11:00:00.000Z', 'quarantined');
    reconciler.reviewDevice(macOf(1));
    await parts.until(() => one.session.convergence.state === state && one.session.vlan === vlan);
  });

  it('opens at once what a person broke the glass for, in use and quarantined as it may be, and closes it by itself', async () => {
    start();
    const one = session(1);
    mark(1, undefined, 'quarantined');
    reconciler.reviewDevice(macOf(1));
    await parts.until(() => one.session.vlan === 999);
    mark(1, '2026-11-30T11:00:00.000Z', 'quarantined');
    const until = new Date(Date.now() + 400).toISOString();
    parts.devices.order({ breakGlass: [{ id: 1, mac: macOf(1), class: null, as: 'open', until }], released: [] });
    now = new Date();
    reconciler.ordersChanged();
    await parts.until(() => one.session.vlan === 220);
    expect(one.session).toMatchObject({ class: 'open', posture: 'unverified' });
    mark(1, undefined, 'quarantined');
    await parts.until(() => one.session.vlan === 999);
  });

  it('goes no faster than the policy says, and a quarantine does not stand in the same line', async () => {
    start('limits: { changesPerSecond: 1, perSwitch: 2 }');
    const all = Array.from({ length: 6 }, (_, i) => session(i + 1));
    parts.take(after);
    reconciler.reviewAll();
    await parts.until(() => all.filter((each) => has(each, after)).length === 1);
    mark(6, undefined, 'quarantined');
    reconciler.reviewDevice(macOf(6));
    await parts.until(() => all[5]!.session.vlan === 999);
    expect(told().length).toBe(2);
    for (let left = 4; left > 0; left--) {
      now = new Date(now.getTime() + 1000);
      reconciler.reviewAll();
      const expected = 6 - left;
      await parts.until(() => all.slice(0, 5).filter((each) => has(each, after)).length >= expected);
      expect(told().length).toBe(expected + 1);
    }
  });

  it('spreads sessions by chance', () => {
    start('limits: { jitterSeconds: 3600 }', () => 0.5);
    session(1);
    parts.take(after);
    reconciler.reviewAll();
    reconciler.reviewAll();
    expect([told(), reconciler.backlog]).toEqual([[], 1]);
  });
});
