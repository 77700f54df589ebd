import { describe, expect, it } from 'vitest';
import { ntHash, scryptHash, verifyScrypt } from './password-hashes.js';

const salt = Buffer.from('0123456789abcdef');

describe('hashes of passwords', () => {
  it('are for MS-CHAPv2 those of RFC 2759 §9.2', () => {
    expect(ntHash('clientPass').toString('hex')).toBe('44ebba8d5312b8d611474411f56989ae');
  });

  it('let the password in, and no other', async () => {
    const stored = await scryptHash('m0nitor! und Umläute', salt);
    expect(stored).toMatch(/^\$scrypt\$ln=14,r=8,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
    expect(await verifyScrypt(stored, 'm0nitor! und Umläute')).toBe(true);
    expect(await verifyScrypt(stored, 'm0nitor! und Umlaute')).toBe(false);
    expect(await verifyScrypt(stored, '')).toBe(false);
  });

  it.each(['', '$scrypt$ln=1,r=8,p=1$AAAA$AAAA', '$scrypt$ln=14,r=8,p=1$AAAA$AAAA', 'm0nitor!'])(
    'let nobody in by %j',
    async (stored) => {
      expect(await verifyScrypt(stored, 'm0nitor!')).toBe(false);
    },
  );
});
