import type { DevicePosture } from '#model';
import type { Mac } from '#net';
import type { Snapshot } from '#policy';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeNas } from '../../test/fake-nas.js';
import { testParts } from '../../test/parts.js';
import { sampleFiles, sampleSnapshot } from '../../test/sample-policy.js';
import { grantFields } from '../authentication/authorizer.js';
import { DecisionIds } from '../authentication/decision-id.js';
import type { TrackedSession } from '../sessions/tracked-session.js';
import { CoaClient } from './coa-client.js';
import { CoaReconciler } from './coa-reconciler.js';

const quick = [20, 20, 20];
const macOf = (i: number): Mac => `00:1a:2b:3c:4d:${i.toString(16).padStart(2, '0')}` as Mac;

function nasFile(port: number, profile = 'rfc', site = 'main'): Record<string, string> {
  const nas = `switch: { address: 127.0.0.1, site: ${site}, profile: ${profile}, secret: "env:S", coaPort: ${port}, sessionTimeout: 3600 }`;
  return { 'network/nas.yaml': nas };
}

describe('CoA reconciler', () => {
  const nas = new FakeNas();
  let port: number;
  let reconciler: CoaReconciler | null = null;
  let parts: ReturnType<typeof testParts>;

  beforeEach(async () => {
    if (!port) port = await nas.listen();
    nas.requests.length = 0;
    nas.onCoa = nas.onDisconnect = 'ack';
  });

  afterEach(() => {
    reconciler?.close();
    expect(nas.violations).toEqual([]);
  });

  function start(snapshot: Snapshot, waits = quick, firstRetry = 50): void {
    parts = testParts(snapshot);
    const client = new CoaClient(parts.counters, waits);
    const timing = { firstRetry, lastRetry: 10 * firstRetry };
    reconciler = new CoaReconciler({ ...parts, client }, new DecisionIds(), () => new Date(), timing);
  }

  /** A device of the index with a session that was told what it should have. */
  function session(mac: Mac, deviceClass = 'infusion-pump', told?: null): TrackedSession {
    device(mac, deviceClass, 'normal');
    const client = parts.snapshots.current!.clients.find('127.0.0.1');
    if (client === null || typeof client === 'string') throw new Error('no client');
    const { authorizer } = parts.snapshots.current!;
    const found = parts.devices.find(mac);
    const decision = authorizer.decide({ nas: client.nas, ssid: null }, found, 'mac');
    if (decision.kind === 'refused') throw new Error(decision.detail);
    const identification = {
      mac,
      userName: mac,
      callingStationId: mac,
      acctSessionId: `acct-${mac}`,
      auditSessionId: null,
      nasIpAddress: '127.0.0.1',
      nasIpv6Address: null,
      nasIdentifier: null,
      nasPort: 7,
      nasPortId: null,
    };
    const origin = { mac, nas: 'switch', nasAddress: '127.0.0.1', ssid: null, method: 'mac' as const, identification };
    const grant = grantFields(decision, 'cordon:test');
    return parts.sessions.create(origin, grant, told === null ? null : decision.fingerprint, new Date())!;
  }

  function device(mac: Mac, deviceClass: string, posture: DevicePosture): void {
    parts.devices.apply(false, 1, [{ mac, class: deviceClass, posture }]);
  }

  it('moves a quarantined device with one CoA-Request and leaves the others alone', async () => {
    start(sampleSnapshot(nasFile(port)));
    const one = session(macOf(1));
    session(macOf(2));
    device(macOf(1), 'infusion-pump', 'quarantined');
    reconciler!.reviewAll();
    await parts.until(() => one.session.vlan === 999);
    expect(nas.requests.map(({ kind, mac, vlan }) => [kind, mac, vlan])).toEqual([['CoA-Request', macOf(1), '999']]);
    expect(one.session).toMatchObject({
      segment: 'quarantine',
      posture: 'quarantined',
      role: 'quarantined',
      state: 'open',
    });
    expect(one.session.lastCoa).toMatchObject({ request: 'CoA-Request', outcome: 'ack', errorCause: null });
    expect(one.session.decisionId).not.toBe('cordon:test');
  });

  it('ends a session by password when the password is removed, and no other session of the device', async () => {
    start(sampleSnapshot(nasFile(port)), [10_000]);
    const credential = (username: string, passwordHash: string) => ({
      username,
      mac: macOf(1),
      passwordHash,
      ntHash: null,
    });
    parts.credentials.load([credential('pump', 'x'), credential('spare', 'x')], 1);
    const byPassword = session(macOf(1));
    byPassword.session.method = 'password';
    const byMac = session(macOf(2));
    parts.credentials.apply(false, 2, [credential('pump', 'y'), { username: 'spare', deleted: true }]);
    reconciler!.reviewAll();
    expect(nas.requests).toEqual([]);
    parts.credentials.apply(false, 3, [{ username: 'pump', deleted: true }]);
    reconciler!.reviewAll();
    await parts.until(() => byPassword.session.state === 'closed');
    expect(byPassword.session.endReason).toBe('disconnected: the password that let the device in was removed');
    expect(nas.requests.map(({ kind, mac }) => [kind, mac])).toEqual([['Disconnect-Request', macOf(1)]]);
    expect(byMac.session.state).toBe('open');
  });

  it('sends nothing when a new snapshot changes no order, and a packet when the ACL changes', async () => {
    start(sampleSnapshot(nasFile(port)));
    const pump = session(macOf(1));
    const scanner = session(macOf(2), 'ct-scanner');
    const before = parts.changes.length;
    const dicom = sampleFiles['catalog/applications.yaml']!.replace('[tcp/104, tcp/11112]', '[tcp/104, tcp/2762]');
    const flows = sampleFiles['rules/flows.csv']!.replace('pharmacy', 'another note');
    const first = parts.snapshots.current!.snapshot.digest;
    parts.take(sampleSnapshot({ ...nasFile(port), 'rules/flows.csv': flows }));
    expect(parts.snapshots.current!.snapshot.digest).not.toBe(first);
    reconciler!.reviewAll();
    expect(parts.changes.length).toBe(before);
    expect(reconciler!.backlog).toBe(0);
    parts.take(sampleSnapshot({ ...nasFile(port), 'catalog/applications.yaml': dicom }));
    reconciler!.reviewAll();
    await parts.until(() => scanner.session.snapshotDigest === parts.snapshots.current!.snapshot.digest);
    expect(nas.requests.map(({ mac }) => mac)).toEqual([macOf(2)]);
    expect(pump.session.snapshotDigest).toBe(first);
  });

  it('disconnects when the CoA is refused', async () => {
    start(sampleSnapshot(nasFile(port)));
    nas.onCoa = 'nak';
    const one = session(macOf(1));
    device(macOf(1), 'infusion-pump', 'quarantined');
    reconciler!.reviewDevice(macOf(1));
    await parts.until(() => one.session.state === 'closed');
    expect(nas.requests.map(({ kind }) => kind)).toEqual(['CoA-Request', 'Disconnect-Request']);
    expect(one.session.endReason).toContain('CoA-Request was refused');
    expect(one.session.lastCoa).toMatchObject({ request: 'Disconnect-Request', outcome: 'ack' });
  });

  it('disconnects at once a device that has no grant any more', async () => {
    start(sampleSnapshot(nasFile(port)));
    const one = session(macOf(1));
    parts.devices.apply(false, 2, [{ mac: macOf(1), deleted: true }]);
    reconciler!.reviewDevice(macOf(1));
    await parts.until(() => one.session.state === 'closed');
    expect(nas.requests.map(({ kind }) => kind)).toEqual(['Disconnect-Request']);
    expect(one.session.endReason).toContain('no access rule for class `unknown`');
  });

  it('closes a session that the NAS does not know', async () => {
    start(sampleSnapshot(nasFile(port)));
    nas.onCoa = nas.onDisconnect = 'unknown-session';
    const one = session(macOf(1));
    device(macOf(1), 'infusion-pump', 'quarantined');
    reconciler!.reviewDevice(macOf(1));
    await parts.until(() => one.session.state === 'closed');
    expect(one.session.endReason).toBe('the NAS does not know the session');
  });

  it('repeats the same bytes while there is silence, records it, and succeeds when the NAS is back', async () => {
    start(sampleSnapshot(nasFile(port)));
    nas.onCoa = 'silence';
    const one = session(macOf(1));
    device(macOf(1), 'infusion-pump', 'quarantined');
    reconciler!.reviewDevice(macOf(1));
    await parts.until(() => one.session.lastCoa?.outcome === 'timeout');
    expect(nas.requests.length).toBe(3);
    expect(new Set(nas.requests.map(({ bytes }) => bytes.toString('hex'))).size).toBe(1);
    expect(one.session).toMatchObject({ vlan: 210, state: 'open' });
    nas.onCoa = 'ack';
    await parts.until(() => one.session.vlan === 999);
    expect(nas.requests.at(-1)!.bytes.equals(nas.requests[0]!.bytes)).toBe(false);
  });

  it('does not believe a reply that is signed with another secret', async () => {
    start(sampleSnapshot(nasFile(port)));
    nas.onCoa = 'wrong-secret';
    const one = session(macOf(1));
    device(macOf(1), 'infusion-pump', 'quarantined');
    reconciler!.reviewDevice(macOf(1));
    await parts.until(() => one.session.lastCoa?.outcome === 'timeout');
    expect(one.session.vlan).toBe(210);
    expect(parts.counters.get('coa.dropped.bad-authenticator')).toBe(3);
  });

  it('tells the NAS the old order again when the change is taken back after a request that nobody answered', async () => {
    start(sampleSnapshot(nasFile(port)));
    nas.onCoa = 'silence';
    const one = session(macOf(1));
    const told = one.told;
    device(macOf(1), 'infusion-pump', 'quarantined');
    reconciler!.reviewDevice(macOf(1));
    await nas.received(1);
    device(macOf(1), 'infusion-pump', 'normal');
    await parts.until(() => one.session.lastCoa?.outcome === 'timeout');
    nas.onCoa = 'ack';
    reconciler!.reviewAll();
    await parts.until(() => one.told === told);
    expect(nas.requests.at(-1)!.vlan).toBe('210');
  });

  it('tells a session that was first heard of in accounting', async () => {
    start(sampleSnapshot(nasFile(port)));
    const one = session(macOf(1), 'infusion-pump', null);
    reconciler!.review(one);
    await parts.until(() => one.told !== null);
    expect(nas.requests.map(({ vlan }) => vlan)).toEqual(['210']);
  });

  it('updates the words of a session without a packet when the orders stay the same', () => {
    start(sampleSnapshot(nasFile(port)));
    const one = session(macOf(1));
    const [mac, told] = [macOf(1), one.told];
    const classes = `${sampleFiles['catalog/classes.yaml']}\ninfusion-pump-x: { description: a model, criticality: life-critical, owner: biomed }`;
    const membership = `${sampleFiles['rules/membership.csv']}\ng, infusion-pump-x, infusion-pump`;
    parts.take(
      sampleSnapshot({ ...nasFile(port), 'catalog/classes.yaml': classes, 'rules/membership.csv': membership }),
    );
    device(mac, 'infusion-pump-x', 'normal');
    reconciler!.reviewDevice(mac);
    expect(one.session.class).toBe('infusion-pump-x');
    expect(one.told).toBe(told);
    expect(reconciler!.backlog).toBe(0);
  });

  it('takes the quarantined first and asks one NAS at most four things at once', async () => {
    start(sampleSnapshot(nasFile(port)), [5000]);
    for (let i = 1; i <= 20; i++) session(macOf(i));
    nas.hold();
    for (let i = 1; i <= 20; i++) device(macOf(i), 'infusion-pump', i > 18 ? 'quarantined' : 'at-risk');
    reconciler!.reviewAll();
    await nas.received(4);
    expect(parts.counters.get('coa.requests')).toBe(4);
    nas.release();
    await parts.until(() => parts.sessions.open().every(({ session }) => session.vlan !== 210));
    const order = nas.requests.map(({ vlan }) => vlan);
    expect(order.length).toBe(20);
    expect(order.slice(4, 6)).toEqual(['999', '999']);
  });

  it('counts a session as told only at its next Access-Accept where the NAS re-authenticates on CoA', async () => {
    start(sampleSnapshot(nasFile(port, 'cisco-ios-xe')));
    const one = session(macOf(1));
    device(macOf(1), 'infusion-pump', 'quarantined');
    reconciler!.reviewDevice(macOf(1));
    await parts.until(() => one.session.lastCoa?.outcome === 'ack');
    expect(one.session.vlan).toBe(210);
    await nas.received(2); // it was not told, so it is asked again
  });
});
