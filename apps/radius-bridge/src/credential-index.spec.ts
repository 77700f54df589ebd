import type { Credential } from '#model';
import type { Mac } from '#net';
import { describe, expect, it } from 'vitest';
import { CredentialIndex } from './credential-index.js';

const [pump, scanner] = ['00:1a:2b:3c:4d:01', '00:1a:2b:3c:4d:02'] as [Mac, Mac];
const credential = (username: string, mac: Mac, passwordHash = 'x'): Credential => ({
  username,
  mac,
  passwordHash,
  ntHash: null,
});

function indexOf(...rows: Credential[]): CredentialIndex {
  const index = new CredentialIndex();
  index.load(rows, 1);
  return index;
}

describe('credential index', () => {
  it('finds a credential by its name, byte for byte', () => {
    const index = indexOf(credential('pump', pump));
    expect(index.find('pump')).toEqual(credential('pump', pump));
    for (const name of ['Pump', 'pump ', '', '__proto__', 'constructor']) expect(index.find(name)).toBeNull();
    expect(index.size).toBe(1);
  });

  it('knows which devices have a credential left, and which were touched', () => {
    const index = indexOf(credential('one', pump), credential('two', pump));
    expect([index.hasDevice(pump), index.hasDevice(scanner)]).toEqual([true, false]);
    expect(index.takeTouched()).toEqual(new Set());
    index.apply(false, 2, [{ username: 'one', deleted: true }]);
    expect(index.hasDevice(pump)).toBe(true);
    expect(index.takeTouched()).toEqual(new Set([pump]));
    index.apply(false, 3, [credential('two', scanner)]);
    expect([index.hasDevice(pump), index.hasDevice(scanner)]).toEqual([false, true]);
    expect(index.takeTouched()).toEqual(new Set([pump, scanner]));
    index.apply(false, 4, [credential('two', scanner, 'y')]);
    expect(index.takeTouched()).toEqual(new Set([scanner]));
    expect(index.takeTouched()).toEqual(new Set());
    index.apply(false, 5, [
      { username: 'two', deleted: true },
      { username: 'nobody', deleted: true },
    ]);
    expect([index.hasDevice(scanner), index.size]).toEqual([false, 0]);
  });

  it('touches what a reset no longer names only when the reset is complete', () => {
    const index = indexOf(credential('one', pump), credential('two', scanner));
    index.apply(true, 9, [credential('one', pump)]);
    index.takeTouched();
    expect([index.hasDevice(scanner), index.revision]).toEqual([true, 1]);
    expect(index.settle()).toMatchObject({ kind: 'credentials', prune: true });
    expect([index.hasDevice(scanner), index.revision]).toEqual([false, 9]);
    expect(index.takeTouched()).toEqual(new Set([scanner]));
  });
});
