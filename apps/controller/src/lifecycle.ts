import {
  Inject,
  Injectable,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { BridgeFeed } from './bridge/feed.js';
import { CandidateLoop } from './candidates/candidate-loop.js';
import { EnforcementLoop } from './enforcement/enforcement-loop.js';
import { ApprovalAsker } from './forges/approval-asker.js';
import { StatusSender } from './forges/status-sender.js';
import { AuthenticationStream } from './history/authentication-stream.js';
import { Retention } from './history/retention.js';
import { OrderStore } from './orders/order-store.js';
import { RolloutLoop } from './rollouts/rollout-loop.js';
import { NotedChanges } from './policy/noted-changes.js';
import { PolicyLoop } from './policy/policy-loop.js';
import { Database } from './store/database.js';
import { WebhookSender } from './webhooks/webhook-sender.js';
import { WorkloadWatch } from './workloads/workload-watch.js';

/** Starts and ends the loops in order: nothing runs before its inputs, nothing loses the database under its feet. */
@Injectable()
export class Lifecycle implements OnApplicationBootstrap, BeforeApplicationShutdown, OnApplicationShutdown {
  constructor(
    @Inject(PolicyLoop) private readonly policy: PolicyLoop,
    @Inject(RolloutLoop) private readonly rollouts: RolloutLoop,
    @Inject(OrderStore) private readonly orders: OrderStore,
    @Inject(BridgeFeed) private readonly feed: BridgeFeed,
    @Inject(EnforcementLoop) private readonly enforcement: EnforcementLoop,
    @Inject(Database) private readonly database: Database,
    @Inject(AuthenticationStream) private readonly stream: AuthenticationStream,
    @Inject(Retention) private readonly retention: Retention,
    @Inject(WebhookSender) private readonly webhooks: WebhookSender,
    @Inject(StatusSender) private readonly statuses: StatusSender,
    @Inject(ApprovalAsker) private readonly approvals: ApprovalAsker,
    @Inject(NotedChanges) private readonly changes: NotedChanges,
    @Inject(WorkloadWatch) private readonly workloads: WorkloadWatch,
    @Inject(CandidateLoop) private readonly candidate: CandidateLoop,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    await this.webhooks.start();
    await this.statuses.start();
    await this.approvals.start();
    await this.orders.start();
    await this.policy.start();
    await this.rollouts.start();
    await this.candidate.start();
    this.enforcement.start();
    this.workloads.start();
    this.retention.start();
    this.changes.start();
  }

  /** Endless answers end first, or the HTTP server would wait for them. */
  async beforeApplicationShutdown(): Promise<void> {
    this.feed.close();
    this.stream.close();
    this.orders.stop();
    await this.workloads.stop();
    await this.rollouts.stop();
    await Promise.all([
      this.policy.stop(),
      this.candidate.stop(),
      this.enforcement.stop(),
      this.retention.stop(),
      this.webhooks.stop(),
      this.statuses.stop(),
      this.approvals.stop(),
      this.changes.stop(),
    ]);
  }

  async onApplicationShutdown(): Promise<void> {
    await this.database.close();
  }
}
