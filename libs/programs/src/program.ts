import { fork, type ChildProcess } from 'node:child_process';

export interface Program {
  readonly command: readonly string[];
  readonly input?: string;
  /** All of it; as the caller's if not given. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly timeoutMilliseconds: number;
  /** Bytes on standard output. */
  readonly mostOutput?: number;
  /** Usually a program is over when nobody can write to its output any more. What it has started may keep that open for long. */
  readonly isOverWithItsProcess?: boolean;
}

/** `code` is null when it was killed. */
export interface ProgramEnd {
  readonly code: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

export interface ProgramOrder extends Program {
  readonly id: number;
  readonly input: string;
  readonly mostOutput: number;
}

export type ProgramFault = 'no-answer' | 'too-much' | 'not-started' | 'gone';

export type ProgramResult =
  | { readonly id: number; readonly code: number | null; readonly stdout: Uint8Array; readonly stderr: string }
  | { readonly id: number; readonly fault: ProgramFault; readonly detail: string };

/** A program came to no end of its own. It was killed if it ran; `gone`: with the process that starts programs. */
export class ProgramFailed extends Error {
  override readonly name = 'ProgramFailed';

  constructor(
    readonly fault: ProgramFault,
    message: string,
  ) {
    super(message);
  }
}

const usualOutput = 256 * 1024 * 1024;

/**
 * Starts programs by a process of its own. A process that starts another stands still until the system has copied what it knows of its
 * memory, and the other one had its first turn: a tenth of a second for a controller of 100,000 devices on a busy machine, many times a second
 * with twenty firewalls, while a quarantine waits.
 */
class Launcher {
  private child: ChildProcess | null = null;
  private readonly open = new Map<number, (result: ProgramResult) => void>();
  private last = 0;

  run({ input = '', mostOutput = usualOutput, ...program }: Program): Promise<ProgramResult> {
    const child = (this.child ??= this.start());
    const id = ++this.last;
    return new Promise((resolve) => {
      this.open.set(id, resolve);
      child.channel?.ref();
      const order: ProgramOrder = { ...program, id, input, mostOutput };
      child.send(order, (error) => {
        if (error) this.settle({ id, fault: 'gone', detail: '' });
      });
    });
  }

  private start(): ChildProcess {
    const module = new URL(`./launcher.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`, import.meta.url);
    const child = fork(module, {
      execArgv: [],
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    // It keeps nobody running while there is nothing to do.
    child.unref();
    child.channel?.unref();
    child.on('message', (result: ProgramResult) => this.settle(result));
    const gone = (): void => {
      if (this.child === child) this.child = null;
      for (const id of this.open.keys()) this.settle({ id, fault: 'gone', detail: '' });
    };
    child.on('error', gone);
    child.on('exit', gone);
    return child;
  }

  private settle(result: ProgramResult): void {
    const resolve = this.open.get(result.id);
    this.open.delete(result.id);
    if (this.open.size === 0) this.child?.channel?.unref();
    resolve?.(result);
  }
}

const launcher = new Launcher();

/** Runs a program to its end, whatever that is. Rejects with `ProgramFailed` when there was none. */
export async function runProgram(program: Program): Promise<ProgramEnd> {
  const result = await launcher.run(program);
  if ('fault' in result) throw new ProgramFailed(result.fault, messageOf(result.fault, result.detail, program));
  return { code: result.code, stdout: Buffer.from(result.stdout), stderr: result.stderr };
}

function messageOf(fault: ProgramFault, detail: string, program: Program): string {
  const { command, timeoutMilliseconds, mostOutput = usualOutput } = program;
  return {
    'no-answer': `no answer within ${timeoutMilliseconds / 1000} s`,
    'too-much': `more than ${mostOutput / 1024 / 1024} MiB of output`,
    'not-started': `cannot start \`${command[0]}\`: ${detail}`,
    gone: 'the process that starts programs has ended',
  }[fault];
}
