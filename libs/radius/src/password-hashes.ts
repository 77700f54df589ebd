import md4 from 'js-md4';
import { scrypt, timingSafeEqual } from 'node:crypto';

/** 16 MiB and some 50 ms of a processor for each guess, and for each authentication: a fifth of what OWASP asks of web sites. */
const cost = { logN: 14, r: 8, p: 1 };
const hashLength = 32;
/** Hashes come over the network: none may take more than 256 MiB or seconds to check. */
const mostCost = { logN: 17, r: 16, p: 4 };

const phcForm = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$/;

type Cost = typeof cost;

function derive(password: string | Buffer, salt: Buffer, { logN, r, p }: Cost, length: number): Promise<Buffer> {
  const N = 2 ** logN;
  const options = { N, r, p, maxmem: 256 * N * r };
  return new Promise((resolve, reject) => {
    scrypt(password, salt, length, options, (error, key) => (error ? reject(error) : resolve(key)));
  });
}

const toBase64 = (bytes: Buffer): string => bytes.toString('base64').replaceAll('=', '');

/**
 * For methods that send the password itself (EAP-TTLS with PAP): scrypt (RFC 7914) as a PHC string,
 * `$scrypt$ln=14,r=8,p=1$<salt>$<hash>`. Text is hashed as UTF-8. `salt`: 16 random bytes, other ones each time.
 */
export async function scryptHash(password: string | Buffer, salt: Buffer): Promise<string> {
  const key = await derive(password, salt, cost, hashLength);
  return `$scrypt$ln=${cost.logN},r=${cost.r},p=${cost.p}$${toBase64(salt)}$${toBase64(key)}`;
}

/** Compares in constant time. What is no such hash, or one that costs too much to check, fits no password. */
export async function verifyScrypt(hash: string, password: string | Buffer): Promise<boolean> {
  const match = phcForm.exec(hash);
  if (!match) return false;
  const [, logN, r, p] = match.map(Number) as [number, number, number, number];
  const isBearable = logN >= 1 && logN <= mostCost.logN && r >= 1 && r <= mostCost.r && p >= 1 && p <= mostCost.p;
  if (!isBearable) return false;
  const [salt, expected] = [match[4]!, match[5]!].map((text) => Buffer.from(text, 'base64')) as [Buffer, Buffer];
  return timingSafeEqual(await derive(password, salt, { logN, r, p }, expected.length), expected);
}

/**
 * NtPasswordHash (RFC 2759 §8.3): MD4 of the password in UTF-16LE, 16 bytes. MSCHAPv2 proves knowledge of this and not of the
 * password: whoever has it can log in with it. MD4 is not in OpenSSL 3, so it is another's.
 */
export function ntHash(password: string): Buffer {
  return Buffer.from(md4.arrayBuffer(Buffer.from(password, 'utf16le')));
}
