import type { PointState } from '../enforcement/enforcement-point.js';
import type { SourceState } from '../policy/policy-loop.js';
import { describeHold, holdRemedy } from '../policy/roll-back.js';
import type { BridgeRow, PolicyHoldRow, PolicyVersionRow } from '../store/rows.js';

type Side = { readonly commit: string; readonly digest: string };

export interface ThreeWayFacts {
  readonly source: SourceState;
  /** The newest commit, and what became of it; null: the repository was not reached since the start. */
  readonly head: Pick<PolicyVersionRow, 'commit' | 'digest' | 'status'> | null;
  readonly inForce: (Side & { readonly since: string }) | null;
  readonly staged: Side | null;
  readonly hold: PolicyHoldRow | null;
  readonly bridges: readonly (BridgeRow & { readonly isListening: boolean })[];
  readonly points: readonly PointState[];
  /** Digest of the policy whose rules the points of a site are to hold. */
  readonly wantedAt: (site: string) => string | null;
  readonly now: Date;
}

/** One that is not as another. What is on its way is `expected`. */
export interface Disagreement {
  readonly between: 'source' | 'bridge' | 'point';
  /** The commit, bridge or point. */
  readonly name: string;
  readonly isExpected: boolean;
  readonly summary: string;
  /** What to do. */
  readonly hint: string;
}

/** What the repository says, what is in force, and what was brought to each point, side by side. */
export interface ThreeWays {
  readonly source: {
    /** Its newest commit. */
    readonly head: string | null;
    /** Of the newest commit that may be policy: `refused` ones may not. */
    readonly commit: string | null;
    readonly digest: string | null;
  };
  readonly running: {
    readonly commit: string | null;
    readonly digest: string | null;
    readonly bridges: readonly { readonly id: string; readonly digest: string | null; readonly isListening: boolean }[];
  };
  readonly applied: readonly (Pick<PointState, 'name' | 'site' | 'state' | 'lastSecondWriter'> &
    PointState['rules'] & {
      /** Of the policy whose rules it is to hold. */
      readonly wanted: string | null;
      /** Of the policy whose rules it was proved to hold last. */
      readonly digest: string | null;
    })[];
  readonly disagreements: readonly Disagreement[];
}

/** A bridge takes a moment to say by which policy it answers. */
const graceMilliseconds = 15_000;
const second = 1000;
/** A second writer is named for so long. */
const namedFor = 24 * 3600 * second;

export function compareThreeWays(facts: ThreeWayFacts): ThreeWays {
  const { head, inForce, staged, bridges, points, wantedAt } = facts;
  const isAcceptable = head !== null && head.status !== 'refused';
  const acceptable = isAcceptable ? digestOf(head, inForce, staged) : head && inForce;
  return {
    source: { head: head?.commit ?? null, commit: acceptable?.commit ?? null, digest: acceptable?.digest ?? null },
    running: {
      commit: inForce?.commit ?? null,
      digest: inForce?.digest ?? null,
      bridges: bridges.map(({ id, digest, isListening }) => ({ id, digest, isListening })),
    },
    applied: points.map(({ name, site, state, rules, rulesDigest: digest, lastSecondWriter }) => ({
      ...{ name, site, state },
      ...rules,
      wanted: wantedAt(site),
      digest,
      lastSecondWriter,
    })),
    disagreements: [...ofSource(facts), ...ofBridges(facts), ...points.flatMap((point) => ofPoint(point, facts))],
  };
}

/** A policy that is kept is compiled anew when a schedule begins or ends; of the others stands what they were when they came. */
function digestOf(
  { commit, digest }: Pick<PolicyVersionRow, 'commit' | 'digest'>,
  inForce: Side | null,
  staged: Side | null,
): { readonly commit: string; readonly digest: string | null } {
  if (commit === inForce?.commit) return inForce;
  return commit === staged?.commit ? staged : { commit, digest };
}

const short = (text: string): string => text.slice(0, 12);

function ofSource({ source, head, inForce, staged, hold }: ThreeWayFacts): Disagreement[] {
  const about = (name: string, summary: string, hint: string, isExpected = false): Disagreement[] => [
    { between: 'source', name, isExpected, summary, hint },
  ];
  if (source.state === 'unreachable' || head === null)
    return about(
      head?.commit ?? '',
      `what the repository says now is not known${source.problem ? `: ${source.problem.summary}` : ''}`,
      source.problem?.hint ?? 'wait for the first look at it, or ask for one: `cordon policy sync`',
    );
  const { commit, status } = head;
  const name = short(commit);
  if (hold?.held.includes(commit)) return about(commit, describeHold(hold, commit), holdRemedy);
  if (commit === inForce?.commit) return [];
  if (commit === staged?.commit)
    return about(commit, `commit ${name} is being rolled out`, 'watch it: `cordon rollout --watch`', true);
  if (status === 'waiting')
    return about(commit, `commit ${name} waits for the rollout that is under way`, 'let that end: `cordon rollout`', true);
  const stays = inForce ? `${short(inForce.commit)} stays in force` : 'nothing is in force';
  if (status === 'refused')
    return about(commit, `commit ${name} is refused, and ${stays}`, 'see why: `cordon policy sync`; commit what mends it');
  if (status === 'withdrawn')
    return about(
      commit,
      `commit ${name} was taken back, and ${stays}`,
      'commit anew, or try it again: `cordon policy sync`',
    );
  return about(commit, `commit ${name} is not in force, and ${stays}`, 'look at it: `cordon policy sync`');
}

function ofBridges({ bridges, inForce, now }: ThreeWayFacts): Disagreement[] {
  if (!inForce || now.getTime() - Date.parse(inForce.since) < graceMilliseconds) return [];
  return bridges
    .filter(({ isListening, digest }) => isListening && digest !== null && digest !== inForce.digest)
    .map(({ id, digest }) => ({
      between: 'bridge' as const,
      name: id,
      isExpected: false,
      summary: `bridge ${id} says that it answers by ${short(digest!)}, and ${short(inForce.digest)} is in force`,
      hint: 'look into its log for `snapshot refused`; one of an older release may not understand this policy: upgrade it',
    }));
}

function ofPoint(point: PointState, { wantedAt, now }: ThreeWayFacts): Disagreement[] {
  const { name, site, state, lastError, lastDrift, lastSecondWriter, rules, rulesDigest } = point;
  const out: Disagreement[] = [];
  const add = (summary: string, hint: string, isExpected = false): void =>
    void out.push({ between: 'point', name, isExpected, summary: `${name} ${summary}`, hint });
  const why = lastError?.message ?? 'nobody knows why';
  if (state === 'drifted')
    add(`was changed by hand, and could not be put right: ${why}`, 'ask who works at it; what differs: `cordon status --json`');
  else if (state === 'failed' || state === 'unreachable')
    add(`${standing(rules)}, and is ${state}: ${why}`, `mend that; it is tried again by itself`);
  else if (state === 'applying')
    add(`${standing(rules)}: its rules are on their way`, 'wait; it is tried until it is so', true);
  else if (rulesDigest !== wantedAt(site))
    add(`holds the rules of ${short(rulesDigest ?? 'none')}: others are wanted since`, 'wait; it is its turn soon', true);
  if (lastSecondWriter && now.getTime() - Date.parse(lastSecondWriter.at) < namedFor)
    add(
      `was brought to what policy wants by somebody else, ${lastSecondWriter.at}`,
      'find out who writes to it: a second controller, or a person with the rendered rules; leave it to one of them',
    );
  if (state !== 'drifted' && lastDrift && now.getTime() - Date.parse(lastDrift.at) < namedFor)
    add(`was changed by hand, and put right ${lastDrift.at}`, 'ask who works at it: what is to stay belongs into the policy');
  return out;
}

function standing({ left, verdict }: PointState['rules']): string {
  if (verdict === 'by-hand') return 'does not hold what we left there';
  if (verdict === 'unfinished') return 'was being changed when we last knew of it';
  return left === null ? 'was never left with rules of ours that we know of' : 'holds what we left there before';
}
