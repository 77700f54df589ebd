import type { Clock } from '#base';
import { coverageOf, type Coverage, type Snapshot } from '#policy';
import type { EnforcedPolicy } from '../enforcement/generations.js';
import { Refusal } from '../http/refusal.js';
import type { Log } from '../log.js';
import type { ActivePolicy, StagedPolicy } from '../policy/policy-loop.js';
import type { RollBack } from '../policy/roll-back.js';
import type { RolloutRow } from '../store/rows.js';
import type { LiveSessions } from '../sessions/live-sessions.js';
import type { Turns } from '../turns.js';
import type { Wakeups } from '../wakeups.js';
import { judgeRollout, type RolloutFacts } from './judge-rollout.js';
import { ProgressCount } from './progress.js';
import type { RolloutStore } from './rollout-store.js';

interface Policies {
  readonly active: ActivePolicy | null;
  readonly staged: StagedPolicy | null;
  readonly previous: Snapshot | null;
  promote(actor: string, reason: string | null): Promise<void>;
  withdraw(reason: string, actor: string): Promise<void>;
  rollBack(order: RollBack): Promise<unknown>;
}

interface Ports {
  readonly policy: Policies;
  readonly store: RolloutStore;
  readonly sessions: Pick<LiveSessions, 'all'>;
  /** Whoever asks for something goes first. */
  readonly turns: Pick<Turns, 'take'>;
  readonly wakeups: Wakeups;
  readonly clock: Clock;
  readonly log: Log;
  /** Dropped packets per second at the firewalls of these sites, before and now. */
  readonly denied: (row: RolloutRow, sites: ReadonlySet<string>) => RolloutFacts['denied'];
}

export interface RolloutView {
  readonly row: RolloutRow;
  readonly coverage: Coverage;
  readonly facts: RolloutFacts | null;
  /** What it waits for; null while nothing is known yet. */
  readonly why: string | null;
}

/** What bridges must know of the rollout. */
export interface StagedFeed {
  readonly version: string;
  readonly encoded: string;
  readonly sites: readonly string[];
  readonly devices: readonly string[];
}

const tickMilliseconds = 1000;

/**
 * Takes a policy from stage to stage: as far as it has got it is for bridges and firewalls to hold; whether it may go further its
 * gates say (`judgeRollout`). Everything that counts is in the database, so a restart goes on where it was.
 */
export class RolloutLoop {
  private row: RolloutRow | null = null;
  private covered: { readonly key: string; readonly coverage: Coverage } | null = null;
  private count: { readonly key: string; readonly progress: ProgressCount } | null = null;
  private enforcedNow: EnforcedPolicy | null = null;
  private last: { readonly facts: RolloutFacts; readonly why: string } | null = null;
  private timer: NodeJS.Timeout | null = null;
  private running: Promise<void> = Promise.resolve();
  private stopListening: () => void = () => undefined;

  constructor(private readonly ports: Ports) {}

  async start(): Promise<void> {
    this.stopListening = this.ports.wakeups.on(['snapshot'], () => void this.enqueue(() => this.reload()));
    await this.enqueue(() => this.reload());
    this.timer = setInterval(() => void this.enqueue(() => this.tick()), tickMilliseconds);
  }

  async stop(): Promise<void> {
    this.stopListening();
    if (this.timer) clearInterval(this.timer);
    await this.running;
  }

  get active(): ActivePolicy | null {
    return this.ports.policy.active;
  }

  /** Null: nothing is being rolled out. */
  get current(): RolloutView | null {
    const { row, coverage } = this;
    return row && coverage && { row, coverage, facts: this.last?.facts ?? null, why: this.last?.why ?? null };
  }

  /** The same object as long as nothing of it changes. */
  get enforced(): EnforcedPolicy | null {
    const { active, staged, previous } = this.ports.policy;
    if (!active) return null;
    const { coverage, enforcedNow: known } = this;
    const next = staged && coverage && { snapshot: staged.snapshot, coverage };
    const isSame =
      known?.inForce === active.snapshot &&
      known.previous === previous &&
      known.next?.snapshot === next?.snapshot &&
      known.next?.coverage === next?.coverage;
    if (isSame) return known;
    return (this.enforcedNow = { inForce: active.snapshot, next, previous });
  }

  get feed(): StagedFeed | null {
    const { row } = this;
    const { staged } = this.ports.policy;
    if (!row || !staged || !this.coverage) return null;
    const stages = coveredStages(row);
    return {
      version: `${row.id}.${row.stage}.${staged.snapshot.digest.slice(0, 16)}`,
      encoded: staged.encoded,
      sites: [...new Set(stages.flatMap(({ sites }) => sites))],
      devices: [...new Set(stages.flatMap(({ devices }) => devices))],
    };
  }

  pause(actor: string, reason: string): Promise<void> {
    return this.operate(async (row) => {
      if (row.status === 'paused') return;
      await this.change(row, { status: 'paused', reason }, actor, 'rollout.pause');
    });
  }

  /** Also after a gate stopped it: a person has looked, and what they have seen does not stop it again. */
  resume(actor: string, reason: string): Promise<void> {
    return this.operate(async (row) => {
      if (row.status === 'running') return;
      const stageSince = this.now().toISOString();
      const { progress, rejected = 0, missing = 0 } = this.last?.facts ?? {};
      const seen = { ...row.seen, acknowledged: { refused: progress?.refused ?? 0, rejected, missing } };
      await this.change(row, { status: 'running', stageSince, reason, seen }, actor, 'rollout.resume');
    });
  }

  /** Does not wait for the stage under way to have been watched long enough. */
  advance(actor: string, reason: string): Promise<void> {
    return this.operate(async (row) => {
      if (row.stage === row.rules.stages.length - 1) return this.finish(actor, reason);
      await this.nextStage(row, actor, reason);
    });
  }

  /** What was covered goes back to the policy before. */
  abort(actor: string, reason: string): Promise<void> {
    return this.operate(async () => {
      await this.ports.policy.withdraw(reason, actor);
      await this.reload();
    });
  }

  /** The policy before comes back, at once: of a rollout that is under way, or after it was over. */
  rollBack(actor: string, reason: string): Promise<void> {
    return this.enqueue(async () => {
      await this.ports.policy.rollBack({ to: 'previous', reason, actor, isNow: true });
      await this.reload();
    });
  }

  private operate(work: (row: RolloutRow) => Promise<void>): Promise<void> {
    return this.enqueue(async () => {
      const { row } = this;
      if (!row) throw new Refusal('conflict', 'nothing is being rolled out: see GET /api/v1/rollouts');
      await work(row);
    });
  }

  private enqueue(work: () => Promise<void>): Promise<void> {
    const result = this.running.then(work);
    this.running = result.catch((error: unknown) => {
      if (!(error instanceof Refusal)) this.ports.log.error('rollout failed', { error: String(error) });
    });
    return result;
  }

  /** What the database says: the policy loop begins and ends rollouts. */
  private async reload(): Promise<void> {
    const { store, policy, wakeups } = this.ports;
    const before = this.row;
    this.row = policy.staged ? await store.current() : null;
    if (before?.id === this.row?.id && before?.toDigest === this.row?.toDigest) return;
    this.last = null;
    wakeups.fire('rollout');
  }

  private async tick(): Promise<void> {
    const { row, coverage } = this;
    const { active, staged } = this.ports.policy;
    if (!row || !coverage || !active || !staged) return;
    const facts = await this.look(row, coverage, active.snapshot, staged.snapshot);
    const step = judgeRollout(row, facts, this.now());
    this.last = { facts, why: 'why' in step ? step.why : 'goes on' };
    if (row.status !== 'running') return;
    switch (step.kind) {
      case 'stay':
        return;
      case 'stop':
        return this.stopped(row, step.why);
      case 'next-stage':
        return this.nextStage(row, 'system', null);
      case 'finish':
        return this.finish('system', null);
    }
  }

  private async look(row: RolloutRow, coverage: Coverage, before: Snapshot, after: Snapshot): Promise<RolloutFacts> {
    const { store, sessions, turns, denied } = this.ports;
    const key = `${before.digest} ${after.digest}`;
    if (this.count?.key !== key) this.count = { key, progress: new ProgressCount(before, after) };
    const sites = new Map([...before.nas, ...after.nas].map(({ name, site }) => [name, site]));
    const { missingSeconds } = row.rules.gates;
    const missingBefore = new Date(this.now().getTime() - missingSeconds * 1000).toISOString();
    return {
      progress: await this.count.progress.of(await sessions.all(), coverage, () => turns.take()),
      ...(await store.authenticatedSince(row.seen.lastAuthentication, coverage, sites)),
      missing: await store.missing(row.toDigest, row.startedAt, missingBefore),
      denied: denied(row, coverage.sites),
    };
  }

  private async stopped(row: RolloutRow, why: string): Promise<void> {
    const { log, policy } = this.ports;
    log.error('rollout stopped by a gate', { rollout: row.id, why, action: row.rules.gates.action });
    if (row.rules.gates.action === 'halt')
      return this.change(row, { status: 'halted', reason: why }, 'system', 'rollout.halt');
    await policy.withdraw(why, 'system');
    await this.reload();
  }

  private nextStage(row: RolloutRow, actor: string, reason: string | null): Promise<void> {
    const change = { stage: row.stage + 1, stageSince: this.now().toISOString(), status: 'running', reason } as const;
    return this.change(row, change, actor, 'rollout.stage');
  }

  private async finish(actor: string, reason: string | null): Promise<void> {
    await this.ports.policy.promote(actor, reason);
    await this.reload();
  }

  private async change(
    row: RolloutRow,
    change: Parameters<RolloutStore['change']>[1],
    actor: string,
    action: string,
  ): Promise<void> {
    this.row = await this.ports.store.change(row, change, { actor, action }, this.now());
    const { id, stage, status, reason } = this.row;
    this.ports.log.info('rollout', { rollout: id, status, stage: this.row.rules.stages[stage]?.name, reason });
    this.ports.wakeups.fire('rollout');
  }

  private get coverage(): Coverage | null {
    const { row } = this;
    const { staged } = this.ports.policy;
    if (!row || !staged) return null;
    const key = `${row.id} ${row.stage} ${staged.snapshot.digest}`;
    if (this.covered?.key !== key) this.covered = { key, coverage: coverageOf(staged.snapshot, coveredStages(row)) };
    return this.covered.coverage;
  }

  private now(): Date {
    return this.ports.clock.now();
  }
}

const coveredStages = ({ rules, stage }: RolloutRow) => rules.stages.slice(0, stage + 1);
