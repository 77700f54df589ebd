/** A header has a few short lines. A file of a policy has 1 MiB at the most, and a message one file: what is longer is no editor. */
const mostHeader = 4096;
const mostBody = 16 << 20;

/** What follows can't be told from what came before any more. */
export class BrokenFraming extends Error {}

/**
 * Cuts a stream into messages of the language server protocol, base protocol:
 *
 *   Content-Length: 52\r\n
 *   (other headers)\r\n
 *   \r\n
 *   52 bytes of JSON, UTF-8
 */
export class MessageReader {
  private readonly chunks: Buffer[] = [];
  private length = 0;
  /** Bytes of the body that is awaited; null: a header is. */
  private wanted: number | null = null;

  /** Texts of messages that are whole now. */
  push(chunk: Buffer): string[] {
    this.chunks.push(chunk);
    this.length += chunk.length;
    const messages: string[] = [];
    for (;;) {
      if (this.wanted === null && !this.takeHeader()) return messages;
      if (this.length < this.wanted!) return messages;
      messages.push(this.take(this.wanted!).toString('utf8'));
      this.wanted = null;
    }
  }

  /** Only bytes of a header are looked at again when more come: a body is put together once. */
  private takeHeader(): boolean {
    const all = this.joined();
    const end = all.subarray(0, mostHeader).indexOf('\r\n\r\n');
    if (end < 0) {
      if (all.length >= mostHeader) throw new BrokenFraming(`a header has no end within ${mostHeader} bytes`);
      return false;
    }
    const header = this.take(end + 4).toString('latin1');
    const lengths = [...header.matchAll(/^content-length:[ \t]*(\d{1,10})[ \t]*\r$/gim)];
    const length = Number(lengths[0]?.[1] ?? Number.NaN);
    if (lengths.length !== 1) throw new BrokenFraming('a header must have Content-Length, once');
    if (length > mostBody) throw new BrokenFraming(`a message has ${length} bytes, more than ${mostBody}`);
    this.wanted = length;
    return true;
  }

  private take(length: number): Buffer {
    const all = this.joined();
    this.chunks[0] = all.subarray(length);
    this.length -= length;
    return all.subarray(0, length);
  }

  private joined(): Buffer {
    const all = this.chunks.length === 1 ? this.chunks[0]! : Buffer.concat(this.chunks);
    this.chunks.splice(0, this.chunks.length, all);
    return all;
  }
}

export function frame(message: unknown): string {
  const text = JSON.stringify(message);
  return `Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`;
}
