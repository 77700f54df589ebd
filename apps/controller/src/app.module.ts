import { Module, type DynamicModule, type Provider } from '@nestjs/common';
import { APP_FILTER, APP_GUARD } from '@nestjs/core';
import { join } from 'node:path';
import { systemClock, type Clock } from '#base';
import { driverNamed } from '#drivers';
import { PolicySource } from '#gitops';
import { AuthGuard } from './auth/auth.guard.js';
import { TokensController } from './auth/tokens.controller.js';
import { TokenStore } from './auth/tokens.js';
import { BridgeController } from './bridge/bridge.controller.js';
import { BridgeFeed } from './bridge/feed.js';
import type { Config } from './config.js';
import { CredentialStore } from './credentials/credential-store.js';
import { CredentialsController } from './credentials/credentials.controller.js';
import { DeviceStore } from './devices/device-store.js';
import { DevicesController } from './devices/devices.controller.js';
import { EnforcementController } from './enforcement/enforcement.controller.js';
import { EnforcementLoop } from './enforcement/enforcement-loop.js';
import { ErrorsFilter } from './errors.filter.js';
import { Lifecycle } from './lifecycle.js';
import { Log } from './log.js';
import { Permissions } from './permissions/permissions.js';
import { isPolicyFile } from './policy/evaluate.js';
import { PolicyController } from './policy/policy.controller.js';
import { PolicyLoop } from './policy/policy-loop.js';
import { PolicyStore } from './policy/policy-store.js';
import { SessionStore } from './sessions/session-store.js';
import { SessionsController } from './sessions/sessions.controller.js';
import { AuditController } from './status/audit.controller.js';
import { StatusController } from './status/status.controller.js';
import { Database } from './store/database.js';
import { Wakeups } from './wakeups.js';
import { clockToken, configToken, firstAdminTokenKey } from './wiring.js';

/*
 *   PolicySource ─▶ PolicyLoop ──┐                        ┌─▶ BridgeFeed ──▶ bridges
 *   DeviceStore, CredentialStore ┼─▶ Wakeups ("look again")┤
 *   bridge events ─▶ sessions ───┘                        └─▶ EnforcementLoop ──▶ enforcement points
 *
 * All of them keep their state in the one Database.
 */

function policySource({ policy, data, environment }: Config): PolicySource {
  return new PolicySource({
    repository: policy.repository,
    branch: policy.branch,
    mirror: join(data, 'controller', 'policy.git'),
    environment,
    timeoutSeconds: 30,
    limits: { files: 2000, bytes: 32 * 1024 * 1024 },
    accept: isPolicyFile,
  });
}

const factories: Provider[] = [
  { provide: clockToken, useValue: systemClock },
  { provide: Wakeups, useFactory: () => new Wakeups() },
  { provide: Permissions, useFactory: () => Permissions.load() },
  {
    provide: Database,
    inject: [configToken],
    useFactory: (config: Config) => Database.open(join(config.data, 'controller', 'cordon.db')),
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
  {
    provide: PolicyLoop,
    inject: [configToken, PolicyStore, Wakeups, clockToken, Log],
    useFactory: (config: Config, store: PolicyStore, wakeups: Wakeups, clock: Clock, log: Log) =>
      new PolicyLoop({ source: policySource(config), store, wakeups, clock, log }, config.policy),
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
  { provide: SessionStore, inject: [Database], useFactory: (database: Database) => new SessionStore(database) },
  {
    provide: BridgeFeed,
    inject: [Database, PolicyLoop, Wakeups],
    useFactory: (database: Database, policy: PolicyLoop, wakeups: Wakeups) => new BridgeFeed(database, policy, wakeups),
  },
  {
    provide: EnforcementLoop,
    inject: [configToken, PolicyLoop, SessionStore, Database, clockToken, Wakeups, Log],
    useFactory: (
      { resyncSeconds }: Config,
      policy: PolicyLoop,
      sessions: SessionStore,
      database: Database,
      clock: Clock,
      wakeups: Wakeups,
      log: Log,
    ) => new EnforcementLoop({ policy, sessions, database, wakeups, clock, log, driverNamed }, resyncSeconds),
  },
  { provide: APP_GUARD, useClass: AuthGuard },
  { provide: APP_FILTER, inject: [Log], useFactory: (log: Log) => new ErrorsFilter(log) },
  Lifecycle,
];

@Module({
  controllers: [
    DevicesController,
    CredentialsController,
    SessionsController,
    PolicyController,
    BridgeController,
    EnforcementController,
    TokensController,
    AuditController,
    StatusController,
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
