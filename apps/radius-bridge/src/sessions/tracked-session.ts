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
}
