import type { TLSSocket } from 'node:tls';
import type { RadsecEntry } from '#policy/snapshot';
import type { ClientTable } from '../../clients/client-table.js';
import type { Listening, SecretLookup } from '../../config.js';
import type { Counters } from '../../counters.js';
import { reasonOf, type Log } from '../../log.js';
import { readPeerCertificate } from './peer-certificate.js';
import { RadsecConnection, type PacketHandlers } from './radsec-connection.js';
import { RadsecServer } from './radsec-server.js';
import { readMaterial, type TlsMaterial } from './tls-material.js';

const notInPolicy = 'the policy has no network/radsec.yaml';
const mostPerClient = 64;
/** One line per address in this time: whoever is refused may try for ever. */
const quietMilliseconds = 60_000;
const mostRemembered = 1000;

export interface RadsecPorts {
  readonly handlers: PacketHandlers;
  readonly counters: Counters;
  readonly log: Log;
  readonly read: (reference: string) => SecretLookup;
  readonly now: () => Date;
}

/**
 * RADIUS over TLS (RFC 6614): which connections there are and whose they are. A certificate is judged when its connection
 * begins, and again when files or policy change. What was served before goes on being served where the new can't be.
 */
export class RadsecService {
  private readonly server: RadsecServer;
  private readonly connections = new Map<string, Set<RadsecConnection>>();
  private readonly refusedAt = new Map<string, number>();
  private entry: RadsecEntry | null = null;
  private clients: ClientTable | null = null;
  private material: TlsMaterial | null = null;
  private opening: Promise<void> = Promise.resolve();
  /** Why TLS is not served; null: it is. */
  problem: string | null = notInPolicy;

  constructor(
    listening: Listening,
    private readonly ports: RadsecPorts,
  ) {
    this.server = new RadsecServer(
      listening,
      ports.counters,
      (socket) => this.secured(socket),
      (address, reason) => this.refused(address, reason),
    );
  }

  /** What outgoing connections show and believe; null: nothing that is usable. */
  get tls(): TlsMaterial | null {
    return this.material;
  }

  /** Takes what a snapshot says. */
  configure(entry: RadsecEntry | null, clients: ClientTable): void {
    this.entry = entry;
    this.clients = clients;
    this.refresh();
  }

  /** Reads the files anew: certificates and revocation lists are replaced beside a running bridge. */
  refresh(): void {
    const { entry } = this;
    if (entry) this.take(entry);
    else this.close('not-served');
    this.review();
  }

  /** The connection that a client opened last. */
  connectionOf(nas: string): RadsecConnection | null {
    return [...(this.connections.get(nas) ?? [])].at(-1) ?? null;
  }

  status() {
    const connections = [...this.connections].map(([nas, own]) => [nas, own.size] as const);
    return {
      port: this.server.isListening ? this.server.port : null,
      problem: this.problem,
      connections: Object.fromEntries(connections),
    };
  }

  async stop(): Promise<void> {
    this.entry = null;
    this.close('bridge-ends');
    await this.opening;
  }

  private take(entry: RadsecEntry): void {
    const { read, log } = this.ports;
    try {
      const before = this.material;
      const material = readMaterial(entry, read);
      if (material.digest === before?.digest && this.problem === null) return;
      this.material = material;
      this.server.use(material);
      if (before && before.authoritiesDigest !== material.authoritiesDigest) this.endAll('authorities-changed');
      if (!this.server.isListening) this.open(material);
      else this.problem = null;
    } catch (error) {
      const problem = reasonOf(error);
      if (problem !== this.problem) log('error', 'RADIUS over TLS: what the policy names is not usable', { problem });
      this.problem = problem;
    }
  }

  private open(material: TlsMaterial): void {
    const { log } = this.ports;
    this.opening = this.opening
      .then(() => this.server.listen(material))
      .then(
        () => {
          if (!this.entry) return;
          this.problem = null;
          log('info', 'RADIUS over TLS is served', { port: this.server.port });
        },
        async (error: unknown) => {
          this.problem = reasonOf(error);
          log('error', 'RADIUS over TLS: can not listen', { problem: this.problem });
          await this.server.close();
        },
      );
  }

  private close(reason: string): void {
    this.problem = notInPolicy;
    this.material = null;
    this.endAll(reason);
    this.opening = this.opening.then(() => this.server.close());
  }

  /** Who may not be here any more: revoked, ended, or no client of this policy. */
  private review(): void {
    const now = this.ports.now();
    for (const connection of this.all()) {
      const { certificate, address, nas } = connection;
      const found = this.clients?.ofCertificate(certificate.names, address);
      if (!found || 'reason' in found || found.nas.name !== nas) connection.end('no-client-any-more');
      else if (certificate.validUntil < now) connection.end('certificate-ended');
      else if (this.material?.revocations.has(certificate)) connection.end('certificate-revoked');
    }
  }

  private secured(socket: TLSSocket): void {
    const { counters, handlers, log } = this.ports;
    const address = socket.remoteAddress ?? '';
    const shown = socket.getPeerX509Certificate();
    if (!shown || !this.clients || !this.entry) {
      socket.destroy();
      return;
    }
    const certificate = readPeerCertificate(shown);
    const client = this.clients.ofCertificate(certificate.names, address);
    if ('reason' in client) {
      counters.add('radsec.refused.unknown-client');
      this.refused(address, client.reason);
      socket.destroy();
      return;
    }
    const nas = client.nas.name;
    const own = this.connections.get(nas) ?? new Set();
    if (own.size >= mostPerClient) {
      counters.addFor(nas, 'radsec.refused.too-many-connections');
      socket.destroy();
      return;
    }
    const connection = new RadsecConnection(socket, nas, certificate, this.entry.idleTimeout, {
      handlers,
      counters,
      onFault: (reason) => log('error', 'fault while handling a packet', { reason }),
      onEnd: (ended, reason) => this.ended(ended, reason),
    });
    this.connections.set(nas, own.add(connection));
    counters.addFor(nas, 'radsec.connections');
    log('info', 'RADIUS client connected over TLS', { nas, address, tls: socket.getProtocol() });
  }

  private ended(connection: RadsecConnection, reason: string): void {
    const { nas, address } = connection;
    const own = this.connections.get(nas);
    own?.delete(connection);
    if (own?.size === 0) this.connections.delete(nas);
    this.ports.counters.addFor(nas, `radsec.ended.${reason}`);
    this.ports.log('info', 'RADIUS client disconnected', { nas, address, reason });
  }

  private refused(address: string, reason: string): void {
    const now = this.ports.now().getTime();
    const last = this.refusedAt.get(address);
    if (last !== undefined && now - last < quietMilliseconds) return;
    if (this.refusedAt.size >= mostRemembered) this.refusedAt.clear();
    this.refusedAt.set(address, now);
    this.ports.log('warn', 'connection refused: RADIUS over TLS', { address, reason });
  }

  private endAll(reason: string): void {
    for (const connection of this.all()) connection.end(reason);
  }

  private all(): RadsecConnection[] {
    return [...this.connections.values()].flatMap((own) => [...own]);
  }
}
