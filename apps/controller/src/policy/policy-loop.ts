import type { Clock, Diagnostic, Result } from '#base';
import { SourceFault, type Commit } from '#gitops';
import { decodeSnapshot, encodeSnapshot, type Provenance, type Snapshot } from '#policy';
import type { Log } from '../log.js';
import type { Wakeups } from '../wakeups.js';
import type { Evaluation } from './evaluate.js';
import { evaluateInThread } from './evaluate-thread.js';
import type { PolicyStore, StoredVersion } from './policy-store.js';

export interface ActivePolicy {
  readonly snapshot: Snapshot;
  /** The feed message of this snapshot, ready to send. */
  readonly feedLine: string;
  readonly version: StoredVersion;
}

export type SyncOutcome =
  | {
      readonly status: 'active';
      readonly changed: boolean;
      readonly commit: string;
      readonly digest: string;
      readonly diagnostics: readonly Diagnostic[];
    }
  | { readonly status: 'refused'; readonly commit: string; readonly diagnostics: readonly Diagnostic[] }
  | { readonly status: 'unreachable'; readonly diagnostics: readonly Diagnostic[] };

export interface SourceState {
  readonly state: 'never-reached' | 'reached' | 'unreachable';
  readonly lastSuccess: string | null;
  readonly problem: Diagnostic | null;
}

export interface Source {
  fetch(): Promise<Commit>;
  readTree(commit: string, folder: string): Promise<Map<string, string>>;
}

interface Ports {
  readonly source: Source;
  readonly store: PolicyStore;
  readonly wakeups: Wakeups;
  readonly clock: Clock;
  readonly log: Log;
}

/** setTimeout's limit is 24.8 days; waking once an hour for nothing costs nothing. */
const longestWait = 3_600_000;

/**
 * Brings commits into force: fetch → read → load, compile, test → store → swap → wake. All or nothing: a commit with any
 * error is stored as refused, and the snapshot in force stays.
 *
 * It does not decide what a policy means (libs/policy) nor who must hear of it (those who listen to `Wakeups`).
 */
export class PolicyLoop {
  private current: ActivePolicy | null = null;
  private source: SourceState = { state: 'never-reached', lastSuccess: null, problem: null };
  private lastSeen: string | null = null;
  private tail: Promise<unknown> = Promise.resolve();
  private pollTimer: NodeJS.Timeout | null = null;
  private changeTimer: NodeJS.Timeout | null = null;
  private isStopped = false;

  constructor(
    private readonly ports: Ports,
    private readonly settings: { readonly path: string; readonly pollSeconds: number },
  ) {}

  get active(): ActivePolicy | null {
    return this.current;
  }

  get sourceState(): SourceState {
    return this.source;
  }

  /** Takes up the stored snapshot; only without one that it can read does it wait for git, so that a restart needs nobody. */
  async start(): Promise<void> {
    const stored = await this.ports.store.loadActive();
    const snapshot = stored && this.readStored(stored.snapshot);
    if (snapshot) {
      this.lastSeen = stored.version.commit;
      this.publish(snapshot, stored.snapshot, stored.version);
      await this.recompileWhenDue();
    }
    const first = this.sync('system', false);
    if (!snapshot) await first;
    this.schedulePoll();
  }

  /** Null for what another release wrote in another form, or a disk has damaged: then the commit is judged anew. */
  private readStored(encoded: unknown): Snapshot | null {
    try {
      return decodeSnapshot(encoded);
    } catch (error) {
      this.ports.log.error('stored snapshot is not usable, compiling from git', { problem: String(error) });
      return null;
    }
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    if (this.pollTimer) clearTimeout(this.pollTimer);
    if (this.changeTimer) clearTimeout(this.changeTimer);
    await this.tail;
  }

  /** One at a time. With `force`, a commit that was judged before is judged again. */
  sync(actor: string, force: boolean): Promise<SyncOutcome> {
    return this.enqueue(() => this.syncNow(actor, force));
  }

  private enqueue<T>(work: () => Promise<T>): Promise<T> {
    const result = this.tail.then(work);
    this.tail = result.catch((error: unknown) => this.ports.log.error('policy loop failed', { error: String(error) }));
    return result;
  }

  private async syncNow(actor: string, force: boolean): Promise<SyncOutcome> {
    const { source, clock, log } = this.ports;
    let commit: Commit;
    try {
      commit = await source.fetch();
    } catch (error) {
      const problem = diagnosticOf(error);
      if (this.source.state !== 'unreachable') log.warn('policy repository unreachable', { problem: problem.summary });
      this.source = { ...this.source, state: 'unreachable', problem };
      return { status: 'unreachable', diagnostics: [problem] };
    }
    this.source = { state: 'reached', lastSuccess: clock.now().toISOString(), problem: null };
    if (!force && commit.commit === this.lastSeen) return this.unchanged(commit);
    const outcome = await this.judge(commit, actor);
    this.lastSeen = commit.commit;
    return outcome;
  }

  private unchanged(commit: Commit): SyncOutcome {
    const active = this.current;
    if (active?.version.commit !== commit.commit) return { status: 'refused', commit: commit.commit, diagnostics: [] };
    return { status: 'active', changed: false, commit: commit.commit, digest: active.snapshot.digest, diagnostics: [] };
  }

  private async judge(commit: Commit, actor: string): Promise<SyncOutcome> {
    const { store, clock, log } = this.ports;
    const at = clock.now();
    let files: Map<string, string>;
    let evaluation: Result<Evaluation>;
    try {
      files = await this.ports.source.readTree(commit.commit, this.settings.path);
      evaluation = await evaluateInThread({ files, at, provenance: provenanceOf(commit) });
    } catch (error) {
      if (!(error instanceof SourceFault)) throw error;
      files = new Map();
      evaluation = { ok: false, diagnostics: [diagnosticOf(error)] };
    }
    const diagnostics = [...evaluation.diagnostics, ...(evaluation.ok ? evaluation.value.testFailures : [])];
    if (!evaluation.ok || evaluation.value.testFailures.length > 0) {
      await store.refuse({ commit, diagnostics, at, actor });
      log.warn('policy refused', { commit: commit.commit, errors: diagnostics.length });
      return { status: 'refused', commit: commit.commit, diagnostics };
    }
    const { snapshot } = evaluation.value;
    const isSame = this.current?.version.commit === commit.commit && this.current.snapshot.digest === snapshot.digest;
    if (!isSame) {
      const encoded = encodeSnapshot(snapshot) as object;
      const version = await store.activate({ commit, digest: snapshot.digest, encoded, files, diagnostics, at, actor });
      this.publish(snapshot, encoded, version);
      log.info('policy active', { commit: commit.commit, digest: snapshot.digest });
    }
    return { status: 'active', changed: !isSame, commit: commit.commit, digest: snapshot.digest, diagnostics };
  }

  /** A schedule began or ended, or a date passed: the same sources give another snapshot now. */
  private async recompileWhenDue(): Promise<void> {
    const { store, clock, log } = this.ports;
    const active = this.current;
    const at = clock.now();
    if (!active?.snapshot.nextChangeAt || Date.parse(active.snapshot.nextChangeAt) > at.getTime()) return;
    const files = await store.loadFiles();
    const evaluation = await evaluateInThread({ files, at, provenance: active.snapshot.provenance });
    if (!evaluation.ok) {
      log.error('policy in force no longer compiles', {
        commit: active.version.commit,
        diagnostics: evaluation.diagnostics,
      });
      return;
    }
    // Tests that fail only now don't hold it up: what expires must expire, or access would outlive its rule.
    const { snapshot, testFailures } = evaluation.value;
    const encoded = encodeSnapshot(snapshot) as object;
    const before = { digest: active.snapshot.digest };
    const version = await store.replaceSnapshot({ digest: snapshot.digest, encoded, before, at, testFailures });
    this.publish(snapshot, encoded, version);
    log.info('policy recompiled for a new period', { digest: snapshot.digest, testFailures: testFailures.length });
  }

  private publish(snapshot: Snapshot, encoded: unknown, version: StoredVersion): void {
    this.current = { snapshot, feedLine: `${JSON.stringify({ type: 'snapshot', snapshot: encoded })}\n`, version };
    this.scheduleChange();
    this.ports.wakeups.fire('snapshot');
  }

  private scheduleChange(): void {
    if (this.changeTimer) clearTimeout(this.changeTimer);
    const next = this.current?.snapshot.nextChangeAt;
    if (!next || this.isStopped) return;
    // At least a second, so that a policy that can't be recompiled doesn't keep the controller busy.
    const wait = Math.max(1000, Date.parse(next) - this.ports.clock.now().getTime());
    this.changeTimer = setTimeout(
      () => {
        this.enqueue(() => this.recompileWhenDue())
          .catch(() => undefined)
          .finally(() => this.scheduleChange());
      },
      Math.min(wait, longestWait),
    );
  }

  private schedulePoll(): void {
    if (this.isStopped) return;
    this.pollTimer = setTimeout(() => {
      this.sync('system', false)
        .catch(() => undefined)
        .finally(() => this.schedulePoll());
    }, this.settings.pollSeconds * 1000);
  }
}

function provenanceOf(commit: Commit): Provenance {
  return { commit: commit.commit, author: commit.author, committedAt: commit.committedAt };
}

function diagnosticOf(error: unknown): Diagnostic {
  if (!(error instanceof SourceFault)) throw error;
  return { severity: 'error', code: error.code, summary: error.message, hint: error.hint };
}
