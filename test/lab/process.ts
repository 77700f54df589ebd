import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const pollMilliseconds = 15;

export interface RunOptions {
  readonly namespace?: string;
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** A failure that is an answer: its output is wanted, not an exception. */
  readonly mayFail?: boolean;
}

const inNamespace = (command: readonly string[], namespace?: string): readonly string[] =>
  namespace === undefined ? command : ['ip', 'netns', 'exec', namespace, ...command];

export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs a command to its end and gives its standard output. */
export async function run(command: readonly string[], options: RunOptions = {}): Promise<string> {
  const { code, out, err } = await runToEnd(command, options);
  if (code !== 0 && !options.mayFail) throw new Error(`\`${command.join(' ')}\` ended with ${code}: ${err.trim()}`);
  return out;
}

/** As `run`, where the exit code is an answer, too. */
export async function runToEnd(command: readonly string[], options: RunOptions = {}): Promise<Ended> {
  const [program = '', ...args] = inNamespace(command, options.namespace);
  const child = spawn(program, args, {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  let out = '';
  let err = '';
  child.stdout.on('data', (data: Buffer) => (out += data.toString()));
  child.stderr.on('data', (data: Buffer) => (err += data.toString()));
  child.stdin.on('error', () => undefined); // it ended without reading: the exit code tells
  child.stdin.end(options.input ?? '');
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  return { code, out, err };
}

/** A process of the lab that stays. Its output goes to a file of the evidence folder. */
export class Daemon {
  private readonly ended: Promise<void>;
  readonly name: string;
  readonly logFile: string;
  private readonly child: ChildProcess;

  constructor(name: string, logFile: string, child: ChildProcess) {
    this.name = name;
    this.logFile = logFile;
    this.child = child;
    this.ended = new Promise((resolve) => {
      child.once('exit', () => resolve());
      child.once('error', () => resolve());
    });
  }

  get isRunning(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Pid of the process itself: `ip netns exec` replaces itself by the command. */
  get pid(): number {
    return this.child.pid ?? 0;
  }

  log(): string {
    return readFileSync(this.logFile, 'utf8');
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (!this.isRunning) return;
    this.child.kill(signal);
    const hardStop = setTimeout(() => this.child.kill('SIGKILL'), 5_000);
    await this.ended;
    clearTimeout(hardStop);
  }

  /** Waits for a line of its output; says what came instead when the process ends or time is up. */
  async saying(text: string | RegExp, milliseconds = 30_000): Promise<string> {
    return waitFor(`${this.name} to say \`${text}\``, milliseconds, () => {
      const found = this.log()
        .split('\n')
        .find((line) => (typeof text === 'string' ? line.includes(text) : text.test(line)));
      if (found === undefined && !this.isRunning) {
        throw new Error(`${this.name} ended early:\n${this.log().slice(-2000)}`);
      }
      return found;
    });
  }
}

export class Daemons {
  private readonly started: Daemon[] = [];
  private readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  start(name: string, command: readonly string[], options: Omit<RunOptions, 'input' | 'mayFail'> = {}): Daemon {
    const logFile = join(this.folder, `${name}.log`);
    const log = openSync(logFile, 'a');
    const [program = '', ...args] = inNamespace(command, options.namespace);
    const child = spawn(program, args, {
      stdio: ['ignore', log, log],
      env: { ...process.env, ...options.env },
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    closeSync(log);
    const daemon = new Daemon(name, logFile, child);
    this.started.push(daemon);
    return daemon;
  }

  /** All lines that processes of this name have written. */
  log(name: string): string[] {
    return readFileSync(join(this.folder, `${name}.log`), 'utf8').split('\n');
  }

  /** In reverse, so that servers outlive their clients. */
  async stopAll(): Promise<void> {
    for (const daemon of this.started.splice(0).reverse()) await daemon.stop('SIGKILL');
  }
}

/** Asks until the answer is neither `undefined`, `null` nor `false`; throws when the time is up. */
export async function waitFor<T>(
  what: string,
  milliseconds: number,
  ask: () => T | undefined | null | false | Promise<T | undefined | null | false>,
): Promise<T> {
  const deadline = Date.now() + milliseconds;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== null && answer !== false) return answer;
    if (Date.now() > deadline) throw new Error(`waited ${milliseconds} ms in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, pollMilliseconds));
  }
}

/** Milliseconds that something took, with what it gave. */
export async function timed<T>(action: () => Promise<T>): Promise<[T, number]> {
  const started = performance.now();
  const value = await action();
  return [value, Math.round(performance.now() - started)];
}
