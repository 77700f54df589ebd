import type { CoaOutcome, Convergence, Session } from '#model';
import type { DynamicAuthorizationReply } from '#radius';
import { grantFields, type AuthorizedAccess, type Decision } from '../authentication/authorizer.js';
import type { Counters } from '../counters.js';
import type { Log } from '../log.js';
import type { SessionTable } from '../sessions/session-table.js';
import type { DeliveryWatch } from '../sessions/delivery-watch.js';
import type { TrackedSession } from '../sessions/tracked-session.js';
import { addOutcome, converge } from './convergence.js';
import { outcomeCounter } from './outcome-counter.js';

interface Attempt extends Pick<CoaOutcome, 'step' | 'request'> {
  readonly answer: DynamicAuthorizationReply | 'timeout';
  /** Null: it was acknowledged. */
  readonly why: string | null;
}

/** Goes to quarantine, or has no access any more. */
export const isShutOut = (decision: Decision): boolean =>
  decision.kind === 'refused' || decision.grant.posture === 'quarantined';

/** `pumps (VLAN 210) to quarantine (VLAN 999)`, or why there is no access. */
export const moveOf = ({ segment, vlan }: Session, decision: Decision): string =>
  decision.kind === 'refused'
    ? decision.detail
    : `${segment} (VLAN ${vlan}) to ${decision.grant.segment} (VLAN ${decision.grant.vlan})`;

/** Writes on sessions what became of changing them, for people and for the controller. It decides nothing. */
export class SessionNotes {
  constructor(
    private readonly ports: {
      readonly sessions: SessionTable;
      readonly counters: Counters;
      readonly log: Log;
      readonly delivery?: Pick<DeliveryWatch, 'acknowledged'> | undefined;
    },
    private readonly now: () => Date,
  ) {}

  attempted(tracked: TrackedSession, decision: Decision, { step, request, answer, why }: Attempt): void {
    const now = this.now();
    const what = moveOf(tracked.session, decision);
    const outcome: CoaOutcome = {
      at: now.toISOString(),
      step,
      request,
      outcome: answer === 'timeout' ? 'timeout' : answer.outcome,
      errorCause: answer === 'timeout' ? null : answer.errorCause,
      reason: why === null ? what : `${what}: ${why}`,
    };
    this.ports.counters.addFor(tracked.session.nas, outcomeCounter(request, answer));
    this.ports.sessions.change(tracked, addOutcome(tracked.session, outcome), now);
  }

  /** The NAS has acknowledged the new authorization. */
  told(tracked: TrackedSession, decision: AuthorizedAccess, decisionId: string): void {
    const now = this.now();
    const convergence = converge(tracked.session, 'settled', null, now);
    const { sessions, delivery } = this.ports;
    sessions.tell(tracked, decision.fingerprint, { ...grantFields(decision, decisionId), convergence }, now);
    delivery?.acknowledged(tracked);
  }

  held(tracked: TrackedSession, decision: Decision, why: string): void {
    this.converge(tracked, 'held', `${moveOf(tracked.session, decision)}: ${why}`);
  }

  changing(tracked: TrackedSession, decision: Decision): void {
    this.converge(tracked, 'changing', moveOf(tracked.session, decision));
  }

  /** In the log once, not at every try: loudly where a device should be shut out and is not. */
  diverged(tracked: TrackedSession, decision: Decision, problem: string): void {
    const { session } = tracked;
    const reason = `${moveOf(session, decision)}: ${problem}`;
    if (session.convergence.state !== 'diverged') {
      this.ports.counters.addFor(session.nas, 'coa.diverged');
      const { mac, nas, nasPort } = session;
      const level = isShutOut(decision) ? 'error' : 'warn';
      this.ports.log(level, 'a session does not have what policy says', { mac, nas, nasPort, reason });
    }
    this.converge(tracked, 'diverged', reason);
  }

  private converge(tracked: TrackedSession, state: Convergence['state'], reason: string): void {
    const { convergence } = tracked.session;
    if (convergence.state === state && convergence.reason === reason) return;
    const now = this.now();
    this.ports.sessions.change(tracked, { convergence: converge(tracked.session, state, reason, now) }, now);
  }
}
