import type { Clock, Diagnostic } from '#base';
import { SourceFault, type Commit } from '#gitops';
import { decodeSnapshot, encodeSnapshot, type Provenance, type Snapshot } from '#policy';
import { Refusal } from '../http/refusal.js';
import type { Log } from '../log.js';
import { evaluateInThread } from '../policy/evaluate-thread.js';
import type { ActivePolicy, Source } from '../policy/policy-loop.js';
import type { PolicyStore } from '../policy/policy-store.js';
import type { CandidateRow } from '../store/rows.js';
import type { Wakeups } from '../wakeups.js';
import type { WorkloadStore } from '../workloads/workload-store.js';
import type { CandidateOrder, CandidateStore } from './candidate-store.js';

/** A policy beside the one in force: compiled, watched, never enforced, and never sent to a bridge. */
export interface Candidate {
  readonly snapshot: Snapshot;
  /** `lines`: of audit/ in the policy in force; `branch`: a branch of the same repository, with its own lines in audit. */
  readonly kind: 'lines' | 'branch';
}

interface Ports {
  readonly policy: { readonly active: ActivePolicy | null };
  readonly policies: Pick<PolicyStore, 'load'>;
  /** With the trust and the limits of the policy's own; throws SourceFault for what is no branch. */
  readonly sourceOf: (branch: string) => Source;
  /** The policy's own: whether the commit is in the history of `head`, or (null) of what was fetched last. */
  readonly hasTakenUp: (commit: string, head: string | null) => Promise<boolean>;
  readonly store: CandidateStore;
  readonly workloads: Pick<WorkloadStore, 'load'>;
  readonly wakeups: Wakeups;
  readonly clock: Clock;
  readonly log: Log;
}

interface Compiled extends Candidate {
  /** What it was compiled from: the same source is compiled once, but for the time. */
  readonly source: string;
}

/** What there is to compile. */
interface Wanted {
  readonly source: string;
  readonly kind: Candidate['kind'];
  readonly files: ReadonlyMap<string, string>;
  readonly provenance: Provenance;
}

const longestWait = 3_600_000;

/**
 * Keeps the candidate: a branch that somebody put in audit, or else the lines in audit of the policy in force. It follows the branch, compiles
 * what it says, and ends it when that is in force, when it is gone, and when its time is over.
 *
 * INVARIANT: nothing here changes the policy in force, or what a bridge is sent. What can't be read or compiled is told, and watched by nobody.
 */
export class CandidateLoop {
  private row: CandidateRow | null = null;
  private compiled: Compiled | null = null;
  /** Of the newest source: what is wrong with it, and what should be known of it. */
  private found: { readonly source: string; readonly diagnostics: readonly Diagnostic[] } | null = null;
  /** Why the branch can't be looked at now. */
  private unreachable: Diagnostic | null = null;
  private tail: Promise<unknown> = Promise.resolve();
  private pollTimer: NodeJS.Timeout | null = null;
  private changeTimer: NodeJS.Timeout | null = null;
  private stopListening: () => void = () => undefined;
  private isStopped = false;

  constructor(
    private readonly ports: Ports,
    private readonly settings: {
      readonly path: string;
      readonly pollSeconds: number;
      readonly ownBranch: string | null;
    },
  ) {}

  /** Takes up what was stored: a restart needs no git. */
  async start(): Promise<void> {
    const { store, wakeups, log } = this.ports;
    this.row = await store.running();
    const kept = await store.compiled();
    const source = await this.wantedSource();
    if (kept && kept.source === source)
      try {
        this.publish({ source, kind: this.row ? 'branch' : 'lines', snapshot: decodeSnapshot(kept.snapshot) });
      } catch (error) {
        log.error('the stored candidate is not usable, compiling it again', { problem: String(error) });
      }
    this.stopListening = wakeups.on(['snapshot'], () => void this.enqueue(() => this.policyChanged()));
    void this.enqueue(async () => {
      await this.refresh(false);
      await this.followBranch();
    });
    this.schedulePoll();
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    this.stopListening();
    for (const timer of [this.pollTimer, this.changeTimer]) if (timer) clearTimeout(timer);
    await this.tail;
  }

  /** Null: there is none, or it does not compile. */
  get active(): Candidate | null {
    const { compiled } = this;
    if (!compiled) return null;
    const { row } = this;
    const source = row ? branchSource(row) : linesSource(this.ports.policy.active);
    return compiled.source === source ? compiled : null;
  }

  /** The branch in audit. */
  get branch(): CandidateRow | null {
    return this.row;
  }

  /** About the candidate that there is, or should be. */
  get diagnostics(): readonly Diagnostic[] {
    return [...(this.unreachable ? [this.unreachable] : []), ...(this.found?.diagnostics ?? [])];
  }

  /** Puts a branch in audit, in place of another one. */
  startBranch(order: CandidateOrder, actor: string): Promise<void> {
    return this.enqueue(async () => {
      const { store, clock, log } = this.ports;
      const { branch, until } = order;
      const now = clock.now();
      if (until && until <= now) throw new Refusal('unprocessable', `\`until\` is over: ${until.toISOString()}`);
      if (branch === this.settings.ownBranch)
        throw new Refusal('unprocessable', `\`${branch}\` is the policy's own branch: put another one in audit`);
      const { commit, files, problem } = await this.look(branch).catch((error: unknown) => {
        if (!(error instanceof SourceFault)) throw error;
        throw new Refusal('unprocessable', `${error.message}: ${hintFor(error, branch)}`);
      });
      if (await this.isInForce(commit.commit, files))
        throw new Refusal(
          'conflict',
          `what \`${branch}\` says is in force already (commit ${commit.commit.slice(0, 12)})`,
        );
      this.row = await store.start(order, commit, files, actor, now);
      this.unreachable = null;
      this.note(problem);
      log.info('branch in audit', { branch, commit: commit.commit });
      await this.refresh(true);
    });
  }

  /** False: no branch is in audit. */
  stopBranch(reason: string | null, actor: string): Promise<boolean> {
    return this.enqueue(async () => {
      if (!this.row) return false;
      await this.end('stopped', actor, reason);
      return true;
    });
  }

  /** Looks at the branch now. */
  poll(): Promise<void> {
    return this.enqueue(() => this.followBranch());
  }

  private enqueue<T>(work: () => Promise<T>): Promise<T> {
    const result = this.tail.then(work);
    this.tail = result.catch((error: unknown) => {
      if (!(error instanceof Refusal)) this.ports.log.error('candidate loop failed', { error: String(error) });
    });
    return result;
  }

  /** What the branch says now. A fault of the commit itself comes as `problem`: it is in audit all the same. */
  private async look(
    branch: string,
    known: string | null = null,
  ): Promise<{ commit: Commit; files: ReadonlyMap<string, string> | null; problem: Diagnostic | null }> {
    const source = this.ports.sourceOf(branch);
    const inForce = this.ports.policy.active?.version.commit ?? null;
    const commit = await source.fetch(null);
    if (commit.commit === known) return { commit, files: null, problem: null };
    try {
      await source.verify(commit, inForce, this.settings.path);
      return { commit, files: await source.readTree(commit.commit, this.settings.path), problem: null };
    } catch (error) {
      if (!(error instanceof SourceFault)) throw error;
      return { commit, files: null, problem: diagnosticOf(error) };
    }
  }

  private async followBranch(): Promise<void> {
    const { row } = this;
    const { store, clock, log } = this.ports;
    if (!row) return;
    if (row.until !== null && Date.parse(row.until) <= clock.now().getTime())
      return this.end('expired', 'system', null);
    try {
      // What could not be taken from a commit may be now: trust can change.
      const { commit, files, problem } = await this.look(row.branch, row.files ? row.commit : null);
      this.unreachable = null;
      if (!row.files || commit.commit !== row.commit) {
        this.row = await store.take(row, commit, files, clock.now());
        this.note(problem);
      }
    } catch (error) {
      if (!(error instanceof SourceFault)) throw error;
      if (error.code === 'branch-missing') return this.branchGone(row);
      if (!this.unreachable) log.warn('branch in audit unreachable', { branch: row.branch, problem: error.message });
      this.unreachable = diagnosticOf(error);
      return;
    }
    await this.endIfInForce();
    // Also of a commit that was seen before: what came in between its compilation is over.
    if (this.row) await this.refresh(false);
  }

  /** Deleted after a merge whose commit is on its way (waiting, or being rolled out), it is not over before that is in force. */
  private async branchGone(row: CandidateRow): Promise<void> {
    await this.endIfInForce();
    if (this.row && !(await this.ports.hasTakenUp(row.commit, null))) await this.end('deleted', 'system', null);
  }

  private async endIfInForce(): Promise<void> {
    const { row } = this;
    if (row && (await this.isInForce(row.commit, row.files && new Map(Object.entries(row.files)))))
      await this.end('promoted', 'system', null);
  }

  /** Merged, or squashed into one commit that says the same. */
  private async isInForce(commit: string, files: ReadonlyMap<string, string> | null): Promise<boolean> {
    const active = await this.ports.policies.load('active');
    if (!active) return false;
    if (files && isSame(files, active.files)) return true;
    return this.ports.hasTakenUp(commit, active.version.commit);
  }

  private async end(state: Parameters<CandidateStore['end']>[0], actor: string, reason: string | null): Promise<void> {
    const { store, clock, log } = this.ports;
    await store.end(state, actor, reason, clock.now());
    log.info('branch no longer in audit', { branch: this.row?.branch, state });
    this.row = null;
    this.unreachable = null;
    await this.refresh(false);
  }

  private async policyChanged(): Promise<void> {
    await this.endIfInForce();
    // Services of clusters may have moved: whatever compiles the policy anew compiles this anew.
    const namesWorkloads = this.compiled?.snapshot.endpoints.some(({ kubernetes }) => kubernetes) ?? false;
    await this.refresh(namesWorkloads);
  }

  private async wantedSource(): Promise<string | null> {
    const { row } = this;
    if (row) return row.files && branchSource(row);
    const active = await this.ports.policies.load('active');
    return active && hasAuditLines(active.files) ? linesSource(this.ports.policy.active) : null;
  }

  private async wanted(): Promise<Wanted | null> {
    const source = await this.wantedSource();
    const { row } = this;
    if (source === null) return null;
    if (row?.files) {
      const { commit, author, committedAt } = row;
      const files = new Map(Object.entries(row.files));
      const sites = this.ports.policy.active?.snapshot.provenance.sites;
      return { source, kind: 'branch', files, provenance: { commit, author, committedAt, ...(sites && { sites }) } };
    }
    const active = await this.ports.policies.load('active');
    const { snapshot } = this.ports.policy.active ?? {};
    return active && snapshot ? { source, kind: 'lines', files: active.files, provenance: snapshot.provenance } : null;
  }

  /** Compiles what there is to compile, if that is something else than what is compiled. */
  private async refresh(isStale: boolean): Promise<void> {
    const { store, clock, workloads } = this.ports;
    const wanted = await this.wanted();
    if (!wanted) {
      if (!this.row) this.found = null;
      return this.drop();
    }
    const isKnown = this.compiled?.source === wanted.source || this.found?.source === wanted.source;
    if (isKnown && !isStale && !this.isDue) return;
    const { source, kind, files, provenance } = wanted;
    const known = await workloads.load();
    const evaluated = await evaluateInThread({ files, at: clock.now(), provenance, known, isCandidate: true });
    const { diagnostics } = evaluated;
    const failures = evaluated.ok ? evaluated.value.testFailures : [];
    this.found = { source, diagnostics: [...diagnostics, ...failures] };
    if (!evaluated.ok) {
      this.ports.log.warn('the candidate does not compile', { kind, errors: diagnostics.length });
      return this.drop();
    }
    const { snapshot } = evaluated.value;
    // Tests that fail refuse it once it is merged; what it would do can be watched meanwhile.
    await store.keepCompiled({ source, snapshot: encodeSnapshot(snapshot) });
    this.publish({ source, kind, snapshot });
  }

  private get isDue(): boolean {
    const next = this.compiled?.snapshot.nextChangeAt ?? null;
    return next !== null && Date.parse(next) <= this.ports.clock.now().getTime();
  }

  private async drop(): Promise<void> {
    if (!this.compiled) return;
    this.compiled = null;
    await this.ports.store.keepCompiled(null);
    this.scheduleChange();
    this.ports.wakeups.fire('candidate');
  }

  private publish(compiled: Compiled): void {
    this.compiled = compiled;
    this.scheduleChange();
    this.ports.wakeups.fire('candidate');
  }

  /** A fault of the newest commit of the branch. */
  private note(problem: Diagnostic | null): void {
    this.found = problem && { source: '', diagnostics: [problem] };
  }

  /** A schedule begins or ends, or the time of the branch is over. */
  private scheduleChange(): void {
    if (this.changeTimer) clearTimeout(this.changeTimer);
    const instants = [this.compiled?.snapshot.nextChangeAt, this.row?.until].flatMap((at) => at ?? []).sort();
    const [next] = instants;
    if (next === undefined || this.isStopped) return;
    const wait = Math.max(1000, Date.parse(next) - this.ports.clock.now().getTime());
    this.changeTimer = setTimeout(
      () => {
        this.enqueue(async () => {
          await this.followBranch();
          await this.refresh(false);
        })
          .catch(() => undefined)
          .finally(() => this.scheduleChange());
      },
      Math.min(wait, longestWait),
    );
  }

  private schedulePoll(): void {
    if (this.isStopped) return;
    this.pollTimer = setTimeout(() => {
      this.poll()
        .catch(() => undefined)
        .finally(() => this.schedulePoll());
    }, this.settings.pollSeconds * 1000);
  }
}

const branchSource = ({ id, commit }: CandidateRow): string => `branch ${id} ${commit}`;
const linesSource = (active: ActivePolicy | null): string | null =>
  active && `lines ${active.version.id} ${active.snapshot.digest}`;

const hasAuditLines = (files: ReadonlyMap<string, string>): boolean =>
  [...files].some(([path, text]) => path.startsWith('audit/') && /^\s*p\s*,/m.test(text));

const isSame = (a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean =>
  a.size === b.size && [...a].every(([path, text]) => b.get(path) === text);

const diagnosticOf = ({ code, message, hint }: SourceFault): Diagnostic => ({
  severity: 'error',
  code,
  summary: message,
  hint,
});

const hintFor = ({ code, hint }: SourceFault, branch: string): string =>
  code === 'branch-missing' ? `push \`${branch}\` to the policy repository first` : hint;
