import type { ChangePlan, EnforcementSession } from '../driver.js';
import type { Make } from './make.js';
import type { ObservedLists } from './model.js';
import { parse } from './parse.js';
import { editLines, linesToEnter } from './plan.js';

/** One switch, wherever it is. Rejects with `RemoteFault` or `TerminalFault` only. */
export interface CliDevice {
  /** All access lists, as the switch lists them. */
  lists(): Promise<string>;
  /** Whether a change of ours waits for its confirmation, whoever began it. */
  isPending(): Promise<boolean>;
  /** Begins a change, which the switch takes back by itself if nobody confirms it. */
  begin(): Promise<void>;
  /** One line of configuration within a change; of a list if it is indented. */
  enter(line: string): Promise<void>;
  /** Of a change that was begun in this conversation. */
  confirm(): Promise<void>;
  /** Ends the change of a conversation that is over, as it stands. */
  settle(): Promise<void>;
  save(): Promise<void>;
  close(): Promise<void>;
}

/**
 * A change: begin, enter line by line; `confirm` makes it stay, and only then it is saved. The switch's clock is for the case that we
 * never come back. When we do, we go on from what stands there, since no half of a change permits more than policy did before or
 * does after; a configuration that others changed meanwhile is then not taken back with ours.
 */
export class CliSession implements EnforcementSession {
  /** What stood there before the unconfirmed change; null: there is none. */
  private before: ObservedLists | null = null;
  private isUnsaved = false;

  constructor(
    private readonly make: Make,
    private readonly device: CliDevice,
  ) {}

  async read(): Promise<string | null> {
    if (!this.before) await this.tidy();
    const text = await this.device.lists();
    return parse(this.make, text).lists.size > 0 ? text : null;
  }

  async apply(plan: ChangePlan): Promise<void> {
    if (plan.kind === 'none') return;
    const { device } = this;
    const before = parse(this.make, await device.lists());
    await device.begin();
    this.before = before;
    for (const line of linesToEnter(plan.commands)) await device.enter(line);
  }

  async confirm(): Promise<void> {
    if (!this.before) return;
    this.before = null;
    await this.device.confirm();
    this.isUnsaved = true;
    await this.save();
  }

  /** By lines, as the change was made, and in an order that is as careful. */
  async rollback(): Promise<void> {
    const { before, device } = this;
    if (!before) return;
    this.before = null;
    const now = parse(this.make, await device.lists());
    for (const line of editLines(this.make, now.lists, before.lists)) await device.enter(line);
    await device.confirm();
  }

  /** What a session before this one, or this one's last change, left to do. What was settled is saved once it has been read. */
  private async tidy(): Promise<void> {
    if (this.isUnsaved) await this.save();
    if (!(await this.device.isPending())) return;
    await this.device.settle();
    this.isUnsaved = true;
  }

  private async save(): Promise<void> {
    await this.device.save();
    this.isUnsaved = false;
  }

  counters(): Promise<readonly []> {
    return Promise.resolve([]);
  }

  connections(): Promise<readonly []> {
    return Promise.resolve([]);
  }

  cut(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.before = null;
    return this.device.close();
  }
}
