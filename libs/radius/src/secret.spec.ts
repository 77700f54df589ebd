import { createHash, createHmac } from 'node:crypto';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Secret } from './secret.js';

describe('Secret', () => {
  it.each([
    [Buffer.alloc(16, 0x0b), 'Hi There', '9294727a3638bb1c13f48ef8158bfc9d'],
    ['Jefe', 'what do ya want for nothing?', '750c783e6ab0b503eaa86e310a5db738'],
    [
      Buffer.alloc(80, 0xaa),
      'Test Using Larger Than Block-Size Key - Hash Key First',
      '6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd',
    ],
  ])('makes the HMAC-MD5 of RFC 2202 §2 (%#)', (key, data, digest) => {
    expect(new Secret(key).hmacMd5(Buffer.from(data)).toString('hex')).toBe(digest);
  });

  it('makes the same sums as the streaming functions, in any order of use', () => {
    const bytes = (min: number, max: number) =>
      fc.uint8Array({ minLength: min, maxLength: max }).map((b) => Buffer.from(b));
    fc.assert(
      fc.property(bytes(1, 200), bytes(1, 200), bytes(0, 4096), bytes(0, 300), (a, b, message, other) => {
        const [one, two] = [new Secret(a), new Secret(b)];
        two.hmacMd5(other);
        expect(one.hmacMd5(message)).toEqual(createHmac('md5', a).update(message).digest());
        expect(one.md5After(other)).toEqual(createHash('md5').update(other).update(a).digest());
        expect(two.hmacMd5(message)).toEqual(createHmac('md5', b).update(message).digest());
        expect(one.md5Before(other)).toEqual(createHash('md5').update(a).update(other).digest());
      }),
    );
  });

  it('keeps a copy: wiping the buffer it was made from changes nothing', () => {
    const key = Buffer.from('Jefe');
    const secret = new Secret(key);
    key.fill(0);
    expect(secret.md5After(Buffer.from('x'))).toEqual(createHash('md5').update('xJefe').digest());
  });

  it('shows itself in no log and no JSON', () => {
    const secret = new Secret('xyzzy5461');
    const shown = `${inspect(secret, { depth: 9, showHidden: true })}${JSON.stringify(secret)}`;
    expect(shown).not.toContain('xyzzy');
    expect(shown).not.toContain(Buffer.from('xyzzy').toString('hex'));
    expect(shown).not.toContain('78 79 7a');
  });

  it.each([[''], ['x'.repeat(1025)]])('refuses a secret of no or absurd length', (text) => {
    expect(() => new Secret(text)).toThrow(RangeError);
  });
});
