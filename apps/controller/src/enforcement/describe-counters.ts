import { compareText } from '#base';
import type { Effect, Snapshot } from '#policy';
import type { RuleCount, RuleCounts } from './rule-counts.js';

/** A line of policy as far as a point enforces it. The last four are null for a line that the policy in force no longer has. */
export interface LineCount extends RuleCount {
  readonly file: string | null;
  readonly line: number | null;
  readonly text: string | null;
  readonly effect: Effect | null;
}

export interface PointCounters {
  readonly point: string;
  /** Null: not read since the controller runs, or the device counts nothing. */
  readonly readAt: string | null;
  /** In the order of the policy. */
  readonly lines: readonly LineCount[];
  /** Packets that no line allowed. */
  readonly denied: Omit<RuleCount, 'id'> | null;
  /** Packets that opened a connection, passed, and would not by the policies that were in audit since then. */
  readonly audit: Omit<RuleCount, 'id'> | null;
}

export function describeCounters(point: string, counts: RuleCounts, snapshot: Snapshot | null): PointCounters {
  const rules = new Map(snapshot?.flowRules.map((rule) => [rule.id, rule]));
  const lines = counts
    .list()
    .filter(({ id }) => id !== 'denied' && id !== 'audit')
    .map((count): LineCount => {
      const { file = null, line = null, text = null, effect = null } = rules.get(count.id) ?? {};
      return { ...count, file, line, text, effect };
    });
  const of = (special: string): PointCounters['denied'] => {
    const found = counts.list().find(({ id }) => id === special);
    return found ? { since: found.since, packets: found.packets, bytes: found.bytes } : null;
  };
  return {
    point,
    readAt: counts.readAt?.toISOString() ?? null,
    lines: lines.sort((a, b) => compareText(a.file ?? '', b.file ?? '') || (a.line ?? 0) - (b.line ?? 0)),
    denied: of('denied'),
    audit: of('audit'),
  };
}
