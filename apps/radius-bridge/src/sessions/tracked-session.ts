import type { Session } from '#model';
import type { SessionIdentification } from '#radius';

/** A session and what only the bridge needs of it. On disk as JSON. */
export interface TrackedSession {
  session: Session;
  /** How the NAS itself names it: what CoA must repeat. */
  identification: SessionIdentification;
  /** Refines the NAS's site. */
  ssid: string | null;
  /** Last sign of life, milliseconds. */
  aliveAt: number;
  /** When the NAS was last told what the session says that it was told, milliseconds; 0: never. */
  toldAt: number;
  /** The NAS itself said that it ended: only then nothing brings it back. */
  stopped: boolean;
  /** When the last record of accounting came, milliseconds; 0: none. */
  accountedAt: number;
  /** How often it was accepted since then. */
  accepts: number;
  acceptsSince: number;
}

/**
 * From disk, as it was parsed. A bridge of an earlier release kept less of a session: what is missing is made up, and `isCompleted` says so, because
 * the controller takes whole sessions only and must be told again.
 */
export function readTracked(stored: unknown): { readonly tracked: TrackedSession; readonly isCompleted: boolean } {
  const { told, ...kept } = stored as TrackedSession & { readonly told?: string | null };
  const completed = { accountedAt: 0, accepts: 0, acceptsSince: 0, toldAt: kept.aliveAt };
  const tracked: TrackedSession = { ...completed, ...kept };
  const session = tracked.session as Partial<Session> & Pick<Session, 'updatedAt'>;
  session.isWireless ??= null;
  session.fingerprint ??= null;
  session.delivery ??= { state: 'unknown', since: session.updatedAt, reason: null };
  session.strayAddresses ??= [];
  if (told !== undefined) {
    session.told = told;
    session.addressesAt = null;
    session.succeeds = [];
    stampHeard(tracked);
  }
  if (session.convergence) return { tracked, isCompleted: false };
  session.convergence = { state: 'settled', since: session.updatedAt, reason: null };
  session.earlierCoa = [];
  session.lastCoa = null;
  return { tracked, isCompleted: true };
}

/** What the session itself says of when the NAS spoke of it, and was told. */
export function stampHeard({ session, aliveAt, toldAt }: TrackedSession): void {
  session.heardAt = new Date(aliveAt).toISOString();
  session.toldAt = session.told === null ? null : new Date(toldAt).toISOString();
}
