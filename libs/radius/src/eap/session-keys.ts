import { randomBytes } from 'node:crypto';
import { vendorAttribute } from '../build.js';
import { vendors } from '../dictionary.js';
import type { Attribute } from '../packet.js';
import type { Secret } from '../secret.js';

/** RFC 2548 §2.4.2 and §2.4.3. */
export const msMppe = { sendKey: 16, receiveKey: 17 } as const;
const keyLength = 32;
const saltLength = 2;

/** Master Session Key: 64 bytes (RFC 5216 §2.3). */
export const masterSessionKeyLength = 64;

/** What a NAS derives link encryption from. It gets the key's halves as its own side sees them: what it receives with comes first. */
export function sessionKeyAttributes(masterSessionKey: Buffer, authenticator: Buffer, secret: Secret): Attribute[] {
  if (masterSessionKey.length !== masterSessionKeyLength) throw new RangeError('a master session key has 64 bytes');
  const [receive, send] = [masterSessionKey.subarray(0, keyLength), masterSessionKey.subarray(keyLength)];
  const salt = randomBytes(saltLength);
  // The leftmost bit is set, and no two salts of one packet are equal.
  salt[0]! |= 0x80;
  const other = Buffer.from(salt);
  other[1]! ^= 1;
  return [
    vendorAttribute(vendors.microsoft, msMppe.receiveKey, encrypt(receive, salt, authenticator, secret)),
    vendorAttribute(vendors.microsoft, msMppe.sendKey, encrypt(send, other, authenticator, secret)),
  ];
}

/** Length, key, zeros up to a multiple of 16; each block XOR MD5(secret + the one before), the first after authenticator and salt. */
function encrypt(key: Buffer, salt: Buffer, authenticator: Buffer, secret: Secret): Buffer {
  const plain = Buffer.alloc(Math.ceil((1 + key.length) / 16) * 16);
  plain[0] = key.length;
  key.copy(plain, 1);
  const blocks = [salt];
  let previous = Buffer.concat([authenticator, salt]);
  for (let at = 0; at < plain.length; at += 16) {
    const stream = secret.md5Before(previous);
    const block = Buffer.from(plain.subarray(at, at + 16).map((byte, i) => byte ^ stream[i]!));
    blocks.push(block);
    previous = block;
  }
  return Buffer.concat(blocks);
}
