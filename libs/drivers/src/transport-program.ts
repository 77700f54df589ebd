import { fork, type ChildProcess } from 'node:child_process';
import { assertNever } from '#base';
import { RemoteFault, TerminalFault } from './driver.js';

export interface Program {
  /** For people. */
  readonly what: string;
  readonly command: readonly string[];
  readonly input: string;
  readonly timeoutMilliseconds: number;
}

/** `code` is null when it was killed. */
export interface ProgramEnd {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ProgramOrder extends Omit<Program, 'what'> {
  readonly id: number;
  readonly mostOutput: number;
}

export type ProgramFault = 'no-answer' | 'too-much' | 'not-started';

export type ProgramResult =
  | { readonly id: number; readonly code: number | null; readonly stdout: Uint8Array; readonly stderr: string }
  | { readonly id: number; readonly fault: ProgramFault; readonly detail: string };

const mostOutput = 256 * 1024 * 1024;

/**
 * Starts programs by a process of its own. A process that starts another stands still until the system has copied what it knows of its
 * memory, and the other one had its first turn: a tenth of a second for a controller of 100,000 devices on a busy machine, many times a second
 * with twenty firewalls, while a quarantine waits.
 */
class Launcher {
  private child: ChildProcess | null = null;
  private readonly open = new Map<number, (result: ProgramResult | 'gone') => void>();
  private last = 0;

  run({ command, input, timeoutMilliseconds }: Omit<Program, 'what'>): Promise<ProgramResult | 'gone'> {
    const child = (this.child ??= this.start());
    const id = ++this.last;
    return new Promise((resolve) => {
      this.open.set(id, resolve);
      child.channel?.ref();
      const order: ProgramOrder = { id, command, input, timeoutMilliseconds, mostOutput };
      child.send(order, (error) => {
        if (error) this.settle(id, 'gone');
      });
    });
  }

  private start(): ChildProcess {
    const module = new URL(`./transport-launcher.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`, import.meta.url);
    const child = fork(module, {
      execArgv: [],
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    // It keeps nobody running while there is nothing to do.
    child.unref();
    child.channel?.unref();
    child.on('message', (result: ProgramResult) => this.settle(result.id, result));
    const gone = (): void => {
      if (this.child === child) this.child = null;
      for (const id of this.open.keys()) this.settle(id, 'gone');
    };
    child.on('error', gone);
    child.on('exit', gone);
    return child;
  }

  private settle(id: number, result: ProgramResult | 'gone'): void {
    const resolve = this.open.get(id);
    this.open.delete(id);
    if (this.open.size === 0) this.child?.channel?.unref();
    resolve?.(result);
  }
}

const launcher = new Launcher();

/** Runs a program to its end, whatever that is. Rejects with `RemoteFault` or `TerminalFault` when there was none. */
export async function runProgram({ what, ...program }: Program): Promise<ProgramEnd> {
  const result = await launcher.run(program);
  if (result === 'gone') throw new RemoteFault(`${what}: the process that starts programs has ended`);
  if (!('fault' in result)) return { ...result, stdout: Buffer.from(result.stdout).toString('utf8') };
  throw faultOf(result, { what, ...program });
}

function faultOf(
  { fault, detail }: Extract<ProgramResult, { readonly fault: ProgramFault }>,
  { what, command, timeoutMilliseconds }: Program,
): RemoteFault | TerminalFault {
  switch (fault) {
    case 'no-answer':
      return new RemoteFault(`${what}: no answer within ${timeoutMilliseconds / 1000} s`);
    case 'too-much':
      return new TerminalFault(`${what}: more than 256 MiB of output`);
    case 'not-started':
      return new TerminalFault(`${what}: cannot start \`${command[0]}\`: ${detail}`);
    default:
      return assertNever(fault);
  }
}
