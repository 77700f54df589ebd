import type { Convergence, Delivery, Session } from '#model';
import type { AccessGrant } from '#policy';

/**
 * Whether the network does what was decided for a session. `pending`: it is on its way, or waits on purpose; `enforced`: the switch shows
 * that it has it; `refused`: the switch said no, or does not take it; `diverged`: something else is seen than was told; `unknown`: it was
 * told, and nothing can show whether it has it.
 */
export const enforcementStates = ['pending', 'enforced', 'refused', 'diverged', 'unknown'] as const;
export type EnforcementState = (typeof enforcementStates)[number];

export interface Verdict {
  readonly state: EnforcementState;
  /** For people; null where the state says it all. */
  readonly reason: string | null;
  readonly since: string;
}

/** What of a session the verdict is made of. */
export interface Evidence extends Pick<Session, 'segment' | 'vlan' | 'role' | 'strayAddresses'> {
  readonly convergence: Convergence;
  readonly delivery: Delivery;
  /** The last answer to a change was a refusal. */
  readonly isRefused: boolean;
}

export const evidenceOf = ({ lastCoa, ...session }: Session): Evidence => ({
  ...session,
  isRefused: lastCoa?.outcome === 'nak',
});

/** A device keeps its address for a while when its port moves. */
const renewal = 180_000;
/** In which a point sets the port of a session that was told another VLAN, and reads it back. */
const settling = 10_000;

/**
 * `desired`: what policy wants now, null: no access. `readBack`: the VLAN of the port as an enforcement point reads it; null: none does.
 * What is known to be wrong goes before what is on its way, and both before what is only assumed.
 */
export function verdictOf(session: Evidence, desired: AccessGrant | null, readBack: number | null, now: Date): Verdict {
  const { convergence, delivery, strayAddresses, segment, vlan, role } = session;
  const since = convergence.since > delivery.since ? convergence.since : delivery.since;
  if (convergence.state === 'diverged') return { ...convergence, state: session.isRefused ? 'refused' : 'diverged' };
  if (delivery.state === 'looping' || delivery.state === 'ignored') return { ...delivery, state: 'refused' };
  const isYoungerThan = (milliseconds: number, instant = since): boolean =>
    now.getTime() - Date.parse(instant) < milliseconds;
  if (readBack !== null && readBack !== vlan) {
    const reason = `the switch was told VLAN ${vlan}, and its port has ${readBack}`;
    return { state: isYoungerThan(settling) ? 'pending' : 'diverged', reason, since };
  }
  if (convergence.state === 'held' || convergence.state === 'changing') return { ...convergence, state: 'pending' };
  if (strayAddresses.length > 0) {
    const reason = `the switch reports ${strayAddresses.join(', ')}, which is not of \`${segment}\``;
    return { state: isYoungerThan(renewal, convergence.since) ? 'pending' : 'diverged', reason, since };
  }
  if (desired?.segment !== segment || desired.vlan !== vlan || desired.role !== role)
    return { state: 'pending', reason: 'the bridge has not told the switch yet', since };
  if (delivery.state === 'confirmed' || readBack === vlan) return { state: 'enforced', reason: null, since };
  if (delivery.state === 'waiting') return { state: 'pending', reason: 'told, and nothing was heard since', since };
  return { state: 'unknown', reason: 'the switch does no accounting, so nothing shows what it does', since };
}
