import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { secret, TestBed } from './bed.js';
import { EapMaterial, identity } from './eap.js';
import { mab, pump, type Switch } from './switch.js';
import { accessRequest, all, code, hasMessageAuthenticator, parse, split, statusServer, tlv, type } from './wire.js';

/* CVE-2024-3596: who can hold up a request between switch and server can forge the reply to one without Message-Authenticator. */

const unknown = '02:aa:00:00:00:01';
/** What an attacker puts into the request, to have it stand in the reply: a value of its choice. */
const prefix = tlv(type.proxyState, Buffer.alloc(253, 0x41));

describe('CVE-2024-3596 (BlastRADIUS)', () => {
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

  const replies: [string, number, (more: readonly Buffer[]) => Buffer][] = [
    ['Access-Accept', code.accessAccept, (more) => accessRequest(secret, mab(pump, more))],
    ['Access-Reject', code.accessReject, (more) => accessRequest(secret, mab(unknown, more))],
    [
      'Access-Challenge',
      code.accessChallenge,
      (more) => accessRequest(secret, [...mab(), ...split(type.eapMessage, identity()), ...more]),
    ],
    ['the answer to Status-Server', code.accessAccept, (more) => statusServer(secret, more)],
  ];

  it.each(replies)(
    'CVE-2024-3596: Message-Authenticator is the first attribute of %s',
    async (_, expected, request) => {
      for (const more of [[], [prefix, prefix]]) {
        const reply = await nas.ask(request(more));
        expect(reply.code).toBe(expected);
        expect(reply.attributes[0]).toMatchObject({ type: type.messageAuthenticator, value: { length: 16 } });
      }
    },
  );

  it.each(replies)('CVE-2024-3596: there is exactly one Message-Authenticator in %s', async (_, expected, request) => {
    const reply = await nas.ask(request([prefix]));
    expect(reply.code).toBe(expected);
    expect(all(reply, type.messageAuthenticator)).toHaveLength(1);
  });

  it.each(replies)(
    'CVE-2024-3596: a reply with one bit flipped is not taken for a good one: %s',
    async (_, __, request) => {
      const sent = request([]);
      const reply = await nas.exchange(sent);
      expect(hasMessageAuthenticator(reply, sent, secret)).toBe(true);
      for (const at of [0, 1, 25, reply.length - 1]) {
        const forged = Buffer.from(reply);
        forged[at]! ^= 1;
        expect(hasMessageAuthenticator(forged, sent, secret)).toBe(false);
      }
    },
  );

  it('CVE-2024-3596: an Access-Request without Message-Authenticator is silently discarded', async () => {
    const request = accessRequest(secret, mab(), { messageAuthenticator: 'none' });
    expect(await nas.unanswered(request)).toEqual(['authentication.dropped.message-authenticator-missing']);
  });

  it('CVE-2024-3596: an Access-Request with Proxy-State and without Message-Authenticator is silently discarded', async () => {
    const request = accessRequest(secret, mab(pump, [prefix]), { messageAuthenticator: 'none' });
    expect(await nas.unanswered(request)).toEqual(['authentication.dropped.message-authenticator-missing']);
  });

  it('CVE-2024-3596: a request that would be rejected is not answered without Message-Authenticator either', async () => {
    const request = accessRequest(secret, mab(unknown, [prefix]), { messageAuthenticator: 'none' });
    expect(await nas.unanswered(request)).toEqual(['authentication.dropped.message-authenticator-missing']);
  });

  it('CVE-2024-3596: what a client sent first decides nothing: it is asked for Message-Authenticator in each request', async () => {
    const fresh = await bed.switchAt('127.1.0.77');
    const without = (): Buffer => accessRequest(secret, mab(), { messageAuthenticator: 'none' });
    expect(await fresh.unanswered(without())).toEqual(['authentication.dropped.message-authenticator-missing']);
    expect((await fresh.ask(accessRequest(secret, mab()))).code).toBe(code.accessAccept);
    expect(await fresh.unanswered(without())).toEqual(['authentication.dropped.message-authenticator-missing']);
  });

  it('CVE-2024-3596: of a request Message-Authenticator is verified wherever it stands', async () => {
    expect((await nas.ask(accessRequest(secret, mab(), { messageAuthenticator: 'last' }))).code).toBe(
      code.accessAccept,
    );
    const wrong = accessRequest(secret, mab(), { messageAuthenticator: 'last' });
    wrong[wrong.length - 1]! ^= 1;
    expect(await nas.unanswered(wrong)).toEqual(['authentication.dropped.message-authenticator-invalid']);
  });

  it('CVE-2024-3596: what the request brings along stands behind everything of ours in the reply', async () => {
    const reply = parse(await nas.exchange(accessRequest(secret, [prefix, ...mab(), prefix])));
    const places = reply.attributes.map((attribute) => attribute.type);
    expect(places.slice(-2)).toEqual([type.proxyState, type.proxyState]);
    expect(places.indexOf(type.proxyState)).toBe(places.length - 2);
  });
});
