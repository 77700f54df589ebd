import { Duplex } from 'node:stream';

/** A connection's far end without a socket: what the peer says is pushed, what TLS says is kept until it is taken. */
export class Wire extends Duplex {
  private sent: Buffer[] = [];
  /** Grows with each thing that TLS says. */
  writes = 0;

  override _read(): void {
    // The peer's next message comes when it comes.
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.sent.push(chunk);
    this.writes++;
    done();
  }

  takeOutput(): Buffer {
    const output = Buffer.concat(this.sent);
    this.sent = [];
    return output;
  }
}
