import { decodeTextIn } from './attributes.js';
import { types } from './dictionary.js';
import type { Secret } from './secret.js';

/** RFC 2865 §4, RFC 2866 §4, RFC 5176 §2, RFC 5997. */
export const codes = {
  accessRequest: 1,
  accessAccept: 2,
  accessReject: 3,
  accountingRequest: 4,
  accountingResponse: 5,
  accessChallenge: 11,
  statusServer: 12,
  disconnectRequest: 40,
  disconnectAck: 41,
  disconnectNak: 42,
  coaRequest: 43,
  coaAck: 44,
  coaNak: 45,
} as const;
export type Code = (typeof codes)[keyof typeof codes];

export const headerLength = 20;
export const maxPacketLength = 4096;
export const maxValueLength = 253;
export const messageAuthenticatorLength = 18;
export const zeroAuthenticator: Buffer = Buffer.alloc(16);

export interface Attribute {
  readonly type: number;
  /** Decoded: a view on the datagram. */
  readonly value: Buffer;
}

/** An attribute where it stands in its datagram. A view of it is made when somebody asks: most are only read, as text or number. */
export class ReceivedAttribute implements Attribute {
  constructor(
    readonly type: number,
    private readonly bytes: Buffer,
    private readonly start: number,
    private readonly end: number,
  ) {}

  get value(): Buffer {
    return this.bytes.subarray(this.start, this.end);
  }

  /** As `decodeText` of its value. */
  get text(): string {
    return decodeTextIn(this.bytes, this.start, this.end);
  }

  /** Null: it has not four bytes. */
  get integer(): number | null {
    return this.end - this.start === 4 ? this.bytes.readUInt32BE(this.start) : null;
  }
}

/**
 * ```
 *  0        1        2        3        4                      20
 *  | Code   | Id     | Length          | Authenticator (16)   | Attributes …      RFC 2865 §3
 *                                        | Type | Length (≥ 2, all of it) | Value |  §5
 * ```
 */
export interface Packet {
  /** Any octet: a code that we don't know is the caller's to drop. */
  readonly code: number;
  readonly id: number;
  readonly authenticator: Buffer;
  readonly attributes: readonly Attribute[];
  /** The datagram without what comes after Length. */
  readonly bytes: Buffer;
}

/** Why a datagram is no RADIUS packet; the words are counter names. */
export const malformedReasons = [
  'too-short',
  'bad-length',
  'truncated',
  'attribute-too-short',
  'attribute-overrun',
] as const;
export type MalformedReason = (typeof malformedReasons)[number];

/** RFC 2865 §3: bytes after Length are padding and ignored, a datagram shorter than Length is dropped. */
export function decodePacket(datagram: Buffer): Packet | MalformedReason {
  if (datagram.length < headerLength) return 'too-short';
  const length = datagram.readUInt16BE(2);
  if (length < headerLength || length > maxPacketLength) return 'bad-length';
  if (datagram.length < length) return 'truncated';
  const attributes: Attribute[] = [];
  for (let at = headerLength; at < length;) {
    const size = at + 1 < length ? datagram[at + 1]! : 0;
    if (size < 2) return 'attribute-too-short';
    if (at + size > length) return 'attribute-overrun';
    attributes.push(new ReceivedAttribute(datagram[at]!, datagram, at + 2, at + size));
    at += size;
  }
  return {
    code: datagram[0]!,
    id: datagram[1]!,
    authenticator: datagram.subarray(4, headerLength),
    attributes,
    bytes: datagram.length === length ? datagram : datagram.subarray(0, length),
  };
}

export function encodedLength(attributes: readonly Attribute[]): number {
  return attributes.reduce((sum, { value }) => sum + 2 + value.length, 0);
}

/** Attributes as they stand in a packet: made once per authorization, copied into each reply. */
export function encodeAttributes(attributes: readonly Attribute[]): Buffer {
  const out = Buffer.alloc(encodedLength(attributes));
  let at = 0;
  for (const attribute of attributes) at = writeAttribute(out, at, attribute);
  return out;
}

function writeAttribute(out: Buffer, at: number, { type, value }: Attribute): number {
  if (value.length > maxValueLength)
    throw new RangeError(`attribute ${type} has ${value.length} bytes, at most 253 fit`);
  out[at] = type;
  out[at + 1] = value.length + 2;
  value.copy(out, at + 2);
  return at + 2 + value.length;
}

/** Writes the header, an empty Message-Authenticator where asked for, and the attributes; the sums come after. */
function layOut(code: number, id: number, withMessageAuthenticator: boolean, blocks: readonly Buffer[]): Buffer | null {
  const head = headerLength + (withMessageAuthenticator ? messageAuthenticatorLength : 0);
  let length = head;
  for (const block of blocks) length += block.length;
  if (length > maxPacketLength) return null;
  // Head zeroed by hand, the rest written in full: memory from Node's pool costs less than cleared memory.
  const out = Buffer.allocUnsafe(length).fill(0, 0, head);
  out[0] = code;
  out[1] = id;
  out.writeUInt16BE(length, 2);
  if (withMessageAuthenticator) {
    out[headerLength] = types.messageAuthenticator;
    out[headerLength + 1] = messageAuthenticatorLength;
  }
  let at = head;
  for (const block of blocks) at += block.copy(out, at);
  return out;
}

/** What of a request its reply depends on. */
export type RepliedRequest = Pick<Packet, 'id' | 'authenticator' | 'attributes'>;

/**
 * A signed reply, ready to send. Message-Authenticator stands first, so that no chosen prefix can collide with it
 * (CVE-2024-3596); Accounting-Response has none. The request's Proxy-State attributes follow the others, unchanged and in
 * order (RFC 2865 §5.33). `null`: the reply does not fit 4,096 bytes, because the request carries that much Proxy-State.
 */
export function signReply(
  request: RepliedRequest,
  code: Code,
  attributes: readonly Attribute[] | Buffer,
  secret: Secret,
): Buffer | null {
  const block = Buffer.isBuffer(attributes) ? attributes : encodeAttributes(attributes);
  const hasStates = request.attributes.some(({ type }) => type === types.proxyState);
  const blocks = hasStates
    ? [block, encodeAttributes(request.attributes.filter(({ type }) => type === types.proxyState))]
    : [block];
  const authenticated = code !== codes.accountingResponse;
  const out = layOut(code, request.id, authenticated, blocks);
  if (!out) return null;
  request.authenticator.copy(out, 4);
  if (authenticated) secret.hmacMd5(out, out, headerLength + 2);
  secret.md5After(out, out, 4);
  return out;
}

/**
 * A signed request with Message-Authenticator first. Access-Request and Status-Server take a random `authenticator`
 * (RFC 2865 §3); all others have theirs computed, over a zeroed field, after Message-Authenticator (RFC 5176 §3.4).
 * A request that does not fit is a bug of its builder and throws.
 */
export function signRequest(
  code: Code,
  id: number,
  attributes: readonly Attribute[],
  secret: Secret,
  authenticator?: Buffer,
): Buffer {
  const random = hasRandomAuthenticator(code);
  if (random !== (authenticator !== undefined) || (authenticator && authenticator.length !== 16))
    throw new RangeError(`code ${code} takes ${random ? '16 random bytes' : 'no bytes'} as authenticator`);
  const out = layOut(code, id, true, [encodeAttributes(attributes)]);
  if (!out) throw new RangeError('request does not fit 4096 bytes');
  authenticator?.copy(out, 4);
  secret.hmacMd5(out, out, headerLength + 2);
  if (!random) secret.md5After(out, out, 4);
  return out;
}

/** The two requests whose authenticator is a random challenge, not a sum. */
export function hasRandomAuthenticator(code: number): boolean {
  return code === codes.accessRequest || code === codes.statusServer;
}
