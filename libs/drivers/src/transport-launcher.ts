import { spawn } from 'node:child_process';
import type { ProgramFault, ProgramOrder, ProgramResult } from './transport-program.js';

/*
 * A process of its own that starts programs and says how they ended (see `runProgram`). It has little memory, so that a copy of it for
 * each program costs little, and it may wait for that. It goes when the one who wants the programs is gone.
 */

const mostErrorText = 64 * 1024;
const running = new Set<() => void>();

function run({ id, command, input, timeoutMilliseconds, mostOutput }: ProgramOrder): void {
  const [program = '', ...args] = command;
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], shell: false });
  const kill = (): void => void child.kill('SIGKILL');
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
  child.on('close', (code) => end({ id, code, stdout: Buffer.concat(stdout), stderr }));
  // A program that ends without reading its input says why on stderr.
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
}

process.on('message', run);
process.on('disconnect', () => {
  for (const kill of running) kill();
  process.exit();
});
// A signal for all processes of a terminal or a unit: who wants the programs decides when it is over.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => undefined);
