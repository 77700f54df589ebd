import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ntHash, scryptHash, verifyScrypt } from './password-hashes.js';

const salt = Buffer.alloc(16, 7);

describe('scrypt', () => {
  it('is that of RFC 7914 §12, as a PHC string', async () => {
    const hash = await scryptHash('pleaseletmein', Buffer.from('SodiumChloride'));
    expect(hash).toBe('$scrypt$ln=14,r=8,p=1$U29kaXVtQ2hsb3JpZGU$cCO9yzr9c0hGHAbNgf046/2o+7qQT44+qbVD9lRdofI');
    const key = '7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2';
    expect(Buffer.from(hash.split('$').at(-1)!, 'base64').toString('hex')).toBe(key);
  });

  it('fits its password and no other, as text or as bytes', async () => {
    const hash = await scryptHash('pässwörd 🔑', salt);
    expect(await verifyScrypt(hash, 'pässwörd 🔑')).toBe(true);
    expect(await verifyScrypt(hash, Buffer.from('pässwörd 🔑'))).toBe(true);
    for (const wrong of ['pässwörd 🔑 ', 'Pässwörd 🔑', 'password', ''])
      expect(await verifyScrypt(hash, wrong)).toBe(false);
  });

  it('checks hashes of other costs, so that ours may be raised', async () => {
    // By Python's hashlib.scrypt(b'password', salt=b'NaClxxxxxxxxxxxx', n=1024, r=8, p=4, dklen=32).
    const other = '$scrypt$ln=10,r=8,p=4$TmFDbHh4eHh4eHh4eHh4eA$s6qFybATZsXzehBuOtl22/fvVEroMikhC8FLCT+GAEE';
    expect(await verifyScrypt(other, 'password')).toBe(true);
    expect(await verifyScrypt(other.replace('ln=10', 'ln=11'), 'password')).toBe(false);
    expect(await verifyScrypt(other, 'passwore')).toBe(false);
  });

  it.each([
    '',
    'x',
    '$scrypt$ln=14,r=8,p=1$$',
    '$scrypt$ln=14,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$',
    '$scrypt$ln=14,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAA',
    '$argon2id$v=19$m=65536,t=3,p=4$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
    `$scrypt$ln=30,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$${'A'.repeat(43)}`,
    `$scrypt$ln=14,r=99,p=1$AAAAAAAAAAAAAAAAAAAAAA$${'A'.repeat(43)}`,
    `$scrypt$ln=0,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$${'A'.repeat(43)}`,
    `$scrypt$ln=14,r=0,p=1$AAAAAAAAAAAAAAAAAAAAAA$${'A'.repeat(43)}`,
    `$scrypt$ln=14,r=8,p=99$AAAAAAAAAAAAAAAAAAAAAA$${'A'.repeat(43)}`,
  ])('no password fits %j', async (hash) => {
    expect(await verifyScrypt(hash, 'x')).toBe(false);
    expect(await verifyScrypt(hash, '')).toBe(false);
  });

  it('never throws over what stands where a hash should', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string(), fc.string(), async (hash, password) => {
        expect(await verifyScrypt(hash, password)).toBe(false);
      }),
    );
  });
});

describe('NT hash', () => {
  it('is that of RFC 2759 §9.2', () => {
    expect(ntHash('clientPass').toString('hex').toUpperCase()).toBe('44EBBA8D5312B8D611474411F56989AE');
  });

  it('is MD4 of nothing for the empty password (RFC 1320 §A.5)', () => {
    expect(ntHash('').toString('hex')).toBe('31d6cfe0d16ae931b73c59d7e0c089c0');
  });

  it('tells passwords apart by every UTF-16 unit, also after a long one', () => {
    const long = ntHash('x'.repeat(128)).toString('hex');
    expect(new Set([long, ntHash('ü'), ntHash('u'), ntHash('🔑'), ntHash('🔒')].map(String)).size).toBe(5);
    expect(ntHash('x'.repeat(128)).toString('hex')).toBe(long);
  });
});
