import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** The way from the bridge to the controller: a TCP proxy on loopback that can be cut, refused and held up. */
export class Link {
  private server: Server | null = null;
  private readonly pairs = new Set<readonly [Socket, Socket]>();
  private isStalled = false;
  private target = 0;
  private port = 0;

  /** The port of the controller, which is another after each of its starts. */
  leadTo(port: number): void {
    this.target = port;
  }

  /** Its URL is the same each time. */
  async open(): Promise<string> {
    if (this.server) return this.url;
    const server = createServer((near) => this.join(near));
    this.server = server;
    server.listen(this.port, '127.0.0.1');
    await once(server, 'listening');
    this.port = (server.address() as AddressInfo).port;
    return this.url;
  }

  private get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Connections are closed, and new ones refused until `open`. */
  async cut(): Promise<void> {
    const { server } = this;
    this.server = null;
    for (const [near, far] of this.pairs) {
      near.destroy();
      far.destroy();
    }
    if (server) await new Promise<void>((resolve) => server.close(() => resolve()));
  }

  /** Connections stay, and new ones are taken, but nothing comes through until `release`. */
  stall(): void {
    this.isStalled = true;
    for (const pair of this.pairs) hold(pair);
  }

  release(): void {
    this.isStalled = false;
    for (const pair of this.pairs) flow(pair);
  }

  private join(near: Socket): void {
    const far = connect(this.target, '127.0.0.1');
    const pair = [near, far] as const;
    this.pairs.add(pair);
    const end = (): void => {
      this.pairs.delete(pair);
      near.destroy();
      far.destroy();
    };
    for (const socket of pair) socket.on('error', end).on('close', end);
    if (!this.isStalled) flow(pair);
  }
}

function flow([near, far]: readonly [Socket, Socket]): void {
  near.pipe(far);
  far.pipe(near);
}

function hold([near, far]: readonly [Socket, Socket]): void {
  near.unpipe(far).pause();
  far.unpipe(near).pause();
}
