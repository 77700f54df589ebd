import type { LedgerEntry, StoredSession } from './ledger.ts';
import type { Sample } from './resources.ts';

/** What a soak has found, before it is judged. */
export interface Findings {
  readonly mac: {
    readonly replies: number;
    readonly lost: number;
    readonly wrong: number;
    readonly problems: readonly string[];
  };
  readonly eap: { readonly succeeded: number; readonly unanswered: number; readonly problems: readonly string[] };
  readonly accounting: {
    readonly records: number;
    readonly retransmissions: number;
    readonly unanswered: number;
    readonly problems: readonly string[];
    readonly ledger: readonly LedgerEntry[];
    readonly stored: readonly StoredSession[];
  };
  readonly posture: { readonly asked: number; readonly lost: number; readonly problems: readonly string[] };
  readonly disturbances: { readonly done: number; readonly problems: readonly string[] };
  /** Of the bridge, since its start. */
  readonly totals: Readonly<Record<string, number>>;
  /** CoA requests that a switch could not trust. */
  readonly coaViolations: number;
  /** What the bridge could not bring to the controller in time. */
  readonly spool: number;
  readonly samples: readonly Sample[];
  /** The run was long enough for memory to settle. */
  readonly isMemoryJudged: boolean;
  /** A process that ended by itself and the like. */
  readonly faults: readonly string[];
}
