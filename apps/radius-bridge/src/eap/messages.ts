import type { Credential } from '#model';
import type { Mac } from '#net';
import type { TlsMethod, TlsStep } from '#radius';
import type { EstablishedTls, ProvedCredential } from './established.js';
import type { EapMaterial } from './material.js';

export type ToEapWorker =
  | { readonly type: 'configure'; readonly material: EapMaterial }
  | {
      readonly type: 'receive';
      readonly request: number;
      readonly connection: number;
      /** Only with the first message of a connection. */
      readonly begins: Beginning | null;
      /** All fragments, put together. */
      readonly message: Buffer;
    }
  /** Nothing more comes of it, and it has not come to its end. */
  | { readonly type: 'close'; readonly connection: number }
  | { readonly type: 'credential'; readonly question: number; readonly credential: Credential | null }
  | { readonly type: 'serial'; readonly question: number; readonly serial: string | null };

export interface Beginning {
  readonly method: TlsMethod;
  /** The device as the NAS tells of it. */
  readonly caller: Mac | null;
  /** Of tunnels, which can be resumed only with the same. */
  readonly tunnel: TunnelKeys | null;
}

export interface TunnelKeys {
  /** 48 bytes: of this conversation, or of the device's last one that came to a good end. */
  readonly ticketKeys: Buffer;
  /** What that last one was proved by. */
  readonly earlier: ProvedCredential | null;
}

export type EapStep = TlsStep<EstablishedTls>;

export type FromEapWorker =
  { readonly type: 'answer'; readonly request: number; readonly step: EapStep } | WorkerQuestion;

/** The bridge knows all names and devices, a worker none. */
export type WorkerQuestion =
  /** Who has this name? */
  | { readonly type: 'find'; readonly question: number; readonly username: string }
  /** Which serial number does the record of this device have? */
  | { readonly type: 'find-serial'; readonly question: number; readonly mac: Mac };

/** A step that a worker did not come to make. */
export const lost: EapStep = {
  kind: 'failed',
  output: Buffer.alloc(0),
  reason: 'the EAP worker was lost in the middle of the conversation',
};
