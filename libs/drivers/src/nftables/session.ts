import type { Connection } from '#model';
import type { ChangePlan, EnforcementSession, RuleCounter } from '../driver.js';
import { parseCounters } from './parse.js';
import { restoreCommands } from './plan.js';

/** One nft, wherever it runs. Rejects with `RemoteFault` or `TerminalFault` only. */
export interface NftDevice {
  /** Our table as `nft -j -n` lists it; null when it isn't there. */
  list(): Promise<string | null>;
  /** As `list`, but the counters only: cheap however many members the sets have. */
  listCounters(): Promise<string | null>;
  /** All commands or none. */
  load(transaction: string): Promise<void>;
  connections(): Promise<readonly Connection[]>;
  cut(connections: readonly Connection[]): Promise<void>;
  close(): Promise<void>;
}

/** Remembers what an unconfirmed change replaced. Does not decide when to roll back (libs/reconcile does). */
export class NftablesSession implements EnforcementSession {
  /** What stood there before the last unconfirmed change. */
  private before: { readonly listing: string | null } | null = null;

  constructor(private readonly device: NftDevice) {}

  read(): Promise<string | null> {
    return this.device.list();
  }

  async apply(plan: ChangePlan): Promise<void> {
    if (plan.kind === 'none') return;
    this.before = { listing: await this.device.list() };
    await this.device.load(plan.commands);
  }

  confirm(): Promise<void> {
    this.before = null;
    return Promise.resolve();
  }

  async rollback(): Promise<void> {
    if (!this.before) return;
    await this.device.load(restoreCommands(this.before.listing));
    this.before = null;
  }

  async counters(): Promise<readonly RuleCounter[]> {
    const listing = await this.device.listCounters();
    return listing === null ? [] : parseCounters(listing);
  }

  connections(): Promise<readonly Connection[]> {
    return this.device.connections();
  }

  async cut(connections: readonly Connection[]): Promise<void> {
    if (connections.length > 0) await this.device.cut(connections);
  }

  close(): Promise<void> {
    return this.device.close();
  }
}
