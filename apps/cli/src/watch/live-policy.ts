import type { Result } from '#base';
import { checkPoint } from '#drivers';
import type { PlannedSide } from '#plan';
import { PolicyChecker, type CheckedPolicy } from '#policy';
import { filesBeside, planBetween, sideOfPlan, type BesideFiles, type PlannedChange } from '../commands/plan.js';
import { readPolicyTree, UsageError } from '../policy-files.js';
import { findBase, type ChangeBase } from './change-base.js';

/** What one state of a folder came to. */
export interface LiveRun {
  /** Schedules and end dates are judged at this instant. */
  readonly at: Date;
  /** Files that are not as in the run before; empty in the first. */
  readonly saved: readonly string[];
  readonly checked: Result<CheckedPolicy>;
  readonly base: ChangeBase | null;
  /** A text says why there is none. */
  readonly plan: PlannedChange | string;
}

export interface LiveOptions extends BesideFiles {
  readonly folder: string;
  readonly base: string | null;
  /** Null: the time of the runs. */
  readonly at: Date | null;
}

const day = 86_400_000;

/** Check and plan of one state of a policy folder after the other. What both states have in common is not worked out again. */
export class LivePolicy {
  private readonly checker = new PolicyChecker(checkPoint);
  private before: { readonly files: ReadonlyMap<string, string>; readonly base: string } | null = null;
  private at: Date | null = null;
  /** First instant at which the same files may mean something else. */
  private until = 0;
  private known: { readonly key: string; readonly side: PlannedSide | PlannedChange } | null = null;

  constructor(private readonly options: LiveOptions) {}

  /** Null: there is nothing that the run before did not see. */
  run(files: ReadonlyMap<string, string>, now: Date): LiveRun | null {
    const { before } = this;
    const saved = before ? [...differing(before.files, files)].sort() : [];
    const base = findBase(this.options.folder, this.options.base);
    const name = typeof base === 'string' ? base : `${base.commit}:${base.prefix}`;
    const isAlone = this.options.inventory === undefined && this.options.flows === undefined;
    if (before && isAlone && saved.length === 0 && name === before.base) return null;
    this.before = { files, base: name };
    const at = this.instant(now);
    const from = typeof base === 'string' ? base : this.baseSide(base, at);
    const checked = this.checker.check(files, at);
    if (checked.ok) this.endAt(checked.value.snapshot.nextChangeAt);
    const about = { at, saved, checked, base: typeof base === 'string' ? null : base };
    if (typeof from === 'string') return { ...about, plan: `${from}: nothing to compare with` };
    if ('ok' in from) return { ...about, plan: from };
    if (!checked.ok) return { ...about, plan: 'the policy does not load' };
    return { ...about, plan: this.plan(from, sideOfPlan(checked.value)) };
  }

  private plan(from: PlannedSide, to: PlannedSide): PlannedChange | string {
    try {
      return planBetween(from, to, filesBeside(this.options));
    } catch (error) {
      // An inventory or flows that are being replaced.
      if (error instanceof UsageError) return error.message;
      throw error;
    }
  }

  /** One instant for all runs, as long as it can't make a difference: the base need not be judged again. */
  private instant(now: Date): Date {
    if (this.options.at) return this.options.at;
    if (this.at && now.getTime() < this.until) return this.at;
    this.at = now;
    // Ends of dates, and what ends soon, are told by the day.
    this.until = (Math.floor(now.getTime() / day) + 1) * day;
    return now;
  }

  private endAt(nextChangeAt: string | null): void {
    if (nextChangeAt !== null) this.until = Math.min(this.until, Date.parse(nextChangeAt));
  }

  private baseSide(base: ChangeBase, at: Date): PlannedSide | PlannedChange | string {
    const key = `${base.commit}:${base.prefix} ${at.toISOString()}`;
    if (this.known?.key !== key) {
      const files = readPolicyTree(base, this.options.folder);
      if (files.size === 0) return `${base.words} has no policy in this folder`;
      const checked = this.checker.check(files, at);
      const place = `${base.words}, ${base.commit.slice(0, 12)}`;
      const side: PlannedSide | PlannedChange = checked.ok
        ? sideOfPlan(checked.value)
        : { ok: false, place, diagnostics: checked.diagnostics };
      this.known = { key, side };
    }
    const { side } = this.known;
    if ('snapshot' in side) this.endAt(side.snapshot.nextChangeAt);
    return side;
  }
}

/** Names of files that are in one of both only, or have another text. */
function* differing(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): Generator<string> {
  for (const [name, text] of a) if (b.get(name) !== text) yield name;
  for (const name of b.keys()) if (!a.has(name)) yield name;
}
