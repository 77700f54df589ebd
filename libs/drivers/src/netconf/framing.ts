import { TerminalFault } from '../driver.js';

/**
 * How messages are told apart in the stream (RFC 6242 §4).
 *
 *   1.0   MESSAGE ]]>]]>                                  hellos always, and all else where one side knows no 1.1
 *   1.1   LF # SIZE LF CHUNK  …  LF # # LF                 SIZE: 1 to 4294967295 bytes
 */
export type Framing = '1.0' | '1.1';

const endOfMessage = ']]>]]>';
/** More than any switch has lists for. */
export const mostMessageBytes = 16 * 1024 * 1024;

export function frame(message: string, framing: Framing): Buffer {
  const body = Buffer.from(message);
  if (framing === '1.0') return Buffer.concat([body, Buffer.from(endOfMessage)]);
  return Buffer.concat([Buffer.from(`\n#${body.length}\n`), body, Buffer.from('\n##\n')]);
}

/** Puts messages together from whatever pieces the stream comes in. Throws `TerminalFault` on bytes that are no such stream. */
export class MessageDecoder {
  /** The other side changes it behind its hello, and so do we. */
  framing: Framing = '1.0';
  /** What came and was not used yet is from `start` to `end`; the room behind it grows by doubling. */
  private buffer = Buffer.alloc(4096);
  private start = 0;
  private end = 0;
  /** Up to here there is no end of a message: not looked at again. */
  private searched = 0;
  private chunks: Buffer[] = [];
  private chunkBytes = 0;

  constructor(private readonly mostBytes = mostMessageBytes) {}

  push(bytes: Buffer): void {
    const pending = this.end - this.start;
    // a message and the head of its chunk; a switch sends nothing that was not asked for
    if (this.chunkBytes + pending + bytes.length > this.mostBytes + mostHeadBytes) throw tooMuch(this.mostBytes);
    if (this.end + bytes.length > this.buffer.length) {
      const larger = Buffer.alloc(2 * (pending + bytes.length));
      this.buffer.copy(larger, 0, this.start, this.end);
      [this.buffer, this.start, this.end] = [larger, 0, pending];
    }
    bytes.copy(this.buffer, this.end);
    this.end += bytes.length;
  }

  /** The next whole message; null: not here yet. One at a time, since the framing may change between two. */
  next(): string | null {
    return this.framing === '1.0' ? this.nextMarked() : this.nextChunked();
  }

  private nextMarked(): string | null {
    const bytes = this.buffer.subarray(this.start, this.end);
    const end = bytes.indexOf(endOfMessage, this.searched);
    this.searched = end < 0 ? Math.max(0, bytes.length - endOfMessage.length + 1) : 0;
    if (end < 0) return null;
    this.start += end + endOfMessage.length;
    return decode([bytes.subarray(0, end)]);
  }

  private nextChunked(): string | null {
    for (;;) {
      const head = this.readHead();
      if (head === null) return null;
      if (head.size === 'end') {
        if (this.chunks.length === 0) throw broken('a message ends before it begins');
        const message = decode(this.chunks);
        [this.chunks, this.chunkBytes] = [[], 0];
        this.start += head.bytes;
        return message;
      }
      if (this.chunkBytes + head.size > this.mostBytes) throw tooMuch(this.mostBytes);
      const from = this.start + head.bytes;
      if (this.end < from + head.size) return null;
      this.chunks.push(Buffer.from(this.buffer.subarray(from, from + head.size)));
      this.chunkBytes += head.size;
      this.start = from + head.size;
    }
  }

  /** LF # SIZE LF, or LF # # LF. */
  private readHead(): { readonly size: number | 'end'; readonly bytes: number } | null {
    const text = this.buffer.subarray(this.start, Math.min(this.end, this.start + mostHeadBytes)).toString('latin1');
    const whole = /^\n#(?:(#)|([1-9]\d{0,9}))\n/.exec(text);
    if (whole) return { size: whole[1] ? 'end' : Number(whole[2]), bytes: whole[0].length };
    if (!/^(\n(#(#|[1-9]\d{0,9})?)?)?$/.test(text)) throw broken('a chunk has no size');
    return null;
  }
}

const mostHeadBytes = 13;

function decode(parts: readonly Buffer[]): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(parts));
  } catch {
    throw broken('a message is not UTF-8');
  }
}

const broken = (why: string): TerminalFault => new TerminalFault(`the switch does not speak NETCONF: ${why}`);
const tooMuch = (bytes: number): TerminalFault =>
  new TerminalFault(`the switch sends a message of more than ${bytes} bytes`);
