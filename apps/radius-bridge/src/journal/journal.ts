import { chmodSync, closeSync, existsSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { moduleBeside } from '../child-processes.js';
import type { FromJournal, JournalOperation, JournalState, SpooledEvent, ToJournal } from './messages.js';

interface Waiting {
  readonly ticket: number;
  readonly onDurable: () => void;
}

export interface JournalListener {
  /** A commit failed and will be tried again. */
  readonly onFailure: (reason: string) => void;
  /** The thread is gone: nothing can be made durable any more. */
  readonly onDead: (reason: string) => void;
}

/**
 * The durable state of the bridge: last good snapshot, device index, credentials, sessions and the spool of events. SQL and files are
 * in the worker thread; this side hands over writes and hears when they are on disk. It decides nothing.
 *
 * INVARIANT: `onDurable` is called only after the transaction that holds the write was synced to disk.
 */
export class Journal {
  private lastTicket = 0;
  private durableTicket = 0;
  private lastRequest = 0;
  private spooledEvents: number;
  private readonly waiting: Waiting[] = [];
  private readonly reads = new Map<number, (events: readonly SpooledEvent[]) => void>();
  private onClosed: (() => void) | null = null;

  private constructor(
    private readonly worker: Worker,
    private readonly listener: JournalListener,
    private state: JournalState,
  ) {
    this.spooledEvents = state.spooled;
    worker.on('message', (message: FromJournal) => this.receive(message));
    worker.on('error', (error) => listener.onDead(error.message));
    worker.on('exit', () => this.exited());
  }

  static async open(folder: string, listener: JournalListener): Promise<Journal> {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const path = join(folder, 'bridge.sqlite');
    keepPrivate(path);
    const worker = new Worker(moduleBeside(import.meta.url, 'journal-worker'), {
      workerData: { path },
      execArgv: ['--disable-warning=ExperimentalWarning'],
    });
    const state = await new Promise<JournalState>((resolve, reject) => {
      const failed = (error: Error): void => reject(new Error(`journal ${path} can't be opened: ${error.message}`));
      worker.once('error', failed);
      const sessions: string[] = [];
      worker.on('message', function receive(message: FromJournal) {
        if (message.type === 'sessions') sessions.push(message.list);
        if (message.type !== 'loaded') return;
        worker.off('error', failed).off('message', receive);
        resolve({ ...message.state, sessions });
      });
    });
    return new Journal(worker, listener, state);
  }

  /** What was on disk at the start. */
  get loaded(): JournalState {
    return this.state;
  }

  /** Who needs the lists that were on disk has taken them over: they are not kept a second time. */
  forgetLists(): void {
    this.state = { ...this.state, snapshot: null, devices: [], credentials: [], sessions: [] };
  }

  /** Writes that are not on disk yet. */
  get backlog(): number {
    return this.lastTicket - this.durableTicket;
  }

  /** Events on disk that the controller has not stored yet. */
  get spooled(): number {
    return this.spooledEvents;
  }

  write(operations: readonly JournalOperation[], onDurable?: () => void): void {
    const ticket = ++this.lastTicket;
    if (onDurable) this.waiting.push({ ticket, onDurable });
    this.post({ type: 'write', ticket, operations });
  }

  /** The oldest events on disk; those in writes made before this call are among them. */
  readEvents(limit: number): Promise<readonly SpooledEvent[]> {
    const request = ++this.lastRequest;
    return new Promise((resolve) => {
      this.reads.set(request, resolve);
      this.post({ type: 'read-events', request, limit });
    });
  }

  /** Writes what was handed over, then closes the file. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      this.onClosed = resolve;
      this.post({ type: 'close' });
    });
  }

  private post(message: ToJournal): void {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker thread, not a window
    this.worker.postMessage(message);
  }

  private receive(message: FromJournal): void {
    switch (message.type) {
      case 'durable':
        this.durableTicket = message.ticket;
        this.spooledEvents = message.spooled;
        while (this.waiting[0] && this.waiting[0].ticket <= message.ticket) this.waiting.shift()!.onDurable();
        return;
      case 'events':
        this.reads.get(message.request)?.(message.events);
        this.reads.delete(message.request);
        return;
      case 'failed':
        return this.listener.onFailure(message.reason);
      case 'sessions':
      case 'loaded':
        return;
    }
  }

  private exited(): void {
    if (this.onClosed) this.onClosed();
    else this.listener.onDead('the journal thread ended');
  }
}

/** Some hashes in it are as good as passwords. SQLite gives new side files the mode of the database. */
function keepPrivate(path: string): void {
  closeSync(openSync(path, 'a', 0o600));
  for (const file of [path, `${path}-wal`, `${path}-shm`]) if (existsSync(file)) chmodSync(file, 0o600);
}
