import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { forgeKinds, hookSchemes, type ForgeKind } from './hook-schemes.js';

const now = new Date('2026-11-23T11:00:00Z');
const secret = 'a secret of the hook';
const key = Buffer.alloc(32, 7);
const signingToken = `whsec_${key.toString('base64')}`;
const hex = (body: Buffer, of = secret) => createHmac('sha256', of).update(body).digest('hex');
const seconds = Math.floor(now.getTime() / 1000);

function standard(body: Buffer, id = 'd1', at = seconds): Record<string, string> {
  const signature = createHmac('sha256', key).update(`${id}.${at}.`).update(body).digest('base64');
  return { 'webhook-id': id, 'webhook-timestamp': String(at), 'webhook-signature': `v1,${signature}` };
}

/** As each forge sends it. */
const proofOf: Readonly<Record<ForgeKind, (body: Buffer, of?: string) => Record<string, string>>> = {
  github: (body, of) => ({ 'x-hub-signature-256': `sha256=${hex(body, of)}` }),
  gitlab: (_, of = secret) => ({ 'x-gitlab-token': of }),
  gitea: (body, of) => ({ 'x-gitea-signature': hex(body, of) }),
};

const body = Buffer.from('{"ref":"refs/heads/main"}');
const isGenuine = (forge: ForgeKind, headers: Record<string, string>, bytes = body, secrets = [secret]) =>
  hookSchemes[forge].isGenuine({ headers, body: bytes }, secrets, now);

describe.each(forgeKinds)('a delivery of %s', (forge) => {
  it('is genuine with the secret, whatever its bytes, and with no other', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.string({ minLength: 1 }), (bytes, other) => {
        const sent = Buffer.from(bytes);
        expect(isGenuine(forge, proofOf[forge](sent), sent)).toBe(true);
        expect(isGenuine(forge, proofOf[forge](sent, other), sent)).toBe(other === secret);
      }),
    );
  });

  it('may be of either secret while one is replaced', () => {
    expect(isGenuine(forge, proofOf[forge](body), body, ['another secret here', secret])).toBe(true);
    expect(isGenuine(forge, proofOf[forge](body), body, ['another secret here'])).toBe(false);
  });

  it('without a proof, or with an empty one, is not genuine', () => {
    expect(isGenuine(forge, {})).toBe(false);
    for (const name of Object.keys(proofOf[forge](body))) expect(isGenuine(forge, { [name]: '' })).toBe(false);
  });
});

it.each(['github', 'gitea'] as const)('a signature of %s is of these bytes alone', (forge) => {
  expect(isGenuine(forge, proofOf[forge](body), Buffer.concat([body, Buffer.from(' ')]))).toBe(false);
});

it('the secret itself is no signature', () => {
  expect(isGenuine('github', { 'x-hub-signature-256': secret, 'x-gitlab-token': secret })).toBe(false);
});

describe('the signing token of GitLab', () => {
  const isSigned = (headers: Record<string, string>, bytes = body) =>
    isGenuine('gitlab', headers, bytes, [secret, signingToken]);

  it('signs id, instant and body', () => {
    const headers = standard(body);
    expect(isSigned(headers)).toBe(true);
    expect(isSigned({ ...headers, 'webhook-signature': `v1,other ${headers['webhook-signature']}` })).toBe(true);
    expect(isSigned({ ...headers, 'webhook-id': 'd2' })).toBe(false);
    expect(isSigned({ ...headers, 'webhook-timestamp': String(seconds + 1) })).toBe(false);
    expect(isSigned(headers, Buffer.from('{}'))).toBe(false);
  });

  it.each([
    ['five minutes old', seconds - 300, true],
    ['older', seconds - 301, false],
    ['of five minutes ahead', seconds + 300, true],
    ['of later', seconds + 301, false],
  ])('of a delivery %s', (_, at, expected) => {
    expect(isSigned(standard(body, 'd1', at))).toBe(expected);
  });

  it('never falls back to the secret token, and is not one itself', () => {
    expect(isSigned({ 'x-gitlab-token': secret })).toBe(true);
    expect(isSigned({ 'x-gitlab-token': secret, 'webhook-signature': 'v1,wrong' })).toBe(false);
    expect(isSigned({ ...standard(body), 'webhook-signature': 'v1,wrong', 'x-gitlab-token': secret })).toBe(false);
    expect(isSigned({ 'x-gitlab-token': signingToken })).toBe(false);
  });

  it('names the delivery by what is signed', () => {
    const delivery = (headers: Record<string, string>) => hookSchemes.gitlab.delivery(headers);
    expect(delivery({ ...standard(body), 'x-gitlab-event-uuid': 'u1' })).toBe('d1');
    expect(delivery({ 'webhook-id': 'd1', 'x-gitlab-event-uuid': 'u1' })).toBe('u1');
  });
});
