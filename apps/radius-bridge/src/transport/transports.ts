import type { RadsecEntry } from '#policy/snapshot';
import { Admission } from '../clients/admission.js';
import type { Client, ClientTable } from '../clients/client-table.js';
import { ExceptionAudit } from '../clients/exception-audit.js';
import { Gate } from '../clients/gate.js';
import { judgeAccounting, judgeAuthentication } from '../clients/message-authenticator.js';
import { Strangers } from '../clients/strangers.js';
import type { CoaChannel } from '../coa/coa-channel.js';
import { CoaChannels } from '../coa/coa-channels.js';
import type { BridgeConfig } from '../config.js';
import type { Counters } from '../counters.js';
import type { Log } from '../log.js';
import type { SharedPlace } from '../responders/messages.js';
import type { SnapshotStore } from '../snapshot-store.js';
import { fullest, LoadMonitor } from './load-monitor.js';
import type { PacketHandlers } from './radsec/radsec-connection.js';
import { RadsecService } from './radsec/radsec-service.js';
import { UdpServers } from './udp-servers.js';

export interface TransportPorts {
  readonly snapshots: SnapshotStore;
  readonly counters: Counters;
  readonly log: Log;
}

export interface RadiusPorts {
  readonly authentication: number;
  readonly accounting: number;
}

/**
 * All ways of a RADIUS packet in and out, and the gates before the handlers. What a packet means is the handlers' to say.
 *
 *   UDP 1812, 1813 ─▶ UdpServers ─────┐
 *   TLS 2083 ─▶ RadsecService ────────┴▶ handler: Gate ─▶ … ─▶ send
 *        ▲ its connections, or RadsecLinks ◀── CoaChannels ◀── CoA
 */
export class Transports {
  readonly authenticationGate: Gate;
  readonly accountingGate: Gate;
  private readonly strangers = new Strangers();
  private readonly load: LoadMonitor;
  private readonly radsec: RadsecService;
  private readonly channels: CoaChannels;
  private udp: readonly [UdpServers, UdpServers] | null = null;
  private handlers: PacketHandlers | null = null;

  constructor(
    private readonly config: Pick<
      BridgeConfig,
      'authentication' | 'accounting' | 'radsec' | 'secretOf' | 'responders' | 'inherited'
    >,
    private readonly ports: TransportPorts,
  ) {
    const { counters, log } = ports;
    this.load = new LoadMonitor(() => fullest(this.udp ?? []));
    const guard = { ...ports, strangers: this.strangers, audit: new ExceptionAudit(log) };
    const admission = new Admission(() => this.isOverloaded);
    this.authenticationGate = new Gate('authentication', judgeAuthentication, { ...guard, admission });
    const accounting = new Admission(() => false);
    this.accountingGate = new Gate('accounting', judgeAccounting, { ...guard, admission: accounting });
    const handlers: PacketHandlers = {
      authentication: (...packet) => this.handlers?.authentication(...packet),
      accounting: (...packet) => this.handlers?.accounting(...packet),
      reply: (...packet) => this.handlers?.reply(...packet),
    };
    const { radsec, secretOf } = config;
    this.radsec = new RadsecService(radsec, { handlers, counters, log, read: secretOf, now: () => new Date() });
    this.channels = new CoaChannels(this.radsec, counters, log, handlers.reply, Date.now);
  }

  /** The process can't keep up: what is dear and can wait should not be begun. */
  get isOverloaded(): boolean {
    return this.load.isOverloaded;
  }

  /** How late the event loop is, or what takes turns in it, milliseconds; some times a second. */
  sampleLoad(lag: number): void {
    this.load.sample(lag);
  }

  /** Takes what a snapshot says. */
  configure(radsec: RadsecEntry | null, clients: ClientTable): void {
    this.radsec.configure(radsec, clients);
    this.channels.useMaterial();
  }

  async listen(handlers: PacketHandlers): Promise<RadiusPorts> {
    const { counters, log } = this.ports;
    this.handlers = handlers;
    const { responders, inherited } = this.config;
    const optionsFor = (name: string) => (inherited.has(name) ? { inherited: inherited.get(name)! } : {});
    const authentication = new UdpServers(this.config.authentication, handlers.authentication, counters, log, {
      isShared: responders > 0,
      ...optionsFor('authentication'),
    });
    const accounting = new UdpServers(
      this.config.accounting,
      handlers.accounting,
      counters,
      log,
      optionsFor('accounting'),
    );
    const ports = { authentication: await authentication.listen(), accounting: await accounting.listen() };
    this.udp = [authentication, accounting];
    return ports;
  }

  /** Files and addresses change beside a running bridge. */
  async refresh(): Promise<void> {
    this.radsec.refresh();
    this.channels.useMaterial();
    await Promise.all((this.udp ?? []).map((servers) => servers.followAddresses()));
  }

  /** Where responders may listen, too. */
  get shared(): readonly SharedPlace[] {
    return this.udp?.[0].places ?? [];
  }

  /** A source that is no client asked another process. */
  stranger(address: string, times: number): void {
    this.strangers.note(address, times);
  }

  /** The connection to tell a client of changes over; null: by UDP. */
  channelOf(client: Client, address: string): CoaChannel | null {
    return this.channels.of(client, address);
  }

  status() {
    return { radsec: this.radsec.status(), overloaded: this.isOverloaded, unknownClients: this.strangers.toJSON() };
  }

  async close(): Promise<void> {
    this.channels.closeAll();
    await Promise.all((this.udp ?? []).map((servers) => servers.close()));
    await this.radsec.stop();
  }
}
