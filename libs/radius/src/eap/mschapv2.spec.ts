import { describe, expect, it } from 'vitest';
import { authenticatorResponse, verifyMschapResponse } from './mschapv2.js';

const hex = (text: string): Buffer => Buffer.from(text, 'hex');

/** RFC 2759 §9.2. */
const challenge = hex('5b5d7c7d7b3f2f3e3c2c602132262628');
const ntHash = hex('44ebba8d5312b8d611474411f56989ae');
const response = {
  username: 'User',
  peerChallenge: hex('21402324255e262a28295f2b3a337c7e'),
  ntResponse: hex('82309ecd8d708b5ea08faa3981cd83544233114a3d85d6df'),
};

describe('MS-CHAPv2', () => {
  it('takes the answer of RFC 2759 §9.2, with a domain in front of the name, too', () => {
    expect(verifyMschapResponse(ntHash, challenge, response)).toBe(true);
    expect(verifyMschapResponse(ntHash, challenge, { ...response, username: 'HOSPITAL\\User' })).toBe(true);
  });

  it('gives the authenticator’s answer of RFC 2759 §9.2', () => {
    expect(authenticatorResponse(ntHash, challenge, response)).toBe('S=407A5589115FD0D6209F510FE9C04566932CDA56');
  });

  it.each([
    ['another name', { username: 'user' }],
    ['another challenge of the peer', { peerChallenge: Buffer.alloc(16) }],
    ['another answer', { ntResponse: Buffer.alloc(24) }],
    ['half an answer', { ntResponse: response.ntResponse.subarray(0, 12) }],
  ])('refuses %s', (_, change) => {
    expect(verifyMschapResponse(ntHash, challenge, { ...response, ...change })).toBe(false);
  });

  it('refuses the answer with another password, and to another challenge', () => {
    expect(verifyMschapResponse(Buffer.alloc(16), challenge, response)).toBe(false);
    expect(verifyMschapResponse(ntHash, Buffer.alloc(16), response)).toBe(false);
  });
});
