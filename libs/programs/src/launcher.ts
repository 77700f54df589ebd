import { spawn } from 'node:child_process';
import { setPriority } from 'node:os';
import type { ProgramFault, ProgramOrder, ProgramResult } from './program.js';

/*
 * A process of its own that starts programs and says how they ended (see `runProgram`). It has little memory, so that a copy of it for
 * each program costs little, and it may wait for that. It goes when the one who wants the programs is gone.
 */

const mostErrorText = 64 * 1024;
/** For what it wrote last. */
const afterExit = 50;
const running = new Set<() => void>();

function run(order: ProgramOrder): void {
  const { id, command, input, environment, timeoutMilliseconds, mostOutput, isOverWithItsProcess = false } = order;
  const [program = '', ...args] = command;
  // A group of its own: what it starts ends with it when it takes too long.
  const child = spawn(program, args, {
    stdio: ['pipe', 'pipe', 'pipe'],
    shell: false,
    detached: true,
    ...(environment && { env: environment }),
  });
  const kill = (): void => killGroup(child.pid);
  running.add(kill);
  const stdout: Buffer[] = [];
  let size = 0;
  let stderr = '';
  const end = (result: ProgramResult): void => {
    clearTimeout(timer);
    if (running.delete(kill)) process.send?.(result, () => undefined);
  };
  const giveUp = (fault: ProgramFault, detail = ''): void => {
    kill();
    end({ id, fault, detail });
  };
  const over = (code: number | null): void => end({ id, code, stdout: Buffer.concat(stdout), stderr });
  const timer = setTimeout(() => giveUp('no-answer'), timeoutMilliseconds);
  child.stdout.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size > mostOutput) giveUp('too-much');
    else stdout.push(chunk);
  });
  child.stderr.on('data', (chunk: Buffer) => {
    if (stderr.length < mostErrorText) stderr += chunk.toString('utf8');
  });
  child.on('error', (error) => giveUp('not-started', error.message));
  child.on('close', over);
  if (isOverWithItsProcess) child.on('exit', (code) => setTimeout(() => over(code), afterExit));
  // A program that ends without reading its input says why on stderr.
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
}

function killGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    // It is gone.
  }
}

// And all that it starts.
setPriority(5);

process.on('message', run);
process.on('disconnect', () => {
  for (const kill of running) kill();
  process.exit();
});
// A signal for all processes of a terminal or a unit: who wants the programs decides when it is over.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => undefined);
