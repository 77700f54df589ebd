import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { otherSecret, TestBed } from './bed.js';
import { answerTo, eapCode, eapIn, EapMaterial, identity } from './eap.js';
import { mab, otherPump, pump, type Switch } from './switch.js';
import {
  accessRequest,
  all,
  code,
  hasResponseAuthenticator,
  only,
  pack,
  parse,
  split,
  statusServer,
  tlv,
  type,
  unsigned,
  vendorSpecific,
} from './wire.js';

const secret = 'secret of most switches';

/** Signs bytes that no attribute list gives: Message-Authenticator is right, so that nothing else is the reason for silence. */
function withTail(tail: Buffer): Buffer {
  return accessRequest(secret, [...mab(), tail]);
}

describe('RFC 2865', () => {
  let bed: TestBed;
  let nas: Switch;
  let material: EapMaterial;

  beforeAll(async () => {
    material = await EapMaterial.create();
    bed = await TestBed.start({ files: material.files() });
    nas = await bed.switchAt();
  });

  afterAll(async () => {
    await bed?.stop();
    material?.remove();
  });

  const challenge = async () => nas.ask(accessRequest(secret, [...mab(), ...split(type.eapMessage, identity())]));

  it.each([0, 1, 4, 19])(
    'RFC 2865 §3: fewer octets than the 20 of a header are silently discarded (%i)',
    async (octets) => {
      const datagram = accessRequest(secret, mab()).subarray(0, octets);
      expect(await nas.unanswered(datagram)).toEqual(['authentication.dropped.malformed.too-short']);
    },
  );

  it.each([0, 19])('RFC 2865 §3: a Length below 20 is silently discarded (%i)', async (length) => {
    const datagram = accessRequest(secret, mab());
    datagram.writeUInt16BE(length, 2);
    expect(await nas.unanswered(datagram)).toEqual(['authentication.dropped.malformed.bad-length']);
  });

  it.each([4097, 65_535])('RFC 2865 §3: a Length above 4096 is silently discarded (%i)', async (length) => {
    const rest = length - accessRequest(secret, mab()).length;
    const filling = Array.from({ length: Math.ceil(rest / 255) }, () => tlv(200, Buffer.alloc(253)));
    const signed = accessRequest(secret, [...mab(), ...(length === 4097 ? filling : [])]);
    const datagram = Buffer.concat([signed, Buffer.alloc(Math.max(0, 4097 - signed.length))]).subarray(0, 4097);
    datagram.writeUInt16BE(length, 2);
    expect(await nas.unanswered(datagram)).toEqual(['authentication.dropped.malformed.bad-length']);
  });

  it('RFC 2865 §3: a packet of 4096 octets is answered', async () => {
    const missing = 4096 - accessRequest(secret, mab()).length;
    const filling = Array.from({ length: 15 }, () => tlv(200, Buffer.alloc(253, 7)));
    const request = accessRequest(secret, [...mab(), ...filling, tlv(200, Buffer.alloc(missing - 15 * 255 - 2))]);
    expect(request).toHaveLength(4096);
    expect((await nas.ask(request)).code).toBe(code.accessAccept);
  });

  it('RFC 2865 §3: octets beyond Length are padding and are ignored', async () => {
    const request = accessRequest(secret, mab());
    const reply = await nas.exchange(Buffer.concat([request, tlv(type.userName, 'alice'), Buffer.from([1, 0])]));
    expect(nas.prove(request, reply).code).toBe(code.accessAccept);
  });

  it('RFC 2865 §3: a datagram shorter than its Length is silently discarded', async () => {
    const request = accessRequest(secret, mab());
    const dropped = await nas.unanswered(request.subarray(0, request.length - 1));
    expect(dropped).toEqual(['authentication.dropped.malformed.truncated']);
  });

  it.each([0, 1])(
    'RFC 2865 §5: an attribute of Length %i is invalid, and its packet is silently discarded',
    async (length) => {
      expect(await nas.unanswered(withTail(Buffer.from([200, length])))).toEqual([
        'authentication.dropped.malformed.attribute-too-short',
      ]);
    },
  );

  it('RFC 2865 §5: an attribute that runs over the end is invalid, and its packet is silently discarded', async () => {
    expect(await nas.unanswered(withTail(Buffer.from([200, 4, 0])))).toEqual([
      'authentication.dropped.malformed.attribute-overrun',
    ]);
  });

  it('RFC 2865 §5: a Type without a Length is invalid, and its packet is silently discarded', async () => {
    expect(await nas.unanswered(withTail(Buffer.from([200])))).toEqual([
      'authentication.dropped.malformed.attribute-too-short',
    ]);
  });

  it('RFC 2865 §5: a malformed attribute in front of good ones is no way around them', async () => {
    const request = accessRequest(secret, [Buffer.from([200, 1]), ...mab()]);
    expect(await nas.unanswered(request)).toEqual(['authentication.dropped.malformed.attribute-too-short']);
  });

  it('RFC 2865 §5: an attribute without a value (Length 2) does no harm', async () => {
    expect((await nas.ask(withTail(tlv(200, '')))).code).toBe(code.accessAccept);
  });

  it('RFC 2865 §5: attributes of an unknown Type are ignored', async () => {
    const unknown = [tlv(199, 'what'), tlv(255, Buffer.alloc(253)), tlv(0, 'reserved')];
    expect((await nas.ask(accessRequest(secret, [...unknown, ...mab(), ...unknown]))).code).toBe(code.accessAccept);
  });

  it.each([0, 2, 3, 4, 5, 11, 13, 40, 43, 45, 255])(
    'RFC 2865 §3: a Code that is no request to this port is silently discarded (%i)',
    async (packetCode) => {
      const signed = accessRequest(secret, mab());
      signed[0] = packetCode;
      expect(await nas.unanswered(signed)).toEqual(['authentication.dropped.unexpected-code']);
    },
  );

  it('RFC 2865 §3: the reply has the Identifier of its request', async () => {
    for (const id of [0, 1, 127, 255]) expect((await nas.ask(accessRequest(secret, mab(), { id }))).id).toBe(id);
  });

  it('RFC 2865 §3: Response Authenticator is MD5 over the reply, the request’s authenticator and the secret', async () => {
    for (const attributes of [mab(), mab('02:aa:00:00:00:01'), [...mab(), ...split(type.eapMessage, identity())]]) {
      const request = accessRequest(secret, attributes);
      const reply = await nas.exchange(request);
      expect(hasResponseAuthenticator(reply, request, secret)).toBe(true);
      expect(hasResponseAuthenticator(reply, request, otherSecret)).toBe(false);
    }
  });

  it('RFC 2865 §3: a request from a client without a shared secret is silently discarded', async () => {
    const stranger = await bed.switchAt('127.0.0.9');
    expect(await stranger.unanswered(accessRequest(secret, mab()), 'authentication', nas)).toEqual([
      'authentication.dropped.unknown-client',
    ]);
    const mute = await bed.switchAt('127.0.0.4');
    expect(await mute.unanswered(accessRequest(secret, mab()), 'authentication', nas)).toEqual([
      'authentication.dropped.client-without-secret',
    ]);
    expect([stranger.waiting, mute.waiting]).toEqual([0, 0]);
  });

  it('RFC 2865 §3: the secret goes by the source address of the packet, not by what the packet says', async () => {
    const attributes = mab(pump, [
      tlv(type.nasIpAddress, Buffer.from([127, 1, 2, 3])),
      tlv(type.nasIdentifier, 'closet'),
    ]);
    expect((await nas.ask(accessRequest(secret, attributes))).code).toBe(code.accessAccept);
    expect(await nas.unanswered(accessRequest(otherSecret, attributes))).toEqual([
      'authentication.dropped.message-authenticator-invalid',
    ]);
  });

  it('RFC 2865 §3: the reply comes from the address and port that the request went to', async () => {
    await nas.send(accessRequest(secret, mab()));
    const { from } = await nas.next();
    expect(from).toMatchObject({ address: '127.0.0.1', port: bed.bridge.authenticationPort });
  });

  const proxyStates = [
    Buffer.from('first'),
    Buffer.alloc(253, 0xfe),
    Buffer.alloc(0),
    Buffer.from([0, 1, 0]),
    Buffer.from('first'),
  ];
  const proxied = proxyStates.map((value) => tlv(type.proxyState, value));
  it.each([
    ['Access-Accept', code.accessAccept, mab()],
    ['Access-Reject', code.accessReject, mab('02:aa:00:00:00:01')],
    ['Access-Challenge', code.accessChallenge, [...mab(), ...split(type.eapMessage, identity())]],
  ])('RFC 2865 §5.33: Proxy-State is copied into %s unmodified and in order', async (_, expected, attributes) => {
    const [first, ...others] = proxied;
    const reply = await nas.ask(accessRequest(secret, [first!, ...attributes, ...others]));
    expect(reply.code).toBe(expected);
    expect(all(reply, type.proxyState)).toEqual(proxyStates);
  });

  it('RFC 2865 §5.33: a reply to a request without Proxy-State has none', async () => {
    expect(all(await nas.ask(accessRequest(secret, mab())), type.proxyState)).toEqual([]);
  });

  it('RFC 2865 §5.24: a challenge has exactly one State', async () => {
    expect(all(await challenge(), type.state)).toHaveLength(1);
  });

  it('RFC 2865 §5.24: the State of a challenge, returned verbatim, continues it', async () => {
    const first = await challenge();
    const [state, message] = answerTo(first, Buffer.from([eapCode.response, eapIn(first).id, 0, 6, 3, 4]));
    const reply = await nas.ask(accessRequest(secret, [...mab(), state!, message!]));
    // The conversation went on to its own end: the supplicant wants a method that there is none of.
    expect(eapIn(reply)).toMatchObject({ code: eapCode.failure, id: eapIn(first).id });
    const { reason } = await bed.authentication((one) => one.reason.includes('EAP-MD5'));
    expect(reason).toContain('the supplicant wants');
  });

  it('RFC 2865 §5.24: a State that differs in one bit, is cut or is longer continues nothing', async () => {
    const first = await challenge();
    const state = only(first, type.state)!;
    const flipped = Buffer.from(state);
    flipped[state.length - 1]! ^= 1;
    const message = Buffer.from([eapCode.response, eapIn(first).id, 0, 6, 3, 4]);
    for (const wrong of [flipped, state.subarray(1), Buffer.concat([state, Buffer.alloc(1)]), Buffer.alloc(0)]) {
      const attributes = [...mab(), tlv(type.state, wrong), tlv(type.eapMessage, message)];
      expect((await nas.ask(accessRequest(secret, attributes))).code).toBe(code.accessReject);
    }
    const [good] = answerTo(first, message);
    const reply = await nas.ask(accessRequest(secret, [...mab(), good!, tlv(type.eapMessage, message)]));
    expect(eapIn(reply).id).toBe(eapIn(first).id);
  });

  it('RFC 2865 §5.44: Accept, Reject and Challenge hold only attributes that the table allows there', async () => {
    const others = Array.from({ length: 256 }, (_, i) => i);
    const allowed: Readonly<Record<number, readonly number[]>> = {
      // Who asks, and by what it proves itself, is the request's to say.
      [code.accessAccept]: others.filter((one) => ![0, 2, 3, 4, 5, 18, 24, 30, 31, 32, 60, 61].includes(one)),
      [code.accessReject]: [18, 33, 79, 80],
      [code.accessChallenge]: [18, 24, 26, 27, 28, 33, 79, 80],
    };
    const eap = [...mab(), ...split(type.eapMessage, identity()), ...proxied];
    for (const attributes of [mab(), mab('02:aa:00:00:00:01', proxied), eap]) {
      const reply = await nas.ask(accessRequest(secret, attributes));
      const found = new Set(reply.attributes.map((attribute) => attribute.type));
      expect([...found].filter((one) => !allowed[reply.code]!.includes(one))).toEqual([]);
    }
  });

  it('RFC 2865 §5.44: User-Name or Calling-Station-Id that stands twice is not taken for either', async () => {
    for (const extra of [tlv(type.userName, otherPump.replaceAll(':', '')), tlv(type.callingStationId, otherPump)])
      expect((await nas.ask(accessRequest(secret, mab(pump, [extra])))).code).toBe(code.accessReject);
  });

  it('RFC 2865 §5.25: Class of the Accept comes back in accounting and names the session', async () => {
    const reply = await nas.ask(accessRequest(secret, mab(otherPump)));
    const decision = only(reply, type.class)!.toString('latin1');
    const session = await bed.session(otherPump, ({ decisionId }) => decisionId === decision);
    expect(session).toMatchObject({ state: 'open', vlan: 210 });
  });

  it.each([
    ['nothing in it', Buffer.alloc(0)],
    ['less than a vendor', Buffer.from([0, 0, 9])],
    ['a vendor alone', Buffer.from([0, 0, 0, 9])],
    ['a sub-attribute of length 0', Buffer.from([0, 0, 0, 9, 1, 0])],
    ['a sub-attribute that runs over', Buffer.from([0, 0, 0, 9, 1, 200, 65])],
    ['a type without a length', Buffer.from([0, 0, 0, 9, 1])],
    ['another layout', Buffer.from([0, 0, 0x11, 0x8b, 0xde, 0xad, 0xbe, 0xef, 0])],
  ])('RFC 2865 §5.26: a Vendor-Specific that is not understood is ignored: %s', async (_, value) => {
    expect((await nas.ask(accessRequest(secret, mab(pump, [tlv(type.vendorSpecific, value)])))).code).toBe(
      code.accessAccept,
    );
  });

  it('RFC 2865 §5.26: a Vendor-Specific of a vendor that is not known is ignored', async () => {
    const foreign = vendorSpecific(4_294_967_295, Buffer.from([1, 6, 0, 0, 0, 1]));
    expect((await nas.ask(accessRequest(secret, mab(pump, [foreign])))).code).toBe(code.accessAccept);
  });

  it('RFC 2865 §4.1: the longest User-Name is read whole', async () => {
    const name = `001a2b3c4d5e${'x'.repeat(241)}`;
    const attributes = [tlv(type.userName, name), ...mab().slice(1)];
    expect((await nas.ask(accessRequest(secret, attributes))).code).toBe(code.accessReject);
  });

  it('RFC 5997 §3: Status-Server is answered with Access-Accept on the authentication port', async () => {
    const reply = await nas.ask(statusServer(secret));
    expect(reply.code).toBe(code.accessAccept);
  });

  it('RFC 5997 §3: Status-Server is answered with Accounting-Response on the accounting port', async () => {
    const request = statusServer(secret);
    expect(nas.prove(request, await nas.exchange(request, 'accounting')).code).toBe(code.accountingResponse);
  });

  it('RFC 5997 §3: Status-Server without Message-Authenticator, or with a wrong one, is silently discarded', async () => {
    for (const port of ['authentication', 'accounting'] as const) {
      const missing = statusServer(secret, [], { messageAuthenticator: 'none' });
      expect(await nas.unanswered(missing, port)).toEqual([`${port}.dropped.message-authenticator-missing`]);
      const wrong = statusServer(secret, [], { messageAuthenticator: 'wrong' });
      expect(await nas.unanswered(wrong, port)).toEqual([`${port}.dropped.message-authenticator-invalid`]);
    }
  });

  it('RFC 5997 §4.2: the answer to Status-Server authorises nothing and is no authentication', async () => {
    let found: readonly number[] = [];
    const grown = await bed.grown(async () => {
      const reply = await nas.ask(statusServer(secret, [...mab(), ...proxied]));
      found = reply.attributes.map((attribute) => attribute.type);
    });
    expect([...new Set(found)]).toEqual([type.messageAuthenticator, type.proxyState]);
    const ofAuthentication = Object.keys(grown).filter((name) => name.startsWith('authentication.'));
    expect(ofAuthentication.sort()).toEqual(['authentication.requests', 'authentication.status-server']);
  });

  it('RFC 2865 §3: bytes that are no RADIUS are never answered', async () => {
    for (let i = 0; i < 200; i++) await nas.send(randomBytes(Math.floor(Math.random() * 300)));
    const packetAtRandom = pack(code.accessRequest, 1, randomBytes(16), Buffer.concat([unsigned, ...mab()]));
    expect(await nas.unanswered(packetAtRandom)).toContain('authentication.dropped.message-authenticator-invalid');
    expect(parse(await nas.exchange(accessRequest(secret, mab()))).code).toBe(code.accessAccept);
  });
});
