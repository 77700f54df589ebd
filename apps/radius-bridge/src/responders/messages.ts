import type { DeviceChange, Orders } from '#model';
import type { Counted } from '../counters.js';
import type { AuthenticationNote } from '../journal/recorder.js';
import type { UdpSocket } from '../metrics/udp-sockets.js';
import type { Acceptance } from '../sessions/session-table.js';

/** A socket address that a responder shares; `via` as in `Source`, the same in all processes. */
export interface SharedPlace {
  readonly host: string;
  readonly port: number;
  readonly via: number;
}

/** What the owner tells a responder, so that both decide alike. */
export type ToResponder =
  | { readonly type: 'snapshot'; readonly json: unknown }
  | { readonly type: 'rollout'; readonly json: unknown }
  | { readonly type: 'orders'; readonly orders: Orders }
  | {
      readonly type: 'devices';
      readonly reset: boolean;
      readonly revision: number;
      readonly changes: readonly DeviceChange[];
    }
  /** The reset that was under way is complete. */
  | { readonly type: 'settled' }
  /** Where to answer: what is not among them any more is closed. Comes after snapshot and devices, since it opens the door. */
  | { readonly type: 'places'; readonly places: readonly SharedPlace[] }
  /** Instead of places: descriptors of sockets that were handed over, the responder's alone. */
  | { readonly type: 'take-over'; readonly sockets: readonly { readonly descriptor: number; readonly via: number }[] }
  | { readonly type: 'reply'; readonly request: number; readonly reply: Buffer };

/** What was decided, for the session table and the journal, which the owner keeps. */
export interface Decided {
  readonly at: number;
  readonly note: AuthenticationNote;
  /** Null: rejected. */
  readonly acceptance: Acceptance | null;
  /** Of the device index by which it was decided. */
  readonly revision: number;
}

export interface Report {
  readonly counted: Counted;
  readonly sockets: readonly UdpSocket[];
  readonly strangers: Readonly<Record<string, number>>;
}

export type FromResponder =
  | { readonly type: 'decided'; readonly all: readonly Decided[] }
  /** What only the owner can answer; `request` names it in the reply. */
  | {
      readonly type: 'forward';
      readonly request: number;
      readonly datagram: Buffer;
      readonly address: string;
      readonly port: number;
      readonly via: number;
    }
  | { readonly type: 'report'; readonly report: Report };
