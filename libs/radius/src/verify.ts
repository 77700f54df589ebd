import { timingSafeEqual } from 'node:crypto';
import { types } from './dictionary.js';
import {
  codes,
  hasRandomAuthenticator,
  headerLength,
  maxPacketLength,
  messageAuthenticatorLength,
  zeroAuthenticator,
  type Packet,
} from './packet.js';
import type { Secret } from './secret.js';

export type MessageAuthenticatorVerdict = 'valid' | 'missing' | 'invalid' | 'duplicate';

/** Replies are signed under the authenticator of their request, so they can be judged only with it. */
const replies: ReadonlySet<number> = new Set<number>([
  codes.accessAccept,
  codes.accessReject,
  codes.accessChallenge,
  codes.accountingResponse,
  codes.disconnectAck,
  codes.disconnectNak,
  codes.coaAck,
  codes.coaNak,
]);

const scratch = Buffer.alloc(maxPacketLength);
const told = Buffer.alloc(16);
const sum = Buffer.alloc(16);

/** The packet for a sum: other authenticator, Message-Authenticator zeroed where there is one. Valid until the next call. */
function summand({ bytes }: Packet, authenticator: Buffer, zeroAt: number | null): Buffer {
  bytes.copy(scratch);
  authenticator.copy(scratch, 4);
  if (zeroAt !== null) scratch.fill(0, zeroAt, zeroAt + 16);
  return scratch.subarray(0, bytes.length);
}

/**
 * RFC 3579 §3.2, RFC 5176 §3.4: HMAC-MD5 over the packet with Message-Authenticator zeroed; the authenticator field is the
 * packet's own (Access-Request, Status-Server), zero (Accounting, CoA, Disconnect) or the request's (replies).
 */
export function verifyMessageAuthenticator(
  packet: Packet,
  secret: Secret,
  requestAuthenticator?: Buffer,
): MessageAuthenticatorVerdict {
  const { bytes } = packet;
  let found: number | null = null;
  for (let at = headerLength; at < bytes.length; at += bytes[at + 1]!) {
    if (bytes[at] !== types.messageAuthenticator) continue;
    if (found !== null) return 'duplicate';
    found = at + 2;
  }
  if (found === null) return 'missing';
  if (bytes[found - 1] !== messageAuthenticatorLength) return 'invalid';
  for (let i = 0; i < 16; i++) told[i] = bytes[found + i]!;
  if (hasRandomAuthenticator(packet.code)) {
    // Where it stands, because this is done for each authentication: empty for as long as the sum takes.
    for (let i = 0; i < 16; i++) bytes[found + i] = 0;
    secret.hmacMd5(bytes, sum);
    for (let i = 0; i < 16; i++) bytes[found + i] = told[i]!;
  } else secret.hmacMd5(summand(packet, signedAuthenticator(packet, requestAuthenticator), found), sum);
  return timingSafeEqual(sum, told) ? 'valid' : 'invalid';
}

/** Of a packet whose own is no random challenge. */
function signedAuthenticator(packet: Packet, requestAuthenticator: Buffer | undefined): Buffer {
  if (!replies.has(packet.code)) return zeroAuthenticator;
  if (!requestAuthenticator) throw new TypeError('a reply is verified with the authenticator of its request');
  return requestAuthenticator;
}

/** The authenticator of Accounting-, CoA- and Disconnect-Request: MD5 over the packet with the field zeroed (RFC 2866 §3). */
export function verifyRequestAuthenticator(packet: Packet, secret: Secret): boolean {
  return timingSafeEqual(secret.md5After(summand(packet, zeroAuthenticator, null)), packet.authenticator);
}

export type SignatureVerdict =
  'valid' | 'bad-authenticator' | 'missing-message-authenticator' | 'bad-message-authenticator';

/** Accounting-, CoA- or Disconnect-Request: Message-Authenticator may be absent (RFC 5176 §3.4) but never wrong. */
export function verifySignedRequest(packet: Packet, secret: Secret): SignatureVerdict {
  if (!verifyRequestAuthenticator(packet, secret)) return 'bad-authenticator';
  const verdict = verifyMessageAuthenticator(packet, secret);
  return verdict === 'valid' || verdict === 'missing' ? 'valid' : 'bad-message-authenticator';
}

const needsMessageAuthenticator = (code: number): boolean =>
  code === codes.accessAccept || code === codes.accessReject || code === codes.accessChallenge;

/**
 * A reply to a request of ours. Replies to Access-Request must carry Message-Authenticator (CVE-2024-3596: the response
 * authenticator alone can be forged); others may.
 */
export function verifyReply(reply: Packet, requestAuthenticator: Buffer, secret: Secret): SignatureVerdict {
  if (!replies.has(reply.code)) return 'bad-authenticator';
  if (!timingSafeEqual(secret.md5After(summand(reply, requestAuthenticator, null)), reply.authenticator))
    return 'bad-authenticator';
  const verdict = verifyMessageAuthenticator(reply, secret, requestAuthenticator);
  if (verdict === 'missing') return needsMessageAuthenticator(reply.code) ? 'missing-message-authenticator' : 'valid';
  return verdict === 'valid' ? 'valid' : 'bad-message-authenticator';
}
