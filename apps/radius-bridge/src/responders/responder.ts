import { accessFor, decodeSnapshot } from '#policy/snapshot';
import { AuthenticationHandler, type AuthenticationPorts } from '../authentication/authentication-handler.js';
import { renderGrant } from '../authentication/authorization.js';
import { DecisionIds } from '../authentication/decision-id.js';
import { decisionLog } from '../authentication/decision-log.js';
import { Admission } from '../clients/admission.js';
import { ExceptionAudit } from '../clients/exception-audit.js';
import { Gate } from '../clients/gate.js';
import { judgeAuthentication } from '../clients/message-authenticator.js';
import { Strangers } from '../clients/strangers.js';
import type { BridgeConfig } from '../config.js';
import { Counters } from '../counters.js';
import { DeviceIndex } from '../device-index.js';
import { watchEventLoop } from '../event-loop-lag.js';
import type { AuthenticationNote } from '../journal/recorder.js';
import type { Log } from '../log.js';
import { ownUdpSockets } from '../metrics/udp-sockets.js';
import type { Acceptance } from '../sessions/session-table.js';
import { SnapshotStore } from '../snapshot-store.js';
import { fullest, LoadMonitor } from '../transport/load-monitor.js';
import { isIpv6Socket } from '../transport/inherited-sockets.js';
import type { Source } from '../transport/source.js';
import { UdpServer, type UdpServerOptions } from '../transport/udp-server.js';
import type { Decided, FromResponder, SharedPlace, ToResponder } from './messages.js';

const tellMilliseconds = 5;
const mostUntold = 200;
const reportMilliseconds = 1000;
/** The owner can't keep up: devices are answered all the same, like those that a full session table has no room for. */
const mostUnsent = 50_000;
/** A switch has asked again meanwhile. */
const forwardedMilliseconds = 30_000;

interface Forwarded {
  readonly send: (reply: Buffer) => void;
  readonly at: number;
}

/**
 * Answers MAC authentication beside the owner of the port (see responders.ts), which is the parent of this process, until it ends. What it
 * decides it tells the owner some milliseconds later; what it can't decide it hands on.
 */
export class Responder {
  private readonly counters = new Counters();
  private readonly devices = new DeviceIndex();
  private readonly strangers = new Strangers();
  private readonly snapshots: SnapshotStore;
  private readonly load = new LoadMonitor(() => fullest([...this.servers.values()]));
  private readonly handler: AuthenticationHandler;
  private readonly servers = new Map<string, UdpServer>();
  private readonly forwarded = new Map<number, Forwarded>();
  private forwards = 0;
  /** Of the decision that is being written down: its note follows at once. */
  private accepted: Acceptance | null = null;
  private untold: Decided[] = [];
  private unsent = 0;
  private timer: NodeJS.Timeout | null = null;

  constructor(
    { secretOf, logDecisions }: BridgeConfig,
    private readonly log: Log,
    private readonly send: (message: FromResponder, done?: () => void) => void,
  ) {
    const { counters, devices, strangers } = this;
    const source = {
      decode: decodeSnapshot,
      secretOf,
      accessFor,
      renderGrant,
      onTaken: () => undefined,
      onStaged: () => undefined,
    };
    const snapshots = (this.snapshots = new SnapshotStore(source, log));
    const admission = new Admission(() => this.load.isOverloaded);
    const guard = { snapshots, counters, strangers, admission, audit: new ExceptionAudit(log) };
    const gate = new Gate('authentication', judgeAuthentication, guard);
    const ports: AuthenticationPorts = {
      snapshots,
      devices,
      counters,
      gate,
      sessions: { accepted: (acceptance) => this.accept(acceptance) },
      recorder: { authentication: (note) => this.note(note) },
      central: (...packet) => this.forward(...packet),
    };
    this.handler = new AuthenticationHandler(
      ports,
      new DecisionIds(),
      Date.now,
      logDecisions ? decisionLog(log) : null,
    );
    watchEventLoop((lag) => {
      counters.took('event-loop.lag', lag);
      this.load.sample(lag);
    });
    setInterval(() => void this.report(), reportMilliseconds);
  }

  /** Rejects, or throws, when this process would not decide what its owner decides: then it must not answer. */
  async receive(message: ToResponder): Promise<void> {
    switch (message.type) {
      case 'snapshot':
        this.snapshots.take(message.json);
        return;
      case 'rollout':
        this.snapshots.stage(message.json);
        return;
      case 'orders':
        this.devices.order(message.orders);
        return;
      case 'devices':
        this.devices.apply(message.reset, message.revision, message.changes);
        return;
      case 'settled':
        this.devices.settle();
        return;
      case 'places':
        return this.serveAt(message.places);
      case 'take-over':
        return this.takeOver(message.sockets);
      case 'reply':
        this.forwarded.get(message.request)?.send(message.reply);
        this.forwarded.delete(message.request);
    }
  }

  /** Calls back when the owner has been told everything. */
  async close(done: () => void): Promise<void> {
    await Promise.all([...this.servers.values()].map((server) => server.close()));
    this.tell();
    const counted = this.counters.take();
    this.send({ type: 'report', report: { counted, sockets: [], strangers: {} } }, done);
  }

  private accept(acceptance: Acceptance): boolean {
    this.accepted = acceptance;
    return this.unsent < mostUnsent;
  }

  private note(note: AuthenticationNote): void {
    const acceptance = this.accepted;
    this.accepted = null;
    if (this.unsent >= mostUnsent) return;
    this.untold.push({ at: note.at, note, acceptance, revision: this.devices.revision });
    if (this.untold.length >= mostUntold) this.tell();
    else this.timer ??= setTimeout(() => this.tell(), tellMilliseconds);
  }

  private tell(): void {
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
    const all = this.untold;
    this.untold = [];
    this.unsent += all.length;
    this.send({ type: 'decided', all }, () => (this.unsent -= all.length));
  }

  private forward(datagram: Buffer, { address, port, via = 0 }: Source, send: (reply: Buffer) => void): void {
    const request = this.forwards++;
    this.forwarded.set(request, { send, at: performance.now() });
    this.send({ type: 'forward', request, datagram, address, port, via });
  }

  private async serveAt(places: readonly SharedPlace[]): Promise<void> {
    for (const [host, server] of this.servers) {
      if (places.some((place) => place.host === host)) continue;
      this.servers.delete(host);
      await server.close();
    }
    for (const { host, port, via } of places)
      if (!this.servers.has(host)) await this.serve(host, port, { via, isShared: true });
  }

  private async takeOver(sockets: Extract<ToResponder, { type: 'take-over' }>['sockets']): Promise<void> {
    for (const { descriptor, via } of sockets)
      await this.serve(isIpv6Socket(descriptor) ? '::' : '0.0.0.0', 0, { via, descriptor });
  }

  private async serve(host: string, port: number, options: UdpServerOptions): Promise<void> {
    const onFault = (reason: string): void => this.log('error', 'fault while handling a datagram', { reason });
    const server = new UdpServer(host, (...packet) => this.handler.handle(...packet), this.counters, onFault, options);
    await server.listen(port);
    this.servers.set(server.host, server);
  }

  private async report(): Promise<void> {
    const oldest = performance.now() - forwardedMilliseconds;
    for (const [request, { at }] of this.forwarded) {
      if (at > oldest) break;
      this.forwarded.delete(request);
    }
    const sockets = await ownUdpSockets();
    const { addresses } = this.strangers.take();
    const counted = this.counters.take();
    this.send({ type: 'report', report: { counted, sockets, strangers: addresses } });
  }
}
