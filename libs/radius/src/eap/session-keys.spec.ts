import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { decodeVendorSpecific } from '../attributes.js';
import { vendors } from '../dictionary.js';
import { Secret } from '../secret.js';
import { sessionKeyAttributes } from './session-keys.js';

/** As a NAS does it, from RFC 2548 §2.4.2 alone. */
function reveal(value: Buffer, authenticator: Buffer, secret: string): Buffer {
  const [salt, hidden] = [value.subarray(0, 2), value.subarray(2)];
  let previous: Buffer = Buffer.concat([authenticator, salt]);
  const blocks: Buffer[] = [];
  for (let at = 0; at < hidden.length; at += 16) {
    const stream = createHash('md5').update(secret).update(previous).digest();
    const block = hidden.subarray(at, at + 16);
    blocks.push(Buffer.from(block.map((byte, i) => byte ^ stream[i]!)));
    previous = block;
  }
  const plain = Buffer.concat(blocks);
  return plain.subarray(1, 1 + plain[0]!);
}

describe('session keys for the NAS', () => {
  it('are the halves of the master session key, each under a salt of its own', () => {
    const [key, authenticator] = [randomBytes(64), randomBytes(16)];
    const attributes = sessionKeyAttributes(key, authenticator, new Secret('a secret'));
    const found = attributes.flatMap(({ value }) => decodeVendorSpecific(value) ?? []);
    expect(found.map(({ vendor, type }) => [vendor, type])).toEqual([
      [vendors.microsoft, 17],
      [vendors.microsoft, 16],
    ]);
    expect(found.map(({ value }) => reveal(value, authenticator, 'a secret'))).toEqual([
      key.subarray(0, 32),
      key.subarray(32),
    ]);
    const salts = found.map(({ value }) => value.readUInt16BE());
    expect(salts[0]).not.toBe(salts[1]);
    expect(salts.every((salt) => salt >= 0x8000)).toBe(true);
  });

  it('are not made of a key of another length', () => {
    expect(() => sessionKeyAttributes(randomBytes(32), randomBytes(16), new Secret('a'))).toThrow(RangeError);
  });
});
