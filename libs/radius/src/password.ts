import { hash, timingSafeEqual } from 'node:crypto';
import { readOctets } from './attributes.js';
import { types } from './dictionary.js';
import type { Packet } from './packet.js';
import type { Secret } from './secret.js';

const maxPasswordLength = 128;

function xor(a: Buffer, b: Buffer): Buffer {
  return Buffer.from(a.map((byte, i) => byte ^ b[i]!));
}

/** User-Password as it goes on the wire (RFC 2865 §5.2): padded to 16, each block XOR MD5(secret + block before). */
export function hidePassword(password: string | Buffer, authenticator: Buffer, secret: Secret): Buffer {
  const plain = Buffer.from(password);
  if (plain.length > maxPasswordLength) throw new RangeError(`a password has at most ${maxPasswordLength} bytes`);
  const padded = Buffer.concat([plain], Math.max(16, Math.ceil(plain.length / 16) * 16));
  const blocks: Buffer[] = [];
  for (let at = 0, previous = authenticator; at < padded.length; at += 16) {
    previous = xor(padded.subarray(at, at + 16), secret.md5Before(previous));
    blocks.push(previous);
  }
  return Buffer.concat(blocks);
}

/** The inverse; `null` when the value has no such form. A wrong secret gives wrong bytes, which nothing here can tell. */
export function revealPassword(hidden: Buffer, authenticator: Buffer, secret: Secret): Buffer | null {
  if (hidden.length === 0 || hidden.length > maxPasswordLength || hidden.length % 16 !== 0) return null;
  const blocks: Buffer[] = [];
  for (let at = 0, previous = authenticator; at < hidden.length; at += 16) {
    const block = hidden.subarray(at, at + 16);
    blocks.push(xor(block, secret.md5Before(previous)));
    previous = block;
  }
  const padded = Buffer.concat(blocks);
  let end = padded.length;
  while (end > 0 && padded[end - 1] === 0) end--;
  return padded.subarray(0, end);
}

/** CHAP-Password = id, MD5(id + password + challenge); the challenge may be the authenticator (RFC 2865 §5.3, §5.40). */
export function verifyChap(packet: Packet, password: string | Buffer): boolean {
  const value = readOctets(packet.attributes, types.chapPassword);
  if (value?.length !== 17) return false;
  const challenge = readOctets(packet.attributes, types.chapChallenge) ?? packet.authenticator;
  const sum = hash('md5', Buffer.concat([value.subarray(0, 1), Buffer.from(password), challenge]), 'buffer');
  return timingSafeEqual(sum, value.subarray(1));
}
