import type { Report } from '../codes.js';
import type { Policy } from '../policy.js';

const day = 86_400_000;

/** Rules that end within some days. A deny with an end is reported as such from the first day on, so not here. */
export function reportDates(policy: Policy, at: Date, days: number, report: Report): void {
  for (const rule of [...policy.flowRules, ...policy.accessRules]) {
    const { when } = rule;
    if (when.kind !== 'until' || ('effect' in rule && rule.effect === 'deny')) continue;
    const soon = endsSoon(when.end, at, days);
    if (soon === null) continue;
    const what = 'effect' in rule ? 'what it allows closes' : 'what it places falls to the next rule';
    report.add(
      'rule-expires-soon',
      rule.span,
      `this rule ends ${soon}, after ${when.date}: ${what}`,
      'give it a new date in time, or let it end',
    );
  }
}

/** `in 3 days`; null when the end is past, or further away than `days`. */
export function endsSoon(end: Date, at: Date, days: number): string | null {
  const left = end.getTime() - at.getTime();
  if (left <= 0 || left > days * day) return null;
  const full = Math.floor(left / day);
  return full === 0 ? 'within a day' : `in ${full} ${full === 1 ? 'day' : 'days'}`;
}
