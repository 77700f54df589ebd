import { scrypt, timingSafeEqual, type ScryptOptions } from 'node:crypto';
import { promisify } from 'node:util';
import md4 from 'js-md4';

const derive: (password: Buffer, salt: Buffer, length: number, options: ScryptOptions) => Promise<Buffer> =
  promisify(scrypt);

const parameters = { ln: 14, r: 8, p: 1 } as const;
const hashLength = 32;
/** What 2^14 blocks of eight take, and as much again. */
const memory = 32 * 1024 * 1024;
const form = new RegExp(
  `^\\$scrypt\\$ln=${parameters.ln},r=${parameters.r},p=${parameters.p}\\$([A-Za-z0-9+/]+)\\$([A-Za-z0-9+/]+)$`,
);

const base64 = (bytes: Buffer): string => bytes.toString('base64').replace(/=+$/, '');

const hashOf = (password: Buffer, salt: Buffer): Promise<Buffer> =>
  derive(password, salt, hashLength, { N: 2 ** parameters.ln, r: parameters.r, p: parameters.p, maxmem: memory });

/** RFC 7914, as `$scrypt$ln=14,r=8,p=1$<salt>$<hash>`. `salt`: 16 random bytes. Takes some 40 ms, on a thread of its own. */
export async function scryptHash(password: string | Buffer, salt: Buffer): Promise<string> {
  const sum = await hashOf(Buffer.from(password), salt);
  return `$scrypt$ln=${parameters.ln},r=${parameters.r},p=${parameters.p}$${base64(salt)}$${base64(sum)}`;
}

/** False, too, for a hash of another form: its parameters are not the stored text's to choose. */
export async function verifyScrypt(stored: string, password: string | Buffer): Promise<boolean> {
  const [, salt, expected] = form.exec(stored) ?? [];
  if (salt === undefined || expected === undefined) return false;
  const sum = await hashOf(Buffer.from(password), Buffer.from(salt, 'base64'));
  const wanted = Buffer.from(expected, 'base64');
  return wanted.length === sum.length && timingSafeEqual(wanted, sum);
}

/** NtPasswordHash (RFC 2759 §8.3): what MS-CHAPv2 needs. Whoever has it needs no password: it is kept like a key. */
export const ntHash = (password: string): Buffer => Buffer.from(md4.arrayBuffer(Buffer.from(password, 'utf16le')));
