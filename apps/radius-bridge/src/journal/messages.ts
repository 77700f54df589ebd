import type { Credential } from '#model';
import type { CredentialsChange } from '../credential-index.js';
import type { DeviceRow, IndexChange } from '../device-index.js';

/** One change to what the bridge keeps on disk. Repeating one does no harm. */
export type JournalOperation =
  | IndexChange
  | CredentialsChange
  | { readonly kind: 'snapshot'; readonly json: string }
  /** Of which there is one each; null: none. */
  | { readonly kind: 'document'; readonly name: DocumentName; readonly json: string | null }
  /** A session as it is now; `event` tells the controller, and replaces what the spool still holds of this session. */
  | { readonly kind: 'session'; readonly id: string; readonly json: string; readonly event: SpooledEvent | null }
  | { readonly kind: 'event'; readonly event: SpooledEvent }
  | { readonly kind: 'forget-events'; readonly upTo: number }
  | { readonly kind: 'forget-session'; readonly id: string };

export type DocumentName = 'rollout' | 'orders';

export interface SpooledEvent {
  readonly seq: number;
  readonly json: string;
}

export interface JournalState {
  /** Drawn with the database file: events are numbered from 1 in each. */
  readonly instance: string;
  readonly snapshot: string | null;
  /** By name; what is not there is none. */
  readonly documents: Readonly<Partial<Record<DocumentName, string>>>;
  readonly devices: readonly DeviceRow[];
  readonly revision: number;
  readonly credentials: readonly Credential[];
  readonly credentialRevision: number;
  /** Each a list in JSON. */
  readonly sessions: readonly string[];
  readonly lastSeq: number;
  readonly spooled: number;
}

export type ToJournal =
  | { readonly type: 'write'; readonly ticket: number; readonly operations: readonly JournalOperation[] }
  | { readonly type: 'read-events'; readonly request: number; readonly limit: number }
  | { readonly type: 'close' };

export type FromJournal =
  /** What was on disk; lists of sessions come first. */
  | { readonly type: 'sessions'; readonly list: string }
  | { readonly type: 'loaded'; readonly state: Omit<JournalState, 'sessions'> }
  /** All writes up to this ticket are on disk. */
  | { readonly type: 'durable'; readonly ticket: number; readonly spooled: number }
  | { readonly type: 'events'; readonly request: number; readonly events: readonly SpooledEvent[] }
  /** A commit failed (disk full); the worker keeps the writes and tries again. */
  | { readonly type: 'failed'; readonly reason: string };
