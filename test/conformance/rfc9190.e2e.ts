import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Issued } from '../../apps/radius-bridge/test/certificates.js';
import { secret, TestBed } from './bed.js';
import { answerTo, eap, eapCode, eapIn, EapMaterial, eapType, identity } from './eap.js';
import { keyOf, receiveKey, sendKey } from './session-keys.js';
import { authenticate } from './supplicant.js';
import { mab, otherPump, pump, type Switch } from './switch.js';
import { accessRequest, all, code, only, split, type, u32, type Parsed } from './wire.js';

const versions = ['1.2', '1.3'] as const;

describe('RFC 9190 and RFC 5216: EAP-TLS', () => {
  let bed: TestBed;
  let nas: Switch;
  let material: EapMaterial;
  let device: Issued;

  beforeAll(async () => {
    material = await EapMaterial.create();
    bed = await TestBed.start({ files: material.files(['fragmentSize: 400']) });
    nas = await bed.switchAt();
    device = await material.issue(pump);
  });

  afterAll(async () => {
    await bed?.stop();
    material?.remove();
  });

  const ask = (attributes: readonly Buffer[]): Promise<Parsed> =>
    nas.ask(accessRequest(secret, [...mab(), ...attributes]));
  const start = (): Promise<Parsed> => ask(split(type.eapMessage, identity()));
  const respond = (to: Parsed, data: Buffer): Promise<Parsed> =>
    ask(answerTo(to, eap(eapCode.response, eapIn(to).id, eapType.tls, data)));
  /** The attempt ends in Access-Reject, and this is why. */
  const refused = async (attempt: Promise<{ readonly end: Parsed }>, reason: RegExp): Promise<void> => {
    // Equal refusals of one port within half a minute are told as one.
    bed.moveClock(31);
    const seen = bed.controller.events.length;
    const { end } = await attempt;
    expect(end.code).toBe(code.accessReject);
    expect(eapIn(end).code).toBe(eapCode.failure);
    await bed.controller.until(() =>
      bed.controller.events
        .slice(seen)
        .some((event) => event.type === 'authentication' && reason.test(event.authentication.reason)),
    );
  };

  it('RFC 5216 §2.1.1: the first request of the method has the Start flag and nothing else', async () => {
    expect(eapIn(await start()).data).toEqual(Buffer.from([0x20]));
  });

  it.each(versions)('RFC 5216 §2.1.1: a device that proves its certificate is let in (TLS %s)', async (version) => {
    const { end, challenges } = await authenticate(nas, { device, version });
    expect(end.code).toBe(code.accessAccept);
    expect(only(end, type.tunnelPrivateGroupId)?.toString()).toBe('211');
    expect(eapIn(end)).toMatchObject({ code: eapCode.success, id: eapIn(challenges.at(-1)!).id });
  });

  it('RFC 9190 §2.5: the commitment, one octet 0x00 of application data, comes before Success', async () => {
    const { applicationData, end } = await authenticate(nas, { device });
    expect(applicationData).toEqual(Buffer.from([0]));
    expect(end.code).toBe(code.accessAccept);
  });

  it('RFC 9190 §2.5: the commitment comes after the session tickets, so that the next resumption works', async () => {
    const first = await authenticate(nas, { device });
    expect(first.arrivals.at(-1)).toBe('data');
    expect(first.arrivals).toContain('ticket');
    const second = await authenticate(nas, { device, session: first.session });
    expect(second).toMatchObject({ isResumed: true, end: { code: code.accessAccept } });
    const third = await authenticate(nas, { device, session: second.session });
    expect(third).toMatchObject({ isResumed: true, end: { code: code.accessAccept } });
  });

  it('RFC 9190 §2.5: the commitment comes in a resumed session, too', async () => {
    const { session } = await authenticate(nas, { device });
    const { applicationData, isResumed } = await authenticate(nas, { device, session });
    expect(isResumed).toBe(true);
    expect(applicationData).toEqual(Buffer.from([0]));
  });

  it('RFC 9190 §2.5: who is refused gets no commitment', async () => {
    for (const refused of [await material.issue(otherPump), null]) {
      const { applicationData, end } = await authenticate(nas, { device: refused });
      expect(end.code).toBe(code.accessReject);
      expect(applicationData).toHaveLength(0);
    }
  });

  it('RFC 9190 §2.5: with TLS 1.2 there is no commitment', async () => {
    const { applicationData, end } = await authenticate(nas, { device, version: '1.2' });
    expect(end.code).toBe(code.accessAccept);
    expect(applicationData).toHaveLength(0);
  });

  it.each(versions)(
    'RFC 9190 §2.1.2: a device without a certificate is refused with Failure (TLS %s)',
    async (version) => {
      const { end } = await authenticate(nas, { device: null, version });
      expect(end.code).toBe(code.accessReject);
      expect(eapIn(end).code).toBe(eapCode.failure);
      expect(all(end, type.vendorSpecific)).toEqual([]);
    },
  );

  it.each(versions)(
    'RFC 9190 §2.3: the keys of the Accept are those that the supplicant derives (TLS %s)',
    async (version) => {
      const { end, requests, keyMaterial } = await authenticate(nas, { device, version });
      const request = requests.at(-1)!;
      // RFC 2548: the halves as the NAS sees them.
      expect(keyOf(end, request, receiveKey).key).toEqual(keyMaterial!.subarray(0, 32));
      expect(keyOf(end, request, sendKey).key).toEqual(keyMaterial!.subarray(32, 64));
    },
  );

  it('RFC 2548 §2.4.2: the salts of an Accept differ, and the leftmost bit of each is set', async () => {
    for (let i = 0; i < 5; i++) {
      const { end, requests } = await authenticate(nas, { device, version: '1.2' });
      const salts = [sendKey, receiveKey].map((key) => keyOf(end, requests.at(-1)!, key).salt);
      expect(salts[0]).not.toEqual(salts[1]);
      for (const salt of salts) expect(salt[0]! & 0x80).toBe(0x80);
    }
  });

  it('RFC 3580 §3.16: an Accept without EAP has no keys', async () => {
    const reply = await nas.ask(accessRequest(secret, mab()));
    expect(reply.code).toBe(code.accessAccept);
    expect(all(reply, type.vendorSpecific)).toEqual([]);
  });

  it.each(versions)('RFC 9190 §2.1.3: a resumed session has keys of its own (TLS %s)', async (version) => {
    const first = await authenticate(nas, { device, version });
    const second = await authenticate(nas, { device, version, session: first.session });
    expect(second.isResumed).toBe(true);
    const key = keyOf(second.end, second.requests.at(-1)!, receiveKey).key;
    expect(key).toEqual(second.keyMaterial!.subarray(0, 32));
    expect(key).not.toEqual(keyOf(first.end, first.requests.at(-1)!, receiveKey).key);
  });

  it.each(versions)(
    'RFC 9190 §5.7: a session is resumed only by the device whose certificate it is (TLS %s)',
    async (version) => {
      const { session } = await authenticate(nas, { device, version });
      await refused(authenticate(nas, { device, version, session, mac: otherPump }), /not the device on this port/);
    },
  );

  it.each(versions)(
    'RFC 9190 §5.7: what a resumed session gets is decided by the policy of now (TLS %s)',
    async (version) => {
      const { session } = await authenticate(nas, { device, version });
      const revision = version === '1.2' ? 2 : 4;
      await bed.change({ devices: [{ mac: pump, posture: 'quarantined' }] }, revision);
      const { end, isResumed } = await authenticate(nas, { device, version, session });
      expect(isResumed).toBe(true);
      expect(only(end, type.tunnelPrivateGroupId)?.toString()).toBe('999');
      await bed.change({}, revision + 1);
    },
  );

  describe.each([
    [120, 3],
    [1000, 0],
  ])('fragments of the supplicant of %i octets', (fragmentSize, least) => {
    it.each(versions)(
      `RFC 5216 §2.1.5: a message in fragments is put together, each acknowledged (TLS %s)`,
      async (version) => {
        const { end, challenges } = await authenticate(nas, { device, version, fragmentSize });
        expect(end.code).toBe(code.accessAccept);
        const acknowledgements = challenges.filter((challenge) => eapIn(challenge).data.equals(Buffer.from([0])));
        expect(acknowledgements.length).toBeGreaterThanOrEqual(least);
      },
    );
  });

  it('RFC 5216 §2.1.5: a long message of the server comes in fragments, the first with the length of all', async () => {
    const { challenges, end } = await authenticate(nas, { device, version: '1.2' });
    expect(end.code).toBe(code.accessAccept);
    const frames = challenges.map((challenge) => eapIn(challenge).data).filter((data) => data.length > 1);
    const first = frames.findIndex((data) => (data[0]! & 0x40) !== 0);
    const last = frames.findIndex((data, i) => i > first && (data[0]! & 0x40) === 0);
    expect(frames[first]![0]).toBe(0xc0);
    const bodies = frames.slice(first, last + 1).map((data, i) => data.subarray(i === 0 ? 5 : 1));
    expect(Buffer.concat(bodies)).toHaveLength(frames[first]!.readUInt32BE(1));
    for (const data of frames.slice(first + 1, last + 1)) expect(data[0]! & 0x80).toBe(0);
  });

  it('RFC 5216 §2.1.5: a message that is announced longer than any chain is refused at once', async () => {
    const reply = await respond(
      await start(),
      Buffer.concat([Buffer.from([0xc0]), u32(0x7fff_ffff), Buffer.alloc(100)]),
    );
    expect(reply.code).toBe(code.accessReject);
    expect(eapIn(reply).code).toBe(eapCode.failure);
  });

  it('RFC 5216 §2.1.5: fragments that are more than was announced are refused', async () => {
    const next = await respond(await start(), Buffer.concat([Buffer.from([0xc0]), u32(150), Buffer.alloc(100)]));
    expect(next.code).toBe(code.accessChallenge);
    const reply = await respond(next, Buffer.concat([Buffer.from([0x00]), Buffer.alloc(100)]));
    expect(eapIn(reply).code).toBe(eapCode.failure);
  });

  it('RFC 5216 §2.1.5: fragments without an announced length have an end, too', async () => {
    let reply = await start();
    let rounds = 0;
    while (reply.code === code.accessChallenge && rounds < 300) {
      rounds++;
      reply = await respond(reply, Buffer.concat([Buffer.from([0x40]), Buffer.alloc(1300)]));
    }
    expect(eapIn(reply).code).toBe(eapCode.failure);
    expect(rounds).toBeLessThan(110);
  });

  it.each([
    ['nothing in it', Buffer.alloc(0)],
    ['a length that is cut', Buffer.from([0x80, 0, 0])],
    ['no TLS at all', Buffer.from([0x00, 1, 2, 3, 4, 5, 6, 7, 8])],
  ])('RFC 5216 §3.2: a response of EAP-TLS that is malformed ends in Failure: %s', async (_, data) => {
    const reply = await respond(await start(), data);
    expect(reply.code).toBe(code.accessReject);
    expect(eapIn(reply).code).toBe(eapCode.failure);
  });

  it('RFC 5216 §2.1.3: an alert of the supplicant is answered with Failure, and its reason is told', async () => {
    const alert = Buffer.from([0, 21, 3, 3, 0, 2, 2, 48]);
    let reply = await respond(await start(), alert);
    // What TLS says to that, if anything, the supplicant acknowledges.
    while (reply.code === code.accessChallenge) reply = await respond(reply, Buffer.from([0]));
    await refused(Promise.resolve({ end: reply }), /TLS/);
  });

  it('RFC 9190 §5.6: certificates of another authority, or for another use, are refused', async () => {
    const foreign = await EapMaterial.create();
    const stranger = await foreign.issue(pump);
    foreign.remove();
    await refused(authenticate(nas, { device: stranger }), /not accepted/);
    const server = await material.authority.issue('CN=pump', 'serverAuth', [
      { type: 'dns', value: `${pump.replaceAll(':', '-')}.devices.test` },
    ]);
    await refused(authenticate(nas, { device: server }), /not accepted/);
  });

  // The clock is moved on from here: what is limited by time comes last.
  it.each(versions)(
    'RFC 9190 §5.7: a session is not resumed once the certificate has ended (TLS %s)',
    async (version) => {
      const short = await material.authority.issue(
        'CN=pump',
        'clientAuth',
        [{ type: 'dns', value: `${pump.replaceAll(':', '-')}.devices.test` }],
        { until: Date.now() + 60 * 60_000 + (version === '1.3' ? 2 * 3600_000 : 0) },
      );
      const { session, end } = await authenticate(nas, { device: short, version });
      expect(end.code).toBe(code.accessAccept);
      bed.moveClock(2 * 3600);
      await refused(authenticate(nas, { device: short, version, session }), /the certificate ended/);
    },
  );

  it('RFC 9190 §5.4: a session is not resumed once the certificate is revoked', async () => {
    const revoked = await material.issue(pump);
    const { session, end } = await authenticate(nas, { device: revoked });
    expect(end.code).toBe(code.accessAccept);
    await material.revoke([revoked.serial]);
    // The policy says the same; that its files say something else is seen when it is said again.
    await bed.change({}, 6);
    await refused(authenticate(nas, { device: revoked, session }), /revoked/i);
  });
});
