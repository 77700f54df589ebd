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

/** `unfinished`: a point that fails, or was changed by hand and is not put right; `drift`: it was put right. */
export type DisagreementKind =
  | 'source-unknown'
  | 'rolled-back'
  | 'staged'
  | 'waiting'
  | 'refused'
  | 'withdrawn'
  | 'bridge'
  | 'unfinished'
  | 'on-its-way'
  | 'second-writer'
  | 'drift';

/** One that is not as another. What is on its way is `expected`. */
export interface Disagreement {
  readonly kind: DisagreementKind;
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
/** What a point was found with is named for so long. */
const namedFor = 86_400_000;

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
      name,
      site,
      state,
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
  const about = (kind: DisagreementKind, name: string, summary: string, hint: string): Disagreement[] => [
    { kind, between: 'source', name, isExpected: kind === 'staged' || kind === 'waiting', summary, hint },
  ];
  if (source.state === 'unreachable' || head === null)
    return about(
      'source-unknown',
      head?.commit ?? '',
      `what the repository says now is not known${source.problem ? `: ${source.problem.summary}` : ''}`,
      source.problem?.hint ?? 'wait for the first look at it, or ask for one: `cordon policy sync`',
    );
  const { commit, status } = head;
  const name = short(commit);
  if (hold?.held.includes(commit)) return about('rolled-back', commit, describeHold(hold, commit), holdRemedy);
  if (commit === inForce?.commit) return [];
  if (commit === staged?.commit)
    return about('staged', commit, `commit ${name} is being rolled out`, 'watch it: `cordon rollout --watch`');
  if (status === 'waiting')
    return about(
      'waiting',
      commit,
      `commit ${name} waits for the rollout that is under way`,
      'let that end: `cordon rollout`',
    );
  const stays = inForce ? `${short(inForce.commit)} stays in force` : 'nothing is in force';
  return status === 'refused'
    ? about('refused', commit, `commit ${name} is refused, and ${stays}`, 'see why, then mend it: `cordon policy sync`')
    : about(
        'withdrawn',
        commit,
        `commit ${name} was taken back, and ${stays}`,
        'commit anew, or try it again: `cordon policy sync`',
      );
}

function ofBridges({ bridges, inForce, now }: ThreeWayFacts): Disagreement[] {
  if (!inForce || now.getTime() - Date.parse(inForce.since) < graceMilliseconds) return [];
  return bridges
    .filter(({ isListening, digest }) => isListening && digest !== null && digest !== inForce.digest)
    .map(({ id, digest }) => ({
      kind: 'bridge' as const,
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
  const add = (kind: DisagreementKind, summary: string, hint: string): void =>
    void out.push({
      kind,
      between: 'point',
      name,
      isExpected: kind === 'on-its-way',
      summary: `${name} ${summary}`,
      hint,
    });
  const why = lastError?.message ?? 'the device took something else than it was told';
  if (state === 'drifted')
    add(
      'unfinished',
      `was changed by hand, and could not be put right: ${why}`,
      `ask who works at it; it is tried again by itself`,
    );
  else if (state === 'failed' || state === 'unreachable')
    add('unfinished', `${standing(rules)}, and is ${state}: ${why}`, 'mend that; it is tried again by itself');
  else if (state === 'applying') add('on-its-way', `${standing(rules)}: its rules are on their way`, 'wait');
  else if (rulesDigest !== wantedAt(site))
    add('on-its-way', `holds the rules of ${short(rulesDigest ?? 'none')}: others are wanted since`, 'wait');
  const isRecent = (at: string | undefined): at is string =>
    at !== undefined && now.getTime() - Date.parse(at) < namedFor;
  if (isRecent(lastSecondWriter?.at))
    add(
      'second-writer',
      `was brought to what policy wants by somebody else, ${lastSecondWriter?.at}`,
      'find out who writes to it: a second controller, or a person with the rendered rules; leave it to one of them',
    );
  if (state !== 'drifted' && isRecent(lastDrift?.at))
    add(
      'drift',
      `was changed by hand, and put right ${lastDrift?.at}`,
      'ask who works at it: what is to stay belongs into the policy',
    );
  return out;
}

function standing({ left, verdict }: PointState['rules']): string {
  if (verdict === 'by-hand') return 'does not hold what we left there';
  if (verdict === 'unfinished') return 'was being changed when we last knew of it';
  return left === null ? 'was never left with rules of ours that we know of' : 'holds what we left there before';
}
