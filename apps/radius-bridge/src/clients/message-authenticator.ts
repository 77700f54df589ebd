import { isExcepted } from '#policy/snapshot';
import {
  codes,
  types,
  verifyMessageAuthenticator,
  verifySignedRequest,
  type MessageAuthenticatorVerdict,
  type Packet,
  type SignatureVerdict,
} from '#radius';
import type { Client } from './client-table.js';

/** Why a request is believed. `unsigned.*` is a counter's name. */
export type Trust = 'signed' | 'unsigned.over-tls' | 'unsigned.without-proxy-state' | 'unsigned.exception';

/** Why it isn't: a counter's name. */
export type Distrust =
  | 'unexpected-code'
  | `message-authenticator-${Exclude<MessageAuthenticatorVerdict, 'valid'>}`
  | Exclude<SignatureVerdict, 'valid'>;

export type Judgement = Trust | Distrust;

/** What can't be the client's: over TLS, its connection is not worth anything any more (RFC 6613 §2.6.4). */
export const isForged = (judgement: Judgement): boolean =>
  judgement !== 'unexpected-code' && judgement !== 'message-authenticator-missing';

/**
 * Whether a packet of the authentication port is the client's. The client's rule says what is taken without Message-Authenticator
 * (CVE-2024-3596); EAP never is (RFC 3579 §3.2), nor is Status-Server (RFC 5997 §3), and one that is there must be right, whatever
 * the rule. Over TLS it may be missing: TLS signs.
 */
export function judgeAuthentication(packet: Packet, client: Client, isTls: boolean, now: number): Judgement {
  if (packet.code !== codes.accessRequest && packet.code !== codes.statusServer) return 'unexpected-code';
  const verdict = verifyMessageAuthenticator(packet, client.secret);
  if (verdict === 'valid') return 'signed';
  if (verdict !== 'missing') return `message-authenticator-${verdict}`;
  if (packet.code === codes.statusServer || has(packet, types.eapMessage)) return 'message-authenticator-missing';
  if (isTls) return 'unsigned.over-tls';
  if (isExcepted(client.nas, new Date(now))) return 'unsigned.exception';
  return client.nas.messageAuthenticator === 'limit-proxy-state' && !has(packet, types.proxyState)
    ? 'unsigned.without-proxy-state'
    : 'message-authenticator-missing';
}

/** Accounting is signed by its authenticator (RFC 2866 §3). */
export function judgeAccounting(packet: Packet, client: Client): Judgement {
  if (packet.code === codes.statusServer) {
    const verdict = verifyMessageAuthenticator(packet, client.secret);
    return verdict === 'valid' ? 'signed' : `message-authenticator-${verdict}`;
  }
  if (packet.code !== codes.accountingRequest) return 'unexpected-code';
  const verdict = verifySignedRequest(packet, client.secret);
  return verdict === 'valid' ? 'signed' : verdict;
}

const has = ({ attributes }: Packet, wanted: number): boolean => attributes.some(({ type }) => type === wanted);
