import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { code, dynamicReply, only, parse, type, type Parsed } from './wire.js';

/** Null: silence. */
export type Behaviour = (request: Buffer) => Buffer | null;

/** A switch's port for dynamic authorization (RFC 5176), in bytes. It acknowledges, but of a device that a test says otherwise of. */
export class DynamicPort {
  readonly requests: Buffer[] = [];
  /** Where the latest request came from. */
  source = 0;
  private readonly behaviours = new Map<string, Behaviour>();
  private readonly socket = createSocket('udp4');
  private changed = Promise.withResolvers<void>();

  constructor(private readonly secret: string) {}

  async listen(address = '127.0.0.1'): Promise<number> {
    this.socket.on('message', (request, { port }) => {
      this.source = port;
      this.requests.push(request);
      const behaviour = this.behaviours.get(stationOf(request)) ?? this.acknowledge;
      const reply = behaviour(request);
      if (reply) this.reply(reply);
      this.changed.resolve();
      this.changed = Promise.withResolvers();
    });
    this.socket.bind(0, address);
    await once(this.socket, 'listening');
    return this.socket.address().port;
  }

  close(): void {
    this.socket.close();
  }

  on(mac: string, behaviour: Behaviour): void {
    this.behaviours.set(mac, behaviour);
  }

  /** Everything that still waits for an answer has it: a switch takes only so many requests at once. */
  settle(): void {
    this.behaviours.clear();
    for (const request of this.requests) this.reply(this.acknowledge(request));
    this.requests.length = 0;
  }

  /** Requests about this MAC, once there are so many. */
  async about(mac: string, count = 1, milliseconds = 20_000): Promise<Buffer[]> {
    const deadline = performance.now() + milliseconds;
    for (;;) {
      const found = this.requests.filter((request) => stationOf(request) === mac);
      if (found.length >= count) return found;
      const left = deadline - performance.now();
      if (left <= 0) throw new Error(`${found.length} of ${count} requests about ${mac} within ${milliseconds} ms`);
      let timer: NodeJS.Timeout | undefined;
      await Promise.race([this.changed.promise, new Promise((resolve) => (timer = setTimeout(resolve, left)))]);
      clearTimeout(timer);
    }
  }

  private readonly acknowledge = (request: Buffer): Buffer =>
    dynamicReply(request, request[0] === code.coaRequest ? code.coaAck : code.disconnectAck, [], this.secret);

  private reply(reply: Buffer): void {
    this.socket.send(reply, this.source, '127.0.0.1');
  }
}

function stationOf(request: Buffer): string {
  const packet: Parsed = parse(request);
  return only(packet, type.callingStationId)?.toString().toLowerCase().replaceAll('-', ':') ?? '';
}
