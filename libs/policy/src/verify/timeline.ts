import type { Policy } from '../policy.js';
import { changesBetween, formatWhen, isActive, type When } from '../when.js';

/**
 * A stretch of time, by the conditions that hold in all of it and those that hold in some of it. Where both are the same
 * set, exactly one set of rules is in force.
 */
export interface Stretch {
  readonly always: ReadonlySet<string>;
  readonly ever: ReadonlySet<string>;
}

/** One set of rules in force, and the first instant at which it is. */
export interface Period extends Stretch {
  readonly at: Date;
}

const dayMs = 86_400_000;

/** The conditions of all rules, by their text. */
function conditionsOf({ flowRules, accessRules }: Policy): Map<string, When> {
  return new Map([...flowRules, ...accessRules].map(({ when }) => [formatWhen(when), when]));
}

export function periodAt(policy: Policy, at: Date): Period {
  const conditions = [...conditionsOf(policy)].filter(([, when]) => isActive(when, policy.schedules, at));
  return periodOf(at, new Set(conditions.map(([text]) => text)));
}

/**
 * Every set of rules that is in force at some instant from `from` through so many days later, once each, with the first
 * such instant, in order of time. Schedules repeat: these are few beside the instants at which one opens or closes.
 */
export function periodsAhead(policy: Policy, from: Date, days: number): Period[] {
  const until = new Date(from.getTime() + days * dayMs);
  const conditions = [...conditionsOf(policy)];
  const changes = conditions.flatMap(([, when], i) =>
    changesBetween(when, policy.schedules, from, until).map((at) => ({ at: at.getTime(), i })),
  );
  changes.sort((a, b) => a.at - b.at);
  const state = conditions.map(([, when]) => isActive(when, policy.schedules, from));
  const found = new Map<string, Period>();
  const see = (at: Date): void => {
    const key = state.map(Number).join('');
    if (!found.has(key))
      found.set(key, periodOf(at, new Set(conditions.flatMap(([text], i) => (state[i] ? [text] : [])))));
  };
  see(from);
  for (let next = 0; next < changes.length;) {
    const { at } = changes[next]!;
    // What changes at one instant changes together.
    for (; changes[next]?.at === at; next++) state[changes[next]!.i] = !state[changes[next]!.i];
    see(new Date(at));
  }
  return [...found.values()];
}

const periodOf = (at: Date, conditions: ReadonlySet<string>): Period => ({ at, always: conditions, ever: conditions });

/** The instants that a claim speaks of. */
export interface Moments {
  /** In order of time. */
  readonly periods: readonly Period[];
  /** All of them together; the period itself when there is one. */
  readonly whole: Stretch;
}

export function momentsOf(periods: readonly Period[]): Moments {
  const [only] = periods;
  if (only && periods.length === 1) return { periods, whole: only };
  const ever = new Set(periods.flatMap((period) => [...period.ever]));
  const always = new Set([...ever].filter((text) => periods.every((period) => period.always.has(text))));
  return { periods, whole: { ever, always } };
}

/** Of periods that differ in none of these conditions, the first. */
export function distinctIn(periods: readonly Period[], conditions: ReadonlySet<string>): Period[] {
  const found = new Map<string, Period>();
  for (const period of periods) {
    const key = [...conditions].map((text) => Number(period.ever.has(text))).join('');
    if (!found.has(key)) found.set(key, period);
  }
  return [...found.values()];
}
