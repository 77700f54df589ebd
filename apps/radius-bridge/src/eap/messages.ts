import type { Credential } from '#model';
import type { Mac } from '#net';
import type { EapAnswer } from '#radius';
import type { EstablishedTls, ProvedCredential } from './established.js';
import type { EapMaterial } from './material.js';

export type ToEapWorker =
  | { readonly type: 'configure'; readonly material: EapMaterial }
  | {
      readonly type: 'receive';
      readonly request: number;
      readonly conversation: number;
      /** Only with the first message of a conversation. */
      readonly begins: Beginning | null;
      readonly message: Buffer;
    }
  | { readonly type: 'credential'; readonly question: number; readonly credential: Credential | null };

export interface Beginning {
  /** The device as the NAS tells of it. */
  readonly caller: Mac | null;
  /** Of EAP packets, in bytes. */
  readonly fragmentSize: number;
  /** For tunnels: of this conversation, or of the device's last one that came to a good end. */
  readonly ticketKeys: Buffer;
  /** What that last one was proved by. */
  readonly earlier: ProvedCredential | null;
}

export type EapOutcome = EapAnswer<EstablishedTls> | { readonly kind: 'unknown' };

export type FromEapWorker =
  | { readonly type: 'answer'; readonly request: number; readonly answer: EapOutcome }
  /** Who has this name? The bridge knows all of them, a worker none. */
  | { readonly type: 'find'; readonly question: number; readonly username: string };
