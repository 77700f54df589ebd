import { ordersSchema, type StagedPolicy } from '#model';
import { accessFor, decodeSnapshot, type Snapshot } from '#policy/snapshot';
import { AccountingHandler } from './accounting/accounting-handler.js';
import { AccountingSessions } from './accounting/accounting-sessions.js';
import { AclDownloads } from './authentication/acl-downloads.js';
import { AuthenticationHandler } from './authentication/authentication-handler.js';
import { renderGrant } from './authentication/authorization.js';
import { DecisionIds } from './authentication/decision-id.js';
import { decisionLog } from './authentication/decision-log.js';
import { DecisionRecorder } from './authentication/decision-recorder.js';
import { CoaClient } from './coa/coa-client.js';
import { CoaReconciler } from './coa/coa-reconciler.js';
import type { BridgeConfig } from './config.js';
import { EventSender } from './controller/event-sender.js';
import { FeedClient } from './controller/feed-client.js';
import { feedReceiver } from './controller/feed-receiver.js';
import { Counters } from './counters.js';
import { CredentialIndex } from './credential-index.js';
import { DeviceIndex } from './device-index.js';
import { EapService } from './eap/eap-service.js';
import { EapWorkers } from './eap/eap-workers.js';
import { watchEventLoop } from './event-loop-lag.js';
import { HealthServer } from './health-server.js';
import { Journal } from './journal/journal.js';
import { Recorder } from './journal/recorder.js';
import { reasonOf, type Log } from './log.js';
import { BridgeMetrics } from './metrics/bridge-metrics.js';
import type { BridgeState } from './metrics/state-metrics.js';
import type { Decided } from './responders/messages.js';
import { Responders } from './responders/responders.js';
import { ClaimedCertificates } from './rest/claimed-certificates.js';
import { RestAuthorization } from './rest/rest-authorization.js';
import { RestServer } from './rest/rest-server.js';
import { DeliveryWatch } from './sessions/delivery-watch.js';
import { SessionTable } from './sessions/session-table.js';
import { SessionsElsewhere } from './sessions/sessions-elsewhere.js';
import { readTracked } from './sessions/tracked-session.js';
import { SnapshotStore, type ActivePolicy } from './snapshot-store.js';
import type { PacketHandlers } from './transport/radsec/radsec-connection.js';
import { Transports } from './transport/transports.js';
import { Turns } from './turns.js';

const maxSessions = 500_000;
const housekeepingMilliseconds = 30_000;
const defaultSessionTimeout = 86_400;

export interface BridgePorts {
  readonly authentication: number;
  readonly accounting: number;
  readonly http: number;
}

/**
 * The wiring of the bridge and its life: what is on disk is loaded first, then the sockets open, then the link to the
 * controller starts. Nothing here decides.
 *
 *   NAS ─▶ Transports ─▶ AuthenticationHandler ─▶ SnapshotStore, DeviceIndex         controller
 *                     │     └▶ EapService ─▶ EapWorkers (processes)                     │     ▲
 *                     └─▶ AccountingHandler ─▶ AccountingSessions ─▶ SessionTable      │     ▲
 *   FreeRADIUS ─▶ RestServer ─▶ RestAuthorization ─▶ the same as AuthenticationHandler │     │
 *   NAS ◀─ CoaClient ◀─ CoaReconciler ◀──────── changed ◀────────── FeedClient ◀───────┘     │
 *                       SessionTable ─▶ Recorder ─▶ Journal (disk) ─▶ EventSender ───────────┘
 */
export class Bridge {
  private readonly counters = new Counters();
  private readonly devices = new DeviceIndex();
  private readonly credentials = new CredentialIndex();
  private readonly snapshots: SnapshotStore;
  private readonly sessions: SessionTable;
  private readonly delivery: DeliveryWatch;
  private readonly recorder: Recorder;
  private readonly sender: EventSender;
  private readonly reconciler: CoaReconciler;
  private readonly feed: FeedClient;
  private readonly transports: Transports;
  private readonly handlers: PacketHandlers;
  private readonly health: HealthServer;
  private readonly certificates: ClaimedCertificates;
  private readonly rest: RestServer | null;
  private readonly eapWorkers: EapWorkers;
  private readonly eap: EapService;
  private readonly responders: Responders;
  private housekeeping: NodeJS.Timeout | null = null;
  private takenAt: number | null = null;
  private ports: BridgePorts | null = null;
  private readonly unwatch: () => void;

  private constructor(
    private readonly config: BridgeConfig,
    private readonly journal: Journal,
    private readonly log: Log,
  ) {
    const { counters, devices, credentials } = this;
    const now = (): Date => new Date();
    const decisionIds = new DecisionIds();
    // A bridge that lost its disk numbers from 1 again; under the old name the controller would take that for old news.
    const bridge = `${config.bridgeId}/${journal.loaded.instance}`;
    const controller = { url: config.controllerUrl, bridge, token: config.controllerToken };
    const fault = (where: string, reason: string): void => {
      counters.add('faults');
      log('error', `fault ${where}`, { reason });
    };
    const turns = new Turns((error) => fault('in 802.1X', reasonOf(error)));
    this.eapWorkers = new EapWorkers(config.eapWorkers, { devices, credentials }, turns, Date.now, log);
    this.eap = new EapService(this.eapWorkers, config.secretOf, counters, log, Date.now);
    this.certificates = new ClaimedCertificates(config.secretOf, log);
    const downloads = new AclDownloads();
    const onTaken = (snapshot: Snapshot, { clients }: ActivePolicy): void => {
      this.takenAt = Date.now();
      this.sender.notify();
      this.eap.configure(snapshot.eap);
      this.certificates.configure(snapshot.eap);
      this.transports.configure(snapshot.radsec, clients);
      downloads.taken(snapshot);
      this.responders.taken(snapshot);
    };
    const onStaged = (staged: StagedPolicy | null, { snapshot, next, clients }: ActivePolicy): void => {
      this.transports.configure(snapshot.radsec, clients);
      if (next) downloads.taken(next);
      this.responders.staged(staged);
    };
    this.snapshots = new SnapshotStore(
      { decode: decodeSnapshot, secretOf: config.secretOf, accessFor, renderGrant, onTaken, onStaged },
      log,
    );
    this.transports = new Transports(config, { snapshots: this.snapshots, counters, log });
    this.unwatch = watchEventLoop((lag) => {
      counters.took('event-loop.lag', lag);
      this.transports.sampleLoad(Math.max(lag, turns.behind));
    });
    const { authenticationGate, accountingGate } = this.transports;
    const answersBy = (): string | null => this.snapshots.current?.snapshot.digest ?? null;
    this.sender = new EventSender(controller, journal, counters, log, answersBy);
    this.recorder = new Recorder(journal, counters, Date.now, () => this.sender.notify());
    this.sessions = new SessionTable(maxSessions, {
      onChange: (tracked) => this.recorder.session(tracked),
      onRefresh: (tracked) => this.recorder.refreshed(tracked),
      onForgotten: (id) => this.recorder.forget(id),
      onAccepted: (tracked, isRepeated) => this.delivery.accepted(tracked, isRepeated),
    });
    this.delivery = new DeliveryWatch(this.sessions, counters, log, Date.now);
    const shared = { snapshots: this.snapshots, devices, sessions: this.sessions, recorder: this.recorder, counters };
    const client = new CoaClient(counters);
    const channelOf = this.transports.channelOf.bind(this.transports);
    this.reconciler = new CoaReconciler(
      { ...shared, credentials, client, channelOf, log, delivery: this.delivery },
      decisionIds,
      now,
    );
    const elsewhere = new SessionsElsewhere(this.sessions, this.snapshots, log, now);
    const indexes = { devices, credentials };
    const receiver = feedReceiver(this.snapshots, indexes, journal, this.reconciler, elsewhere, counters, {
      changed: (...change) => this.responders.devicesChanged(...change),
      reset: () => this.responders.devicesReset(),
      ordered: (orders) => this.responders.ordered(orders),
    });
    this.feed = new FeedClient(controller, receiver, counters, log);
    const logDecision = config.logDecisions ? decisionLog(log) : null;
    const ports = { ...shared, central: { downloads, turns, eap: this.eap }, gate: authenticationGate };
    const authentication = new AuthenticationHandler(ports, decisionIds, Date.now, logDecision);
    const responderPorts = {
      devices,
      counters,
      log,
      serve: authentication.take.bind(authentication),
      decided: (decided: Decided) => this.decidedElsewhere(decided),
      stranger: (address: string, times: number) => this.transports.stranger(address, times),
    };
    this.responders = new Responders(config.responders, responderPorts, config.inherited);
    const accountingSessions = new AccountingSessions(
      this.sessions,
      devices,
      this.snapshots,
      counters,
      log,
      now,
      this.delivery,
    );
    const accountingPorts = { ...shared, sessions: accountingSessions, gate: accountingGate };
    const accounting = new AccountingHandler(accountingPorts, Date.now);
    const decisions = new DecisionRecorder(shared, decisionIds, Date.now);
    const restPorts = { ...shared, credentials, certificates: this.certificates, decisions };
    const asked = new RestAuthorization(restPorts, decisionIds, Date.now, logDecision);
    const onRestFault = (reason: string): void => fault('on the port of FreeRADIUS', reason);
    this.rest = config.rest && new RestServer(config.rest, asked.answer.bind(asked), onRestFault);
    this.handlers = {
      authentication: authentication.handle.bind(authentication),
      accounting: accounting.handle.bind(accounting),
      reply: client.receive.bind(client),
    };
    const pages = {
      health: () => this.status(),
      counters: () => ({ ...this.status(), ...counters.toJSON() }),
      metrics: new BridgeMetrics(counters, () => this.state()),
    };
    this.health = new HealthServer(config.http, pages, (reason) => log('error', 'fault on the HTTP port', { reason }));
  }

  /** `onDead`: the journal is gone, and with it the ability to acknowledge anything; the process should end. */
  static async open(config: BridgeConfig, log: Log, onDead: (reason: string) => void): Promise<Bridge> {
    const journal = await Journal.open(config.dataFolder, {
      onFailure: (reason) => log('error', 'the journal can not be written; accounting waits', { reason }),
      onDead,
    });
    return new Bridge(config, journal, log);
  }

  async start(): Promise<BridgePorts> {
    this.load();
    const listening = await this.transports.listen(this.handlers);
    this.responders.serveAt(this.transports.shared);
    const ports = (this.ports = { ...listening, http: await this.health.listen() });
    if (this.rest) this.log('info', 'FreeRADIUS may ask', { port: await this.rest.listen() });
    this.feed.start();
    this.sender.start();
    this.reconciler.ordersChanged();
    this.housekeeping = setInterval(() => this.keepHouse(), housekeepingMilliseconds);
    return ports;
  }

  async stop(): Promise<void> {
    if (this.housekeeping) clearInterval(this.housekeeping);
    this.unwatch();
    await Promise.all([this.transports.close(), this.health.close(), this.rest?.close()]);
    await this.responders.close();
    await this.eapWorkers.close();
    await this.feed.close();
    this.reconciler.close();
    this.delivery.close();
    this.recorder.writeRepeated(Number.POSITIVE_INFINITY);
    this.recorder.writeRefreshed();
    this.recorder.flush();
    await this.sender.close();
    await this.journal.close();
  }

  private load(): void {
    const { snapshot, documents, devices, revision, credentials, credentialRevision, sessions } = this.journal.loaded;
    this.journal.forgetLists();
    this.devices.load(devices, revision);
    this.credentials.load(credentials, credentialRevision);
    for (const list of sessions) {
      for (const stored of JSON.parse(list) as unknown[]) {
        const { tracked, isCompleted } = readTracked(stored);
        this.sessions.load(tracked);
        if (isCompleted) this.recorder.session(tracked);
      }
    }
    if (documents.orders !== undefined) this.devices.order(ordersSchema.parse(JSON.parse(documents.orders)));
    if (snapshot === null) {
      this.log('warn', 'no snapshot on disk: silent until the controller sends one');
      return;
    }
    try {
      this.snapshots.take(JSON.parse(snapshot));
      if (documents.rollout !== undefined) this.snapshots.stage(JSON.parse(documents.rollout));
    } catch (error) {
      this.log('error', 'the snapshot on disk is not usable', { problem: reasonOf(error) });
    }
  }

  /** A responder knows what we knew some milliseconds ago: where we know more, the session is looked at again. */
  private decidedElsewhere({ at, note, acceptance, revision }: Decided): void {
    if (acceptance && !this.sessions.accepted(acceptance, at)) this.counters.add('sessions.untracked');
    this.recorder.authentication(note);
    const isStale =
      revision !== this.devices.revision || !this.snapshots.current?.authorizer.hasDigest(note.snapshotDigest);
    if (acceptance && isStale) this.reconciler.reviewDevice(acceptance.mac);
  }

  private keepHouse(): void {
    this.recorder.writeRepeated();
    this.eap.refresh();
    this.certificates.refresh();
    void this.transports.refresh().then(() => this.responders.serveAt(this.transports.shared));
    const timeouts = new Map(this.snapshots.current?.snapshot.nas.map((nas) => [nas.name, nas.sessionTimeout]));
    this.sessions.expire(new Date(), (nas) => timeouts.get(nas) ?? defaultSessionTimeout);
    this.reconciler.reviewAll();
  }

  private status() {
    const policy = this.snapshots.current;
    return {
      ready: policy !== null,
      bridge: this.config.bridgeId,
      snapshot: policy?.snapshot.digest ?? null,
      rollout: policy?.next?.digest ?? null,
      refusedSnapshot: this.snapshots.refused,
      commit: policy?.snapshot.provenance.commit ?? null,
      eapProblem: this.eap.problem,
      ...this.transports.status(),
      clientsWithoutSecret: policy?.clients.unusable ?? [],
      devices: this.devices.size,
      revision: this.devices.revision,
      credentials: this.credentials.size,
      sessions: this.sessions.size,
      spool: this.journal.spooled,
      unwritten: this.journal.backlog,
      coaBacklog: this.reconciler.backlog,
      controller: { connected: this.feed.isConnected, problem: this.feed.problem },
    };
  }
  /** For Prometheus. */
  private state(): BridgeState {
    const { ready, snapshot, commit, refusedSnapshot, devices, spool, unwritten, coaBacklog, controller } =
      this.status();
    const { running, restarts, backlog } = this.eapWorkers.state;
    const policy = this.snapshots.current;
    return {
      version: this.config.version,
      ready,
      snapshot,
      commit,
      snapshotTakenAt: this.takenAt,
      isSnapshotRefused: refusedSnapshot !== null,
      clients: policy?.snapshot.nas.length ?? 0,
      clientsWithoutSecret: policy?.clients.unusable.length ?? 0,
      devices,
      openSessions: this.sessions.countOpen(),
      spool,
      unwritten,
      coaBacklog,
      isControllerConnected: controller.connected,
      eap: {
        isServed: this.eap.problem === null,
        conversations: this.eap.open,
        workersRunning: running,
        restarts,
        backlog,
      },
      responders: this.responders.state,
      sharedSockets: this.responders.sockets,
      ports: { authentication: this.ports?.authentication ?? 0, accounting: this.ports?.accounting ?? 0 },
    };
  }
}
