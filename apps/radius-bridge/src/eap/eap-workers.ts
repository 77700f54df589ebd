import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setPriority } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { TlsPeer } from '#radius';
import { moduleBeside, post } from '../child-processes.js';
import type { CredentialIndex } from '../credential-index.js';
import type { DeviceIndex } from '../device-index.js';
import type { Log } from '../log.js';
import type { Turns } from '../turns.js';
import type { EstablishedTls } from './established.js';
import type { EapMaterial } from './material.js';
import {
  lost,
  type Beginning,
  type EapStep,
  type FromEapWorker,
  type ToEapWorker,
  type WorkerQuestion,
} from './messages.js';

const restartMilliseconds = 1000;
/** Where processors are short, a handshake waits for MAC authentication, which takes a hundredth of its time. */
const niceness = 10;

/** Longer than a worker waits for anything itself: one that has not answered by then hangs. */
const hangMilliseconds = 30_000;
const lookMilliseconds = 1000;

interface Waiting {
  readonly done: (step: EapStep) => void;
  readonly since: number;
}

interface Worker {
  process: ChildProcess | null;
  /** In the order in which they were asked. */
  readonly waiting: Map<number, Waiting>;
}

/**
 * The worker processes, and the TLS connections that they have. One that dies is started again, and one that hangs is killed first; what
 * it was in the middle of has failed.
 */
export class EapWorkers {
  private readonly workers: Worker[];
  private material: EapMaterial | null = null;
  private requests = 0;
  private connections = 0;
  private ended = 0;
  private isClosed = false;
  private readonly look = setInterval(() => this.killHanging(), lookMilliseconds).unref();

  constructor(
    count: number,
    /** What workers ask for, and know nothing of themselves. */
    private readonly indexes: {
      readonly devices: Pick<DeviceIndex, 'serialOf'>;
      readonly credentials: Pick<CredentialIndex, 'find'>;
    },
    /** In which answers are taken. */
    private readonly turns: Turns,
    private readonly now: () => number,
    private readonly log: Log,
  ) {
    this.workers = Array.from({ length: count }, () => ({ process: null, waiting: new Map() }));
  }

  /** Starts the workers with the first material; conversations that begin later use the latest. */
  configure(material: EapMaterial): void {
    this.material = material;
    for (const worker of this.workers) {
      if (worker.process) tell(worker.process, { type: 'configure', material });
      else this.start(worker);
    }
  }

  /** `restarts`: how many ended by themselves. `backlog`: messages without an answer, per worker. */
  get state(): { readonly running: number; readonly restarts: number; readonly backlog: readonly number[] } {
    return {
      running: this.workers.filter(({ process }) => process !== null).length,
      restarts: this.ended,
      backlog: this.workers.map(({ waiting }) => waiting.size),
    };
  }

  /** Messages without an answer, of the worker with the fewest. */
  get leastBacklog(): number {
    return Math.min(...this.workers.map(({ waiting }) => waiting.size));
  }

  /** A connection of the worker with the least to do. */
  connect(begins: Beginning): TlsPeer<EstablishedTls> {
    const { leastBacklog } = this;
    const worker = this.workers.find(({ waiting }) => waiting.size === leastBacklog)!;
    const connection = this.connections++;
    let state: 'new' | 'open' | 'over' = 'new';
    const receive = async (message: Buffer): Promise<EapStep> => {
      const isNew = state === 'new';
      state = 'open';
      const step = await this.ask(worker, connection, isNew ? begins : null, message);
      if (step.kind !== 'continue') state = 'over';
      return step;
    };
    const close = (): void => {
      if (state === 'open' && worker.process) tell(worker.process, { type: 'close', connection });
      state = 'over';
    };
    return { receive, close };
  }

  private ask(worker: Worker, connection: number, begins: Beginning | null, message: Buffer): Promise<EapStep> {
    const { process } = worker;
    if (!process) return Promise.resolve(lost);
    return new Promise((resolve) => {
      const request = this.requests++;
      worker.waiting.set(request, { done: resolve, since: this.now() });
      tell(process, { type: 'receive', request, connection, begins, message });
    });
  }

  async close(): Promise<void> {
    this.isClosed = true;
    clearInterval(this.look);
    await Promise.all(
      this.workers.flatMap(({ process }) => {
        if (!process) return [];
        const gone = once(process, 'exit');
        process.disconnect();
        return [gone];
      }),
    );
  }

  private killHanging(): void {
    for (const { process, waiting } of this.workers) {
      const [first] = waiting.values();
      if (!process || !first || this.now() - first.since < hangMilliseconds) continue;
      this.log('error', 'EAP worker hangs and is killed', { seconds: hangMilliseconds / 1000, waiting: waiting.size });
      process.kill('SIGKILL');
    }
  }

  private find(asked: WorkerQuestion): ToEapWorker {
    const { devices, credentials } = this.indexes;
    const { question } = asked;
    return asked.type === 'find'
      ? { type: 'credential', question, credential: credentials.find(asked.username) }
      : { type: 'serial', question, serial: devices.serialOf(asked.mac) };
  }

  private start(worker: Worker): void {
    const child = fork(fileURLToPath(moduleBeside(import.meta.url, 'eap-worker')), {
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    worker.process = child;
    giveWay(child);
    child.on('message', (message: FromEapWorker) => {
      if (message.type === 'answer') {
        const asked = worker.waiting.get(message.request);
        worker.waiting.delete(message.request);
        if (asked) this.turns.later(() => asked.done(message.step));
      } else tell(child, this.find(message));
    });
    child.on('error', (error) => this.log('error', 'EAP worker', { problem: error.message }));
    child.on('exit', (code, signal) => {
      worker.process = null;
      for (const { done } of worker.waiting.values()) done(lost);
      worker.waiting.clear();
      if (this.isClosed) return;
      this.ended++;
      this.log('error', 'EAP worker ended and is started again', { code, signal });
      setTimeout(() => !this.isClosed && this.start(worker), restartMilliseconds).unref();
    });
    if (this.material) tell(child, { type: 'configure', material: this.material });
  }
}

/** One that is gone already, or could not be started, tells by its own events. */
function giveWay({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) setPriority(pid, niceness);
  } catch {
    // It ended meanwhile.
  }
}

const tell = (child: ChildProcess, message: ToEapWorker): void => post(child, message);
