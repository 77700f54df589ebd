import { randomBytes } from 'node:crypto';
import type { PasswordMethod } from '#model';
import { ntHash, scryptHash } from '#radius';

/** Without 0, 1, l and o: somebody types it at the screen of a pump. */
const alphabet = 'abcdefghijkmnpqrstuvwxyz23456789';
const groups = 4;
const groupLength = 5;

/** 100 bits at random, as `k7m2p-…-…-…`. */
export function drawPassword(): string {
  const letters = [...randomBytes(groups * groupLength)].map((byte) => alphabet[byte % alphabet.length]!);
  return Array.from({ length: groups }, (_, n) => letters.slice(n * groupLength, (n + 1) * groupLength).join('')).join(
    '-',
  );
}

/** Null: not a method of this credential, so there is nothing of it that could be stolen. */
export interface PasswordHashes {
  readonly passwordHash: string | null;
  readonly ntHash: string | null;
}

export async function hashPassword(password: string, methods: readonly PasswordMethod[]): Promise<PasswordHashes> {
  return {
    passwordHash: methods.includes('pap') ? await scryptHash(password, randomBytes(16)) : null,
    ntHash: methods.includes('mschapv2') ? ntHash(password).toString('hex') : null,
  };
}
