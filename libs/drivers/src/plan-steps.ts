import { compareText } from '#base';
import type { ObservedState } from './driver.js';

/* Words of plans that drivers of flows have in common. */

const mostStepsListed = 50;

/** Sorted. */
export const without = (a: ReadonlySet<string>, b: ReadonlySet<string>): string[] =>
  [...a.difference(b)].sort(compareText);

export function shorten(steps: readonly string[]): string[] {
  if (steps.length <= mostStepsListed) return [...steps];
  return [...steps.slice(0, mostStepsListed), `and ${steps.length - mostStepsListed} more`];
}

/** `head`, and which lines of policy come and go. `same`: what is wrong where none does. */
export function explainLines(wanted: ObservedState, observed: ObservedState, head: string, same: string): string[] {
  const fresh = without(wanted.ruleIds, observed.ruleIds).map((id) => `add line ${id}`);
  const gone = without(observed.ruleIds, wanted.ruleIds).map((id) => `remove line ${id}`);
  const changes = [...fresh, ...gone];
  return shorten([head, ...(changes.length > 0 ? changes : [`the lines are the same, but ${same}`])]);
}
