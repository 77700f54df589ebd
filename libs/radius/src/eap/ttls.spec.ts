import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ntHash } from '../password-hashes.js';
import { avps, decodeAvps, encodeAvp, TtlsInner, type Avp } from './ttls.js';
import type { InnerStep, PasswordProof } from './tunnel.js';

const hex = (text: string): Buffer => Buffer.from(text, 'hex');
const microsoft = 311;

/** RFC 2759 §9.2; the identifier is the byte after the challenge. */
const challenge = hex('5b5d7c7d7b3f2f3e3c2c602132262628');
const peerChallenge = hex('21402324255e262a28295f2b3a337c7e');
const ntResponse = hex('82309ecd8d708b5ea08faa3981cd83544233114a3d85d6df');
const ident = 7;

const user: PasswordProof = {
  ntHash: ntHash('clientPass'),
  verify: (password) => Promise.resolve(password.toString() === 'clientPass'),
};
const inner = (proof: PasswordProof | null = user): TtlsInner =>
  new TtlsInner(
    (name) => Promise.resolve(name === 'User' ? proof : null),
    (label, length) => {
      expect([label, length]).toEqual(['ttls challenge', 17]);
      return Buffer.concat([challenge, Buffer.from([ident])]);
    },
  );

const avp = (code: number, data: Buffer, vendor = 0, mandatory = true): Buffer =>
  encodeAvp({ code, vendor, mandatory, data });
const name = avp(avps.userName, Buffer.from('User'));
const password = (text: string): Buffer =>
  avp(avps.userPassword, Buffer.concat([Buffer.from(text), Buffer.alloc(16 - (text.length % 16))]));
const own = avp(avps.msChapChallenge, challenge, microsoft);
const response = (answer = ntResponse, by = ident): Buffer =>
  avp(avps.msChap2Response, Buffer.concat([Buffer.from([by, 0]), peerChallenge, Buffer.alloc(8), answer]), microsoft);
const say = (method: TtlsInner, ...parts: readonly Buffer[]): Promise<InnerStep> =>
  method.receive(Buffer.concat(parts));

describe('what is said inside EAP-TTLS', () => {
  it('proves who sends the password', async () => {
    expect(await say(inner(), name, password('clientPass'))).toEqual({ kind: 'proved', username: 'User' });
  });

  it('proves who answers with MS-CHAPv2, once the peer agrees', async () => {
    const method = inner();
    const step = await say(method, name, own, response());
    if (step.kind !== 'continue') throw new Error(step.kind);
    const [success] = decodeAvps(step.output)!;
    expect(success).toMatchObject({ code: avps.msChap2Success, vendor: microsoft, mandatory: true });
    expect(success!.data).toEqual(
      Buffer.concat([Buffer.from([ident]), Buffer.from('S=407A5589115FD0D6209F510FE9C04566932CDA56')]),
    );
    expect(await say(method)).toEqual({ kind: 'proved', username: 'User' });
  });

  it('waits for the peer, which speaks first', async () => {
    const method = inner();
    expect(method.begin()).toHaveLength(0);
    expect(await say(method)).toEqual({ kind: 'continue', output: Buffer.alloc(0) });
  });

  it.each([
    ['a wrong password', user, [name, password('clientpass')], /is wrong/],
    ['a password for a name that there is not', null, [name, password('clientPass')], /no password for/],
    ['a wrong answer', user, [name, own, response(Buffer.alloc(24))], /is wrong/],
    ['an answer for a name without a hash for it', { ...user, ntHash: null }, [name, own, response()], /may not use/],
    [
      'an answer to another challenge',
      user,
      [name, avp(avps.msChapChallenge, Buffer.alloc(16), microsoft), response()],
      /not that of this tunnel/,
    ],
    [
      'another identifier than the tunnel’s',
      user,
      [name, own, response(ntResponse, ident + 1)],
      /not that of this tunnel/,
    ],
    ['an answer without a challenge', user, [name, response()], /another method/],
    ['a password and an answer', user, [name, password('clientPass'), own, response()], /another method/],
    ['two names', user, [name, name, password('clientPass')], /no user name, two/],
    ['no name', user, [password('clientPass')], /no user name/],
    ['EAP', user, [name, avp(avps.eapMessage, Buffer.alloc(5))], /another method/],
    [
      'what it insists on and nobody knows',
      user,
      [name, avp(4711, Buffer.alloc(4)), password('clientPass')],
      /insists on AVP 0\/4711/,
    ],
    ['something that is no AVP', user, [Buffer.alloc(7)], /not well-formed/],
    ['an AVP that says it is longer', user, [Buffer.from([0, 0, 0, 1, 0, 0, 0, 90, 65])], /not well-formed/],
  ] as const)('lets nobody in with %s', async (_, proof, parts, reason) => {
    const step = await say(inner(proof), ...parts);
    expect(step).toMatchObject({ kind: 'failed', reason: expect.stringMatching(reason) as string });
  });

  it('takes what it does not know, when the peer does not insist on it', async () => {
    const step = await say(inner(), name, avp(4711, Buffer.alloc(4), 9, false), password('clientPass'));
    expect(step.kind).toBe('proved');
  });

  it('lets nobody in who says more instead of agreeing', async () => {
    const method = inner();
    await say(method, name, own, response());
    expect((await say(method, name, password('clientPass'))).kind).toBe('failed');
  });

  it('reads what it writes', () => {
    const arbitrary: fc.Arbitrary<Avp> = fc.record({
      code: fc.nat(0xffff_ffff),
      vendor: fc.nat(0xffff_ffff),
      mandatory: fc.boolean(),
      data: fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
    });
    fc.assert(
      fc.property(fc.array(arbitrary, { maxLength: 5 }), (list) => {
        expect(decodeAvps(Buffer.concat(list.map(encodeAvp)))).toEqual(list);
      }),
    );
  });
});
