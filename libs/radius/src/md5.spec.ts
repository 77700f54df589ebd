import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { md5Begin, md5End } from './md5.js';

const openssl = (message: Uint8Array): string => createHash('md5').update(message).digest('hex');

/** In three parts: whole blocks before, what is hashed, and a suffix. */
function ours(message: Uint8Array, blocks = 0, suffix = 0): string {
  const out = Buffer.alloc(16);
  const [begun, end] = [64 * blocks, message.length - suffix];
  md5End(message.subarray(begun, end), message.subarray(end), out, 0, md5Begin(message.subarray(0, begun)), begun);
  return out.toString('hex');
}

describe('MD5', () => {
  it.each([
    ['', 'd41d8cd98f00b204e9800998ecf8427e'],
    ['abc', '900150983cd24fb0d6963f7d28e17f72'],
    [
      '12345678901234567890123456789012345678901234567890123456789012345678901234567890',
      '57edf4a22be3c955ac49da2e2107b67a',
    ],
  ])('is that of RFC 1321 §A.5: %j', (text, digest) => expect(ours(Buffer.from(text))).toBe(digest));

  it("is OpenSSL's at every length around the padding's ends", () => {
    for (let length = 0; length <= 300; length++) {
      const message = Buffer.from(Array.from({ length }, (_, i) => (i * 167 + length) & 255));
      expect(ours(message)).toBe(openssl(message));
    }
  });

  it("is OpenSSL's for any bytes, wherever it is begun and whatever comes last", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 5200, size: 'max' }), fc.nat(80), fc.nat(1900), (message, cut, suffix) => {
        const blocks = Math.min(cut, message.length >> 6);
        expect(ours(message, blocks, Math.min(suffix, message.length - 64 * blocks))).toBe(openssl(message));
      }),
    );
  });
});
