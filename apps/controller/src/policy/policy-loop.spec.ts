import { policyFiles } from '#testkit';
import { SourceFault, type Commit } from '#gitops';
import { addressSet, formatRange, parseRange, rangesOf } from '#net';
import { encodeSnapshot, noWorkloads, type KnownWorkloads } from '#policy';
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
  tag: null,
  claims: [],
  rewritten: false,
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
  const source: Source = {
    fetch: async () => commit,
    verify: async () => null,
    readTree: async () => policyFiles({}),
  };
  const store: Pick<PolicyStore, 'hold' | 'load' | 'versions' | 'activate'> = {
    hold: async () => null,
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
    workloads: { load: async () => noWorkloads, save: async () => undefined },
    baseline: async () => ({}),
    wakeups: new Wakeups(),
    clock: { now: () => now },
    log,
  };
  const loop = new PolicyLoop(ports as unknown as ConstructorParameters<typeof PolicyLoop>[0], {
    path: '',
    pollSeconds: 3600,
    sites: null,
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

/** The small policy with a drug library in a cluster, which must never be where the printers are. */
const withService = policyFiles({
  'catalog/endpoints-x.yaml':
    'formulary: { kubernetes: { namespace: pharmacy, service: formulary } }\nprinters: { addresses: [10.10.8.0/24] }\n',
  'network/enforcement-points-x.yaml':
    'k1: { driver: kubernetes, site: main, options: { namespaces: pharmacy }, transport: { kind: kubernetes, kubeconfig: in-cluster } }\n',
  'rules/x.csv': 'p, infusion-pump, formulary, https, allow, always, "pumps ask for doses"\n',
  'tests/x.yaml': `tests:
  - { name: doses, from: infusion-pump, to: formulary, app: https, expect: allow }
invariants:
  - { name: pumps don't print, never: { from: infusion-pump, to: printers, app: https } }
`,
});
const key = 'k1/pharmacy/formulary';
const known = (...texts: string[]): KnownWorkloads =>
  new Map([[key, addressSet(texts.map((text) => parseRange(text)!))]]);

/** A loop over a store that keeps the policy in force, and one that is being rolled out. */
async function loopWithService(stored: KnownWorkloads = noWorkloads) {
  const made = evaluatePolicy(withService, now, { commit: 'c0ffee', author: null, committedAt: null });
  if (!made.ok) throw new Error(JSON.stringify(made.diagnostics));
  const kept = { snapshot: encodeSnapshot(made.value.snapshot), files: withService, version };
  const replaced: { kept: string; before: object; after: object }[] = [];
  const saved: KnownWorkloads[] = [];
  const errors: string[] = [];
  const store = {
    hold: async () => null,
    load: async (as: string) => (as === 'previous' ? null : kept),
    versions: async () => [version],
    replaceSnapshot: async ({ kept: as, before, after }: { kept: string; before: object; after: object }) => {
      replaced.push({ kept: as, before, after });
      return version;
    },
  };
  const log = { debug() {}, info() {}, warn() {}, error: (message: string) => void errors.push(message) };
  const workloads = { load: async () => stored, save: async (some: KnownWorkloads) => void saved.push(some) };
  const source: Source = {
    fetch: async () => commit,
    verify: async () => null,
    readTree: async () => withService,
  };
  const ports = {
    source,
    store,
    workloads,
    baseline: async () => ({}),
    wakeups: new Wakeups(),
    clock: { now: () => now },
    log,
  };
  const loop = new PolicyLoop(ports as unknown as ConstructorParameters<typeof PolicyLoop>[0], {
    path: '',
    pollSeconds: 3600,
    sites: null,
  });
  await loop.start();
  const addresses = (): string[] =>
    [loop.active, loop.staged].map((policy) => {
      const found = policy!.snapshot.endpoints.find(({ name }) => name === 'formulary')!;
      return rangesOf(found.addresses).map(formatRange).join();
    });
  return { loop, replaced, saved, errors, addresses };
}

describe('services of a cluster', () => {
  it('are compiled into the policy in force and the one that is being rolled out, and the trail says what moved', async () => {
    const { loop, replaced, saved, addresses } = await loopWithService();
    expect(addresses()).toEqual(['', '']);
    const before = loop.active!.snapshot.digest;
    await loop.takeWorkloads(known('10.96.0.7'));
    expect(addresses()).toEqual(['10.96.0.7', '10.96.0.7']);
    expect(saved).toEqual([known('10.96.0.7')]);
    const { digest } = loop.active!.snapshot;
    const change = {
      before: { digest: before, addresses: { formulary: [] } },
      after: { digest, addresses: { formulary: ['10.96.0.7'] } },
    };
    expect(replaced).toEqual([
      { kept: 'active', ...change },
      { kept: 'staged', ...change },
    ]);
    await loop.takeWorkloads(known('10.96.0.7'));
    await loop.takeWorkloads(noWorkloads);
    expect(replaced).toHaveLength(2);
    await loop.takeWorkloads(known());
    expect(addresses()).toEqual(['', '']);
    await loop.stop();
  });

  it('that the policy does not name are not kept', async () => {
    const { loop, saved } = await loopWithService();
    await loop.takeWorkloads(new Map([...known('10.96.0.7'), ['k1/pharmacy/other', known('10.96.0.8').get(key)!]]));
    expect(saved).toEqual([known('10.96.0.7')]);
    await loop.stop();
  });

  it('do not move to where a test of the policy wants nobody, and leave where they are no more', async () => {
    const { loop, errors, addresses } = await loopWithService();
    await loop.takeWorkloads(known('10.96.0.7', '10.96.0.9'));
    await loop.takeWorkloads(known('10.96.0.9', '10.10.8.9'));
    expect(addresses()).toEqual(['10.96.0.9', '10.96.0.9']);
    expect(errors).toEqual(['new addresses of services are not taken: the policy does not hold with them']);
    await loop.takeWorkloads(known('10.96.0.9', '10.96.0.10'));
    expect(addresses()).toEqual(['10.96.0.9-10.96.0.10', '10.96.0.9-10.96.0.10']);
    await loop.stop();
  });

  it('are where they were last, after a restart that finds a snapshot of before', async () => {
    const { loop, addresses } = await loopWithService(known('10.96.0.7'));
    expect(addresses()).toEqual(['10.96.0.7', '10.96.0.7']);
    await loop.stop();
  });
});

/** A loop that has a policy in force, over a repository whose newest commit is this one. */
async function loopOver(newest: Commit, verify: Source['verify']) {
  const refused: { commit: string; codes: string[] }[] = [];
  const activated: string[][] = [];
  const compared: (string | null)[] = [];
  const codesOf = (diagnostics: readonly { code: string }[]): string[] => diagnostics.map(({ code }) => code);
  let head: Commit = commit;
  const source: Source = {
    fetch: async (inForce) => {
      compared.push(inForce);
      return head;
    },
    verify,
    readTree: async () => policyFiles({ 'rules/y.csv': 'p, infusion-pump, internet, https, deny, always, "never"' }),
  };
  const store: Pick<PolicyStore, 'hold' | 'load' | 'versions' | 'activate' | 'refuse'> = {
    hold: async () => null,
    load: async (as) =>
      as === 'active' ? { snapshot: encoded(), files: new Map(), version: version as unknown as StoredVersion } : null,
    versions: async () => [version as unknown as StoredVersion],
    activate: async ({ diagnostics, commit: { commit: id } }) => {
      activated.push(codesOf(diagnostics));
      return { ...version, commit: id } as unknown as StoredVersion;
    },
    refuse: async ({ commit: { commit: id }, diagnostics }) => {
      refused.push({ commit: id, codes: codesOf(diagnostics) });
    },
  };
  const ports = {
    source,
    store,
    workloads: { load: async () => noWorkloads, save: async () => undefined },
    baseline: async () => ({}),
    wakeups: new Wakeups(),
    clock: { now: () => now },
    log: { debug() {}, info() {}, warn() {}, error() {} },
  };
  const loop = new PolicyLoop(ports as unknown as ConstructorParameters<typeof PolicyLoop>[0], {
    path: 'policies',
    pollSeconds: 3600,
    sites: null,
  });
  await loop.start();
  await loop.sync('system', false);
  head = newest;
  return { loop, refused, activated, compared, push: (next: Commit) => (head = next) };
}

describe('a commit', () => {
  const newest: Commit = { ...commit, commit: 'beef', tag: { name: 'v1', object: 'a' } };
  const unsigned = async (): Promise<never> => {
    throw new SourceFault('not-signed', 'tag v1 is not signed', 'sign it');
  };

  it('that nobody may make policy of is refused, and the policy in force stays', async () => {
    const { loop, refused } = await loopOver(newest, unsigned);
    const before = loop.active!.snapshot.digest;
    expect(await loop.sync('system', false)).toMatchObject({
      status: 'refused',
      diagnostics: [{ severity: 'error', code: 'not-signed', hint: 'sign it' }],
    });
    expect(refused).toEqual([{ commit: 'beef', codes: ['not-signed'] }]);
    expect(loop.active!.snapshot.digest).toBe(before);
    await loop.stop();
  });

  it('is compared with the one in force, in the folder of the policy', async () => {
    const asked: unknown[] = [];
    const { loop, compared, activated } = await loopOver(newest, async (...all) => {
      asked.push(all);
      return null;
    });
    await loop.sync('system', false);
    expect(compared.at(-1)).toBe('c0ffee');
    expect(asked).toEqual([[newest, 'c0ffee', 'policies']]);
    expect(activated).toHaveLength(1);
    await loop.stop();
  });

  it('is judged again when another tag leads to it, and not for the same one', async () => {
    const { loop, refused, push } = await loopOver(newest, unsigned);
    await loop.sync('system', false);
    await loop.sync('system', false);
    expect(refused).toHaveLength(1);
    push({ ...newest, tag: { name: 'v2', object: 'b' } });
    await loop.sync('system', false);
    expect(refused).toHaveLength(2);
    await loop.stop();
  });

  it('that does not follow the one in force is accepted, and that is said', async () => {
    const { loop, activated } = await loopOver({ ...newest, rewritten: true }, async () => null);
    await loop.sync('system', false);
    expect(activated).toHaveLength(1);
    expect(activated[0]).toContain('history-rewritten');
    await loop.stop();
  });
});
