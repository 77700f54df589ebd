import type { RolloutGates } from '#policy';
import type { RolloutBaseline, RolloutRow } from '../store/rows.js';
import type { Progress } from './progress.js';

/** What is known of a rollout now. */
export interface RolloutFacts {
  readonly progress: Progress;
  /** Devices that authenticated where the rollout covers, since it began, and how many of them were rejected last. */
  readonly authenticated: number;
  readonly rejected: number;
  /** Devices that were told the new policy, left, and are missing for too long. */
  readonly missing: number;
  /** Dropped packets per second at the firewalls of covered sites, before and now; null: nothing to compare with. */
  readonly denied: { readonly before: number; readonly now: number } | null;
}

export type NextStep =
  | { readonly kind: 'stay'; readonly why: string }
  | { readonly kind: 'stop'; readonly why: string }
  | { readonly kind: 'next-stage' }
  | { readonly kind: 'finish' };

/** What becomes of a rollout that is running. Gates come first: what is bad must not grow. */
export function judgeRollout(
  row: Pick<RolloutRow, 'stage' | 'stageSince' | 'rules' | 'seen'>,
  facts: RolloutFacts,
  now: Date,
): NextStep {
  const [stop] = brokenGates(row.rules.gates, facts, row.seen.acknowledged);
  if (stop !== undefined) return { kind: 'stop', why: stop };
  const stage = row.rules.stages[row.stage]!;
  const { pending } = facts.progress;
  if (pending > 0)
    return { kind: 'stay', why: `${pending} ${pending === 1 ? 'session has' : 'sessions have'} to be told yet` };
  const left = stage.soakSeconds - (now.getTime() - Date.parse(row.stageSince)) / 1000;
  if (left > 0) return { kind: 'stay', why: `stage \`${stage.name}\` is watched for another ${duration(left)}` };
  return row.stage === row.rules.stages.length - 1 ? { kind: 'finish' } : { kind: 'next-stage' };
}

/** Why it must stop, for people; several gates may be broken. */
export function brokenGates(
  gates: RolloutGates,
  { progress, ...facts }: RolloutFacts,
  seen: RolloutBaseline['acknowledged'],
): string[] {
  const { done, refused } = progress;
  const out: string[] = [];
  const gate = (limit: number | null, part: number, all: number, what: string): void => {
    if (limit === null || all < gates.least || (part / all) * 100 <= limit) return;
    out.push(`${part} of ${all} ${what}: more than ${limit} %`);
  };
  gate(
    gates.refused,
    refused - seen.refused,
    done + refused,
    'changed sessions have a switch that refused, or did not answer',
  );
  gate(gates.rejected, facts.rejected - seen.rejected, facts.authenticated, 'devices that authenticated were rejected');
  gate(gates.missing, facts.missing - seen.missing, done + facts.missing, 'changed devices left and did not come back');
  const { denied } = facts;
  // A network that drops next to nothing may drop a little more.
  if (gates.denied !== null && denied && denied.now > Math.max(1, denied.before) * gates.denied)
    out.push(
      `firewalls drop ${rate(denied.now)} packets per second, ${rate(denied.before)} before: more than ${gates.denied} times as many`,
    );
  return out;
}

const rate = (value: number): string => value.toFixed(value < 10 ? 1 : 0);

export const duration = (seconds: number): string =>
  seconds < 90
    ? `${Math.ceil(seconds)} s`
    : seconds < 5400
      ? `${Math.ceil(seconds / 60)} min`
      : `${(seconds / 3600).toFixed(1)} h`;
