import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readOctets } from './attributes.js';
import { octetsAttribute } from './build.js';
import { types } from './dictionary.js';
import { decodePacket, type Packet } from './packet.js';
import { hidePassword, revealPassword, verifyChap } from './password.js';
import { Secret } from './secret.js';

const secret = new Secret('xyzzy5461');
const hex = (text: string): Buffer => Buffer.from(text.replaceAll(/\s/g, ''), 'hex');

describe('User-Password', () => {
  const authenticator = hex('0f403f9473978057bd83d5cb98f4227a');
  const hidden = hex('0dbe708d93d413ce3196e43f782a0aee');

  it('is hidden as in RFC 2865 §7.1', () => {
    expect(hidePassword('arctangent', authenticator, secret)).toEqual(hidden);
    expect(revealPassword(hidden, authenticator, secret)?.toString()).toBe('arctangent');
  });

  it('comes back for every password of up to 128 bytes', () => {
    const password = fc.uint8Array({ maxLength: 128 }).filter((bytes) => bytes.at(-1) !== 0);
    fc.assert(
      fc.property(password, (bytes) => {
        const plain = Buffer.from(bytes);
        const value = hidePassword(plain, authenticator, secret);
        expect(value.length % 16).toBe(0);
        expect(revealPassword(value, authenticator, secret)).toEqual(plain);
      }),
    );
  });

  it('has no other form', () => {
    expect(() => hidePassword('x'.repeat(129), authenticator, secret)).toThrow(RangeError);
    for (const length of [0, 1, 15, 17, 144])
      expect(revealPassword(Buffer.alloc(length), authenticator, secret)).toBeNull();
  });
});

describe('CHAP-Password', () => {
  const bytes = hex(`
    01 01 00 47 2a ee 86 f0 8d 0d 55 96 9c a5 97 8e 0d 33 67 a2 01 08 66 6c 6f 70 73 79 03 13 16 e9 75 57 c3 16 18 58
    95 f2 93 ff 63 44 07 72 75 04 06 c0 a8 01 10 05 06 00 00 00 14 06 06 00 00 00 02 07 06 00 00 00 01`);
  const packet = decodePacket(bytes) as Packet;

  it('verifies against the authenticator as in RFC 2865 §7.2', () => {
    expect(verifyChap(packet, 'arctangent')).toBe(true);
    expect(verifyChap(packet, 'arctangenT')).toBe(false);
  });

  it('verifies against CHAP-Challenge where there is one', () => {
    const challenged = {
      ...packet,
      authenticator: Buffer.alloc(16),
      attributes: [...packet.attributes, octetsAttribute(types.chapChallenge, packet.authenticator)],
    };
    expect(verifyChap(challenged, 'arctangent')).toBe(true);
  });

  it('needs 17 bytes', () => {
    const value = readOctets(packet.attributes, types.chapPassword)!;
    for (const wrong of [Buffer.alloc(0), value.subarray(0, 16), Buffer.concat([value, value])]) {
      const attributes = [{ type: types.chapPassword, value: wrong }];
      expect(verifyChap({ ...packet, attributes }, 'arctangent')).toBe(false);
    }
    expect(verifyChap({ ...packet, attributes: [] }, 'arctangent')).toBe(false);
  });
});
