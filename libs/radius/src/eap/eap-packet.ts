/** RFC 3748 §4. */
export const eapCodes = { request: 1, response: 2, success: 3, failure: 4 } as const;
export type EapCode = (typeof eapCodes)[keyof typeof eapCodes];

/** Method types (RFC 3748 §5, RFC 5216, RFC 5281, [MS-PEAP]). */
export const eapTypes = { identity: 1, notification: 2, nak: 3, tls: 13, ttls: 21, peap: 25, mschapv2: 26 } as const;

/** Methods that begin with TLS, by the names that the policy gives them. */
export const tlsMethods = { tls: eapTypes.tls, peap: eapTypes.peap, ttls: eapTypes.ttls } as const;
export type TlsMethod = keyof typeof tlsMethods;

/**
 * ```
 *  0        1            2          4        5
 *  | Code   | Identifier | Length   | Type   | Type-Data …        RFC 3748 §4
 *    Success and Failure end after Length, which is 4
 * ```
 */
export interface EapPacket {
  readonly code: EapCode;
  readonly id: number;
  /** Null: Success and Failure have none. */
  readonly type: number | null;
  /** Without the type: a view on the bytes. */
  readonly data: Buffer;
}

/** Why bytes are no EAP packet; the words are counter names. */
export type MalformedEap = 'eap-too-short' | 'eap-truncated' | 'eap-bad-length' | 'eap-unknown-code';

const headerLength = 4;
const codes: ReadonlySet<number> = new Set(Object.values(eapCodes));

/** RFC 3748 §4.1: bytes after Length are padding and ignored; a packet shorter than Length is discarded. */
export function decodeEap(bytes: Buffer): EapPacket | MalformedEap {
  if (bytes.length < headerLength) return 'eap-too-short';
  const [code, id] = [bytes[0]!, bytes[1]!];
  const length = bytes.readUInt16BE(2);
  if (length > bytes.length) return 'eap-truncated';
  if (!isCode(code)) return 'eap-unknown-code';
  const hasType = code === eapCodes.request || code === eapCodes.response;
  if (hasType ? length <= headerLength : length !== headerLength) return 'eap-bad-length';
  if (!hasType) return { code, id, type: null, data: bytes.subarray(headerLength, headerLength) };
  return { code, id, type: bytes[headerLength]!, data: bytes.subarray(headerLength + 1, length) };
}

const isCode = (code: number): code is EapCode => codes.has(code);

export function encodeEap(code: EapCode, id: number, type?: number, data: Buffer = Buffer.alloc(0)): Buffer {
  const length = headerLength + (type === undefined ? 0 : 1 + data.length);
  const out = Buffer.alloc(length);
  out[0] = code;
  out[1] = id;
  out.writeUInt16BE(length, 2);
  if (type !== undefined) {
    out[headerLength] = type;
    data.copy(out, headerLength + 1);
  }
  return out;
}
