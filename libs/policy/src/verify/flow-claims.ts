import type { VerdictPart } from '../explain.js';
import { builtIn, type FlowInvariant, type Policy } from '../policy.js';
import type { Effect, RuleLine, Snapshot } from '../snapshot.js';
import { formatWhen } from '../when.js';
import { formatCounterexample, formatLines, type CounterexamplePacket } from './failure.js';
import { packetOf, partsOf } from './packets.js';
import type { Placed, Question } from './placement.js';
import { distinctIn, type Moments, type Period, type Stretch } from './timeline.js';
import type { End, Scope, Universe } from './universe.js';

/** A claim that is broken, and when first. */
export interface Finding {
  readonly text: string;
  readonly counterexample: CounterexamplePacket | null;
  readonly rules: readonly RuleLine[];
  readonly at: Date;
}

interface Wrong {
  readonly from: End;
  readonly to: End;
  readonly app: string;
  readonly part: VerdictPart;
}

/**
 * Where a flow invariant is broken in any of these periods, once for each set of lines that breaks it.
 *
 * INVARIANT: verdicts are monotone in the rules in force: one allow more or one deny less never closes anything. So what
 * holds with every allow that is ever in force, and only the denies that always are, holds in each period (`always`: the
 * other way round). What doesn't is asked again in each period in which the rules on it differ.
 */
export function* flowFindings(
  universe: Universe,
  policy: Policy,
  invariant: FlowInvariant,
  { periods, whole }: Moments,
): Generator<Finding> {
  yield* rejected(universe, policy, invariant, periods);
  const suspects = wrongIn(universe, invariant, whole);
  const told = new Set<string>();
  for (const period of distinctIn(periods, conditionsOf(universe, policy, invariant, suspects))) {
    const wrong = periods.length === 1 ? suspects : confirm(universe, invariant, suspects, period);
    for (const one of wrong) {
      const { rules } = one.part;
      const key = rules.length > 0 ? rules.map(({ id }) => id).join() : `${one.from.shown} ${one.to.shown} ${one.app}`;
      if (told.has(key)) continue;
      told.add(key);
      const expect = invariant.kind === 'always' ? 'allow' : 'deny';
      const text = describe(universe, one, expect, invariant.where !== null);
      yield { text, counterexample: packetOf(universe, one.part), rules, at: period.at };
    }
  }
}

function wrongIn(universe: Universe, invariant: FlowInvariant, stretch: Stretch): Wrong[] {
  const { from, to } = endsOf(universe, invariant, stretch);
  const snapshot = snapshotOf(universe, invariant, stretch);
  return from.flatMap((source) =>
    to.flatMap((destination) =>
      invariant.app.flatMap((app) => wrongParts(universe, snapshot, invariant, { from: source, to: destination, app })),
    ),
  );
}

function wrongParts(
  universe: Universe,
  snapshot: Snapshot,
  { kind, from, except }: FlowInvariant,
  question: Omit<Wrong, 'part'>,
): Wrong[] {
  const labels = { from: question.from.label, to: question.to.label, app: question.app };
  if (kind !== 'always' && !universe.couldPass(snapshot, labels.from, labels.to)) return [];
  const isWrong = ({ verdict, sources }: VerdictPart): boolean =>
    kind === 'always'
      ? verdict === 'deny'
      : verdict === 'allow' && !(kind === 'only' && from.some((name) => sources.has(name)));
  return partsOf(universe, snapshot, labels, except)
    .filter(isWrong)
    .map((part) => ({ ...question, part }));
}

const snapshotOf = (universe: Universe, { kind }: FlowInvariant, stretch: Stretch): Snapshot =>
  universe.at(stretch, kind === 'always' ? 'closed' : 'open');

/** Of `only`, everyone is asked; who may is taken out by what the source is. */
function endsOf(universe: Universe, invariant: FlowInvariant, stretch: Stretch): { from: End[]; to: End[] } {
  const { kind, where } = invariant;
  const scope: Scope = { below: true, roles: kind === 'never', where };
  const all = (names: readonly string[], of: Scope): End[] => names.flatMap((name) => universe.ends(name, of, stretch));
  const everyone: Scope = { below: true, roles: false, where: null };
  return {
    from: kind === 'only' ? all([builtIn.anyone], everyone) : all(invariant.from, scope),
    to: all(invariant.to, scope),
  };
}

/** What of it is wrong in this very period: whoever is no such device by then is left out. */
function confirm(universe: Universe, invariant: FlowInvariant, suspects: readonly Wrong[], period: Period): Wrong[] {
  const { from, to } = endsOf(universe, invariant, period);
  const sources = new Map(from.map((end) => [end.label, end]));
  const destinations = new Map(to.map((end) => [end.label, end]));
  const snapshot = snapshotOf(universe, invariant, period);
  const pairs = new Map(suspects.map((suspect) => [`${suspect.part.from} ${suspect.part.to} ${suspect.app}`, suspect]));
  return [...pairs.values()].flatMap((suspect) => {
    const source = sources.get(suspect.from.label);
    const destination = destinations.get(suspect.to.label);
    if (!source || !destination) return [];
    // The suspect part's own ends: one address or class instead of all that the name stands for.
    const asked = { from: { ...source, label: suspect.part.from }, to: { ...destination, label: suspect.part.to } };
    return wrongParts(universe, snapshot, invariant, { ...asked, app: suspect.app });
  });
}

/** The conditions that decide about the suspects: those of rules between their ends, and of where their devices sit. */
function conditionsOf(
  universe: Universe,
  policy: Policy,
  invariant: FlowInvariant,
  suspects: readonly Wrong[],
): Set<string> {
  const sources = new Set(suspects.flatMap(({ part }) => [...part.sources]));
  const labels = new Set(suspects.map(({ part }) => part.to));
  const destinations = new Set([...labels].flatMap((label) => [...universe.principalsOf(label)]));
  const rules = policy.flowRules.filter(({ subject, object }) => sources.has(subject) && destinations.has(object));
  const conditions = new Set(rules.map(({ when }) => formatWhen(when)));
  if (suspects.length === 0 || (invariant.kind !== 'never' && invariant.where === null)) return conditions;
  const devices = classesOf(policy, [...invariant.from, ...invariant.to]);
  const placed = universe.placement.conditions(universe.placement.questions(devices, invariant.where));
  return new Set([...conditions, ...placed]);
}

function classesOf(policy: Policy, names: readonly string[]): string[] {
  if (names.includes(builtIn.anyone)) return [...policy.classes.keys()];
  return names.filter((name) => policy.classes.has(name)).flatMap((name) => policy.principalTree.members(name));
}

/**
 * `always` at some site or in some posture is broken, too, where such devices have no access at all. A class or site that
 * is named has access when anything below it has.
 */
function* rejected(
  universe: Universe,
  policy: Policy,
  { kind, where, from, to }: FlowInvariant,
  periods: readonly Period[],
): Generator<Finding> {
  if (kind !== 'always' || where === null) return;
  const { placement } = universe;
  for (const name of [...from, ...to].filter((name) => policy.classes.has(name))) {
    for (const site of where.sites) {
      for (const posture of where.postures ?? [null]) {
        const meant = { sites: [site], postures: posture && [posture] };
        const questions: readonly Question[] = placement.questions(policy.principalTree.members(name), meant);
        const period = distinctIn(periods, placement.conditions(questions)).find(
          (one) => placement.placed(questions, one).length === 0,
        );
        if (!period) continue;
        const text = `${name} at ${site}${posture ? `, ${posture}` : ''}: expected ALLOW, got reject, no rule gives it a segment`;
        yield { text, counterexample: null, rules: [], at: period.at };
      }
    }
  }
}

/** `src -> dst app: expected DENY, got ALLOW by FILE:LINE (for example …)`. */
export function describe(universe: Universe, wrong: Wrong, expect: Effect, withPlace: boolean): string {
  const { from, to, app, part } = wrong;
  const by = part.rules.length > 0 ? ` by ${formatLines(part.rules)}` : `: ${part.reason}`;
  const packet = packetOf(universe, part);
  const isPlain = part.from === from.shown && part.to === to.shown;
  const example = packet && !isPlain ? ` (for example ${formatCounterexample(packet)})` : '';
  const roles = [from, to].flatMap(({ shown, placed }) => roleText(shown, placed, withPlace)).join(', ');
  const as = roles && `, where ${roles}`;
  return `${from.shown} -> ${to.shown} ${app}: expected ${expect.toUpperCase()}, got ${part.verdict.toUpperCase()}${by}${example}${as}`;
}

function roleText(role: string, placed: Placed | null, withPlace: boolean): string[] {
  if (!placed || (placed.grant.class === role && !withPlace)) return [];
  const { class: device, site, posture } = placed.grant;
  return [device === role ? `it is at ${site}, ${posture}` : `${device} at ${site}, ${posture} counts as ${role}`];
}
