import { createHash, createHmac, randomBytes } from 'node:crypto';

/*
 * RADIUS as bytes, written down from the RFCs and without a line of the code under test: what both sides misunderstand in the
 * same way would look right.
 *
 *   | Code | Identifier | Length (2) | Authenticator (16) | Type | Length | Value | …       RFC 2865 §3, §5
 */

export const code = {
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

export const type = {
  userName: 1,
  userPassword: 2,
  chapPassword: 3,
  nasIpAddress: 4,
  nasPort: 5,
  serviceType: 6,
  framedIpAddress: 8,
  filterId: 11,
  framedMtu: 12,
  replyMessage: 18,
  state: 24,
  class: 25,
  vendorSpecific: 26,
  sessionTimeout: 27,
  terminationAction: 29,
  calledStationId: 30,
  callingStationId: 31,
  nasIdentifier: 32,
  proxyState: 33,
  acctStatusType: 40,
  acctDelayTime: 41,
  acctInputOctets: 42,
  acctSessionId: 44,
  acctTerminateCause: 49,
  acctInputGigawords: 52,
  eventTimestamp: 55,
  egressVlanId: 56,
  chapChallenge: 60,
  tunnelType: 64,
  tunnelMediumType: 65,
  eapMessage: 79,
  messageAuthenticator: 80,
  tunnelPrivateGroupId: 81,
  nasFilterRule: 92,
  errorCause: 101,
} as const;

export const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};

/** One attribute; a number is four octets. */
export function tlv(attributeType: number, value: Buffer | string | number): Buffer {
  const bytes = typeof value === 'number' ? u32(value) : Buffer.from(value);
  if (bytes.length > 253) throw new RangeError(`${bytes.length} octets do not fit an attribute`);
  return Buffer.concat([Buffer.from([attributeType, bytes.length + 2]), bytes]);
}

/** RFC 2865 §5.26. */
export const vendorSpecific = (vendor: number, value: Buffer): Buffer =>
  tlv(type.vendorSpecific, Buffer.concat([u32(vendor), value]));

/** A long value in attributes of 253 octets, the last one shorter. */
export function split(attributeType: number, value: Buffer): Buffer[] {
  const parts: Buffer[] = [];
  for (let at = 0; at < value.length; at += 253) parts.push(tlv(attributeType, value.subarray(at, at + 253)));
  return parts;
}

export function pack(packetCode: number, id: number, authenticator: Buffer, attributes: Buffer): Buffer {
  const head = Buffer.alloc(4);
  head[0] = packetCode;
  head[1] = id;
  head.writeUInt16BE(20 + attributes.length, 2);
  return Buffer.concat([head, authenticator, attributes]);
}

export const md5 = (...parts: readonly Buffer[]): Buffer => createHash('md5').update(Buffer.concat(parts)).digest();
export const hmacMd5 = (secret: string, bytes: Buffer): Buffer => createHmac('md5', secret).update(bytes).digest();
const zeros = Buffer.alloc(16);

/** Message-Authenticator that is still to be computed. */
export const unsigned: Buffer = tlv(type.messageAuthenticator, zeros);

/** Offsets of the values of all Message-Authenticators. */
function authenticatorsIn(packet: Buffer): number[] {
  const found: number[] = [];
  for (let at = 20; at + 1 < packet.length && packet[at + 1]! >= 2; at += packet[at + 1]!)
    if (packet[at] === type.messageAuthenticator && packet[at + 1] === 18) found.push(at + 2);
  return found;
}

/** RFC 3579 §3.2: over the packet with `authenticator` in its field and Message-Authenticator zeroed. */
function messageAuthenticatorOf(packet: Buffer, authenticator: Buffer, secret: string): Buffer {
  const copy = Buffer.from(packet);
  authenticator.copy(copy, 4);
  for (const at of authenticatorsIn(copy)) copy.fill(0, at, at + 16);
  return hmacMd5(secret, copy);
}

export interface RequestOptions {
  readonly id?: number;
  readonly authenticator?: Buffer;
  /** Where Message-Authenticator stands; `none`: it is left out; `wrong`: one bit of it is flipped; `twice`: both are right. */
  readonly messageAuthenticator?: 'first' | 'last' | 'none' | 'wrong' | 'twice';
}

let lastId = 0;

/** Access-Request or Status-Server: the authenticator is random (RFC 2865 §3, RFC 5997 §3). */
export function challengeable(
  packetCode: number,
  secret: string,
  attributes: readonly Buffer[],
  options: RequestOptions = {},
): Buffer {
  const { id = (lastId = (lastId + 1) % 256), authenticator = randomBytes(16) } = options;
  const { messageAuthenticator: where = 'first' } = options;
  const all = [...attributes];
  if (where === 'last') all.push(unsigned);
  else if (where === 'twice') all.unshift(unsigned, unsigned);
  else if (where !== 'none') all.unshift(unsigned);
  const packet = pack(packetCode, id, authenticator, Buffer.concat(all));
  const sum = messageAuthenticatorOf(packet, authenticator, secret);
  for (const at of authenticatorsIn(packet)) sum.copy(packet, at);
  if (where === 'wrong') packet[22]! ^= 1;
  return packet;
}

export const accessRequest = (secret: string, attributes: readonly Buffer[], options?: RequestOptions): Buffer =>
  challengeable(code.accessRequest, secret, attributes, options);

export const statusServer = (secret: string, attributes: readonly Buffer[] = [], options?: RequestOptions): Buffer =>
  challengeable(code.statusServer, secret, attributes, options);

export interface SumOptions {
  readonly id?: number;
  /** `over-zeros` is right: the field is zero while Message-Authenticator is computed, and the authenticator comes after. */
  readonly messageAuthenticator?: 'none' | 'over-zeros' | 'wrong';
}

/** Accounting-Request: the authenticator is a sum of the packet (RFC 2866 §3). */
export function accountingRequest(secret: string, attributes: readonly Buffer[], options: SumOptions = {}): Buffer {
  const { id = (lastId = (lastId + 1) % 256), messageAuthenticator = 'none' } = options;
  const all = messageAuthenticator === 'none' ? attributes : [unsigned, ...attributes];
  const packet = pack(code.accountingRequest, id, zeros, Buffer.concat(all));
  if (messageAuthenticator !== 'none') messageAuthenticatorOf(packet, zeros, secret).copy(packet, 22);
  if (messageAuthenticator === 'wrong') packet[22]! ^= 1;
  md5(packet, Buffer.from(secret)).copy(packet, 4);
  return packet;
}

export interface Attribute {
  readonly type: number;
  readonly value: Buffer;
}

export interface Parsed {
  readonly code: number;
  readonly id: number;
  readonly authenticator: Buffer;
  readonly attributes: readonly Attribute[];
  readonly bytes: Buffer;
}

/** Throws on what is not exactly one packet. */
export function parse(bytes: Buffer): Parsed {
  if (bytes.length < 20 || bytes.length > 4096 || bytes.readUInt16BE(2) !== bytes.length)
    throw new Error(`not a RADIUS packet: ${bytes.toString('hex')}`);
  const attributes: Attribute[] = [];
  for (let at = 20; at < bytes.length;) {
    const size = bytes[at + 1] ?? 0;
    if (size < 2 || at + size > bytes.length)
      throw new Error(`attribute at ${at} is malformed: ${bytes.toString('hex')}`);
    attributes.push({ type: bytes[at]!, value: bytes.subarray(at + 2, at + size) });
    at += size;
  }
  return { code: bytes[0]!, id: bytes[1]!, authenticator: bytes.subarray(4, 20), attributes, bytes };
}

export const all = ({ attributes }: Parsed, wanted: number): Buffer[] =>
  attributes.filter((attribute) => attribute.type === wanted).map(({ value }) => value);

/** The value of the only attribute of this type; null when there is none. */
export function only(packet: Parsed, wanted: number): Buffer | null {
  const [first = null, ...more] = all(packet, wanted);
  if (more.length > 0) throw new Error(`attribute ${wanted} stands ${more.length + 1} times`);
  return first;
}

/** RFC 2865 §3: MD5(Code + Identifier + Length + Request Authenticator + Attributes + Secret). */
export const hasResponseAuthenticator = (reply: Buffer, request: Buffer, secret: string): boolean =>
  md5(reply.subarray(0, 4), request.subarray(4, 20), reply.subarray(20), Buffer.from(secret)).equals(
    reply.subarray(4, 20),
  );

/** RFC 3579 §3.2: of a reply under the authenticator of its request. */
export function hasMessageAuthenticator(reply: Buffer, request: Buffer, secret: string): boolean {
  const [at, ...more] = authenticatorsIn(reply);
  if (at === undefined || more.length > 0) return false;
  return messageAuthenticatorOf(reply, request.subarray(4, 20), secret).equals(reply.subarray(at, at + 16));
}

/** RFC 5176 §3.4, RFC 2866 §3: of CoA-, Disconnect- and Accounting-Request. */
export const isSummedRequest = (request: Buffer, secret: string): boolean =>
  md5(request.subarray(0, 4), zeros, request.subarray(20), Buffer.from(secret)).equals(request.subarray(4, 20));

/** RFC 5176 §3.4: over a zeroed authenticator. */
export function isSignedOverZeros(request: Buffer, secret: string): boolean {
  const [at, ...more] = authenticatorsIn(request);
  if (at === undefined || more.length > 0) return false;
  return messageAuthenticatorOf(request, zeros, secret).equals(request.subarray(at, at + 16));
}

export interface ReplyOptions {
  /** `absent` is allowed in replies to CoA-Request. */
  readonly messageAuthenticator?: 'absent' | 'right' | 'wrong';
  readonly authenticator?: 'right' | 'wrong';
}

/** A NAS's reply to CoA- or Disconnect-Request. */
export function dynamicReply(
  request: Buffer,
  packetCode: number,
  attributes: readonly Buffer[],
  secret: string,
  { messageAuthenticator = 'right', authenticator = 'right' }: ReplyOptions = {},
): Buffer {
  const blocks = messageAuthenticator === 'absent' ? attributes : [unsigned, ...attributes];
  const reply = pack(packetCode, request[1]!, request.subarray(4, 20), Buffer.concat(blocks));
  if (messageAuthenticator !== 'absent') messageAuthenticatorOf(reply, request.subarray(4, 20), secret).copy(reply, 22);
  if (messageAuthenticator === 'wrong') reply[22]! ^= 1;
  md5(reply, Buffer.from(secret)).copy(reply, 4);
  if (authenticator === 'wrong') reply[4]! ^= 1;
  return reply;
}
