import { networkInterfaces } from 'node:os';
import type { Listening } from '../config.js';
import type { Counters } from '../counters.js';
import { reasonOf, type Log } from '../log.js';
import { isWildcard, localAddresses } from './local-addresses.js';
import type { PacketHandler } from './source.js';
import type { SharedPlace } from '../responders/messages.js';
import { UdpServer } from './udp-server.js';

const mostTries = 10;

/** One RADIUS port on all addresses that it is served on. */
export class UdpServers {
  private readonly servers = new Map<string, UdpServer>();
  private bound = 0;

  constructor(
    private readonly listening: Listening,
    private readonly handler: PacketHandler,
    private readonly counters: Counters,
    private readonly log: Log,
    private readonly isShared = false,
  ) {}

  /** Resolves to the port, the same on all addresses. Fails when one of them can't be had. */
  async listen(): Promise<number> {
    const addresses = this.addresses();
    for (let tries = 1; ; tries++) {
      try {
        for (const address of addresses) this.bound = await this.open(address, this.bound || this.listening.port);
        return this.bound;
      } catch (error) {
        await this.close();
        this.bound = 0;
        // The system chose a port that is free on one address and taken on another.
        if (this.listening.port !== 0 || addresses.length === 1 || tries === mostTries) throw error;
      }
    }
  }

  /** With a wildcard: addresses come and go, those that move between machines too. */
  async followAddresses(): Promise<void> {
    if (!this.listening.hosts.some(isWildcard)) return;
    const wanted = new Set(this.addresses());
    for (const [address, server] of this.servers) {
      if (wanted.has(address)) continue;
      this.servers.delete(address);
      this.log('info', 'an address is gone', { address, port: this.bound });
      await server.close();
    }
    for (const address of wanted) {
      if (this.servers.has(address)) continue;
      try {
        await this.open(address, this.bound);
        this.log('info', 'listens on a new address', { address, port: this.bound });
      } catch (error) {
        // Tentative, or taken by another program: looked at again at the next round.
        this.counters.add('socket.errors');
        this.log('warn', 'can not listen on an address', { address, port: this.bound, reason: reasonOf(error) });
      }
    }
  }

  /** Where other processes may listen, too. */
  get places(): SharedPlace[] {
    return [...this.servers].map(([host, { via }]) => ({ host, port: this.bound, via }));
  }

  get port(): number {
    return this.bound;
  }

  get receiveBufferSize(): number {
    return Math.min(...[...this.servers.values()].map((server) => server.receiveBufferSize));
  }

  async close(): Promise<void> {
    const servers = [...this.servers.values()];
    this.servers.clear();
    await Promise.all(servers.map((server) => server.close()));
  }

  private addresses(): string[] {
    return localAddresses(this.listening.hosts, networkInterfaces());
  }

  private async open(address: string, port: number): Promise<number> {
    const onFault = (reason: string): void => this.log('error', 'fault while handling a datagram', { reason });
    const server = new UdpServer(address, this.handler, this.counters, onFault, { isShared: this.isShared });
    try {
      const bound = await server.listen(port);
      this.servers.set(address, server);
      return bound;
    } catch (error) {
      await server.close();
      throw error;
    }
  }
}
