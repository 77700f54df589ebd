import { Refusal } from '../http/refusal.js';
import type { PolicyHoldRow } from '../store/rows.js';
import type { StoredVersion } from './policy-store.js';

/** A policy that was in force everywhere. */
export interface FormerPolicy {
  readonly version: StoredVersion;
  /** It has several when a schedule begins or ends. */
  readonly digests: readonly string[];
}

export interface KnownPolicies {
  /** Newest first; one for each commit. */
  readonly former: readonly FormerPolicy[];
  readonly inForce: StoredVersion;
  /** Being rolled out. */
  readonly staged: StoredVersion | null;
  readonly hold: PolicyHoldRow | null;
  /** Judged once, in force or not, whose commit or digest begins as was said. */
  readonly judged: readonly StoredVersion[];
}

/** A commit or a digest, by its first digits; or the policy before. */
export const revisionForm = /^([0-9a-f]{7,64}|previous)$/;

const mostNamed = 5;

/** Which policy of before is meant. Throws a Refusal that says what could be. */
export function chooseVersion(said: string, known: KnownPolicies): StoredVersion {
  const { former, inForce, staged } = known;
  if (said === 'previous') return previousOf(known);
  const meant = former.filter(
    ({ version, digests }) => version.commit.startsWith(said) || digests.some((digest) => digest.startsWith(said)),
  );
  const [only] = meant;
  if (meant.length > 1)
    throw new Refusal('conflict', `\`${said}\` begins ${namesOf(meant)}: give more of the one that you mean`);
  if (!only) throw unknown(said, known);
  if (only.version.commit === inForce.commit && !staged)
    throw new Refusal('conflict', `${nameOf(only)} is in force already`);
  return only.version;
}

/** Of a rollout that is under way, the one that it began from. */
function previousOf({ former, inForce, staged, hold }: KnownPolicies): StoredVersion {
  if (staged) return inForce;
  const others = former.filter(({ version }) => version.commit !== inForce.commit);
  const before = others.find(({ version }) => version.id < inForce.id);
  // Whoever asks twice must not go back twice.
  if (hold)
    throw new Refusal(
      'conflict',
      `it was rolled back already, to ${shortOf(hold.toCommit)} by ${hold.actor}: to go on from there, name the commit${oneOf(others)}`,
    );
  if (!before) throw new Refusal('conflict', 'there is no policy before this one to go back to');
  return before.version;
}

function unknown(said: string, { former, inForce, judged, staged }: KnownPolicies): Refusal {
  const others = former.filter(({ version }) => version.commit !== inForce.commit);
  const [found] = judged;
  if (!found)
    return new Refusal(
      'not-found',
      `no policy whose commit or digest begins with \`${said}\` was ever in force${oneOf(others)}`,
    );
  const name = nameOf({ version: found });
  const why =
    found.status === 'refused'
      ? 'was refused, and never in force'
      : found.id === staged?.id
        ? 'is being rolled out, and was not in force everywhere yet'
        : 'was never in force everywhere';
  return new Refusal('conflict', `${name} ${why}${oneOf(others)}`);
}

const oneOf = (policies: readonly Pick<FormerPolicy, 'version'>[]): string =>
  policies.length === 0 ? '' : `; there were ${namesOf(policies)} (\`cordon policy history\`)`;

const namesOf = (policies: readonly Pick<FormerPolicy, 'version'>[]): string =>
  [...policies.slice(0, mostNamed).map(nameOf), ...(policies.length > mostNamed ? ['…'] : [])].join(', ');

const nameOf = ({ version: { commit, message } }: Pick<FormerPolicy, 'version'>): string =>
  `${shortOf(commit)} (${message})`;

const shortOf = (commit: string): string => commit.slice(0, 12);
