import type { Mac } from '#net';
import type { EapAnswer } from '#radius';
import type { EstablishedTls, TlsMaterial } from './tls-server.js';
import type { AuthorityMaterial } from './trust.js';

/** Everything that a worker serves 802.1X with: files are read by the bridge. */
export interface EapMaterial extends Omit<TlsMaterial, 'authorities' | 'revocationLists'> {
  readonly authorities: readonly AuthorityMaterial[];
}

export type ToEapWorker =
  | { readonly type: 'configure'; readonly material: EapMaterial }
  | {
      readonly type: 'receive';
      readonly request: number;
      readonly conversation: number;
      /** Only with the first message of a conversation. */
      readonly begins: Beginning | null;
      readonly message: Buffer;
    };

export interface Beginning {
  /** The device as the NAS tells of it. */
  readonly caller: Mac | null;
  /** Of EAP packets, in bytes. */
  readonly fragmentSize: number;
}

export type EapOutcome = EapAnswer<EstablishedTls> | { readonly kind: 'unknown' };

export interface FromEapWorker {
  readonly request: number;
  readonly answer: EapOutcome;
}
