import { Module, type DynamicModule, type Provider } from '@nestjs/common';
import { APP_FILTER, APP_GUARD } from '@nestjs/core';
import { join } from 'node:path';
import { systemClock, type Clock } from '#base';
import { watchCluster } from '#drivers';
import { PolicySource, ProposalRepository } from '#gitops';
import { AuthGuard } from './auth/auth.guard.js';
import { TokensController } from './auth/tokens.controller.js';
import { TokenStore } from './auth/tokens.js';
import { BackupController } from './backup/backup.controller.js';
import { openDatabase } from './backup/open-database.js';
import { BridgeController } from './bridge/bridge.controller.js';
import { EventIntake } from './bridge/event-intake.js';
import { enforcementOverview } from './closed-loop/overview.js';
import { BridgeFeed } from './bridge/feed.js';
import type { Config } from './config.js';
import { CredentialStore } from './credentials/credential-store.js';
import { CredentialsController } from './credentials/credentials.controller.js';
import { DeniedFlowStore } from './denied/denied-flow-store.js';
import { FlowsController } from './denied/flows.controller.js';
import { CandidateController } from './candidates/candidate.controller.js';
import { CandidateLoop } from './candidates/candidate-loop.js';
import { CandidateStore } from './candidates/candidate-store.js';
import { DenialIntake } from './denied/denial-intake.js';
import { DeviceStore } from './devices/device-store.js';
import { DevicesController } from './devices/devices.controller.js';
import { DropCounts } from './enforcement/drop-counts.js';
import { InventoryController } from './devices/inventory.controller.js';
import { EnforcementController } from './enforcement/enforcement.controller.js';
import { EnforcementLoop } from './enforcement/enforcement-loop.js';
import { ErrorsFilter } from './errors.filter.js';
import { AuthenticationStore } from './history/authentication-store.js';
import { AuthenticationStream } from './history/authentication-stream.js';
import { Historian } from './history/historian.js';
import { HooksController } from './forges/hooks.controller.js';
import { Hooks } from './forges/hooks.js';
import { LookNow } from './forges/look-now.js';
import { ProposalsController } from './forges/proposals.controller.js';
import { Proposals } from './forges/proposals.js';
import { ApprovalAsker } from './forges/approval-asker.js';
import { StatusSender } from './forges/status-sender.js';
import { HistoryController } from './history/history.controller.js';
import { HistoryStore } from './history/history-store.js';
import { Retention } from './history/retention.js';
import { Lifecycle } from './lifecycle.js';
import { Log } from './log.js';
import { ControllerMetrics } from './metrics/controller-metrics.js';
import { MetricsController } from './metrics/metrics.controller.js';
import { Permissions } from './permissions/permissions.js';
import { describePolicy } from './policy/describe-policy.js';
import { isPolicyFile } from './policy/evaluate.js';
import { NotedChanges } from './policy/noted-changes.js';
import { PolicyController } from './policy/policy.controller.js';
import { PolicyHistoryController } from './policy/policy-history.controller.js';
import { PolicyLoop } from './policy/policy-loop.js';
import { PolicyStore } from './policy/policy-store.js';
import { BreakGlassController } from './orders/break-glass.controller.js';
import { OrderStore } from './orders/order-store.js';
import { RolloutLoop } from './rollouts/rollout-loop.js';
import { RolloutStore } from './rollouts/rollout-store.js';
import { RolloutsController } from './rollouts/rollouts.controller.js';
import { LiveSessions } from './sessions/live-sessions.js';
import { SeenFlowStore } from './seen/seen-flow-store.js';
import { SeenFlowsController } from './seen/seen-flows.controller.js';
import { SeenIntake } from './seen/seen-intake.js';
import { SessionStore } from './sessions/session-store.js';
import { SessionsController } from './sessions/sessions.controller.js';
import { AuditController } from './status/audit.controller.js';
import { StatusController } from './status/status.controller.js';
import { Database } from './store/database.js';
import type { RolloutRow } from './store/rows.js';
import { SuspicionStore } from './suspicions/suspicion-store.js';
import { SuspicionsController } from './suspicions/suspicions.controller.js';
import { Turns } from './turns.js';
import { Wakeups } from './wakeups.js';
import { WebhookSender } from './webhooks/webhook-sender.js';
import { WorkloadStore } from './workloads/workload-store.js';
import { WorkloadWatch } from './workloads/workload-watch.js';
import { clockToken, configToken, firstAdminTokenKey } from './wiring.js';

/*
 *   clusters ─▶ WorkloadWatch (addresses of services) ─┐
 *   PolicySource ─▶ PolicyLoop ◀───────────────────────┘ ◀── Hooks (a forge says: look now)
 *                       ├────────┐ ◀── RolloutLoop (stages) ┌─▶ BridgeFeed ──▶ bridges
 *   DeviceStore, CredentialStore ┼─▶ Wakeups ("look again")┤
 *   EventIntake ─▶ sessions ─────┘                        └─▶ EnforcementLoop ──▶ enforcement points
 *           ├▶ suspicions ─▶ postures of devices
 *   PolicySource (a branch in audit) ─▶ CandidateLoop ─▶ EnforcementLoop (watches, changes no verdict)
 *           ├▶ what people must hear of ─▶ outbox ─▶ WebhookSender
 *           ├▶ what became of a commit ─▶ outbox ─▶ StatusSender, ApprovalAsker ─▶ the forge
 *           └▶ authentications, session changes ─▶ AuthenticationStream, Historian ◀─ who asks why
 *
 * All of them keep their state in the one Database.
 */

const mebibyte = 1024 * 1024;

const gitTimeoutSeconds = 30;
const limits = { files: 2000, bytes: 32 * mebibyte, repositoryBytes: 256 * mebibyte, memoryBytes: 1024 * mebibyte };

function policySource(
  { policy, data, environment }: Config,
  mirror = 'policy.git',
  { reference }: Pick<Config['policy'], 'reference'> = policy,
): PolicySource {
  return new PolicySource({
    repository: policy.repository,
    reference,
    mirror: join(data, 'controller', mirror),
    environment,
    timeoutSeconds: gitTimeoutSeconds,
    limits,
    access: policy.access,
    trust: policy.trust,
    accept: isPolicyFile,
  });
}

/** In a mirror of its own: what is proposed stays apart from what may come into force. */
function proposals(config: Config, workloads: WorkloadStore, database: Database, clock: Clock): Proposals {
  const { policy, data, environment, forge } = config;
  const folder = 'proposals.git';
  const repository = new ProposalRepository({
    repository: policy.repository,
    mirror: join(data, 'controller', folder),
    access: { ...config.proposals.access, knownHostsFile: policy.access.knownHostsFile },
    environment,
    timeoutSeconds: gitTimeoutSeconds,
    limits: { file: limits.repositoryBytes, memory: limits.memoryBytes },
  });
  const { reference } = policy;
  const branch = reference.kind === 'branch' ? reference.name : null;
  const ports = { source: policySource(config, folder), repository, workloads, database, clock };
  return new Proposals(ports, { branch, folder: policy.path, forge, token: config.proposals.token });
}

function controllerMetrics(
  { version }: Config,
  policy: PolicyLoop,
  policies: PolicyStore,
  devices: DeviceStore,
  sessions: SessionStore,
  feed: BridgeFeed,
  enforcement: EnforcementLoop,
  authentications: AuthenticationStore,
  stream: AuthenticationStream,
  suspicions: SuspicionStore,
  rollouts: RolloutLoop,
  orders: OrderStore,
  webhooks: WebhookSender,
  hooks: Hooks,
  statuses: StatusSender,
  approvals: ApprovalAsker,
  live: LiveSessions,
  clock: Clock,
): ControllerMetrics {
  return new ControllerMetrics(async () => ({
    version,
    policy: await describePolicy(policy, policies),
    devices: await devices.countByClassAndPosture(),
    openSessions: await sessions.countOpen(),
    enforcement: await enforcementOverview(
      live,
      { enforced: rollouts.enforced, orders: orders.current, points: enforcement },
      'site',
      clock.now(),
    ),
    rollout: rollouts.current?.row ?? null,
    breakGlass: orders.current.breakGlass.length,
    inUse: await devices.countInUse(),
    feeds: feed.connections,
    bridges: await sessions.bridges(),
    points: enforcement.states(),
    counters: enforcement.counters(),
    authentications: (await authentications.bounds()).last,
    streams: stream.clients,
    suspicions: await suspicions.count(),
    webhooks: await webhooks.state(),
    hooks: hooks.counts(),
    statuses: await statuses.state(),
    approvals: await approvals.state(),
  }));
}

const factories: Provider[] = [
  { provide: clockToken, useValue: systemClock },
  { provide: Wakeups, useFactory: () => new Wakeups() },
  { provide: Turns, useFactory: () => new Turns() },
  { provide: Permissions, useFactory: () => Permissions.load() },
  {
    provide: Database,
    inject: [configToken, Turns, clockToken, Log],
    useFactory: (config: Config, turns: Turns, clock: Clock, log: Log) =>
      openDatabase(join(config.data, 'controller'), () => turns.take(), clock, log),
  },
  {
    provide: firstAdminTokenKey,
    inject: [Database, clockToken, configToken],
    useFactory: (database: Database, clock: Clock, config: Config) => TokenStore.open(database, clock, config),
  },
  {
    provide: TokenStore,
    inject: [firstAdminTokenKey],
    useFactory: (opened: Awaited<ReturnType<typeof TokenStore.open>>) => opened.store,
  },
  { provide: PolicyStore, inject: [Database], useFactory: (database: Database) => new PolicyStore(database) },
  { provide: PolicySource, inject: [configToken], useFactory: (config: Config) => policySource(config) },
  {
    provide: PolicyLoop,
    inject: [configToken, PolicySource, PolicyStore, RolloutStore, DropCounts, WorkloadStore, Wakeups, clockToken, Log],
    useFactory: (
      { policy }: Config,
      source: PolicySource,
      store: PolicyStore,
      rollouts: RolloutStore,
      drops: DropCounts,
      workloads: WorkloadStore,
      wakeups: Wakeups,
      clock: Clock,
      log: Log,
    ) => {
      const baseline = async () => ({
        lastAuthentication: await rollouts.lastAuthentication(),
        denied: drops.baseline(),
        acknowledged: { refused: 0, rejected: 0, missing: 0 },
      });
      return new PolicyLoop({ source, baseline, store, workloads, wakeups, clock, log }, policy);
    },
  },
  {
    provide: Hooks,
    inject: [Database, PolicyLoop, configToken, clockToken, Log],
    useFactory: (database: Database, policy: PolicyLoop, { hookSecrets }: Config, clock: Clock, log: Log) =>
      new Hooks({ database, look: new LookNow(policy, log), clock, log }, hookSecrets),
  },
  { provide: WorkloadStore, inject: [Database], useFactory: (database: Database) => new WorkloadStore(database) },
  {
    provide: WorkloadWatch,
    inject: [PolicyLoop, Wakeups, Log],
    useFactory: (policy: PolicyLoop, wakeups: Wakeups, log: Log) =>
      new WorkloadWatch({ policy, wakeups, log, watchCluster, random: Math.random }),
  },
  {
    provide: DeviceStore,
    inject: [Database, clockToken, Wakeups],
    useFactory: (database: Database, clock: Clock, wakeups: Wakeups) => new DeviceStore(database, clock, wakeups),
  },
  {
    provide: CredentialStore,
    inject: [Database, clockToken, Wakeups],
    useFactory: (database: Database, clock: Clock, wakeups: Wakeups) => new CredentialStore(database, clock, wakeups),
  },
  { provide: DropCounts, useFactory: () => new DropCounts() },
  { provide: RolloutStore, inject: [Database], useFactory: (database: Database) => new RolloutStore(database) },
  {
    provide: OrderStore,
    inject: [Database, clockToken, Wakeups],
    useFactory: (database: Database, clock: Clock, wakeups: Wakeups) => new OrderStore(database, clock, wakeups),
  },
  {
    provide: RolloutLoop,
    inject: [PolicyLoop, RolloutStore, LiveSessions, DropCounts, Wakeups, Turns, clockToken, Log],
    useFactory: (
      policy: PolicyLoop,
      store: RolloutStore,
      sessions: LiveSessions,
      drops: DropCounts,
      wakeups: Wakeups,
      turns: Turns,
      clock: Clock,
      log: Log,
    ) => {
      const denied = ({ seen }: RolloutRow, sites: ReadonlySet<string>) => drops.compare(seen.denied, sites);
      return new RolloutLoop({ policy, store, sessions, wakeups, turns, clock, log, denied });
    },
  },
  { provide: SessionStore, inject: [Database], useFactory: (database: Database) => new SessionStore(database) },
  {
    provide: LiveSessions,
    inject: [Database, OrderStore],
    useFactory: (database: Database, orders: OrderStore) => new LiveSessions(database, orders),
  },
  {
    provide: AuthenticationStore,
    inject: [Database],
    useFactory: (database: Database) => new AuthenticationStore(database),
  },
  {
    provide: AuthenticationStream,
    inject: [AuthenticationStore, Wakeups],
    useFactory: (store: AuthenticationStore, wakeups: Wakeups) => new AuthenticationStream(store, wakeups),
  },
  {
    provide: Historian,
    inject: [Database, PolicyStore, PolicySource, configToken, clockToken],
    useFactory: (database: Database, policies: PolicyStore, source: PolicySource, { policy }: Config, clock: Clock) => {
      const originOf = (commit: string, file: string, line: number) =>
        source.lineOrigin(commit, policy.path, file, line);
      return new Historian({ store: new HistoryStore(database), policies, originOf, clock });
    },
  },
  {
    provide: Retention,
    inject: [Database, clockToken, configToken, Log],
    useFactory: (database: Database, clock: Clock, { history }: Config, log: Log) =>
      new Retention(database, clock, history, (error) =>
        log.error('history could not be shortened', { problem: String(error) }),
      ),
  },
  {
    provide: BridgeFeed,
    inject: [Database, PolicyLoop, RolloutLoop, OrderStore, Wakeups, Turns],
    useFactory: (
      database: Database,
      policy: PolicyLoop,
      rollouts: RolloutLoop,
      orders: OrderStore,
      wakeups: Wakeups,
      turns: Turns,
    ) => new BridgeFeed(database, { policy, rollouts, orders }, wakeups, turns),
  },
  {
    provide: EventIntake,
    inject: [Database, Turns, LiveSessions, BridgeFeed, PolicyLoop, Wakeups, clockToken, configToken, Log],
    useFactory: (
      database: Database,
      turns: Turns,
      live: LiveSessions,
      feed: BridgeFeed,
      policy: PolicyLoop,
      wakeups: Wakeups,
      clock: Clock,
      config: Config,
      log: Log,
    ) => new EventIntake(database, turns, live, feed, policy, wakeups, clock, config.history, log),
  },
  {
    provide: SuspicionStore,
    inject: [Database, clockToken],
    useFactory: (database: Database, clock: Clock) => new SuspicionStore(database, clock),
  },
  {
    provide: CandidateStore,
    inject: [Database],
    useFactory: (database: Database) => new CandidateStore(database),
  },
  {
    provide: CandidateLoop,
    inject: [
      configToken,
      PolicyLoop,
      PolicyStore,
      PolicySource,
      CandidateStore,
      WorkloadStore,
      Wakeups,
      clockToken,
      Log,
    ],
    useFactory: (
      config: Config,
      policy: PolicyLoop,
      policies: PolicyStore,
      source: PolicySource,
      store: CandidateStore,
      workloads: WorkloadStore,
      wakeups: Wakeups,
      clock: Clock,
      log: Log,
    ) => {
      const { reference, path, pollSeconds } = config.policy;
      const ownBranch = reference.kind === 'branch' ? reference.name : null;
      // In a mirror of its own, as what is proposed.
      const sourceOf = (name: string): PolicySource =>
        policySource(config, 'candidate.git', { reference: { kind: 'branch', name } });
      const hasTakenUp = (commit: string, head: string | null): Promise<boolean> =>
        source.hasTakenUp(commit, head).catch(() => false);
      const ports = { policy, policies, sourceOf, hasTakenUp, store, workloads, wakeups, clock, log };
      return new CandidateLoop(ports, { path, pollSeconds, ownBranch });
    },
  },
  { provide: DeniedFlowStore, inject: [Database], useFactory: (database: Database) => new DeniedFlowStore(database) },
  {
    provide: DenialIntake,
    inject: [DeniedFlowStore, SeenFlowStore, EnforcementLoop, clockToken],
    useFactory: (denied: DeniedFlowStore, seen: SeenFlowStore, enforcement: EnforcementLoop, clock: Clock) =>
      new DenialIntake({ denied, seen }, enforcement, clock),
  },
  { provide: SeenFlowStore, inject: [Database], useFactory: (database: Database) => new SeenFlowStore(database) },
  {
    provide: SeenIntake,
    inject: [SeenFlowStore, LiveSessions, clockToken],
    useFactory: (store: SeenFlowStore, sessions: LiveSessions, clock: Clock) => new SeenIntake(store, sessions, clock),
  },
  {
    provide: EnforcementLoop,
    inject: [
      configToken,
      RolloutLoop,
      CandidateLoop,
      LiveSessions,
      Database,
      DropCounts,
      clockToken,
      Wakeups,
      Turns,
      Log,
    ],
    useFactory: (
      { resyncSeconds, version }: Config,
      policy: RolloutLoop,
      candidate: CandidateLoop,
      sessions: LiveSessions,
      database: Database,
      drops: DropCounts,
      clock: Clock,
      wakeups: Wakeups,
      turns: Turns,
      log: Log,
    ) =>
      new EnforcementLoop(
        { policy, candidate, sessions, database, drops, wakeups, turns, clock, log },
        resyncSeconds,
        version,
      ),
  },
  {
    provide: WebhookSender,
    inject: [Database, configToken, clockToken, Log],
    useFactory: (database: Database, { webhook }: Config, clock: Clock, log: Log) =>
      new WebhookSender({ database, clock, random: Math.random, log }, webhook),
  },
  { provide: Proposals, inject: [configToken, WorkloadStore, Database, clockToken], useFactory: proposals },
  {
    provide: StatusSender,
    inject: [Database, configToken, clockToken, Log],
    useFactory: (database: Database, { forge }: Config, clock: Clock, log: Log) =>
      new StatusSender({ database, clock, random: Math.random, log }, forge),
  },
  {
    provide: ApprovalAsker,
    inject: [Database, configToken, clockToken, Log],
    useFactory: (database: Database, { forge }: Config, clock: Clock, log: Log) =>
      new ApprovalAsker({ database, clock, random: Math.random, log }, forge),
  },
  {
    provide: NotedChanges,
    inject: [configToken, PolicyStore, PolicySource, WorkloadStore, Wakeups, Log],
    useFactory: (
      { policy }: Config,
      store: PolicyStore,
      source: PolicySource,
      workloads: WorkloadStore,
      wakeups: Wakeups,
      log: Log,
    ) => new NotedChanges({ store, source, workloads, wakeups, log }, policy.path),
  },
  {
    provide: ControllerMetrics,
    inject: [
      configToken,
      PolicyLoop,
      PolicyStore,
      DeviceStore,
      SessionStore,
      BridgeFeed,
      EnforcementLoop,
      AuthenticationStore,
      AuthenticationStream,
      SuspicionStore,
      RolloutLoop,
      OrderStore,
      WebhookSender,
      Hooks,
      StatusSender,
      ApprovalAsker,
      LiveSessions,
      clockToken,
    ],
    useFactory: controllerMetrics,
  },
  { provide: APP_GUARD, useClass: AuthGuard },
  { provide: APP_FILTER, inject: [Log], useFactory: (log: Log) => new ErrorsFilter(log) },
  Lifecycle,
];

@Module({
  controllers: [
    DevicesController,
    InventoryController,
    CredentialsController,
    SessionsController,
    SuspicionsController,
    HistoryController,
    PolicyController,
    PolicyHistoryController,
    CandidateController,
    BridgeController,
    EnforcementController,
    RolloutsController,
    HooksController,
    ProposalsController,
    BreakGlassController,
    FlowsController,
    SeenFlowsController,
    TokensController,
    AuditController,
    StatusController,
    BackupController,
    MetricsController,
  ],
})
export class AppModule {
  static with(config: Config, log: Log): DynamicModule {
    const values = [
      { provide: configToken, useValue: config },
      { provide: Log, useValue: log },
    ];
    return { module: AppModule, providers: [...values, ...factories] };
  }
}
