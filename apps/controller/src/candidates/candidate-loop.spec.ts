import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { SourceFault, type Commit, type SourceFaultCode } from '#gitops';
import { noProvenance } from '#policy';
import { policyFiles } from '#testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Log } from '../log.js';
import { evaluatePolicy } from '../policy/evaluate.js';
import type { ActivePolicy } from '../policy/policy-loop.js';
import { Database } from '../store/database.js';
import { audits } from '../store/rows.js';
import { Wakeups } from '../wakeups.js';
import { CandidateLoop } from './candidate-loop.js';
import { CandidateStore } from './candidate-store.js';

const closing = 'p, infusion-pump, remediation, https, deny, always, x';
const rulesOf = (text: string) => policyFiles({ 'rules/x.csv': text });
const noCommit = '0'.repeat(40);

/** The policy's repository: one branch in audit, and what the policy's own branch holds. */
class FakeRepository {
  commit: string | null = 'a'.repeat(40);
  files: ReadonlyMap<string, string> = rulesOf(closing);
  fault: SourceFaultCode | null = null;
  untrusted = false;
  /** Commits in the history of the policy's own branch, and of the commit in force. */
  readonly taken = new Set<string>();
  readonly inForce = new Set<string>();

  source() {
    return {
      fetch: (): Promise<Commit> => {
        const code = this.fault ?? (this.commit === null ? 'branch-missing' : null);
        if (code !== null || this.commit === null) throw new SourceFault(code ?? 'branch-missing', 'no', 'a remedy');
        const about = { author: 'Ada', committedAt: '2026-11-23T10:00:00.000Z', message: 'x', tag: null, claims: [] };
        return Promise.resolve({ commit: this.commit, ...about, rewritten: false });
      },
      verify: (): Promise<string | null> => {
        if (this.untrusted) throw new SourceFault('not-signed', 'nobody signed it', 'sign it');
        return Promise.resolve(null);
      },
      readTree: (): Promise<Map<string, string>> => Promise.resolve(new Map(this.files)),
    };
  }
}

describe('CandidateLoop', () => {
  let folder: string;
  let database: Database;
  let loops: CandidateLoop[];
  let repository: FakeRepository;
  let now: Date;
  let active: { policy: ActivePolicy; files: ReadonlyMap<string, string> };
  let wakeups: Wakeups;
  let breaksOnce: boolean;

  const policyOf = (files: ReadonlyMap<string, string>, id = 1): typeof active => {
    const evaluated = evaluatePolicy(files, now, noProvenance);
    if (!evaluated.ok) throw new Error(JSON.stringify(evaluated.diagnostics));
    const version = { id, commit: noCommit } as ActivePolicy['version'];
    return { policy: { snapshot: evaluated.value.snapshot, feedLine: '', version }, files };
  };

  async function loop(): Promise<CandidateLoop> {
    const made = new CandidateLoop(
      {
        policy: {
          get active() {
            return active.policy;
          },
        },
        policies: {
          load: () => Promise.resolve({ snapshot: {}, files: active.files, version: active.policy.version }),
        },
        sourceOf: () => repository.source(),
        hasTakenUp: (commit, head) =>
          Promise.resolve((head === null ? repository.taken : repository.inForce).has(commit)),
        store: new CandidateStore(database),
        workloads: {
          load: () => {
            const isBroken = breaksOnce;
            breaksOnce = false;
            return isBroken ? Promise.reject(new Error('out of memory')) : Promise.resolve(new Map());
          },
        },
        wakeups,
        clock: { now: () => now },
        log: new Log(() => undefined),
      },
      { path: '.', pollSeconds: 3600, ownBranch: 'main' },
    );
    loops.push(made);
    await made.start();
    await made.poll();
    return made;
  }
  const start = (of: CandidateLoop, until: Date | null = null) =>
    of.startBranch({ branch: 'tighter', until, reason: null }, 'ada');
  const lastState = async () => (await new CandidateStore(database).last())?.state;
  const codes = (of: CandidateLoop) =>
    of.diagnostics.filter(({ severity }) => severity === 'error').map(({ code }) => code);

  beforeEach(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'cordon-candidate-'));
    database = await Database.open(path.join(folder, 'cordon.db'));
    loops = [];
    repository = new FakeRepository();
    now = new Date('2026-11-23T11:00:00Z');
    wakeups = new Wakeups();
    breaksOnce = false;
    active = policyOf(policyFiles());
  });
  afterEach(async () => {
    for (const each of loops) await each.stop();
    await database.close();
    rmSync(folder, { recursive: true });
  });

  it('has none, then that of a branch, and wakes those who watch', async () => {
    const own = await loop();
    expect(own.active).toBeNull();
    let woken = 0;
    wakeups.on(['candidate'], () => woken++);
    await start(own);
    expect(own.active).toMatchObject({ kind: 'branch' });
    expect(own.active!.snapshot.flowRules.map(({ file }) => file)).toContain('rules/x.csv');
    expect(woken).toBe(1);
    await own.poll();
    expect(woken).toBe(1);
  });

  it('takes up what was stored, without git', async () => {
    await start(await loop());
    await loops[0]!.stop();
    repository.fault = 'timeout';
    const next = await loop();
    expect(next.active).toMatchObject({ kind: 'branch' });
    expect(codes(next)).toEqual(['timeout']);
  });

  it('follows the branch, and goes on with what it knows while git is away', async () => {
    const own = await loop();
    await start(own);
    repository.fault = 'timeout';
    await own.poll();
    expect([own.active?.kind, codes(own)]).toEqual(['branch', ['timeout']]);
    Object.assign(repository, { fault: null, commit: 'b'.repeat(40), files: rulesOf(closing.replace('https', 'web')) });
    await own.poll();
    expect(own.active!.snapshot.flowRules.some(({ text }) => text.includes(', web, deny'))).toBe(true);
    expect(codes(own)).toEqual([]);
  });

  it('compiles a commit later, if something came in between', async () => {
    const own = await loop();
    await start(own);
    repository.commit = 'b'.repeat(40);
    breaksOnce = true;
    await expect(own.poll()).rejects.toThrow('out of memory');
    expect(own.active).toBeNull();
    await own.poll();
    expect(own.active?.kind).toBe('branch');
  });

  it.each<[string, Partial<FakeRepository>, string]>([
    ['does not load', { files: rulesOf('p, nobody, remediation, https, deny, always, x') }, 'unknown-name'],
    ['nobody signed whom the controller trusts', { untrusted: true }, 'not-signed'],
  ])('is judged by nobody while its newest commit %s', async (_, change, code) => {
    const own = await loop();
    await start(own);
    Object.assign(repository, { commit: 'b'.repeat(40), ...change });
    await own.poll();
    expect([own.active, codes(own), own.branch?.branch]).toEqual([null, [code], 'tighter']);
    Object.assign(repository, { commit: 'c'.repeat(40), files: rulesOf(closing), untrusted: false });
    await own.poll();
    expect([own.active?.kind, codes(own)]).toEqual(['branch', []]);
  });

  it('is told with the tests that it breaks, and watched all the same', async () => {
    repository.files = rulesOf('p, infusion-pump, library-1, https, deny, always, x');
    const own = await loop();
    await start(own);
    expect([own.active?.kind, codes(own)]).toEqual(['branch', ['policy-test-failed']]);
  });

  it('counts lines in audit of the branch among its own', async () => {
    repository.files = policyFiles({ 'audit/y.csv': closing });
    const own = await loop();
    await start(own);
    expect(own.active!.snapshot.flowRules.map(({ file }) => file)).toContain('audit/y.csv');
  });

  it('ends when its commit is in force, and when its files are', async () => {
    const own = await loop();
    await start(own);
    repository.inForce.add(repository.commit!);
    await own.poll();
    expect([own.branch, await lastState()]).toEqual([null, 'promoted']);
    Object.assign(repository, { commit: 'b'.repeat(40), files: rulesOf(closing.replace('https', 'web')) });
    await start(own);
    active = policyOf(repository.files, 2);
    wakeups.fire('snapshot');
    await own.poll();
    expect([own.branch, own.active, await lastState()]).toEqual([null, null, 'promoted']);
    await expect(start(own)).rejects.toMatchObject({ code: 'conflict' });
  });

  it('deleted after a merge that is not in force yet, it goes on until that is', async () => {
    const own = await loop();
    await start(own);
    repository.taken.add(repository.commit!);
    const merged = repository.commit!;
    repository.commit = null;
    await own.poll();
    expect(own.active?.kind).toBe('branch');
    repository.inForce.add(merged);
    await own.poll();
    expect(await lastState()).toBe('promoted');
  });

  it('ends when it is deleted, and when its time is over', async () => {
    const own = await loop();
    await start(own);
    repository.commit = null;
    await own.poll();
    expect(await lastState()).toBe('deleted');
    repository.commit = 'b'.repeat(40);
    await expect(start(own, now)).rejects.toMatchObject({ code: 'unprocessable' });
    await start(own, new Date(now.getTime() + 1000));
    now = new Date(now.getTime() + 1000);
    await own.poll();
    expect([await lastState(), own.active]).toEqual(['expired', null]);
  });

  it('takes the place of another, and is in the trail with who wanted it', async () => {
    const own = await loop();
    await start(own);
    await own.startBranch({ branch: 'other', until: null, reason: 'CHG-9' }, 'bob');
    expect(await own.stopBranch('enough', 'bob')).toBe(true);
    expect(await own.stopBranch(null, 'bob')).toBe(false);
    const rows = await database.read((db) => db.find(audits, { order: { id: 'ASC' } }));
    expect(rows.map(({ actor, action, target, reason }) => [actor, action, target, reason])).toEqual([
      ['ada', 'candidate.start', 'tighter', null],
      ['bob', 'candidate.replaced', 'tighter', 'CHG-9'],
      ['bob', 'candidate.start', 'other', 'CHG-9'],
      ['bob', 'candidate.stop', 'other', 'enough'],
    ]);
  });

  it('is compiled anew when a schedule begins or ends', async () => {
    repository.files = rulesOf(closing.replace('always', 'office'));
    const own = await loop();
    await start(own);
    const activeNow = () => own.active!.snapshot.flowRules.find(({ file }) => file === 'rules/x.csv')!.active;
    expect(activeNow()).toBe(true);
    now = new Date('2026-11-23T20:00:00Z');
    wakeups.fire('snapshot');
    await own.poll();
    expect(activeNow()).toBe(false);
  });

  it('is that of the lines in audit where no branch is, of the policy in force alone', async () => {
    active = policyOf(policyFiles({ 'audit/y.csv': closing }));
    const own = await loop();
    expect(own.active).toMatchObject({ kind: 'lines' });
    const before = own.active!.snapshot;
    active = policyOf(
      policyFiles({ 'audit/y.csv': closing, 'rules/z.csv': 'p, infusion-pump, library-1, web, allow, always, x' }),
      2,
    );
    expect(own.active).toBeNull();
    wakeups.fire('snapshot');
    await own.poll();
    expect(own.active!.snapshot.digest).not.toBe(before.digest);
    active = policyOf(policyFiles(), 3);
    wakeups.fire('snapshot');
    await own.poll();
    expect(own.active).toBeNull();
  });
});
