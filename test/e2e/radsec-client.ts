import { readFileSync } from 'node:fs';
import { connect, type TLSSocket } from 'node:tls';

export interface Identity {
  /** PEM files. */
  readonly certificate: string;
  readonly key: string;
}

/** A RADIUS client over TLS that can also misbehave. */
export class RadsecClient {
  readonly received: Buffer[] = [];
  isSecure = false;
  isClosed = false;
  private rest: Buffer = Buffer.alloc(0);

  private constructor(readonly socket: TLSSocket) {
    socket.on('secureConnect', () => (this.isSecure = true));
    socket.on('data', (chunk: Buffer) => this.take(chunk));
    socket.on('error', () => undefined);
    socket.on('close', () => (this.isClosed = true));
  }

  /** Does not wait. Without an identity, no certificate is shown. */
  static open(port: number, identity: Identity | null): RadsecClient {
    const own = identity ? { cert: readFileSync(identity.certificate), key: readFileSync(identity.key) } : {};
    return new RadsecClient(connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...own }));
  }

  send(bytes: Buffer): void {
    this.socket.write(bytes);
  }

  end(): void {
    this.socket.destroy();
  }

  private take(chunk: Buffer): void {
    this.rest = Buffer.concat([this.rest, chunk]);
    while (this.rest.length >= 4 && this.rest.length >= this.rest.readUInt16BE(2)) {
      const length = this.rest.readUInt16BE(2);
      this.received.push(this.rest.subarray(0, length));
      this.rest = this.rest.subarray(length);
    }
  }
}
