import { isCovered, sitesBelow, type Coverage, type Snapshot } from '#policy';
import { grantOf } from '../sessions/resolve-principal.js';
import type { LiveSession } from '../sessions/live-sessions.js';

/** All policies that hold for somebody now. */
export interface EnforcedPolicy {
  readonly inForce: Snapshot;
  /** The one that is being rolled out, and where it holds. */
  readonly next: { readonly snapshot: Snapshot; readonly coverage: Coverage } | null;
  /** In force before: what sessions that are held back were told. */
  readonly previous: Snapshot | null;
}

export const onlyInForce = (inForce: Snapshot): EnforcedPolicy => ({ inForce, next: null, previous: null });

/** The policy whose rules a site has; devices at it may be under another. */
export function policyOfSite({ inForce, next }: EnforcedPolicy, site: string): Snapshot {
  return next && [...sitesBelow(next.snapshot, site)].some((each) => next.coverage.sites.has(each))
    ? next.snapshot
    : inForce;
}

/** The policy that decides for a device at a site. */
export const governingPolicy = ({ inForce, next }: EnforcedPolicy, site: string, mac: string): Snapshot =>
  next && isCovered(next.coverage, site, mac) ? next.snapshot : inForce;

/** The policy that a device on the network is under. */
export function policyOfSession(policy: EnforcedPolicy, session: LiveSession): Snapshot {
  const { inForce, next, previous } = policy;
  const governing = governingPolicy(policy, session.site, session.mac);
  if (isHeld(policy, session)) {
    const told = [inForce, next?.snapshot, previous].find((each) => each?.digest === session.snapshotDigest);
    if (told) return told;
    // Told by a policy of long ago, and nothing else since: the one before said the same of it.
    const before = governing === inForce ? previous : inForce;
    if (before) return before;
  }
  return governing;
}

/**
 * Its port is left as it is, on purpose, so what firewalls say of it stays, too. The bridge says so; of a device in clinical use it is known
 * before the bridge has looked, or the firewall would be faster than the hold.
 */
export function isHeld(policy: EnforcedPolicy, session: LiveSession): boolean {
  const { convergence, inUse, role, posture } = session;
  const governing = governingPolicy(policy, session.site, session.mac);
  // Let go: the longest wait is over, or a person broke the glass.
  const isChanging = convergence === 'changing' || convergence === 'diverged';
  const isInUse = inUse !== null && role !== null && !isChanging;
  if (posture === 'quarantined') return isInUse && governing.rollout.inUse.quarantine === 'waits';
  if (convergence === 'held') return true;
  const grant = grantOf(governing, session);
  const isTold =
    grant?.role === role && grant.segment === session.segment && session.snapshotDigest === governing.digest;
  return isInUse && !isTold;
}
