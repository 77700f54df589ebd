import type { FlowRule, Policy, Snapshot } from '#policy';
import { diffFlows } from './flows/diff-flows.js';
import type { AuditLine, AuditPlan } from './plan.js';

interface Side {
  readonly policy: Pick<Policy, 'auditRules'>;
  readonly snapshot: Snapshot;
  readonly candidate?: Snapshot | null;
}

/** Lines in audit change nothing, whatever a change does with them: said so that nobody takes one for the other. Null: there are none. */
export function planAudit(from: Side, to: Side): AuditPlan | null {
  const [before, after] = [from.policy.auditRules, to.policy.auditRules];
  if (before.length + after.length === 0) return null;
  const known = new Set(before.map(({ id }) => id));
  const kept = new Set(after.map(({ id }) => id));
  const inForce = new Map<string, FlowRule>(to.snapshot.flowRules.map((rule) => [rule.id, rule]));
  const lines: AuditLine[] = after.map(({ id, span, text }) => ({
    change: known.has(id) ? 'stays' : 'comes',
    file: span.file,
    line: span.line,
    text,
  }));
  for (const { id, span, text } of before) {
    if (kept.has(id)) continue;
    const rule = inForce.get(id);
    const place = rule ? { file: rule.file, line: rule.line } : { file: span.file, line: span.line };
    lines.push({ change: rule ? 'promoted' : 'goes', ...place, text });
  }
  const candidate = to.candidate ?? null;
  return { lines, would: candidate && diffFlows(to.snapshot, candidate, () => null) };
}
