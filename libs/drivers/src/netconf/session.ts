import { RemoteFault, type ChangePlan, type EnforcementSession } from '../driver.js';
import type { Datastore } from './messages.js';
import type { ObservedSwitch } from './model.js';

/** One switch, wherever it is. Rejects with `RemoteFault` or `TerminalFault` only. */
export interface NetconfDevice {
  /** All access lists, and VLANs where we make them, as the `data` element that the switch gives. */
  running(): Promise<string>;
  lock(store: Datastore): Promise<void>;
  unlock(store: Datastore): Promise<void>;
  discard(): Promise<void>;
  /** `config`: the text of a `config` element. Changes the candidate only. */
  edit(config: string): Promise<void>;
  /** The switch goes back by itself after so many seconds, or when the session ends. */
  commitFor(seconds: number): Promise<void>;
  confirm(): Promise<void>;
  /** Ends the session: the switch frees the locks, and takes back what was not confirmed. Another begins with the next exchange. */
  close(): Promise<void>;
}

/**
 * A change: lock, discard, edit, commit for a while, unlock; `confirm` makes it stay. Whatever goes wrong ends the session, and
 * with it all that hangs on it: this is what also happens when we die, so there is one way back and no other.
 *
 * INVARIANT: locks are let go before the change waits for its confirmation. netconfd can't take a change back while they are held.
 */
export class NetconfSession implements EnforcementSession {
  /** When the switch takes the unconfirmed change back, on the clock of `performance`; null: there is none. */
  private unconfirmedUntil: number | null = null;

  constructor(
    private readonly device: NetconfDevice,
    private readonly parse: (text: string) => ObservedSwitch,
    private readonly confirmSeconds: number,
  ) {}

  /** VLANs of others count: one that policy wants is not made twice. */
  async read(): Promise<string | null> {
    const text = await this.device.running();
    const { lists, vlans } = this.parse(text);
    return lists.size + vlans.size > 0 ? text : null;
  }

  async apply(plan: ChangePlan): Promise<void> {
    if (plan.kind === 'none') return;
    const { device } = this;
    let until = 0;
    await this.endOnFault(async () => {
      await device.lock('running');
      await device.lock('candidate');
      await device.discard();
      await device.edit(plan.commands);
      until = performance.now() + 1000 * this.confirmSeconds;
      await device.commitFor(this.confirmSeconds);
      await device.unlock('candidate');
      await device.unlock('running');
    });
    this.unconfirmedUntil = until;
  }

  async confirm(): Promise<void> {
    const until = this.unconfirmedUntil;
    this.unconfirmedUntil = null;
    if (until === null) return;
    await this.endOnFault(async () => {
      // a server says `ok` to a confirmation that comes too late
      if (performance.now() >= until)
        throw new RemoteFault('confirming: the switch has taken the change back, since it took too long');
      await this.device.confirm();
    });
  }

  async rollback(): Promise<void> {
    if (this.unconfirmedUntil === null) return;
    await this.close();
  }

  private async endOnFault(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (fault) {
      await this.device.close();
      throw fault;
    }
  }

  /** The models count packets, but no switch has to, and nothing of it is in the configuration. */
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
    this.unconfirmedUntil = null;
    return this.device.close();
  }
}
