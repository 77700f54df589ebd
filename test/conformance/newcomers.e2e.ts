import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sampleFiles, sampleSnapshot } from '../../apps/radius-bridge/test/sample-policy.js';
import { otherSecret, secret, TestBed } from './bed.js';
import { DynamicPort } from './dynamic-port.js';
import { answerTo, eap, eapCode, eapIn, EapMaterial, eapType, identity } from './eap.js';
import { authenticate } from './supplicant.js';
import { mab, otherPump, pump, quarantined, type Switch } from './switch.js';
import {
  accessRequest,
  accountingRequest,
  all,
  code,
  hmacMd5,
  md5,
  only,
  pack,
  parse,
  split,
  statusServer,
  tlv,
  type,
  unsigned,
  vendorSpecific,
  type Parsed,
} from './wire.js';

const bare = pump.replaceAll(':', '');
const station = tlv(type.callingStationId, '00-1A-2B-3C-4D-5E');
const zeros = Buffer.alloc(16);

/** RFC 2865 §5.2, for up to 16 octets. */
function hidden(password: string, authenticator: Buffer): Buffer {
  const stream = md5(Buffer.from(secret), authenticator);
  return tlv(
    type.userPassword,
    Buffer.from(Buffer.from(password.padEnd(16, '\0')).map((octet, i) => octet ^ stream[i]!)),
  );
}

/** RFC 2865 §5.3. */
const chap = (password: string, challenge: Buffer): Buffer =>
  tlv(type.chapPassword, Buffer.concat([Buffer.from([9]), md5(Buffer.from([9]), Buffer.from(password), challenge)]));

const vlanOf = (reply: Parsed): string | undefined => only(reply, type.tunnelPrivateGroupId)?.toString();

describe('what newcomers to RADIUS get wrong', () => {
  const port = new DynamicPort(secret);
  let bed: TestBed;
  let nas: Switch;
  let other: Switch;
  let material: EapMaterial;

  beforeAll(async () => {
    material = await EapMaterial.create();
    bed = await TestBed.start({ files: material.files(), coaPort: await port.listen('127.0.0.3') });
    nas = await bed.switchAt();
    other = await bed.switchAt('127.0.0.2');
  });

  afterAll(async () => {
    await bed?.stop();
    material?.remove();
    port.close();
  });

  const ask = (attributes: readonly Buffer[], by = nas): Promise<Parsed> =>
    by.ask(accessRequest(by.secret, attributes));
  const begin = (): Promise<Parsed> => ask([...mab(), ...split(type.eapMessage, identity())]);
  const nak = (to: Parsed, id = eapIn(to).id): Buffer =>
    eap(eapCode.response, id, eapType.nak, Buffer.from([eapType.md5]));

  it.each([null, 1, 2, 5, 10, 11, 4_000_000_000])(
    'Pitfall 1: MAC authentication is known by its User-Name, whatever Service-Type says (%s)',
    async (serviceType) => {
      const more = serviceType === null ? [] : [tlv(type.serviceType, serviceType)];
      expect(vlanOf(await ask(mab(pump, more)))).toBe('210');
    },
  );

  it('Pitfall 1: Call-Check for a user that is no MAC is no MAC authentication', async () => {
    const reply = await ask([tlv(type.userName, 'alice'), station, tlv(type.serviceType, 10)]);
    expect(reply.code).toBe(code.accessReject);
  });

  it('Pitfall 1: a MAC as the identity of EAP gets nothing by being one', async () => {
    const first = await ask([...mab(), ...split(type.eapMessage, identity(bare))]);
    expect(first.code).toBe(code.accessChallenge);
    expect((await ask([...mab(), ...answerTo(first, nak(first))])).code).toBe(code.accessReject);
  });

  it('Pitfall 1: what a certificate gets, a MAC never gets: the posture is unverified', async () => {
    expect(vlanOf(await ask(mab()))).toBe('210');
    expect((await bed.session(pump, () => true)).posture).toBe('unverified');
    const { end } = await authenticate(nas, { device: await material.issue(pump) });
    expect(vlanOf(end)).toBe('211');
    expect(vlanOf(await ask(mab()))).toBe('210');
  });

  it('Pitfall 1: a MAC typed as a user name is not the device of another port, nor of none', async () => {
    expect((await ask([tlv(type.userName, bare), tlv(type.callingStationId, otherPump)])).code).toBe(code.accessReject);
    expect((await ask([tlv(type.userName, bare), tlv(type.nasPort, 7)])).code).toBe(code.accessReject);
    expect((await ask([tlv(type.userName, bare), tlv(type.callingStationId, '10.1.1.1')])).code).toBe(
      code.accessReject,
    );
  });

  const challenge = randomBytes(16);
  const passwords: [string, (authenticator: Buffer) => Buffer[]][] = [
    ['absent', () => []],
    ['empty', (authenticator) => [hidden('', authenticator)]],
    ['the MAC', (authenticator) => [hidden(bare, authenticator)]],
    ['a fixed string', (authenticator) => [hidden('switch', authenticator)]],
    ['of no length at all', () => [tlv(type.userPassword, '')]],
    ['CHAP', (authenticator) => [chap(bare, authenticator)]],
    ['CHAP with a challenge', () => [chap(bare, challenge), tlv(type.chapChallenge, challenge)]],
    ['CHAP of something else', (authenticator) => [chap('what', authenticator)]],
    ['MS-CHAP', () => [vendorSpecific(311, Buffer.concat([Buffer.from([11, 18]), randomBytes(16)]))]],
  ];
  it.each(passwords)(
    'Pitfall 2: the password of MAC authentication may be anything and proves nothing: %s',
    async (_, more) => {
      const authenticator = randomBytes(16);
      const reply = await nas.ask(accessRequest(secret, mab(pump, more(authenticator)), { authenticator }));
      expect(vlanOf(reply)).toBe('210');
      expect((await ask([tlv(type.userName, 'alice'), station, ...more(authenticator)])).code).toBe(code.accessReject);
    },
  );

  it('Pitfall 2: a switch that does MAC authentication by EAP-MD5 is refused at once, with Failure, and can go on', async () => {
    const first = await ask([...mab(), ...split(type.eapMessage, identity(bare))]);
    const reply = await ask([...mab(), ...answerTo(first, nak(first))]);
    expect(reply.code).toBe(code.accessReject);
    expect(eapIn(reply).code).toBe(eapCode.failure);
    const { reason } = await bed.authentication((one) => one.reason.includes('EAP-MD5'));
    expect(reason).toContain('the supplicant wants EAP-MD5');
    expect(vlanOf(await ask(mab()))).toBe('210');
  });

  const forms = ['001a2b3c4d5e', '00-1a-2b-3c-4d-5e', '00:1a:2b:3c:4d:5e', '001a.2b3c.4d5e', '001a-2b3c-4d5e'];
  it.each(forms)(
    'Pitfall 3: a MAC is read in each form that switches write, in upper and lower case (%s)',
    async (form) => {
      for (const text of [form, form.toUpperCase()]) {
        expect(vlanOf(await ask([tlv(type.userName, text), station]))).toBe('210');
        expect(vlanOf(await ask([tlv(type.userName, bare), tlv(type.callingStationId, text)]))).toBe('210');
      }
    },
  );

  it.each([
    '',
    '001a2b3c4d5',
    '001a2b3c4d5e0',
    '00-1a:2b-3c:4d-5e',
    '001a.2b3c-4d5e',
    '0-1a-2b-3c-4d-5e',
    '00 1a 2b 3c 4d 5e',
    'g01a2b3c4d5e',
    'hospital\\001a2b3c4d5e',
    '001a2b3c4d5e@hospital',
  ])('Pitfall 3: anything else is no MAC and is rejected (%j)', async (text) => {
    expect((await ask([tlv(type.userName, text), station])).code).toBe(code.accessReject);
    expect((await ask([tlv(type.userName, bare), tlv(type.callingStationId, text)])).code).toBe(code.accessReject);
  });

  it.each(['00:00:00:00:00:00', 'ff:ff:ff:ff:ff:ff', '01:00:5e:00:00:01'])(
    'Pitfall 3: addresses that no device has are rejected: zeros, broadcast, groups (%s)',
    async (mac) => {
      const grown = await bed.grown(async () => expect((await ask(mab(mac))).code).toBe(code.accessReject));
      expect(grown['authentication.reject.user-name-not-a-mac']).toBe(1);
    },
  );

  it('Pitfall 3: a MAC that software made up (locally administered) is nobody unless the inventory says who', async () => {
    expect((await ask(mab('02:1a:2b:3c:4d:5e'))).code).toBe(code.accessReject);
  });

  it.each([
    ['an SSID behind the name of the access point', 'AP-3:clinical', '212'],
    ['junk', 'FakeEAP', '210'],
    ['nothing', '', '210'],
    ['more than 50 characters', `00-10-A4-23-19-C0:${'x'.repeat(60)}`, '210'],
    ['the longest that fits', 'x'.repeat(253), '210'],
    ['an SSID that no site has', '00-10-A4-23-19-C0:guests', '210'],
    ['the name of something in every object', '00-10-A4-23-19-C0:__proto__', '210'],
  ])('Pitfall 4: Called-Station-Id may be anything: %s', async (_, text, vlan) => {
    expect(vlanOf(await ask(mab(pump, [tlv(type.calledStationId, text)])))).toBe(vlan);
  });

  it('Pitfall 5: one tag is used throughout an Accept, in integers also where it is none', async () => {
    const cisco = await bed.switchAt('127.0.0.3');
    for (const by of [nas, cisco]) {
      const reply = await ask(mab(), by);
      const tags = [type.tunnelType, type.tunnelMediumType].map((one) => only(reply, one)![0]!);
      const first = only(reply, type.tunnelPrivateGroupId)![0]!;
      expect(new Set([...tags, first <= 0x1f ? first : 0]).size).toBe(1);
    }
  });

  it('Pitfall 6: a VLAN goes out as text of digits, never as a number of four octets', async () => {
    const octets = only(await ask(mab()), type.tunnelPrivateGroupId)!;
    expect(octets.toString('latin1')).toMatch(/^[1-9]\d{0,3}$/);
  });

  it('Pitfall 7: Message-Authenticator of a record, computed over the final authenticator as some do, is not taken', async () => {
    const attributes = Buffer.concat([unsigned, tlv(type.acctStatusType, 1), tlv(type.acctSessionId, 'S'), ...mab()]);
    const request = pack(code.accountingRequest, 9, zeros, attributes);
    md5(request, Buffer.from(secret)).copy(request, 4);
    hmacMd5(secret, request).copy(request, 22);
    expect(await nas.unanswered(request, 'accounting')).toEqual(['accounting.dropped.bad-authenticator']);
  });

  it('Pitfall 8: a State has at least 128 bits, no two are equal, and no bit of them is always the same', async () => {
    const states: Buffer[] = [];
    for (let i = 0; i < 100; i++) states.push(only(await begin(), type.state)!);
    expect(new Set(states.map((state) => state.toString('hex'))).size).toBe(states.length);
    for (const state of states) expect(state.length).toBeGreaterThanOrEqual(16);
    for (let bit = 0; bit < 128; bit++) {
      const ones = states.filter((state) => (state[bit >> 3]! >> (bit & 7)) & 1).length;
      // Of a hundred throws of a coin; the chance that one of 128 bits is outside is one in some millions.
      expect(ones).toBeGreaterThan(15);
      expect(ones).toBeLessThan(85);
    }
  });

  it('Pitfall 8: a State is good for one response', async () => {
    const first = await begin();
    const fragment = Buffer.concat([Buffer.from([0x40]), Buffer.alloc(20, 22)]);
    const message = eap(eapCode.response, eapIn(first).id, eapType.tls, fragment);
    const second = await ask([...mab(), ...answerTo(first, message)]);
    expect(second.code).toBe(code.accessChallenge);
    expect(only(second, type.state)).not.toEqual(only(first, type.state));
    expect((await ask([...mab(), ...answerTo(first, message)])).code).toBe(code.accessReject);
    // That was somebody else's try, and costs the conversation nothing.
    expect(eapIn(await ask([...mab(), ...answerTo(second, nak(second))]))).toMatchObject({ id: eapIn(second).id });
  });

  it('Pitfall 8: a State is worth nothing to another switch', async () => {
    const first = await begin();
    const message = answerTo(first, nak(first));
    const seen = await bed.grown(async () =>
      expect((await ask([...mab(), ...message], other)).code).toBe(code.accessReject),
    );
    expect(seen['authentication.reject.eap-failed']).toBe(1);
    const { reason } = await bed.authentication((one) => one.nas === 'switch-2');
    expect(reason).toContain('not known');
    expect(eapIn(await ask([...mab(), ...message])).code).toBe(eapCode.failure);
  });

  it('Pitfall 8: a State is worth nothing to another device', async () => {
    const first = await begin();
    const message = answerTo(first, nak(first));
    expect((await ask([...mab(otherPump), ...message])).code).toBe(code.accessReject);
    await bed.authentication((one) => one.mac === otherPump && one.reason.includes('not known'));
  });

  it('Pitfall 8: a response with another Identifier than the last request is none', async () => {
    const first = await begin();
    const [state] = answerTo(first, nak(first));
    const wrong = accessRequest(secret, [
      ...mab(),
      state!,
      tlv(type.eapMessage, nak(first, (eapIn(first).id + 1) % 256)),
    ]);
    expect(await nas.untilDropped(wrong)).toContain('authentication.dropped.eap-other-identifier');
    expect(eapIn(await ask([...mab(), ...answerTo(first, nak(first))])).code).toBe(eapCode.failure);
  });

  it('Pitfall 8: a State lives at least half a minute and not much more than one', async () => {
    const [early, late] = [await begin(), await begin()];
    bed.moveClock(30);
    expect((await ask([...mab(), ...answerTo(early, nak(early))])).code).toBe(code.accessReject);
    const known = await bed.authentication((one) => one.reason.includes('EAP-MD5'));
    expect(known.outcome).toBe('reject');
    bed.moveClock(45);
    const count = bed.controller.events.length;
    expect((await ask([...mab(), ...answerTo(late, nak(late))])).code).toBe(code.accessReject);
    await bed.controller.until(() =>
      bed.controller.events
        .slice(count)
        .some((event) => event.type === 'authentication' && event.authentication.reason.includes('not known')),
    );
  });

  it('Pitfall 9: handshakes are cut so that no packet needs IP fragments, also where the switch says nothing', async () => {
    const { challenges, end } = await authenticate(nas, { device: await material.issue(pump), version: '1.2' });
    expect(end.code).toBe(code.accessAccept);
    for (const { bytes } of challenges) expect(bytes.length).toBeLessThan(1400);
  });

  it('Pitfall 10: an ACL that does not fit an Access-Accept is refused when the policy is compiled', () => {
    const servers = Array.from({ length: 200 }, (_, i) => `10.77.${i}.1`).join(', ');
    const files = {
      'catalog/endpoints.yaml': `${sampleFiles['catalog/endpoints.yaml']}\nmany: { addresses: [${servers}], owner: it, description: many servers }`,
      'rules/flows.csv': `${sampleFiles['rules/flows.csv']}\np, infusion-pump, many, https, allow, always, "many servers"`,
    };
    expect(() => sampleSnapshot(files)).toThrow(/fit an Access-Accept/);
  });

  it('Pitfall 10: a reply that does not fit 4096 octets is not sent, and not cut either', async () => {
    const states = Array.from({ length: 15 }, () => tlv(type.proxyState, Buffer.alloc(253, 1)));
    expect(await nas.unanswered(accessRequest(secret, mab(pump, states)))).toEqual([
      'authentication.dropped.reply-too-long',
    ]);
  });

  it('Pitfall 11: requests with an authenticator of zeros, which some switches send, are told apart', async () => {
    const fresh = await bed.switchAt();
    const one = accessRequest(secret, mab(pump), { id: 1, authenticator: zeros });
    const two = accessRequest(secret, mab(quarantined), { id: 2, authenticator: zeros });
    expect(vlanOf(await fresh.ask(one))).toBe('210');
    expect(vlanOf(await fresh.ask(two))).toBe('999');
    const there = accessRequest(secret, mab(quarantined), { id: 1, authenticator: zeros });
    expect(vlanOf(await other.ask(there))).toBe('999');
  });

  it('Pitfall 12: Proxy-State comes after all other attributes of a reply', async () => {
    const reply = await ask([tlv(type.proxyState, 'one'), ...mab(), tlv(type.proxyState, 'two')]);
    expect(reply.attributes.slice(-2).map(({ value }) => value.toString())).toEqual(['one', 'two']);
    expect(all(reply, type.proxyState)).toHaveLength(2);
  });

  const session = (id: string): Buffer =>
    vendorSpecific(9, Buffer.concat([Buffer.from([1, id.length + 2]), Buffer.from(id)]));
  it('Pitfall 13: a Cisco switch is addressed by its own session id and asked to authenticate again', async () => {
    const cisco = await bed.switchAt('127.0.0.3');
    expect((await ask(mab(pump, [session('audit-session-id=0A000310000000AA')]), cisco)).code).toBe(code.accessAccept);
    await bed.session(pump, ({ nas: name }) => name === 'switch-cisco');
    await bed.change({ devices: [{ mac: pump, posture: 'at-risk' }] }, 2);
    const [request] = await port.about(pump);
    const pairs = all(parse(request!), type.vendorSpecific).map((value) => value.subarray(6).toString());
    expect(pairs).toContain('audit-session-id=0A000310000000AA');
    expect(pairs).toContain('subscriber:command=reauthenticate');
    expect(all(parse(request!), type.tunnelPrivateGroupId)).toEqual([]);
    await bed.change({}, 3);
  });

  it('Pitfall 14: a port is not taken down for a session of a life-critical class', async () => {
    const cisco = await bed.switchAt('127.0.0.3');
    port.on(otherPump, () => null);
    expect((await ask(mab(otherPump), cisco)).code).toBe(code.accessAccept);
    await bed.session(otherPump, ({ nas: name }) => name === 'switch-cisco');
    await bed.change({ devices: [{ mac: otherPump, posture: 'quarantined' }] }, 4);
    const requests = await port.about(otherPump, 4);
    expect(requests.map((request) => request.toString('latin1')).filter((text) => /bounce|disable/.test(text))).toEqual(
      [],
    );
    port.settle();
    await bed.change({}, 5);
  });

  it('Pitfall 15: re-authentication is spread over the devices and stays the same for each', async () => {
    const macs = Array.from({ length: 40 }, (_, i) => `00:1a:2b:00:02:${(0x10 + i).toString(16)}`);
    await bed.change({ devices: macs.map((mac) => ({ mac })) }, 6);
    const secondsOf = async (mac: string): Promise<number> =>
      only(await ask(mab(mac)), type.sessionTimeout)!.readUInt32BE();
    const seconds = new Map<string, number>();
    for (const mac of macs) seconds.set(mac, await secondsOf(mac));
    expect(Math.min(...seconds.values())).toBeGreaterThanOrEqual(3240);
    expect(Math.max(...seconds.values())).toBeLessThanOrEqual(3600);
    expect(Math.max(...seconds.values()) - Math.min(...seconds.values())).toBeGreaterThan(180);
    for (const mac of macs.slice(0, 5)) expect(await secondsOf(mac)).toBe(seconds.get(mac));
    await bed.change({}, 7);
  });

  it('Pitfall 15: Session-Timeout always comes with Termination-Action, so that its end is no unplugging', async () => {
    const { end } = await authenticate(nas, { device: await material.issue(pump) });
    for (const reply of [end, await ask(mab()), await ask(mab(quarantined))]) {
      expect(only(reply, type.sessionTimeout)).not.toBeNull();
      expect(only(reply, type.terminationAction)?.readUInt32BE()).toBe(1);
    }
  });

  it('Pitfall 16: a Reject is not delayed: a switch would ask again meanwhile', async () => {
    const begun = performance.now();
    expect((await ask(mab('02:aa:00:00:00:01'))).code).toBe(code.accessReject);
    const rejected = performance.now() - begun;
    // FreeRADIUS waits a second; the switch's own timer is not under one.
    expect(rejected).toBeLessThan(500);
  });

  it('Pitfall 16: a device in quarantine is let in, into its VLAN: a Reject would make the switch try without end', async () => {
    const reply = await ask(mab(quarantined));
    expect([reply.code, vlanOf(reply)]).toEqual([code.accessAccept, '999']);
  });

  it('Pitfall 18: an Accept has no Service-Type that a switch could refuse', async () => {
    for (const serviceType of [1, 2, 5, 10])
      for (const value of all(await ask(mab(pump, [tlv(type.serviceType, serviceType)])), type.serviceType))
        expect([1, 6, 10]).toContain(value.readUInt32BE());
  });

  it('Pitfall 19: accounting waits for the disk, authentication does not', async () => {
    const release = bed.holdDisk();
    const record = accountingRequest(secret, [
      tlv(type.acctStatusType, 1),
      tlv(type.acctSessionId, 'S-disk'),
      ...mab(),
    ]);
    await nas.send(record);
    expect(vlanOf(await ask(mab()))).toBe('210');
    release();
    expect(nas.prove(record, (await nas.next()).bytes).code).toBe(code.accountingResponse);
  });

  it('Pitfall 20: of the prefixes that hold a source address the longest says the secret', async () => {
    const [floor, closet] = [await bed.switchAt('127.1.3.1'), await bed.switchAt('127.1.2.1', otherSecret)];
    expect(vlanOf(await ask(mab(), floor))).toBe('210');
    expect(vlanOf(await ask(mab(), closet))).toBe('210');
    const wrong = accessRequest(secret, mab());
    expect(await closet.unanswered(wrong)).toEqual(['authentication.dropped.message-authenticator-invalid']);
  });

  it('Pitfall 20: an unknown client gets silence, on both ports, and is counted', async () => {
    const stranger = await bed.switchAt('127.9.9.9');
    const request = accessRequest(secret, mab());
    expect(await stranger.unanswered(request, 'authentication', nas)).toEqual([
      'authentication.dropped.unknown-client',
    ]);
    const probe = statusServer(secret);
    expect(await stranger.unanswered(probe, 'accounting', nas)).toEqual(['accounting.dropped.unknown-client']);
    expect(stranger.waiting).toBe(0);
  });

  it('Pitfall 21: no password and no secret is in the log, in an event or on disk', async () => {
    const password = 'Pa55-of-alice';
    const authenticator = randomBytes(16);
    const login = [tlv(type.userName, 'alice'), station, hidden(password, authenticator)];
    expect((await nas.ask(accessRequest(secret, login, { authenticator }))).code).toBe(code.accessReject);
    await nas.unanswered(accessRequest(secret, login, { authenticator, messageAuthenticator: 'wrong' }));
    await nas.send(Buffer.concat([Buffer.from([1, 1, 0, 20]), authenticator]));
    await bed.authentication((one) => one.reason.includes('not a MAC'));
    const disk = readdirSync(join(bed.folder, 'data'), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => readFileSync(join(entry.parentPath, entry.name)).toString('latin1'));
    expect(disk.length).toBeGreaterThan(0);
    const status = JSON.stringify(await bed.bridge.status());
    for (const text of [...disk, bed.bridge.log.join('\n'), JSON.stringify(bed.controller.events), status])
      for (const word of [password, secret, otherSecret]) expect(text.includes(word)).toBe(false);
  });

  it('Pitfall 22: TLS 1.3 can be left out where supplicants are not ready for it', async () => {
    const device = await material.issue(pump);
    expect((await authenticate(nas, { device, version: '1.3' })).end.code).toBe(code.accessAccept);
    await bed.change({ files: material.files(['versions: ["1.2"]']) }, 8);
    expect((await authenticate(nas, { device, version: '1.3' })).end.code).toBe(code.accessReject);
    expect((await authenticate(nas, { device, version: '1.2' })).end.code).toBe(code.accessAccept);
    await bed.change({}, 9);
  });

  it('Pitfall 17: without any policy nothing is answered, Status-Server neither: the switch is to ask another server', async () => {
    const empty = await TestBed.start({ withoutSnapshot: true });
    try {
      const alone = await empty.switchAt();
      const grown = await empty.grown(async () => {
        for (const request of [statusServer(secret), accessRequest(secret, mab())]) await alone.send(request);
        await alone.send(accountingRequest(secret, [tlv(type.acctStatusType, 1), ...mab()]));
        await alone.send(statusServer(secret), 'accounting');
        await empty.until(async () => {
          const counters = await empty.bridge.counters();
          return counters['authentication.requests'] === 2 && counters['accounting.requests'] === 2;
        }, 'all were read');
      });
      expect(grown).toMatchObject({ 'authentication.dropped.no-snapshot': 2, 'accounting.dropped.no-snapshot': 2 });
      expect(alone.waiting).toBe(0);
    } finally {
      await empty.stop();
    }
  });

  it('Pitfall 20: a client is known by its IPv6 address, too', async () => {
    const six = await TestBed.start({ env: { CORDON_RADIUS_HOST: '::1' } });
    try {
      const over6 = await six.switchAt('::1');
      const reply = await over6.ask(accessRequest(secret, mab()));
      expect(vlanOf(reply)).toBe('210');
      expect(await six.session(pump, () => true)).toMatchObject({ nas: 'switch-6', nasAddress: '::1' });
    } finally {
      await six.stop();
    }
  });

  // The controller is gone from here.
  it('Pitfall 17: without the controller requests are decided as before, and Status-Server is answered', async () => {
    await bed.controller.close();
    await bed.until(async () => !(await bed.isConnected()), 'the bridge has noticed');
    expect(vlanOf(await ask(mab()))).toBe('210');
    expect(vlanOf(await ask(mab(quarantined)))).toBe('999');
    expect((await ask(mab('02:aa:00:00:00:01'))).code).toBe(code.accessReject);
    expect((await nas.ask(statusServer(secret))).code).toBe(code.accessAccept);
  });
});
