import { describe, expect, it } from 'vitest';
import { ntHash } from '../password-hashes.js';
import { PeapInner } from './peap.js';
import type { InnerStep, PasswordProof } from './tunnel.js';

const hex = (text: string): Buffer => Buffer.from(text, 'hex');

/** RFC 2759 §9.2. */
const challenge = hex('5b5d7c7d7b3f2f3e3c2c602132262628');
const peerChallenge = hex('21402324255e262a28295f2b3a337c7e');
const ntResponse = hex('82309ecd8d708b5ea08faa3981cd83544233114a3d85d6df');
const user: PasswordProof = { ntHash: ntHash('clientPass'), verify: () => Promise.resolve(false) };
const inner = (proof: PasswordProof | null = user): PeapInner =>
  new PeapInner((name) => Promise.resolve(name === 'User' ? proof : null), challenge);

const identity = Buffer.from('\u0001User', 'latin1');
const answer = (response = ntResponse, name = 'User'): Buffer =>
  Buffer.concat([hex('1a0200003631'), peerChallenge, Buffer.alloc(8), response, hex('00'), Buffer.from(name)]);
const acknowledged = hex('1a03');
/** EAP-Response, type 33, Result TLV. */
const result = (status: number): Buffer => Buffer.from([2, 1, 0, 11, 33, 0x80, 3, 0, 2, 0, status]);

async function say(method: PeapInner, ...messages: readonly Buffer[]): Promise<InnerStep> {
  let step: InnerStep | null = null;
  for (const message of messages) step = await method.receive(message);
  return step!;
}

const outputOf = (step: InnerStep): string => {
  if (step.kind === 'proved') throw new Error('nothing more was to be said');
  return step.output.toString('latin1');
};

describe('what is said inside PEAP', () => {
  it('proves who knows the password, and who knows that we do', async () => {
    const method = inner();
    expect(method.begin()).toEqual(hex('01'));
    const asked = await say(method, identity);
    expect(outputOf(asked).slice(6, 22)).toBe(challenge.toString('latin1'));
    const succeeded = await say(method, answer());
    expect(outputOf(succeeded)).toContain('S=407A5589115FD0D6209F510FE9C04566932CDA56');
    const over = await say(method, acknowledged);
    expect(outputOf(over)).toBe(Buffer.from([1, 1, 0, 11, 33, 0x80, 3, 0, 2, 0, 1]).toString('latin1'));
    expect(await say(method, result(1))).toEqual({ kind: 'proved', username: 'User' });
  });

  it('takes a domain in front of the name in the answer', async () => {
    expect(outputOf(await say(inner(), identity, answer(ntResponse, 'HOSPITAL\\User')))).toContain('S=');
  });

  it.each([
    ['a wrong password', user, answer(Buffer.alloc(24)), /password of `User` is wrong/],
    ['a name that there is not', null, answer(), /no password for `User`/],
    ['a name that may not use it', { ...user, ntHash: null }, answer(), /may not use MS-CHAPv2/],
  ] as const)('refuses %s in its own words, then for good', async (_, proof, said, reason) => {
    const method = inner(proof);
    expect(outputOf(await say(method, identity, said))).toContain('E=691 R=0');
    const end = await say(method, hex('1a04'));
    expect(end).toMatchObject({ kind: 'failed', reason: expect.stringMatching(reason) as string });
    expect(outputOf(end).endsWith('\u0000\u0002')).toBe(true);
  });

  it.each([
    ['nothing', [Buffer.alloc(0)]],
    ['the result before anything', [result(1)]],
    ['the answer before the name', [answer()]],
    ['another method', [hex('030600')]],
    ['the result before the answer', [identity, result(1)]],
    ['success in place of the answer', [identity, acknowledged]],
    ['half an answer', [identity, answer().subarray(0, 40)]],
    ['the result before it agreed', [identity, answer(), result(1)]],
    ['that it does not agree', [identity, answer(), acknowledged, result(2)]],
    ['a result without one', [identity, answer(), acknowledged, Buffer.from([2, 1, 0, 6, 33, 0])]],
  ])('lets nobody in who says %s', async (_, messages) => {
    expect((await say(inner(), ...messages)).kind).toBe('failed');
  });

  it('asks who resumes only whether it agrees', async () => {
    const method = inner();
    expect(method.resume().at(-1)).toBe(1);
    expect((await say(method, result(1))).kind).toBe('proved');
    const other = inner();
    other.resume();
    expect((await say(other, identity)).kind).toBe('failed');
  });
});
