import { policyFiles } from '#testkit';
import { encodeSnapshot } from '#policy';
import { describe, expect, it } from 'vitest';
import { Wakeups } from '../wakeups.js';
import { evaluatePolicy } from './evaluate.js';
import { PolicyLoop, type Source } from './policy-loop.js';
import type { PolicyStore, StoredVersion } from './policy-store.js';

const now = new Date('2026-11-23T11:00:00Z');
const commit = {
  commit: 'c0ffee',
  author: 'Ada',
  committedAt: '2026-11-23T10:00:00Z',
  subject: 'one',
  message: 'one',
};
const version = { id: 1, ...commit, status: 'active', digest: null, diagnostics: [], at: now.toISOString() };

function encoded(): object {
  const evaluation = evaluatePolicy(policyFiles({}), now, { commit: 'c0ffee', author: null, committedAt: null });
  if (!evaluation.ok) throw new Error(JSON.stringify(evaluation.diagnostics));
  return encodeSnapshot(evaluation.value.snapshot);
}

/** A loop over a store that holds this snapshot, and a repository with the small policy. */
async function startWith(snapshot: unknown) {
  const activated: string[] = [];
  const errors: string[] = [];
  const source: Source = { fetch: async () => commit, readTree: async () => policyFiles({}) };
  const store: Pick<PolicyStore, 'load' | 'versions' | 'activate'> = {
    load: async (as) =>
      as === 'active' ? { snapshot, files: new Map(), version: version as unknown as StoredVersion } : null,
    versions: async () => [version as unknown as StoredVersion],
    activate: async ({ digest }) => {
      activated.push(digest);
      return version as unknown as StoredVersion;
    },
  };
  const log = { debug() {}, info() {}, warn() {}, error: (message: string) => void errors.push(message) };
  const ports = {
    source,
    store: store as PolicyStore,
    baseline: async () => ({}),
    wakeups: new Wakeups(),
    clock: { now: () => now },
    log,
  };
  const loop = new PolicyLoop(ports as unknown as ConstructorParameters<typeof PolicyLoop>[0], {
    path: '',
    pollSeconds: 3600,
  });
  await loop.start();
  await loop.stop();
  return { active: loop.active, activated, errors };
}

describe('a controller that starts', () => {
  it('takes up the stored snapshot and compiles nothing', async () => {
    const { active, activated, errors } = await startWith(encoded());
    expect(active?.snapshot.provenance.commit).toBe('c0ffee');
    expect(activated).toEqual([]);
    expect(errors).toEqual([]);
  });

  it.each<[string, unknown]>([
    ['of another release', { format: 1, digest: 'x' }],
    ['damaged', { ...encoded(), digest: 'x' }],
  ])('compiles from git where the stored snapshot is %s, and says so', async (_, snapshot) => {
    const { active, activated, errors } = await startWith(snapshot);
    expect(active?.snapshot.digest).toBe(activated[0]);
    expect(activated).toHaveLength(1);
    expect(errors).toEqual(['stored snapshot is not usable, compiling from git']);
  });
});
