import type { Connection } from '#model';
import type { Address } from '#net';
import type { ChangePlan, ConnectionListing, EnforcementSession, RuleCounter } from '../driver.js';
import { parseCounters } from './parse.js';
import { invertMembership, restoreCommands } from './plan.js';

/** One nft, wherever it runs. Rejects with `RemoteFault` or `TerminalFault` only. */
export interface NftDevice {
  /** Our table as `nft -j -n` lists it; null when it isn't there. */
  list(): Promise<string | null>;
  /** As `list`, but the counters only: cheap however many members the sets have. */
  listCounters(): Promise<string | null>;
  /** All commands or none. */
  load(transaction: string): Promise<void>;
  /** Whether `load` would succeed now. Changes nothing. */
  wouldTake(transaction: string): Promise<boolean>;
  /** Calls `onLost` when our table is deleted, and when that can't be told for a while; until `close`. */
  watch(onLost: () => void): void;
  connections(of?: readonly Address[]): Promise<readonly Connection[]>;
  cut(connections: readonly Connection[], listed?: ConnectionListing): Promise<void>;
  close(): Promise<void>;
}

/** Remembers what an unconfirmed change replaced. Does not decide when to roll back (libs/reconcile does). */
export class NftablesSession implements EnforcementSession {
  /** What stands there as far as we know: the last listing, when nothing was changed since. */
  private listed: { readonly text: string | null } | null = null;
  /** The transaction that takes the unconfirmed change back. */
  private wayBack: string | null = null;

  constructor(private readonly device: NftDevice) {}

  async read(): Promise<string | null> {
    this.listed = null;
    const text = await this.device.list();
    this.listed = { text: text && withoutCounterValues(text) };
    return this.listed.text;
  }

  async apply(plan: ChangePlan): Promise<void> {
    if (plan.kind === 'none') return;
    this.wayBack = plan.kind === 'membership' ? invertMembership(plan.commands) : restoreCommands(await this.before());
    this.listed = null;
    await this.device.load(plan.commands);
  }

  confirm(): Promise<void> {
    this.wayBack = null;
    return Promise.resolve();
  }

  async rollback(): Promise<void> {
    if (this.wayBack === null) return;
    this.listed = null;
    await this.device.load(this.wayBack);
    this.wayBack = null;
  }

  /** nft takes no command about a member that isn't there, and can't be made to look at one set only when it lists. */
  holds(plan: ChangePlan): Promise<boolean> {
    return this.device.wouldTake(invertMembership(plan.commands, 'create'));
  }

  /** The plan was made from what was read last. */
  private before(): Promise<string | null> {
    return this.listed ? Promise.resolve(this.listed.text) : this.read();
  }

  watch(onLost: () => void): void {
    this.device.watch(onLost);
  }

  async counters(): Promise<readonly RuleCounter[]> {
    const listing = await this.device.listCounters();
    return listing === null ? [] : parseCounters(listing);
  }

  connections(of?: readonly Address[]): Promise<readonly Connection[]> {
    return this.device.connections(of);
  }

  async cut(connections: readonly Connection[], listed?: ConnectionListing): Promise<void> {
    if (connections.length > 0) await this.device.cut(connections, listed);
  }

  close(): Promise<void> {
    return this.device.close();
  }
}

/**
 * Traffic moves the counters all the time; without them, equal listings are equal texts, and nobody has to parse what did
 * not change. Within a JSON string the quotes would be escaped, so no name or comment is hit.
 */
function withoutCounterValues(listing: string): string {
  return listing.replaceAll(/"packets": ?\d+, ?"bytes": ?\d+/g, '"packets":0,"bytes":0');
}
