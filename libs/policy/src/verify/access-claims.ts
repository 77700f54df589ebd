import type { AccessInvariant, Policy } from '../policy.js';
import type { RuleLine } from '../snapshot.js';
import { type CounterexampleDevice } from './failure.js';
import type { Placement, Placed, Question } from './placement.js';
import { distinctIn, type Moments } from './timeline.js';

/** A device that is placed wrongly, and when first. */
export interface PlacementFinding {
  readonly text: string;
  readonly counterexample: CounterexampleDevice;
  readonly rules: readonly RuleLine[];
  readonly at: Date;
}

/** Where an access invariant is broken in any of these periods: once for each rule, or class that no rule places. */
export function* accessFindings(
  placement: Placement,
  policy: Policy,
  invariant: AccessInvariant,
  moments: Moments,
): Generator<PlacementFinding> {
  const { kind, segments } = invariant;
  const named = new Set(invariant.classes.flatMap((name) => policy.principalTree.members(name)));
  const asked = kind === 'only' ? [...policy.classes.keys()].filter((name) => !named.has(name)) : named;
  const isWrong = (placed: Placed | null): boolean => {
    const isThere = placed !== null && segments.includes(placed.grant.segment);
    return kind === 'always' ? !isThere : isThere;
  };
  const expected = `${kind === 'always' ? '' : 'not '}${segments.map((name) => `\`${name}\``).join(' or ')}`;
  for (const { question, placed, at } of misplaced(
    placement,
    placement.questions(asked, invariant.where),
    moments,
    isWrong,
  )) {
    const { class: device, site, posture } = question;
    const got = placed
      ? `\`${placed.grant.segment}\` by ${placed.grant.rule.file}:${placed.grant.rule.line}`
      : 'reject, no rule gives it a segment';
    yield {
      text: `${device} at ${site}, ${posture}: expected ${expected}, got ${got}`,
      counterexample: { kind: 'device', ...question, segment: placed?.grant.segment ?? null },
      rules: placed ? [placed.grant.rule] : [],
      at,
    };
  }
}

export interface Misplaced {
  readonly question: Question;
  readonly placed: Placed | null;
  readonly at: Date;
}

/** For each rule (or class, where none answers) the first question and instant with a wrong answer. */
export function misplaced(
  placement: Placement,
  questions: readonly Question[],
  { periods, whole }: Moments,
  isWrong: (placed: Placed | null) => boolean,
): Misplaced[] {
  const suspects = questions.filter((question) => placement.answers(question, whole).some(isWrong));
  const found = new Map<string, Misplaced>();
  for (const { at, ...period } of distinctIn(periods, placement.conditions(suspects))) {
    for (const question of suspects) {
      const [placed = null] = placement.answers(question, period);
      const key = placed?.grant.rule.id ?? `no rule ${question.class}`;
      if (isWrong(placed) && !found.has(key)) found.set(key, { question, placed, at });
    }
  }
  return [...found.values()];
}
