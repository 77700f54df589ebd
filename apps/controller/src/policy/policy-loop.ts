import type { Clock, Diagnostic, Result } from '#base';
import { SourceFault, type Commit } from '#gitops';
import { formatRange, rangesOf } from '#net';
import {
  decodeSnapshot,
  encodeSnapshot,
  noWorkloads,
  workloadKey,
  type KnownWorkloads,
  type Provenance,
  type Snapshot,
} from '#policy';
import type { Log } from '../log.js';
import type { Wakeups } from '../wakeups.js';
import type { Evaluation } from './evaluate.js';
import { evaluateInThread } from './evaluate-thread.js';
import { Refusal } from '../http/refusal.js';
import type { PolicyHoldRow, RolloutBaseline } from '../store/rows.js';
import { acceptWorkloads, areSameWorkloads } from '../workloads/accept-workloads.js';
import type { WorkloadStore } from '../workloads/workload-store.js';
import { ownApprovals, type Approval } from './approvals.js';
import { chooseVersion } from './choose-version.js';
import type { KeptPolicy, PolicyStore, StoredVersion } from './policy-store.js';
import type { Begun } from './policy-steps.js';
import { judgeFormer, readFormer } from './read-former.js';
import { heldFinding, type RollBack, type RolledBack } from './roll-back.js';

export interface ActivePolicy {
  readonly snapshot: Snapshot;
  /** The feed message of this snapshot, ready to send. */
  readonly feedLine: string;
  readonly version: StoredVersion;
}

/** The one that is being rolled out. */
export interface StagedPolicy {
  readonly snapshot: Snapshot;
  /** `encodeSnapshot` of it, as text. */
  readonly encoded: string;
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
  /** A person went back from it, and it is not taken by itself: `cordon policy sync --take` does. */
  | {
      readonly status: 'rolled-back';
      readonly commit: string;
      /** In force, or being brought back into force. */
      readonly digest: string;
      readonly diagnostics: readonly Diagnostic[];
    }
  /** `staged`: it is being rolled out; `waiting`: another one is; `withdrawn`: its rollout was taken back. */
  | {
      readonly status: 'staged' | 'waiting' | 'withdrawn';
      readonly commit: string;
      readonly digest: string | null;
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
  /** `inForce` is the commit to compare the newest one with. */
  fetch(inForce: string | null): Promise<Commit>;
  /** Answers with who signed it. Rejects with SourceFault when that may not make policy of it. */
  verify(commit: Commit, inForce: string | null, folder: string): Promise<string | null>;
  readTree(commit: string, folder: string): Promise<Map<string, string>>;
}

interface Ports {
  readonly source: Source;
  /** What gates of a rollout will compare with. */
  readonly baseline: () => Promise<RolloutBaseline>;
  readonly store: PolicyStore;
  readonly workloads: Pick<WorkloadStore, 'load' | 'save'>;
  readonly wakeups: Wakeups;
  readonly clock: Clock;
  readonly log: Log;
}

/** setTimeout's limit is 24.8 days; waking once an hour for nothing costs nothing. */
const longestWait = 3_600_000;

/**
 * Brings commits into force: fetch → read → load, compile, test → store → swap → wake. All or nothing: a commit with any
 * error is stored as refused, and the snapshot in force stays. Where the policy in force has stages, a new one stands beside it until its
 * rollout is over; one more waits until then, and the policy in force coming back ends it.
 *
 * A person may bring a policy of before back. INVARIANT: no commit that was known by then is taken by itself until another one comes.
 *
 * It does not decide what a policy means (libs/policy) nor who must hear of it (those who listen to `Wakeups`).
 */
export class PolicyLoop {
  private current: ActivePolicy | null = null;
  private next: StagedPolicy | null = null;
  private before: Snapshot | null = null;
  /** A person rolled back, and the branch has not moved since. */
  private held: PolicyHoldRow | null = null;
  /** What the repository said last; null: it was not reached since the start. */
  private newest: string | null = null;
  /** Where services of clusters are: what policies are compiled with. */
  private known: KnownWorkloads = noWorkloads;
  private isWaiting = false;
  private source: SourceState = { state: 'never-reached', lastSuccess: null, problem: null };
  private lastSeen: string | null = null;
  /** The tag that it was seen by; null after a restart, and for branches. */
  private lastTag: string | null = null;
  private tail: Promise<unknown> = Promise.resolve();
  private pollTimer: NodeJS.Timeout | null = null;
  private changeTimer: NodeJS.Timeout | null = null;
  private isStopped = false;

  constructor(
    private readonly ports: Ports,
    private readonly settings: {
      readonly path: string;
      readonly pollSeconds: number;
      /** That it is for; null: for all. */
      readonly sites: readonly string[] | null;
    },
  ) {}

  get active(): ActivePolicy | null {
    return this.current;
  }

  get staged(): StagedPolicy | null {
    return this.next;
  }

  /** In force before. */
  get previous(): Snapshot | null {
    return this.before;
  }

  get sourceState(): SourceState {
    return this.source;
  }

  get hold(): PolicyHoldRow | null {
    return this.held;
  }

  /** The newest commit of the repository; null: it was not reached since the start. */
  get head(): string | null {
    return this.newest;
  }

  /** Takes up the stored snapshot; only without one that it can read does it wait for git, so that a restart needs nobody. */
  async start(): Promise<void> {
    const { store, workloads } = this.ports;
    this.known = await workloads.load();
    this.held = await store.hold();
    const stored = await store.load('active');
    const usable = stored && (await this.usable(stored));
    if (usable) {
      const { snapshot, encoded, version } = usable;
      this.lastSeen = await this.lastJudged(version);
      this.publish(snapshot, encoded, version);
      const previous = await store.load('previous');
      this.before = previous && this.readStored(previous.snapshot);
      const staged = await store.load('staged');
      const next = staged && this.readStored(staged.snapshot);
      if (next) this.publishStaged(next, staged.snapshot as object, staged.version);
      else if (staged) {
        await store.withdraw('it is not usable by this release', 'system', this.ports.clock.now());
        this.held = await store.hold();
      }
      await this.recompileAll((policy) => this.isDue(policy) || namesWorkloads(policy) || !this.isForOurSites(policy));
    }
    const first = this.sync('system', false);
    if (!usable) await first;
    this.schedulePoll();
  }

  /** A commit that waits or was taken back is not judged anew by a restart. */
  private async lastJudged(active: StoredVersion): Promise<string> {
    const [newest] = await this.ports.store.versions(1, null);
    this.isWaiting = newest?.status === 'waiting';
    return newest && newest.status !== 'refused' ? newest.commit : active.commit;
  }

  /** Null: the newest commit is judged anew. That would undo a rollback: then what is in force is compiled anew from its files. */
  private async usable({ snapshot: encoded, files, version }: KeptPolicy): Promise<Usable | null> {
    const snapshot = this.readStored(encoded);
    if (snapshot) return { snapshot, encoded, version };
    if (!this.held) return null;
    const { store, clock, log } = this.ports;
    const at = clock.now();
    const evaluation = await evaluateInThread({ files, at, provenance: this.provenanceOf(version), known: this.known });
    if (!evaluation.ok) {
      log.error('the policy that was rolled back to no longer compiles', { diagnostics: evaluation.diagnostics });
      return null;
    }
    const { snapshot: anew, testFailures } = evaluation.value;
    const change = { before: { digest: version.digest ?? '' }, after: { digest: anew.digest }, at, testFailures };
    const fresh = encodeSnapshot(anew) as object;
    return {
      snapshot: anew,
      encoded: fresh,
      version: await store.replaceSnapshot({ kept: 'active', encoded: fresh, ...change }),
    };
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

  /**
   * One at a time. With `force`, a commit that was judged before is judged again; with `take` also one that was rolled back from.
   */
  sync(actor: string, force: boolean, take = false): Promise<SyncOutcome> {
    return this.enqueue(() => this.syncNow(actor, force || take, take));
  }

  /** What is being rolled out comes into force. */
  promote(actor: string, reason: string | null): Promise<void> {
    return this.enqueue(async () => {
      const { next } = this;
      if (!next) return;
      const version = await this.ports.store.promote(this.ports.clock.now(), { actor, reason });
      this.next = null;
      this.publish(next.snapshot, JSON.parse(next.encoded), version);
      this.takeWaiting();
    });
  }

  /** What is being rolled out is taken back. */
  withdraw(reason: string, actor: string): Promise<void> {
    return this.enqueue(() => this.withdrawNow(reason, actor));
  }

  /** Brings a policy of before back into force. Throws a Refusal where there is none, or it does not hold any more. */
  rollBack(order: RollBack): Promise<RolledBack> {
    return this.enqueue(() => this.rollBackNow(order));
  }

  /** What clusters say of their services now. Of those that are not among them, the last word holds. */
  takeWorkloads(told: KnownWorkloads): Promise<void> {
    return this.enqueue(async () => {
      const { workloads, log } = this.ports;
      const named = [this.current, this.next].flatMap((policy) => (policy ? workloadsIn(policy.snapshot) : []));
      const wanted = new Map(
        named.flatMap((key) => {
          const addresses = told.get(key) ?? this.known.get(key);
          return addresses ? [[key, addresses] as const] : [];
        }),
      );
      if (areSameWorkloads(wanted, this.known)) return;
      const { known, refused } = await acceptWorkloads(this.known, wanted, (some) => this.allHold(some));
      if (refused.length > 0)
        log.error('new addresses of services are not taken: the policy does not hold with them', { services: refused });
      if (areSameWorkloads(known, this.known)) return;
      // First of all: a restart compiles anew, and finds what is stored.
      await workloads.save(known);
      this.known = known;
      await this.recompileAll(namesWorkloads);
    });
  }

  private async allHold(known: KnownWorkloads): Promise<boolean> {
    for (const kept of ['active', 'staged'] as const) {
      const policy = kept === 'active' ? this.current : this.next;
      const evaluation = policy && (await this.evaluateKept(kept, policy, known));
      if (evaluation && (!evaluation.ok || evaluation.value.testFailures.length > 0)) return false;
    }
    return true;
  }

  private async rollBackNow({ to, reason, actor, isNow }: RollBack): Promise<RolledBack> {
    const { store, clock, log } = this.ports;
    const active = this.current;
    if (!active) throw new Refusal('conflict', 'no policy is in force yet: see GET /api/v1/policy');
    const [former, judged] = [await store.former(), await store.beginningWith(to)];
    const staged = this.next?.version ?? null;
    const version = chooseVersion(to, { former, judged, inForce: active.version, staged, hold: this.held });
    const { commit } = version;
    const from = commit === active.version.commit && staged ? staged.commit : active.version.commit;
    const held = this.knownSince(commit);
    const about = { reason, actor, at: clock.now(), held };
    if (commit === active.version.commit) {
      const { snapshot, version: same } = active;
      const { diagnostics } = same;
      const { digest } = snapshot;
      const kept = { encoded: {}, files: new Map<string, string>(), begun: null };
      await store.rollBack({ ...about, ...kept, version: same, digest, diagnostics });
      await this.rolledBack();
      this.ports.wakeups.fire('snapshot');
      return { status: 'active', commit, digest, from, diagnostics };
    }
    const files = await readFormer(this.ports, version, this.settings.path);
    const { snapshot, diagnostics } = await judgeFormer(files, this.provenanceOf(version), about.at, this.known);
    const { digest } = snapshot;
    const encoded = encodeSnapshot(snapshot) as object;
    const begun = !isNow && digest !== active.snapshot.digest ? await this.begunFrom(active.snapshot) : null;
    const stored = await store.rollBack({ ...about, version, digest, encoded, files, diagnostics, begun });
    await this.rolledBack();
    if (begun) this.publishStaged(snapshot, encoded, stored);
    else this.publish(snapshot, encoded, stored);
    log.warn('policy rolled back', { commit, from, digest, actor, reason, isStaged: begun !== null });
    return { status: begun ? 'staged' : 'active', commit, digest, from, diagnostics };
  }

  /** What must not come back by itself when that commit is brought back; none where the branch says it itself. */
  private knownSince(commit: string): string[] {
    if (this.lastSeen === commit) return [];
    const staged = this.next && this.next.version.id !== this.held?.version ? this.next.version.commit : null;
    const known = [this.inForce, staged, this.lastSeen, this.newest, ...(this.held?.held ?? [])];
    return [...new Set(known.flatMap((each) => each ?? []))].filter((each) => each !== commit);
  }

  private async rolledBack(): Promise<void> {
    this.held = await this.ports.store.hold();
    this.next = null;
    this.isWaiting = false;
  }

  private async withdrawNow(reason: string, actor: string): Promise<void> {
    if (!this.next) return;
    await this.ports.store.withdraw(reason, actor, this.ports.clock.now());
    this.held = await this.ports.store.hold();
    this.next = null;
    this.ports.log.warn('rollout withdrawn', { reason });
    this.ports.wakeups.fire('snapshot');
    this.takeWaiting();
  }

  /** Judged anew, since what is in force is another now. */
  private takeWaiting(): void {
    if (!this.isWaiting || this.isStopped) return;
    this.isWaiting = false;
    this.sync('system', true).catch(() => undefined);
  }

  private enqueue<T>(work: () => Promise<T>): Promise<T> {
    const result = this.tail.then(work);
    this.tail = result.catch((error: unknown) => this.ports.log.error('policy loop failed', { error: String(error) }));
    return result;
  }

  private async syncNow(actor: string, force: boolean, take: boolean): Promise<SyncOutcome> {
    const { source, clock, log } = this.ports;
    let commit: Commit;
    try {
      commit = await source.fetch(this.inForce);
    } catch (error) {
      const problem = diagnosticOf(error);
      if (this.source.state !== 'unreachable') log.warn('policy repository unreachable', { problem: problem.summary });
      this.source = { ...this.source, state: 'unreachable', problem };
      return { status: 'unreachable', diagnostics: [problem] };
    }
    this.source = { state: 'reached', lastSuccess: clock.now().toISOString(), problem: null };
    this.newest = commit.commit;
    if (!take && this.held?.held.includes(commit.commit)) return this.heldOutcome(this.held, commit.commit);
    if (!force && this.hasSeen(commit)) return await this.unchanged(commit);
    const outcome = await this.judge(commit, actor);
    this.lastSeen = commit.commit;
    this.lastTag = commit.tag?.object ?? null;
    await this.followBranch(outcome, take);
    return outcome;
  }

  private heldOutcome(hold: PolicyHoldRow, commit: string): SyncOutcome {
    const digest = (this.next ?? this.current)?.snapshot.digest ?? '';
    return { status: 'rolled-back', commit, digest, diagnostics: [heldFinding(hold, commit)] };
  }

  /** The branch says something else than what was rolled back from, or a person wants what it says: it decides again. */
  private async followBranch({ status }: SyncOutcome, take: boolean): Promise<void> {
    if (!this.held || status === 'refused' || status === 'unreachable' || (status === 'waiting' && !take)) return;
    await this.ports.store.endHold();
    this.held = null;
  }

  /** Another tag of the same commit may be signed by somebody else. */
  private hasSeen({ commit, tag }: Commit): boolean {
    return commit === this.lastSeen && (this.lastTag === null || this.lastTag === tag?.object);
  }

  private get inForce(): string | null {
    return this.current?.version.commit ?? null;
  }

  private async unchanged({ commit }: Commit): Promise<SyncOutcome> {
    const active = this.current;
    if (active?.version.commit === commit)
      return { status: 'active', changed: false, commit, digest: active.snapshot.digest, diagnostics: [] };
    const [newest] = await this.ports.store.versions(1, null);
    const status = newest?.commit === commit ? newest.status : 'refused';
    if (status === 'active' || status === 'refused' || status === 'superseded')
      return { status: 'refused', commit, diagnostics: [] };
    return { status, commit, digest: newest?.digest ?? null, diagnostics: [] };
  }

  private async judge(commit: Commit, actor: string): Promise<SyncOutcome> {
    const { store, clock, log } = this.ports;
    const at = clock.now();
    let files: Map<string, string>;
    let evaluation: Result<Evaluation>;
    let signer: string | null = null;
    try {
      const { source } = this.ports;
      signer = await source.verify(commit, this.inForce, this.settings.path);
      files = await source.readTree(commit.commit, this.settings.path);
      evaluation = await evaluateInThread({ files, at, provenance: this.provenanceOf(commit), known: this.known });
    } catch (error) {
      if (!(error instanceof SourceFault)) throw error;
      files = new Map();
      evaluation = { ok: false, diagnostics: [diagnosticOf(error)] };
    }
    const rewritten = commit.rewritten ? [rewrittenFinding(commit, this.inForce)] : [];
    const diagnostics = [
      ...rewritten,
      ...evaluation.diagnostics,
      ...(evaluation.ok ? evaluation.value.testFailures : []),
    ];
    const approvals = ownApprovals(commit, signer);
    if (!evaluation.ok || evaluation.value.testFailures.length > 0) {
      await store.refuse({ commit, approvals, diagnostics, at, actor });
      log.warn('policy refused', { commit: commit.commit, errors: diagnostics.length });
      return { status: 'refused', commit: commit.commit, diagnostics };
    }
    return this.accept({ commit, approvals, snapshot: evaluation.value.snapshot, files, diagnostics, at, actor });
  }

  private async accept(good: Good): Promise<SyncOutcome> {
    const { store, log } = this.ports;
    const { snapshot, ...judged } = good;
    const { digest } = snapshot;
    const { commit } = good.commit;
    const { diagnostics } = good;
    const active = this.current;
    if (this.next?.version.commit === commit) return { status: 'staged', commit, digest, diagnostics };
    if (this.next && digest !== active?.snapshot.digest) {
      await store.wait({ ...judged, digest });
      this.isWaiting = true;
      log.info('policy waits for the rollout that is under way', { commit, digest });
      return { status: 'waiting', commit, digest, diagnostics };
    }
    if (this.next) await this.withdrawNow(`commit ${commit} takes it back`, good.actor);
    if (active?.version.commit === commit && active.snapshot.digest === digest)
      return { status: 'active', changed: false, commit, digest, diagnostics };
    const encoded = encodeSnapshot(snapshot) as object;
    const begun = active && active.snapshot.digest !== digest ? await this.begunFrom(active.snapshot) : null;
    if (begun) {
      const version = await store.stage({ ...judged, digest, encoded }, begun);
      this.publishStaged(snapshot, encoded, version);
      log.info('rollout started', { commit, digest });
      return { status: 'staged', commit, digest, diagnostics };
    }
    const version = await store.activate({ ...judged, digest, encoded });
    this.publish(snapshot, encoded, version);
    log.info('policy active', { commit, digest });
    return { status: 'active', changed: true, commit, digest, diagnostics };
  }

  /** Null: the policy in force has no stages, and what comes after it is in force at once. */
  private async begunFrom(inForce: Snapshot): Promise<Begun | null> {
    const { rollout: rules, digest: fromDigest } = inForce;
    return isStaged(inForce) ? { rules, fromDigest, seen: await this.ports.baseline() } : null;
  }

  /** A schedule began or ended, a date passed, or a service moved: the same sources give another snapshot now. */
  private async recompileAll(isStale: (policy: ActivePolicy | StagedPolicy) => boolean): Promise<void> {
    if (this.current && isStale(this.current)) await this.recompile('active', this.current);
    if (this.next && isStale(this.next)) await this.recompile('staged', this.next);
  }

  private provenanceOf({
    commit,
    author,
    committedAt,
  }: StoredVersion | Commit): Provenance & { readonly commit: string } {
    const { sites } = this.settings;
    return { commit, author, committedAt, ...(sites && { sites }) };
  }

  /** Another setting takes effect with a restart, without any stage: a person set it. */
  private isForOurSites({ snapshot }: ActivePolicy | StagedPolicy): boolean {
    return snapshot.provenance.sites?.join() === this.settings.sites?.join();
  }

  private isDue({ snapshot: { nextChangeAt } }: ActivePolicy | StagedPolicy): boolean {
    return nextChangeAt !== null && Date.parse(nextChangeAt) <= this.ports.clock.now().getTime();
  }

  /** Null: it is not kept. */
  private async evaluateKept(
    kept: 'active' | 'staged',
    policy: ActivePolicy | StagedPolicy,
    known: KnownWorkloads,
  ): Promise<Result<Evaluation> | null> {
    const stored = await this.ports.store.load(kept);
    const { version } = policy;
    const provenance = this.provenanceOf(version);
    return stored && evaluateInThread({ files: stored.files, at: this.ports.clock.now(), provenance, known });
  }

  private async recompile(kept: 'active' | 'staged', policy: ActivePolicy | StagedPolicy): Promise<void> {
    const { store, clock, log } = this.ports;
    const evaluation = await this.evaluateKept(kept, policy, this.known);
    if (!evaluation) return;
    if (!evaluation.ok) {
      const { diagnostics } = evaluation;
      log.error('policy no longer compiles', { kept, commit: policy.version.commit, diagnostics });
      return;
    }
    // Tests that fail only now don't hold it up: what expires must expire, or access would outlive its rule.
    const { snapshot, testFailures } = evaluation.value;
    const { digest } = snapshot;
    if (digest === policy.snapshot.digest) return;
    const encoded = encodeSnapshot(snapshot) as object;
    const before = { digest: policy.snapshot.digest, ...movedWorkloads(policy.snapshot, snapshot) };
    const after = { digest, ...movedWorkloads(snapshot, policy.snapshot) };
    const version = await store.replaceSnapshot({ kept, encoded, before, after, at: clock.now(), testFailures });
    if (kept === 'active') this.publish(snapshot, encoded, version);
    else this.publishStaged(snapshot, encoded, version);
    log.info('policy recompiled', { ...after, testFailures: testFailures.length });
  }

  private publish(snapshot: Snapshot, encoded: unknown, version: StoredVersion): void {
    if (this.current && this.current.snapshot.digest !== snapshot.digest) this.before = this.current.snapshot;
    this.current = { snapshot, feedLine: `${JSON.stringify({ type: 'snapshot', snapshot: encoded })}\n`, version };
    this.scheduleChange();
    this.ports.wakeups.fire('snapshot');
  }

  private publishStaged(snapshot: Snapshot, encoded: object, version: StoredVersion): void {
    this.next = { snapshot, encoded: JSON.stringify(encoded), version };
    this.scheduleChange();
    this.ports.wakeups.fire('snapshot');
  }

  private scheduleChange(): void {
    if (this.changeTimer) clearTimeout(this.changeTimer);
    const [next] = [this.current, this.next].flatMap((policy) => policy?.snapshot.nextChangeAt ?? []).sort();
    if (next === undefined || this.isStopped) return;
    // At least a second, so that a policy that can't be recompiled doesn't keep the controller busy.
    const wait = Math.max(1000, Date.parse(next) - this.ports.clock.now().getTime());
    this.changeTimer = setTimeout(
      () => {
        this.enqueue(() => this.recompileAll((policy) => this.isDue(policy)))
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

interface Usable {
  readonly snapshot: Snapshot;
  readonly encoded: unknown;
  readonly version: StoredVersion;
}

interface Good {
  readonly commit: Commit;
  readonly approvals: readonly Approval[];
  readonly snapshot: Snapshot;
  readonly files: ReadonlyMap<string, string>;
  readonly diagnostics: readonly Diagnostic[];
  readonly at: Date;
  readonly actor: string;
}

/** One stage without a soak changes everything at once: there is nothing to wait for. */
const isStaged = ({ rollout: { stages } }: Snapshot): boolean => stages.length > 1 || stages[0]!.soakSeconds > 0;

const workloadsIn = ({ endpoints }: Snapshot): string[] =>
  endpoints.flatMap(({ kubernetes }) => (kubernetes ? workloadKey(kubernetes) : []));

const namesWorkloads = ({ snapshot }: ActivePolicy | StagedPolicy): boolean => workloadsIn(snapshot).length > 0;

/** Services that have other addresses in `other`, and those that they have here: for the audit trail. */
function movedWorkloads(of: Snapshot, other: Snapshot): { readonly addresses?: Readonly<Record<string, string[]>> } {
  const textsIn = ({ endpoints }: Snapshot): Map<string, string[]> =>
    new Map(
      endpoints.flatMap(({ name, kubernetes, addresses }) =>
        kubernetes ? [[name, rangesOf(addresses).map(formatRange)] as const] : [],
      ),
    );
  const others = textsIn(other);
  const moved = [...textsIn(of)].filter(([name, texts]) => texts.join() !== others.get(name)?.join());
  return moved.length === 0 ? {} : { addresses: Object.fromEntries(moved) };
}

function rewrittenFinding({ commit }: Commit, inForce: string | null): Diagnostic {
  return {
    severity: 'warning',
    code: 'history-rewritten',
    summary: `commit ${commit.slice(0, 12)} does not follow ${inForce?.slice(0, 12)}, which was in force: history was rewritten, or went back`,
    hint: 'find out who pushed it so, if you did not; protect the branch and the tags of the policy against forced pushes',
  };
}

function diagnosticOf(error: unknown): Diagnostic {
  if (!(error instanceof SourceFault)) throw error;
  return { severity: 'error', code: error.code, summary: error.message, hint: error.hint };
}
