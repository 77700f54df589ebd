import type { Clock } from '#base';

/** Cancels a timer; does nothing when it fired already. */
export type CancelTimer = () => void;

export interface ReconcilerOptions<K> {
  /** Brings one key to its desired state. Reads everything afresh: it gets no payload, so a repeated call does no harm. */
  readonly run: (key: K, signal: AbortSignal) => Promise<void>;
  /** False: retrying won't help, wait for a change. */
  readonly isRetryable: (error: unknown) => boolean;
  readonly clock: Clock;
  readonly startTimer: (milliseconds: number, fire: () => void) => CancelTimer;
  /** In [0, 1). */
  readonly random: () => number;
  readonly firstRetryMilliseconds: number;
  /** The longest wait after a failure of this kind. */
  readonly lastRetryMilliseconds: (error: unknown) => number;
  /** Runs again this long after a run that ended well: what changed on the far side shows no other way. Null: never. */
  readonly resyncMilliseconds: number | null;
  /** Told after each change of a key's state, for logs and events. */
  readonly onChange?: (key: K, state: KeyState) => void;
}

export interface KeyState {
  /** `waiting`: for a retry; `failed`: for a change, because retrying won't help. */
  readonly phase: 'idle' | 'running' | 'waiting' | 'failed';
  readonly lastError: { readonly at: Date; readonly error: unknown } | null;
  readonly lastSuccess: Date | null;
  /** Failed runs since the last that ended well. */
  readonly failures: number;
  readonly nextRun: Date | null;
}

interface Entry {
  state: KeyState;
  /** Triggered while running: what that run has read may be out of date. */
  isStale: boolean;
  /** Forgotten while running: to be dropped at its end, unless triggered anew. */
  isForgotten: boolean;
  cancelTimer: CancelTimer;
}

const untouched: KeyState = { phase: 'idle', lastError: null, lastSuccess: null, failures: 0, nextRun: null };

/**
 * A keyed, level-triggered loop: decides *when* to run a key, never what the run does.
 *
 * INVARIANT: at most one run per key at a time; after the last `trigger` of a key at least one run starts. How often or in
 * which order triggers come makes no difference to where it ends.
 */
export class Reconciler<K> {
  private readonly entries = new Map<K, Entry>();
  private readonly runs = new Map<K, Promise<void>>();
  private readonly abort = new AbortController();

  constructor(private readonly options: ReconcilerOptions<K>) {}

  /** Something about this key may have changed. Runs at once, also when it waits for a retry; after the run when one is on. */
  trigger(key: K): void {
    if (this.abort.signal.aborted) return;
    const entry = this.entryOf(key);
    entry.isForgotten = false;
    if (this.runs.has(key)) entry.isStale = true;
    else this.start(key, entry);
  }

  /** The key is gone. A run that is on is told nothing, and is the last. */
  forget(key: K): void {
    const entry = this.entries.get(key);
    if (!entry) return;
    entry.cancelTimer();
    entry.isForgotten = true;
    if (!this.runs.has(key)) this.entries.delete(key);
  }

  state(key: K): KeyState {
    return this.entries.get(key)?.state ?? untouched;
  }

  states(): ReadonlyMap<K, KeyState> {
    return new Map([...this.entries].map(([key, { state }]) => [key, state]));
  }

  /** Starts nothing any more, tells the runs that are on, and resolves when the last has ended. */
  async stop(): Promise<void> {
    this.abort.abort();
    for (const entry of this.entries.values()) entry.cancelTimer();
    await Promise.all(this.runs.values());
  }

  private entryOf(key: K): Entry {
    const known = this.entries.get(key);
    if (known) return known;
    const entry: Entry = { state: untouched, isStale: false, isForgotten: false, cancelTimer: () => {} };
    this.entries.set(key, entry);
    return entry;
  }

  private start(key: K, entry: Entry): void {
    entry.cancelTimer();
    entry.isStale = false;
    this.runs.set(key, this.run(key, entry));
  }

  private async run(key: K, entry: Entry): Promise<void> {
    this.change(key, entry, { phase: 'running', nextRun: null });
    let error: unknown = null;
    try {
      await this.options.run(key, this.abort.signal);
    } catch (thrown) {
      error = thrown ?? new Error('rejected with nothing');
    }
    this.runs.delete(key);
    const now = this.options.clock.now();
    if (error === null) this.change(key, entry, { phase: 'idle', lastSuccess: now, lastError: null, failures: 0 });
    else
      this.change(key, entry, { phase: 'failed', lastError: { at: now, error }, failures: entry.state.failures + 1 });
    if (entry.isForgotten) this.entries.delete(key);
    else if (!this.abort.signal.aborted) this.continue(key, entry, error);
  }

  private continue(key: K, entry: Entry, error: unknown): void {
    // A trigger during a run that failed for want of an answer must not turn back-off into a busy loop.
    if (error !== null && this.options.isRetryable(error))
      this.wait(key, entry, 'waiting', this.backOff(entry.state.failures, error));
    else if (entry.isStale) this.start(key, entry);
    else if (error === null && this.options.resyncMilliseconds !== null)
      this.wait(key, entry, 'idle', this.options.resyncMilliseconds);
  }

  private wait(key: K, entry: Entry, phase: KeyState['phase'], milliseconds: number): void {
    entry.cancelTimer = this.options.startTimer(milliseconds, () => this.trigger(key));
    const nextRun = new Date(this.options.clock.now().getTime() + milliseconds);
    this.change(key, entry, { phase, nextRun });
  }

  /** Doubles with each failure; between half and the whole of it, so that many devices don't come back at once. */
  private backOff(failures: number, error: unknown): number {
    const { firstRetryMilliseconds, lastRetryMilliseconds, random } = this.options;
    const full = Math.min(firstRetryMilliseconds * 2 ** Math.min(failures - 1, 30), lastRetryMilliseconds(error));
    return Math.round(full * (0.5 + random() / 2));
  }

  private change(key: K, entry: Entry, change: Partial<KeyState>): void {
    entry.state = { ...entry.state, ...change };
    this.options.onChange?.(key, entry.state);
  }
}
