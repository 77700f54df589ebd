import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { secret, TestBed } from './bed.js';
import { answerTo, eap, eapCode, eapIn, EapMaterial, eapType, identity } from './eap.js';
import { authenticate } from './supplicant.js';
import { mab, otherPump, pump, type Switch } from './switch.js';
import { accessRequest, all, code, only, split, tlv, type, type Parsed } from './wire.js';

describe('RFC 3579', () => {
  let bed: TestBed;
  let nas: Switch;
  let material: EapMaterial;

  beforeAll(async () => {
    material = await EapMaterial.create();
    bed = await TestBed.start({ files: material.files(['fragmentSize: 500']) });
    nas = await bed.switchAt();
  });

  afterAll(async () => {
    await bed?.stop();
    material?.remove();
  });

  const ask = (attributes: readonly Buffer[]): Promise<Parsed> =>
    nas.ask(accessRequest(secret, [...mab(), ...attributes]));
  const start = (message = identity()): Promise<Parsed> => ask(split(type.eapMessage, message));
  const nak = (to: Parsed, method: number = eapType.md5): Buffer =>
    eap(eapCode.response, eapIn(to).id, eapType.nak, Buffer.from([method]));

  it.each([
    ['missing', 'none'],
    ['invalid', 'wrong'],
    ['duplicate', 'twice'],
  ] as const)(
    'RFC 3579 §3.2: a request with EAP-Message whose Message-Authenticator is not right is silently discarded: %s',
    async (verdict, messageAuthenticator) => {
      const request = accessRequest(secret, [...mab(), ...split(type.eapMessage, identity())], {
        messageAuthenticator,
      });
      expect(await nas.unanswered(request)).toEqual([`authentication.dropped.message-authenticator-${verdict}`]);
    },
  );

  it.each([0, 15, 17, 32])('RFC 3579 §3.2: a Message-Authenticator has 16 octets, not %i', async (octets) => {
    const misshapen = tlv(type.messageAuthenticator, Buffer.alloc(octets, 1));
    const request = accessRequest(secret, [...mab(), misshapen], { messageAuthenticator: 'none' });
    expect(await nas.unanswered(request)).toEqual(['authentication.dropped.message-authenticator-invalid']);
  });

  it('RFC 3579 §3.2: Message-Authenticator covers every octet of the request', async () => {
    const good = accessRequest(secret, mab());
    for (const at of [1, 4, 19, 23, 38, 40, good.length - 1]) {
      const changed = Buffer.from(good);
      changed[at]! ^= 1;
      expect(await nas.unanswered(changed)).toEqual(['authentication.dropped.message-authenticator-invalid']);
    }
  });

  it('RFC 3579 §3.1: several EAP-Message attributes are one EAP packet, in their order', async () => {
    const message = identity('a-long-name-of-someone');
    const parts = [message.subarray(0, 3), message.subarray(3, 4), message.subarray(4)];
    const reply = await ask(parts.map((part) => tlv(type.eapMessage, part)));
    expect(eapIn(reply)).toMatchObject({ code: eapCode.request, method: eapType.tls });
    const turned = accessRequest(secret, [...mab(), ...parts.toReversed().map((part) => tlv(type.eapMessage, part))]);
    expect(await nas.untilDropped(turned)).toContainEqual(expect.stringMatching(/^authentication\.dropped\.eap-/));
  });

  it('RFC 3579 §3.1: an EAP packet of more than 253 octets comes in several attributes', async () => {
    expect(eapIn(await start(identity('x'.repeat(600)))).code).toBe(eapCode.request);
  });

  it('RFC 3579 §3.1: EAP-Message attributes that do not stand together are silently discarded', async () => {
    const message = identity();
    const parts = [message.subarray(0, 5), message.subarray(5)].map((part) => tlv(type.eapMessage, part));
    const request = accessRequest(secret, [parts[0]!, ...mab(), parts[1]!]);
    expect(await nas.unanswered(request)).toEqual(['authentication.dropped.eap-scattered']);
  });

  it('RFC 3579 §2.1: an empty EAP-Message asks the server to begin: it asks for the identity', async () => {
    const reply = await ask([tlv(type.eapMessage, '')]);
    expect(reply.code).toBe(code.accessChallenge);
    const request = eapIn(reply);
    expect(request).toMatchObject({ code: eapCode.request, method: eapType.identity });
    const message = eap(eapCode.response, request.id, eapType.identity, 'anonymous');
    expect(eapIn(await ask(answerTo(reply, message)))).toMatchObject({ code: eapCode.request, method: eapType.tls });
  });

  it('RFC 3579 §2.1: a response of identity is answered by the first request of a method, with another Identifier', async () => {
    const reply = await start(identity('anonymous', 200));
    expect(reply.code).toBe(code.accessChallenge);
    expect(eapIn(reply)).toMatchObject({ code: eapCode.request, method: eapType.tls });
    expect(eapIn(reply).id).not.toBe(200);
  });

  it('RFC 3579 §2.6.3: EAP-Request comes only in Access-Challenge, Success only in Accept, Failure only in Reject', async () => {
    const good = await authenticate(nas, { device: await material.issue(pump) });
    expect(good.end.code).toBe(code.accessAccept);
    expect(eapIn(good.end)).toMatchObject({ code: eapCode.success, method: null });
    const bad = await authenticate(nas, { device: await material.issue(otherPump) });
    expect(bad.end.code).toBe(code.accessReject);
    expect(eapIn(bad.end)).toMatchObject({ code: eapCode.failure, method: null });
    for (const challenge of [...good.challenges, ...bad.challenges])
      expect(eapIn(challenge).code).toBe(eapCode.request);
  });

  it('RFC 3579 §2.6.3: who is let in by certificate and refused by policy gets Access-Reject with Failure', async () => {
    const stranger = '02:aa:00:00:00:09';
    const { end } = await authenticate(nas, { device: await material.issue(stranger), mac: stranger });
    expect(end.code).toBe(code.accessReject);
    expect(eapIn(end).code).toBe(eapCode.failure);
  });

  it('RFC 3579 §2.6.5: no reply to a request with EAP-Message has Reply-Message', async () => {
    const good = await authenticate(nas, { device: await material.issue(pump) });
    const bad = await authenticate(nas, { device: null });
    for (const reply of [...good.challenges, good.end, ...bad.challenges, bad.end])
      expect(all(reply, type.replyMessage)).toEqual([]);
  });

  it('RFC 3579 §2.1: an Access-Reject to EAP has a Failure with the Identifier of the response that it answers', async () => {
    const first = await start();
    const reply = await ask(answerTo(first, nak(first)));
    expect(reply.code).toBe(code.accessReject);
    expect(all(reply, type.eapMessage)).toEqual([Buffer.from([eapCode.failure, eapIn(first).id, 0, 4])]);
  });

  it('RFC 3579 §2.1: so has one to a response of a conversation that is not known', async () => {
    const message = eap(eapCode.response, 201, eapType.nak, Buffer.from([eapType.md5]));
    const reply = await ask([tlv(type.state, 'what'), ...split(type.eapMessage, message)]);
    expect(reply.code).toBe(code.accessReject);
    expect(all(reply, type.eapMessage)).toEqual([Buffer.from([eapCode.failure, 201, 0, 4])]);
  });

  it('RFC 3579 §2.1: a reply to a request without EAP-Message has none', async () => {
    for (const mac of [pump, '02:aa:00:00:00:01'])
      expect(all(await nas.ask(accessRequest(secret, mab(mac))), type.eapMessage)).toEqual([]);
  });

  it('RFC 3579 §3.1: EAP-Message attributes of a reply stand together and in order', async () => {
    const { challenges } = await authenticate(nas, { device: await material.issue(pump) });
    const long = challenges.find((challenge) => all(challenge, type.eapMessage).length > 1)!;
    const places = long.attributes.map((attribute) => attribute.type === type.eapMessage);
    const [first, last] = [places.indexOf(true), places.lastIndexOf(true)];
    expect(places.slice(first, last + 1)).not.toContain(false);
    for (const part of all(long, type.eapMessage).slice(0, -1)) expect(part).toHaveLength(253);
    expect(eapIn(long).code).toBe(eapCode.request);
  });

  it.each([
    ['shorter than its Length', Buffer.from([2, 1, 0, 9, 1, 97]), 'eap-truncated'],
    ['of three octets', Buffer.from([2, 1, 0]), 'eap-too-short'],
    ['of an unknown Code', Buffer.from([9, 1, 0, 6, 1, 97]), 'eap-unknown-code'],
    ['that is a request', Buffer.from([1, 1, 0, 6, 1, 97]), 'eap-not-a-response'],
    ['that is a success', Buffer.from([3, 1, 0, 4]), 'eap-not-a-response'],
    ['without a Type', Buffer.from([2, 1, 0, 4]), 'eap-bad-length'],
  ])('RFC 3579 §2.2: an EAP packet that is invalid is silently discarded: %s', async (_, message, reason) => {
    const dropped = await nas.untilDropped(accessRequest(secret, [...mab(), tlv(type.eapMessage, message)]));
    expect(dropped).toContain(`authentication.dropped.${reason}`);
  });

  it('RFC 3579 §2.2: an invalid response in a conversation is discarded, and the conversation goes on', async () => {
    const first = await start();
    const { id } = eapIn(first);
    const [state] = answerTo(first, identity());
    const late = eap(eapCode.response, (id + 100) & 0xff, eapType.nak, Buffer.from([eapType.md5]));
    const dropped = await nas.untilDropped(accessRequest(secret, [...mab(), state!, tlv(type.eapMessage, late)]));
    expect(dropped).toContain('authentication.dropped.eap-other-identifier');
    const reply = await ask(answerTo(first, nak(first)));
    expect(eapIn(reply)).toMatchObject({ code: eapCode.failure, id });
  });

  it('RFC 3748 §4.1: octets after the Length of an EAP packet are padding and are ignored', async () => {
    expect(eapIn(await start(Buffer.concat([identity(), Buffer.alloc(7)]))).code).toBe(eapCode.request);
  });

  it('RFC 3748 §4.1: each request has another Identifier than the one before', async () => {
    const { challenges } = await authenticate(nas, { device: await material.issue(pump), fragmentSize: 100 });
    const ids = challenges.map((challenge) => eapIn(challenge).id);
    expect(ids.length).toBeGreaterThan(5);
    expect(ids.filter((id, i) => id === ids[i - 1])).toEqual([]);
  });

  it('RFC 3579 §2.4: an EAP packet is no longer than Framed-MTU and the policy allow', async () => {
    const device = await material.issue(pump);
    for (const [mtu, most] of [
      [null, 500],
      [1400, 500],
      [300, 296],
    ] as const) {
      const more = mtu === null ? [] : [tlv(type.framedMtu, mtu)];
      const { challenges, end } = await authenticate(nas, { device, more });
      expect(end.code).toBe(code.accessAccept);
      const longest = Math.max(...challenges.map((challenge) => Buffer.concat(all(challenge, type.eapMessage)).length));
      expect(longest).toBe(most);
    }
  });

  it('RFC 5080 §2.1.1: a State is not taken without EAP-Message for a conversation', async () => {
    const first = await start();
    // MAC authentication beside a State of somebody's conversation is MAC authentication, and leaves that alone.
    const reply = await ask([tlv(type.state, only(first, type.state)!)]);
    expect(reply.code).toBe(code.accessAccept);
    expect(eapIn(await ask(answerTo(first, nak(first)))).id).toBe(eapIn(first).id);
  });

  it('RFC 3748 §5.3.1: a Nak that proposes what is served is followed, any other ends in Failure', async () => {
    const first = await start();
    const refused = await ask(answerTo(first, nak(first, 99)));
    expect(eapIn(refused).code).toBe(eapCode.failure);
    const none = await start();
    expect(eapIn(await ask(answerTo(none, nak(none, 0)))).code).toBe(eapCode.failure);
  });
});
