import { constants } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import type { Listening } from '../../config.js';
import type { Counters } from '../../counters.js';
import { contextOf, type TlsMaterial } from './tls-material.js';

const handshakeMilliseconds = 10_000;
/** Handshakes cost what hundreds of MAC authentications do, and whoever asks for one has proved nothing yet. */
const mostHandshakes = 64;
const mostHandshakesPerAddress = 16;
const mostConnections = 4096;

/** The listening sockets of RADIUS over TLS. It proves that a client has a certificate of an authority; whose it is, `onSecured` says. */
export class RadsecServer {
  private readonly servers: Server[] = [];
  /** Addresses of those that shake hands, by address and port. */
  private readonly handshakes = new Map<string, string>();
  private bound = 0;

  constructor(
    private readonly listening: Listening,
    private readonly counters: Counters,
    private readonly onSecured: (socket: TLSSocket) => void,
    private readonly onRefused: (address: string, reason: string) => void,
  ) {}

  get port(): number {
    return this.bound;
  }

  get isListening(): boolean {
    return this.servers.length > 0;
  }

  async listen(material: TlsMaterial): Promise<void> {
    this.bound = this.listening.port;
    for (const host of tcpHosts(this.listening.hosts)) {
      const server = this.create(material);
      this.servers.push(server);
      server.listen(this.bound, host);
      await once(server, 'listening');
      this.bound = (server.address() as AddressInfo).port;
    }
  }

  /** For connections from now on. */
  use(material: TlsMaterial): void {
    for (const server of this.servers) server.setSecureContext({ ...contextOf(material), ...always });
  }

  async close(): Promise<void> {
    const listening = this.servers.splice(0).filter((server) => server.listening);
    await Promise.all(listening.map((server) => new Promise<void>((done) => server.close(() => done()))));
  }

  private create(material: TlsMaterial): Server {
    const server = createServer({
      ...contextOf(material),
      ...always,
      requestCert: true,
      // Judged below, so that the reason can be told.
      rejectUnauthorized: false,
      handshakeTimeout: handshakeMilliseconds,
    });
    server.maxConnections = mostConnections;
    server.on('connection', (socket: Socket) => this.begin(socket));
    server.on('secureConnection', (socket) => this.secured(socket));
    server.on('tlsClientError', (error, socket) => {
      this.counters.add('radsec.handshakes.failed');
      this.onRefused(socket.remoteAddress ?? '', `TLS: ${wordsOf(error)}`);
    });
    server.on('drop', () => this.counters.add('radsec.refused.too-many-connections'));
    return server;
  }

  private begin(socket: Socket): void {
    this.counters.add('radsec.handshakes');
    const address = socket.remoteAddress ?? '';
    const own = [...this.handshakes.values()].filter((one) => one === address).length;
    if (this.handshakes.size >= mostHandshakes || own >= mostHandshakesPerAddress) {
      this.counters.add('radsec.refused.too-many-handshakes');
      socket.destroy();
      return;
    }
    const key = keyOf(socket);
    this.handshakes.set(key, address);
    socket.once('close', () => this.handshakes.delete(key));
  }

  private secured(socket: TLSSocket): void {
    this.handshakes.delete(keyOf(socket));
    // A socket without a listener for errors ends the process.
    socket.on('error', () => undefined);
    if (socket.authorized) {
      this.onSecured(socket);
      return;
    }
    this.counters.add('radsec.refused.certificate');
    this.onRefused(socket.remoteAddress ?? '', `the certificate is not accepted: ${String(socket.authorizationError)}`);
    socket.destroy();
  }
}

/** No resumption: each connection shows its certificate, and OpenSSL proves it, lists of revoked ones included. */
const always = { secureOptions: constants.SSL_OP_NO_TICKET, sessionIdContext: 'cordon-radsec' };

/** A connection has the address that its client chose, so one socket serves all. */
function tcpHosts(hosts: readonly string[]): string[] {
  if (hosts.includes('::')) return ['::'];
  return hosts.includes('0.0.0.0') ? ['0.0.0.0', ...hosts.filter((host) => host.includes(':'))] : [...new Set(hosts)];
}

const keyOf = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress} ${remotePort}`;

/** OpenSSL's own words, where there are. */
const wordsOf = (error: Error): string => ('reason' in error ? String(error.reason) : error.message);
