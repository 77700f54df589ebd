import { Worker } from 'node:worker_threads';
import { driverNamed, RemoteFault, TerminalFault, type DriverOptions, type EnforcementTarget } from '#drivers';
import type { Connection, EnforcementState } from '#model';
import type { Diagnostic } from '#base';
import type { Address } from '#net';
import type { Look } from '#reconcile';
import { GoalEncoder, type GoalMessage } from './goal-codec.js';
import { ArtefactDiffers, LocalPointWork, type PointRun, type PointWork } from './point-work.js';
import { ProofThread } from './proof-thread.js';

/** How a point is opened. */
export interface PointOpening {
  readonly driver: string;
  readonly options: DriverOptions;
  readonly target: EnforcementTarget;
}

export type PointCall =
  | { readonly do: 'open'; readonly opening: PointOpening }
  | { readonly do: 'prove'; readonly goal: GoalMessage }
  | { readonly do: 'run'; readonly goal: GoalMessage; readonly look: Look }
  | { readonly do: 'counters' }
  | { readonly do: 'connections'; readonly of: readonly Address[] | null }
  | { readonly do: 'cut'; readonly connections: readonly Connection[] }
  | { readonly do: 'close' };

export interface PointRequest {
  readonly id: number;
  readonly point: number;
  readonly call: PointCall;
}

export interface PointFault {
  readonly kind: 'RemoteFault' | 'TerminalFault' | 'ArtefactDiffers' | 'other';
  readonly message: string;
  readonly difference: Diagnostic | null;
}

export type PointAnswer =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly fault: PointFault }
  | { readonly lost: number };

interface Listener {
  /** The device may have lost what it held. */
  readonly onLost: () => void;
}

/**
 * Does the work of all enforcement points in a thread of its own: what a firewall's rules cost must not keep a quarantine waiting. A thread
 * that ends is started again with the next call, and points look at their whole device then.
 */
export class PointThread {
  private worker: Worker | null = null;
  private generation = 0;
  private last = 0;
  private readonly open = new Map<number, PromiseWithResolvers<unknown>>();
  private readonly listeners = new Map<number, Listener>();
  private readonly proofs = new ProofThread();
  private isClosed = false;

  constructor(private readonly onEnd: (error: unknown) => void) {}

  /** Throws `TerminalFault` for a target that can't be meant, now or at the first call. */
  openPoint(opening: PointOpening, onLost: () => void): PointWork {
    if (import.meta.url.endsWith('.ts')) return openHere(opening, onLost, this.proofs);
    const point = ++this.last;
    this.listeners.set(point, { onLost });
    return new RemotePointWork(opening, {
      call: (call) => this.call(point, call),
      generation: () => this.current(),
      forget: () => this.listeners.delete(point),
    });
  }

  async close(): Promise<void> {
    this.isClosed = true;
    await this.worker?.terminate();
    await this.proofs.close();
  }

  /** Of the thread that the next call goes to. */
  private current(): number {
    this.thread();
    return this.generation;
  }

  private call(point: number, call: PointCall): Promise<unknown> {
    const id = ++this.last;
    const answer = Promise.withResolvers<unknown>();
    this.open.set(id, answer);
    const request: PointRequest = { id, point, call };
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    this.thread().postMessage(request);
    return answer.promise;
  }

  private thread(): Worker {
    return (this.worker ??= this.start());
  }

  private start(): Worker {
    this.generation++;
    const worker = new Worker(new URL('./point-worker.js', import.meta.url), { execArgv: [] });
    worker.unref();
    worker.on('message', (answer: PointAnswer) => this.take(answer));
    const gone = (error: unknown): void => {
      if (this.worker !== worker) return;
      this.worker = null;
      const fault = new RemoteFault('the thread that works at enforcement points has ended');
      for (const { reject } of this.open.values()) reject(fault);
      this.open.clear();
      if (this.isClosed) return;
      this.onEnd(error);
      for (const { onLost } of this.listeners.values()) onLost();
    };
    worker.on('error', gone);
    worker.on('exit', (code) => gone(new Error(`it ended with code ${code}`)));
    return worker;
  }

  private take(answer: PointAnswer): void {
    if ('lost' in answer) return this.listeners.get(answer.lost)?.onLost();
    const open = this.open.get(answer.id);
    this.open.delete(answer.id);
    if ('fault' in answer) open?.reject(errorOf(answer.fault));
    else open?.resolve(answer.result);
  }
}

/** For the thread, and where there is none: from TypeScript sources (tests), which a thread can't load. */
export function openHere(
  { driver: name, options, target }: PointOpening,
  onLost: () => void,
  proofs: ProofThread,
): PointWork {
  const driver = driverNamed(name, options);
  if (!driver) throw new TerminalFault(`there is no driver \`${name}\``);
  const prove = proofs.prove.bind(proofs, { driver: name, options });
  return new LocalPointWork({ driver, session: driver.connect(target), prove, onLost });
}

interface Line {
  readonly call: (call: PointCall) => Promise<unknown>;
  readonly generation: () => number;
  readonly forget: () => void;
}

class RemotePointWork implements PointWork {
  private generation = 0;
  private encoder = new GoalEncoder();

  constructor(
    private readonly opening: PointOpening,
    private readonly line: Line,
  ) {
    this.reach();
  }

  async prove(desired: EnforcementState): Promise<void> {
    this.reach();
    await this.line.call({ do: 'prove', goal: this.encoder.encode(desired) });
  }

  async run(desired: EnforcementState, look: Look): Promise<PointRun> {
    this.reach();
    return (await this.line.call({ do: 'run', goal: this.encoder.encode(desired), look })) as PointRun;
  }

  async counters(): ReturnType<PointWork['counters']> {
    this.reach();
    return (await this.line.call({ do: 'counters' })) as Awaited<ReturnType<PointWork['counters']>>;
  }

  async connections(of: readonly Address[] | null): Promise<readonly Connection[]> {
    this.reach();
    return (await this.line.call({ do: 'connections', of })) as readonly Connection[];
  }

  async cut(connections: readonly Connection[]): Promise<void> {
    this.reach();
    await this.line.call({ do: 'cut', connections });
  }

  async close(): Promise<void> {
    this.line.forget();
    await this.line.call({ do: 'close' });
  }

  /** The thread knows the point, and what of its goal was sent. */
  private reach(): void {
    const generation = this.line.generation();
    if (generation === this.generation) return;
    this.generation = generation;
    this.encoder = new GoalEncoder();
    // If it can't be opened, each call says so.
    this.line.call({ do: 'open', opening: this.opening }).catch(() => undefined);
  }
}

function errorOf({ kind, message, difference }: PointFault): Error {
  if (kind === 'ArtefactDiffers' && difference) return new ArtefactDiffers(difference);
  if (kind === 'RemoteFault') return new RemoteFault(message);
  return kind === 'TerminalFault' ? new TerminalFault(message) : new Error(message);
}
