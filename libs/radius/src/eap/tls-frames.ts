/*
 * TLS records in the Type-Data of EAP-TLS (RFC 5216 §3.1):
 *
 *   | Flags: L M S 0 0 0 0 0 | TLS Message Length (4), where L is set | TLS Data …
 */

const flags = { length: 0x80, more: 0x40, start: 0x20 } as const;
const lengthSize = 4;

/** The first Type-Data of a conversation: only the Start flag, because some supplicants refuse a length beside it. */
export const startFrame: Buffer = Buffer.from([flags.start]);

export interface TlsFrame {
  /** Of the whole TLS message, where the frame says it. */
  readonly length: number | null;
  readonly more: boolean;
  readonly start: boolean;
  readonly data: Buffer;
}

/** Null: not framed as the RFC says. */
export function decodeTlsFrame(typeData: Buffer): TlsFrame | null {
  const first = typeData[0];
  if (first === undefined) return null;
  const hasLength = (first & flags.length) !== 0;
  if (hasLength && typeData.length < 1 + lengthSize) return null;
  return {
    length: hasLength ? typeData.readUInt32BE(1) : null,
    more: (first & flags.more) !== 0,
    start: (first & flags.start) !== 0,
    data: typeData.subarray(hasLength ? 1 + lengthSize : 1),
  };
}

/** Cuts a TLS message into the Type-Data of one request after another, each at most `most` bytes. */
export class OutgoingMessage {
  private at = 0;

  constructor(
    private readonly message: Buffer,
    private readonly most: number,
  ) {
    if (most <= 1 + lengthSize) throw new RangeError(`fragments of ${most} bytes have no room for TLS data`);
  }

  get isDone(): boolean {
    return this.at === this.message.length;
  }

  /** RFC 5216 §2.1.5: the first of several fragments names the length of all. */
  next(): Buffer {
    const rest = this.message.length - this.at;
    const isFirstOfMany = this.at === 0 && rest > this.most - 1;
    const room = this.most - 1 - (isFirstOfMany ? lengthSize : 0);
    const data = this.message.subarray(this.at, this.at + room);
    this.at += data.length;
    const head = Buffer.alloc(isFirstOfMany ? 1 + lengthSize : 1);
    head[0] = (isFirstOfMany ? flags.length : 0) | (this.isDone ? 0 : flags.more);
    if (isFirstOfMany) head.writeUInt32BE(this.message.length, 1);
    return Buffer.concat([head, data]);
  }
}

/** A client's longest flight is its certificate chain; whoever sends more than this wants our memory. */
export const mostIncoming = 64 * 1024;

/** Puts the fragments of one TLS message together. */
export class IncomingMessage {
  private readonly parts: Buffer[] = [];
  private size = 0;
  private announced: number | null = null;

  /** `more`: a fragment is missing; the whole message once it is there; `refused`: too long, or not as long as was said. */
  add({ length, more, data }: TlsFrame): Buffer | 'more' | 'refused' {
    if (length !== null) {
      if (length > mostIncoming || (this.announced !== null && this.announced !== length)) return 'refused';
      this.announced = length;
    }
    this.size += data.length;
    if (this.size > (this.announced ?? mostIncoming)) return 'refused';
    this.parts.push(data);
    if (more) return data.length === 0 ? 'refused' : 'more';
    if (this.announced !== null && this.size !== this.announced) return 'refused';
    return Buffer.concat(this.parts);
  }
}
