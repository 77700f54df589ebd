import { createCipheriv, createHash, timingSafeEqual } from 'node:crypto';
import md4 from 'js-md4';

/*
 * MS-CHAPv2 (RFC 2759, section 8), as PEAP and EAP-TTLS carry it. Its DES falls to a day's work of rented machines: it is worth as
 * much as the TLS around it, and nothing without.
 */

export const challengeLength = 16;
export const ntResponseLength = 24;
const hashLength = 16;

/** What the peer says to a challenge. */
export interface MschapResponse {
  /** As the peer used it for its answer; a domain in front (`DOMAIN\name`) does not count. */
  readonly username: string;
  readonly peerChallenge: Buffer;
  readonly ntResponse: Buffer;
}

/** Whether the peer knows the password. `ntHash`: MD4 of the password in UTF-16LE. */
export function verifyMschapResponse(ntHash: Buffer, challenge: Buffer, response: MschapResponse): boolean {
  const expected = ntResponseTo(ntHash, challengeHash(challenge, response));
  return response.ntResponse.length === ntResponseLength && timingSafeEqual(expected, response.ntResponse);
}

const magic1 = Buffer.from('Magic server to client signing constant');
const magic2 = Buffer.from('Pad to make it do more than one iteration');

/** `S=…`: by it the peer knows that we know the password, too (RFC 2759 §8.7). */
export function authenticatorResponse(ntHash: Buffer, challenge: Buffer, response: MschapResponse): string {
  const hashOfHash = Buffer.from(md4.arrayBuffer(ntHash));
  const digest = sha1(hashOfHash, response.ntResponse, magic1);
  return `S=${sha1(digest, challengeHash(challenge, response), magic2).toString('hex').toUpperCase()}`;
}

function challengeHash(challenge: Buffer, { peerChallenge, username }: MschapResponse): Buffer {
  const name = username.slice(username.lastIndexOf('\\') + 1);
  return sha1(peerChallenge, challenge, Buffer.from(name)).subarray(0, 8);
}

/** RFC 2759 §8.5: three DES keys of seven bytes out of the hash, with zeros after it. */
function ntResponseTo(ntHash: Buffer, challenge: Buffer): Buffer {
  const keys = Buffer.concat([ntHash, Buffer.alloc(21 - hashLength)]);
  return Buffer.concat([0, 7, 14].map((at) => desEncrypt(keys.subarray(at, at + 7), challenge)));
}

/** Triple DES with one key three times is DES, which OpenSSL has no more. */
function desEncrypt(key: Buffer, block: Buffer): Buffer {
  const wide = desKey(key);
  const cipher = createCipheriv('des-ede3-ecb', Buffer.concat([wide, wide, wide]), null).setAutoPadding(false);
  return Buffer.concat([cipher.update(block), cipher.final()]);
}

/** 56 bits as eight bytes of seven; the parity bits count for nothing. */
function desKey(key: Buffer): Buffer {
  const bits = BigInt(`0x${key.toString('hex')}`);
  return Buffer.from(Array.from({ length: 8 }, (_, i) => Number((bits >> BigInt(49 - 7 * i)) & 0x7fn) << 1));
}

function sha1(...parts: readonly Buffer[]): Buffer {
  const sum = createHash('sha1');
  for (const part of parts) sum.update(part);
  return sum.digest();
}
