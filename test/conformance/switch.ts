import type { RemoteInfo, Socket } from 'node:dgram';
import {
  code,
  hasMessageAuthenticator,
  hasResponseAuthenticator,
  parse,
  statusServer,
  tlv,
  type,
  type Parsed,
} from './wire.js';

/** Pumps of the sample policy. */
export const pump = '00:1a:2b:3c:4d:5e';
export const otherPump = '00:1a:2b:3c:4d:60';
/** In quarantine. */
export const quarantined = '00:1a:2b:3c:4d:61';

interface Received {
  readonly bytes: Buffer;
  readonly from: RemoteInfo;
}

/** A busy machine is no fault of the bridge. */
const patience = 20_000;

/** A switch's RADIUS client: datagrams out, replies in. It believes nothing that is not signed. */
export class Switch {
  private readonly received: Received[] = [];
  private changed = Promise.withResolvers<void>();

  constructor(
    private readonly socket: Socket,
    private readonly address: string,
    readonly secret: string,
    private readonly ports: Readonly<Record<PortName, number>>,
    private readonly counters: () => Promise<Record<string, number>>,
  ) {
    socket.on('message', (bytes, from) => {
      this.received.push({ bytes, from });
      this.changed.resolve();
      this.changed = Promise.withResolvers();
    });
  }

  close(): void {
    this.socket.close();
  }

  get port(): number {
    return this.socket.address().port;
  }

  /** Replies that nobody has taken yet. */
  get waiting(): number {
    return this.received.length;
  }

  /** To the port that takes such packets, or to another. Resolves when the kernel has it. */
  send(datagram: Buffer, port: PortName = portFor(datagram)): Promise<void> {
    return new Promise((resolve, reject) => {
      const host = this.address.includes(':') ? '::1' : '127.0.0.1';
      this.socket.send(datagram, this.ports[port], host, (error) => (error ? reject(error) : resolve()));
    });
  }

  async next(milliseconds = patience): Promise<Received> {
    const deadline = performance.now() + milliseconds;
    while (this.received.length === 0) {
      const left = deadline - performance.now();
      if (left <= 0) throw new Error(`no reply within ${milliseconds} ms`);
      let timer: NodeJS.Timeout | undefined;
      await Promise.race([this.changed.promise, new Promise((resolve) => (timer = setTimeout(resolve, left)))]);
      clearTimeout(timer);
    }
    return this.received.shift()!;
  }

  /** The bytes of the reply, whatever they are. */
  async exchange(datagram: Buffer, port?: PortName): Promise<Buffer> {
    await this.send(datagram, port);
    return (await this.next()).bytes;
  }

  /** The reply, proved to be one to this request. */
  async ask(request: Buffer): Promise<Parsed> {
    return this.prove(request, await this.exchange(request));
  }

  prove(request: Buffer, reply: Buffer): Parsed {
    const parsed = parse(reply);
    if (parsed.id !== request[1]) throw new Error(`reply ${parsed.id} to request ${request[1]}`);
    if (!hasResponseAuthenticator(reply, request, this.secret)) throw new Error('the response authenticator is wrong');
    const mayLack = parsed.code === code.accountingResponse;
    if (!mayLack && !hasMessageAuthenticator(reply, request, this.secret))
      throw new Error('Message-Authenticator of the reply is wrong');
    return parsed;
  }

  /**
   * The counters that grew because of a datagram that gets no reply. A request behind it that must be answered shows that it
   * was read: the bridge takes datagrams of a socket in order. `known`: a switch that may ask, where this one may not.
   */
  async unanswered(datagram: Buffer, port: PortName = 'authentication', known: Switch = this): Promise<string[]> {
    const before = await this.counters();
    await this.send(datagram, port);
    const probe = statusServer(known.secret);
    await known.send(probe, port);
    const { bytes } = await known.next();
    if (!hasResponseAuthenticator(bytes, probe, known.secret) || this.waiting > 0)
      throw new Error(`there was a reply: ${bytes.toString('hex')}`);
    return Object.keys(grownSince(before, await this.counters()))
      .filter(isOutcome)
      .sort();
  }

  /** As `unanswered`, for what waits for its turn or is a worker's to discard: that takes its time. */
  async untilDropped(datagram: Buffer): Promise<string[]> {
    const before = await this.counters();
    const isDrop = (name: string): boolean => name.includes('.dropped.');
    await this.send(datagram);
    const deadline = performance.now() + patience;
    for (;;) {
      const names = Object.keys(grownSince(before, await this.counters())).filter(isOutcome);
      if (names.some(isDrop)) {
        if (this.waiting > 0) throw new Error(`there was a reply, and ${names.join()}`);
        return names;
      }
      if (performance.now() > deadline) throw new Error(`not dropped: ${names.join()}`);
    }
  }
}

const isOutcome = (name: string): boolean =>
  /^(authentication|accounting)\./.test(name) && !/\.(requests|status-server)$/.test(name);

export type PortName = 'authentication' | 'accounting';

const portFor = (datagram: Buffer): PortName =>
  datagram[0] === code.accountingRequest ? 'accounting' : 'authentication';

/** What a switch says of a MAC on a port when it authenticates it by its address. */
export const mab = (mac = pump, more: readonly Buffer[] = []): Buffer[] => [
  tlv(type.userName, mac.replaceAll(':', '')),
  tlv(type.callingStationId, mac.replaceAll(':', '-').toUpperCase()),
  tlv(type.nasPort, 7),
  ...more,
];

/** Counters that grew, and by how much. */
export function grownSince(before: Record<string, number>, after: Record<string, number>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(after).flatMap(([name, value]) => {
      const by = value - (before[name] ?? 0);
      return by === 0 ? [] : [[name, by]];
    }),
  );
}
