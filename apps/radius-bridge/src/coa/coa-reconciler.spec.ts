import type { DevicePosture } from '#model';
import type { Mac } from '#net';
import type { Snapshot } from '#policy';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FakeNas, type NasCommand } from '../../test/fake-nas.js';
import { openSession, testParts } from '../../test/parts.js';
import { sampleFiles, sampleSnapshot } from '../../test/sample-policy.js';
import { DecisionIds } from '../authentication/decision-id.js';
import type { Client } from '../clients/client-table.js';
import type { TrackedSession } from '../sessions/tracked-session.js';
import { CoaClient } from './coa-client.js';
import type { LogFields } from '../log.js';
import { CoaReconciler } from './coa-reconciler.js';

const quick = [40, 40, 40];
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
  /** Whom a switch was ordered to authenticate again. */
  const ordered: string[] = [];
  const logged: Record<string, unknown>[] = [];

  beforeEach(async () => {
    if (!port) port = await nas.listen();
    nas.reset();
  });

  afterEach(() => {
    reconciler?.close();
    expect(nas.violations).toEqual([]);
  });

  function start(snapshot: Snapshot, waits = quick, firstRetry = 50): void {
    parts = testParts(snapshot);
    const client = new CoaClient(parts.counters, waits);
    const timing = { firstRetry, lastRetry: 10 * firstRetry, promise: 50 };
    const log = (level: string, message: string, fields: LogFields = {}) =>
      void logged.push({ level, message, ...fields });
    logged.length = 0;
    ordered.length = 0;
    const delivery = {
      acknowledged: () => undefined,
      reauthenticates: ({ session: { mac } }: TrackedSession) => void ordered.push(mac),
    };
    reconciler = new CoaReconciler({ ...parts, client, log, delivery }, new DecisionIds(), () => new Date(), timing);
  }

  /** A device of the index with a session that was told what it should have. */
  function session(mac: Mac, deviceClass = 'infusion-pump', told?: null): TrackedSession {
    device(mac, deviceClass, 'normal');
    return openSession(parts, mac, new Date(), { isTold: told !== null });
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
    expect(nas.distinct.map(({ kind, mac, vlan }) => [kind, mac, vlan])).toEqual([['CoA-Request', macOf(1), '999']]);
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
    const byPassword = session(macOf(1), 'ct-scanner');
    byPassword.session.method = 'password';
    const byMac = session(macOf(2));
    parts.credentials.apply(false, 2, [credential('pump', 'y'), { username: 'spare', deleted: true }]);
    reconciler!.reviewAll();
    expect(nas.requests).toEqual([]);
    parts.credentials.apply(false, 3, [{ username: 'pump', deleted: true }]);
    reconciler!.reviewAll();
    await parts.until(() => byPassword.session.state === 'closed');
    expect(byPassword.session.endReason).toBe('disconnected: the password that let the device in was removed');
    expect(nas.distinct.map(({ kind, mac }) => [kind, mac])).toEqual([['Disconnect-Request', macOf(1)]]);
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
    expect(nas.distinct.map(({ mac }) => mac)).toEqual([macOf(2)]);
    expect(pump.session.snapshotDigest).toBe(first);
  });

  it('disconnects at once a device that has no grant any more', async () => {
    start(sampleSnapshot(nasFile(port)));
    const one = session(macOf(1));
    parts.devices.apply(false, 2, [{ mac: macOf(1), deleted: true }]);
    reconciler!.reviewDevice(macOf(1));
    await parts.until(() => one.session.state === 'closed');
    expect(nas.distinct.map(({ kind }) => kind)).toEqual(['Disconnect-Request']);
    expect(one.session.endReason).toContain('no access rule for class `unknown`');
  });

  it('closes a session that the NAS does not know', async () => {
    start(sampleSnapshot(nasFile(port)));
    nas.on.coa = [503];
    const one = session(macOf(1));
    device(macOf(1), 'infusion-pump', 'quarantined');
    reconciler!.reviewDevice(macOf(1));
    await parts.until(() => one.session.state === 'closed');
    expect(one.session.endReason).toBe('the NAS does not know the session');
  });

  it('repeats the same bytes while there is silence, records it, and succeeds when the NAS is back', async () => {
    start(sampleSnapshot(nasFile(port)));
    nas.on.coa = ['silence'];
    const one = session(macOf(1));
    device(macOf(1), 'infusion-pump', 'quarantined');
    reconciler!.reviewDevice(macOf(1));
    await parts.until(() => one.session.lastCoa?.outcome === 'timeout');
    expect(nas.requests.length).toBe(3);
    expect(new Set(nas.requests.map(({ bytes }) => bytes.toString('hex'))).size).toBe(1);
    expect(one.session).toMatchObject({ vlan: 210, state: 'open' });
    nas.on.coa = ['ack'];
    await parts.until(() => one.session.vlan === 999);
    expect(nas.requests.at(-1)!.bytes.equals(nas.requests[0]!.bytes)).toBe(false);
  });

  it('does not believe a reply that is signed with another secret', async () => {
    start(sampleSnapshot(nasFile(port)));
    nas.on.coa = ['wrong-secret'];
    const one = session(macOf(1));
    device(macOf(1), 'infusion-pump', 'quarantined');
    reconciler!.reviewDevice(macOf(1));
    await parts.until(() => one.session.lastCoa?.outcome === 'timeout');
    expect(one.session.vlan).toBe(210);
    expect(parts.counters.get('coa.dropped.bad-authenticator')).toBe(3);
  });

  it('tells the NAS the old order again when the change is taken back after a request that nobody answered', async () => {
    start(sampleSnapshot(nasFile(port)));
    nas.on.coa = ['silence'];
    const one = session(macOf(1));
    const told = one.session.told;
    device(macOf(1), 'infusion-pump', 'quarantined');
    reconciler!.reviewDevice(macOf(1));
    await nas.received(1);
    device(macOf(1), 'infusion-pump', 'normal');
    await parts.until(() => one.session.lastCoa?.outcome === 'timeout');
    nas.on.coa = ['ack'];
    reconciler!.reviewAll();
    await parts.until(() => one.session.told === told);
    expect(nas.requests.at(-1)!.vlan).toBe('210');
  });

  it('tells a session that was first heard of in accounting', async () => {
    start(sampleSnapshot(nasFile(port)));
    const one = session(macOf(1), 'infusion-pump', null);
    reconciler!.review(one);
    await parts.until(() => one.session.told !== null);
    expect(nas.distinct.map(({ vlan }) => vlan)).toEqual(['210']);
  });

  it('updates the words of a session without a packet when the orders stay the same', () => {
    start(sampleSnapshot(nasFile(port)));
    const one = session(macOf(1));
    const [mac, told] = [macOf(1), one.session.told];
    const classes = `${sampleFiles['catalog/classes.yaml']}\ninfusion-pump-x: { description: a model, criticality: life-critical, owner: biomed }`;
    const membership = `${sampleFiles['rules/membership.csv']}\ng, infusion-pump-x, infusion-pump`;
    parts.take(
      sampleSnapshot({ ...nasFile(port), 'catalog/classes.yaml': classes, 'rules/membership.csv': membership }),
    );
    device(mac, 'infusion-pump-x', 'normal');
    reconciler!.reviewDevice(mac);
    expect(one.session.class).toBe('infusion-pump-x');
    expect(one.session.told).toBe(told);
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
    const order = nas.distinct.map(({ vlan }) => vlan);
    expect(order.length).toBe(20);
    expect(order.slice(4, 6)).toEqual(['999', '999']);
  });

  it('counts a session as told only at its next Access-Accept where the NAS re-authenticates on CoA', async () => {
    start(sampleSnapshot(nasFile(port, 'cisco-ios-xe')));
    const one = session(macOf(1));
    device(macOf(1), 'infusion-pump', 'quarantined');
    reconciler!.reviewDevice(macOf(1));
    await parts.until(() => one.session.lastCoa?.outcome === 'ack');
    expect(one.session).toMatchObject({ vlan: 210, convergence: { state: 'changing' } });
    authenticate(one);
    expect(one.session).toMatchObject({ vlan: 999, convergence: { state: 'settled', reason: null } });
    reconciler!.reviewAll();
    await idle();
    expect(nas.commands).toEqual(['reauthenticate']);
    expect(ordered).toHaveLength(1);
  });

  /** The device's Access-Request is answered. */
  function authenticate({ session: { mac, nas: name, nasAddress, method }, identification }: TrackedSession): void {
    const { authorizer, clients } = parts.snapshots.current!;
    const decision = authorizer.decide(
      { nas: (clients.find(nasAddress) as Client).nas, ssid: null },
      mac,
      parts.devices.find(mac),
      method,
    );
    if (decision.kind === 'refused') throw new Error(decision.detail);
    const said = {
      mac,
      nas: name,
      nasAddress,
      ssid: null,
      isWireless: false,
      method,
      heard: identification,
      grant: decision.session,
    };
    parts.sessions.accepted({ ...said, decisionId: 'cordon:asked', told: decision.fingerprint }, Date.now());
  }

  const idle = (): Promise<unknown> => vi.waitUntil(() => reconciler!.backlog === 0);

  function startLadder(profile: string, steps: string): void {
    const classes = sampleFiles['catalog/classes.yaml']!.replace(
      'criticality: high, owner: radiology',
      `criticality: high, owner: radiology, dynamicAuthorization: [${steps}]`,
    );
    start(sampleSnapshot({ ...nasFile(port, profile), 'catalog/classes.yaml': classes }));
  }

  function quarantineScanner(mac = macOf(1)): TrackedSession {
    const one = session(mac, 'ct-scanner');
    device(mac, 'ct-scanner', 'quarantined');
    reconciler!.reviewDevice(mac);
    return one;
  }

  describe('the ladder', () => {
    it.each<[string, string, string, Partial<FakeNas['on']>, NasCommand[]]>([
      ['a refused push', 'rfc', 'coa, reauthenticate, disconnect', { coa: [404] }, ['coa', 'disconnect']],
      [
        'a push refused without a cause',
        'rfc',
        'coa, disconnect',
        { coa: ['nak-without-cause'] },
        ['coa', 'disconnect'],
      ],
      [
        'a refused re-authentication',
        'cisco-ios-xe',
        'coa, reauthenticate, disconnect',
        { reauthenticate: [405] },
        ['reauthenticate', 'disconnect'],
      ],
      [
        'a re-authentication that never comes',
        'cisco-ios-xe',
        'reauthenticate, disconnect',
        {},
        ['reauthenticate', 'disconnect'],
      ],
      [
        'a re-authentication that the NAS says it begins itself',
        'rfc',
        'coa, disconnect',
        { coa: [507] },
        ['coa', 'disconnect'],
      ],
      ['another order', 'rfc', 'disconnect, coa', {}, ['disconnect']],
    ])('goes on after %s', async (_, profile, steps, on, commands) => {
      startLadder(profile, steps);
      Object.assign(nas.on, on);
      const one = quarantineScanner();
      await parts.until(() => one.session.state === 'closed');
      expect(nas.commands).toEqual(commands);
      expect(one.session.endReason).toBe('disconnected: imaging (VLAN 220) to quarantine (VLAN 999)');
      expect(one.session.earlierCoa.map(({ step }) => step)).toEqual(commands.slice(0, -1).reverse());
    });

    it.each<[string, Partial<FakeNas['on']>, NasCommand[], RegExp]>([
      [
        'a refused push',
        { coa: [404] },
        ['coa'],
        /coa was refused with Invalid-Request: .*malformed; no step is left: class `ct-scanner` allows coa, bounce on profile `rfc`/,
      ],
    ])('ends where the class ends it, even on the way to quarantine: %s', async (_, on, commands, reason) => {
      startLadder('rfc', 'coa, bounce');
      Object.assign(nas.on, on);
      const one = quarantineScanner();
      await parts.until(() => one.session.convergence.state === 'diverged');
      expect(nas.commands).toEqual(commands);
      expect(one.session).toMatchObject({ state: 'open', vlan: 220 });
      expect(one.session.convergence.reason).toMatch(reason);
      expect(logged).toMatchObject([{ level: 'error', mac: macOf(1), nas: 'switch', nasPort: '7' }]);
      expect(parts.counters.get('coa.diverged')).toBe(1);
    });

    it('of a life-critical class never ends a session, and begins anew later', async () => {
      start(sampleSnapshot(nasFile(port)));
      nas.on.coa = ['nak-without-cause', 'nak-without-cause', 'ack'];
      const pump = session(macOf(1));
      device(macOf(1), 'infusion-pump', 'at-risk');
      reconciler!.reviewDevice(macOf(1));
      await parts.until(() => pump.session.convergence.state === 'diverged');
      const { since } = pump.session.convergence;
      expect(logged).toMatchObject([{ level: 'warn' }]);
      await parts.until(() => pump.session.earlierCoa.length === 1);
      expect(pump.session.convergence).toMatchObject({ state: 'diverged', since });
      await parts.until(() => pump.session.vlan === 211);
      expect(nas.commands).toEqual(['coa', 'coa', 'coa']);
      expect(pump.session.convergence).toMatchObject({ state: 'settled', reason: null });
      expect(logged.length).toBe(1);
    });

    it('has no step for a device that must go where its class may not be disconnected and the NAS can not ask again', async () => {
      startLadder('rfc', 'coa');
      const one = session(macOf(1), 'ct-scanner');
      device(macOf(1), 'ct-scanner', 'at-risk'); // no access rule
      reconciler!.reviewDevice(macOf(1));
      await parts.until(() => one.session.convergence.state === 'diverged');
      expect(one.session.convergence.reason).toContain('no step is possible: class `ct-scanner` allows coa');
      expect(nas.commands).toEqual([]);
      expect(logged).toMatchObject([{ level: 'error' }]);
    });

    it('stays on its step however long a NAS is silent', async () => {
      startLadder('rfc', 'coa, disconnect');
      nas.on.coa = ['silence'];
      const one = quarantineScanner();
      await nas.received(4 * quick.length);
      expect(new Set(nas.commands)).toEqual(new Set(['coa']));
      expect(one.session).toMatchObject({ state: 'open', convergence: { state: 'diverged' } });
      expect(one.session.convergence.reason).toContain('coa: no answer from the switch');
      nas.on.coa = ['ack'];
      await parts.until(() => one.session.convergence.state === 'settled');
      expect(logged.length).toBe(1);
    });

    it('stays on its step while the NAS has no resources, and takes the next when it refuses', async () => {
      startLadder('rfc', 'coa, disconnect');
      nas.on.coa = [506, 506, 404];
      const one = quarantineScanner();
      await parts.until(() => one.session.state === 'closed');
      expect(nas.commands).toEqual(['coa', 'coa', 'coa', 'disconnect']);
    });

    it('leaves a device where it is when the NAS can not hold the new VLAN', async () => {
      start(sampleSnapshot(nasFile(port)));
      nas.on.coa = [407];
      const one = session(macOf(1), 'ct-scanner');
      const segments = sampleFiles['catalog/segments.yaml']!.replace('vlan: 220', 'vlan: 221');
      parts.take(sampleSnapshot({ ...nasFile(port), 'catalog/segments.yaml': segments }));
      reconciler!.reviewAll();
      await parts.until(() => one.session.earlierCoa.length === 2);
      expect(nas.commands).toEqual(['coa', 'coa', 'coa']);
      expect(one.session).toMatchObject({ state: 'open', vlan: 220, convergence: { state: 'diverged' } });
    });

    it('is not climbed again by each session where a NAS refuses a step for all', async () => {
      startLadder('rfc', 'coa, disconnect');
      nas.on.coa = [406];
      const first = quarantineScanner(macOf(1));
      await parts.until(() => first.session.state === 'closed');
      const second = quarantineScanner(macOf(2));
      await parts.until(() => second.session.state === 'closed');
      expect(nas.commands).toEqual(['coa', 'disconnect', 'disconnect']);
    });

    it('goes on asking a NAS that refused the only step there is, for each session', async () => {
      start(sampleSnapshot(nasFile(port)));
      nas.on.coa = [401, 401, 'ack'];
      for (const mac of [macOf(1), macOf(2)]) {
        const pump = session(mac);
        device(mac, 'infusion-pump', 'at-risk');
        reconciler!.reviewDevice(mac);
        await parts.until(() => pump.session.vlan === 211);
      }
      expect(nas.commands).toEqual(['coa', 'coa', 'coa', 'coa']);
    });

    it('begins at once with another goal, and does not hurry for the same', async () => {
      startLadder('rfc', 'coa, disconnect');
      nas.on.coa = [506, 'ack'];
      const one = quarantineScanner();
      await parts.until(() => one.session.convergence.state === 'diverged');
      reconciler!.reviewAll();
      reconciler!.reviewDevice(macOf(1));
      expect(parts.counters.get('coa.requests')).toBe(1);
      device(macOf(1), 'ct-scanner', 'normal');
      reconciler!.reviewDevice(macOf(1));
      await parts.until(() => one.session.convergence.state === 'settled');
      await idle();
      expect(nas.commands).toEqual(['coa']);
    });

    it('keeps the last attempts, and no more', async () => {
      startLadder('rfc', 'coa');
      nas.on.coa = ['nak-without-cause'];
      const one = quarantineScanner();
      await parts.until(() => one.session.earlierCoa.length === 5);
      nas.on.coa = [506];
      await parts.until(() => one.session.lastCoa?.errorCause === 506);
      await parts.until(() => one.session.earlierCoa[2]?.errorCause === 506);
      expect(one.session.earlierCoa.length).toBe(7);
      expect(one.session.earlierCoa.every(({ at }, i, all) => i === 0 || at <= all[i - 1]!.at)).toBe(true);
    });
  });

  describe('a port', () => {
    const bounce = 'reauthenticate, bounce';
    it('is bounced when its class says so and nobody else is there', async () => {
      startLadder('cisco-ios-xe', bounce);
      nas.on.reauthenticate = [404];
      const one = quarantineScanner();
      await parts.until(() => one.session.lastCoa?.step === 'bounce');
      expect(one.session).toMatchObject({ lastCoa: { outcome: 'ack' }, convergence: { state: 'changing' } });
      authenticate(one);
      expect(one.session).toMatchObject({ vlan: 999, convergence: { state: 'settled' } });
    });

    it.each<[string, (other: TrackedSession, own: TrackedSession) => void]>([
      ['another device is there that must not be bounced', () => undefined],
      ['it is not known which port it is', (_, own) => (own.session.nasPort = null)],
      ['it is that of an access point', (_, own) => (own.ssid = 'clinical')],
    ])('is left alone when %s', async (_, arrange) => {
      startLadder('cisco-ios-xe', bounce);
      nas.on.reauthenticate = [404];
      const other = session(macOf(9));
      const own = session(macOf(1), 'ct-scanner');
      arrange(other, own);
      device(macOf(1), 'ct-scanner', 'quarantined');
      reconciler!.reviewDevice(macOf(1));
      await parts.until(() => own.session.convergence.state === 'diverged');
      expect(own.session.convergence.reason).toContain('others are behind the port');
      expect(nas.commands).toEqual(['reauthenticate']);
    });

    it('is bounced when all that is behind it may be', async () => {
      startLadder('cisco-ios-xe', bounce);
      nas.on.reauthenticate = [404];
      session(macOf(9), 'ct-scanner');
      const one = quarantineScanner();
      await parts.until(() => one.session.lastCoa?.step === 'bounce');
      expect(one.session.lastCoa).toMatchObject({ outcome: 'ack' });
    });
  });

  it('does not believe twice that a session is unknown which the NAS goes on reporting', async () => {
    start(sampleSnapshot(nasFile(port)));
    nas.on.coa = [503];
    const one = session(macOf(1));
    device(macOf(1), 'infusion-pump', 'quarantined');
    reconciler!.reviewDevice(macOf(1));
    await parts.until(() => one.session.state === 'closed');
    parts.sessions.change(one, { state: 'open', endedAt: null, endReason: null }, new Date()); // an Interim came
    reconciler!.reviewAll();
    await parts.until(() => one.session.convergence.state === 'diverged');
    expect(one.session.state).toBe('open');
    expect(one.session.convergence.reason).toContain('goes on reporting it');
  });

  it('takes a reply that a proxy has passed on with attributes of its own (RFC 5176 §3.1)', async () => {
    start(sampleSnapshot(nasFile(port)));
    nas.replyAttributes = [{ type: 33, value: Buffer.from('proxy') }];
    const one = session(macOf(1));
    device(macOf(1), 'infusion-pump', 'quarantined');
    reconciler!.reviewDevice(macOf(1));
    await parts.until(() => one.session.vlan === 999);
    expect(nas.commands).toEqual(['coa']);
  });
});
