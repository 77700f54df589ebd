import type { Session } from '#model';
import type { SessionIdentification } from '#radius';

/** A session and what only the bridge needs of it. On disk as JSON. */
export interface TrackedSession {
  session: Session;
  /** How the NAS itself names it: what CoA must repeat. */
  identification: SessionIdentification;
  /** Refines the NAS's site. */
  ssid: string | null;
  /** Fingerprint of the authorization that the NAS was last told; null when that is not known. */
  told: string | null;
  /** Last sign of life, milliseconds. */
  aliveAt: number;
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
  const tracked = stored as TrackedSession;
  const { session } = tracked;
  (session as Partial<Session>).isWireless ??= null;
  (session as Partial<Session>).fingerprint ??= null;
  const defaults: Partial<TrackedSession> = { accountedAt: 0, accepts: 0, acceptsSince: 0 };
  for (const [key, value] of Object.entries(defaults)) (tracked as unknown as Record<string, unknown>)[key] ??= value;
  (session as Partial<Session>).delivery ??= { state: 'unknown', since: session.updatedAt, reason: null };
  (session as Partial<Session>).strayAddresses ??= [];
  if ((session as Partial<Session>).convergence) return { tracked, isCompleted: false };
  session.convergence = { state: 'settled', since: session.updatedAt, reason: null };
  session.earlierCoa = [];
  session.lastCoa = null;
  return { tracked, isCompleted: true };
}
