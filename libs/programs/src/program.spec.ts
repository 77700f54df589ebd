import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { ProgramFailed, runProgram, type Program } from './program.js';

const run = (command: readonly string[], more: Partial<Program> = {}) =>
  runProgram({ command, timeoutMilliseconds: 20_000, ...more });
const faultOf = async (work: Promise<unknown>): Promise<ProgramFailed> => {
  const error = await work.catch((thrown: unknown) => thrown);
  if (error instanceof ProgramFailed) return error;
  throw new Error(`no fault: ${String(error)}`);
};

describe('a program', () => {
  it('gets its input, and gives its output, its complaints and how it ended', async () => {
    const end = await run(['sh', '-c', 'cat; echo ü >&2; exit 3'], { input: 'ä'.repeat(300_000) });
    expect(end).toMatchObject({ code: 3, stderr: 'ü\n' });
    expect(end.stdout.toString()).toBe('ä'.repeat(300_000));
  });

  it('has the environment that it is given, and nothing else', async () => {
    const { stdout } = await run(['/usr/bin/env'], { environment: { ONE: '1' } });
    expect(stdout.toString()).toBe('ONE=1\n');
  });

  it('runs beside others', async () => {
    const ends = await Promise.all([1, 2, 3].map((n) => run(['sh', '-c', `echo ${n}`])));
    expect(ends.map(({ stdout }) => stdout.toString().trim())).toEqual(['1', '2', '3']);
  });

  it('may end without reading its input', async () => {
    expect(await run(['false'], { input: 'x'.repeat(1_000_000) })).toMatchObject({ code: 1 });
  });

  it('is ended when it takes too long, with all that it started', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'cordon-program-'));
    const late = join(folder, 'late');
    const fault = await faultOf(run(['sh', '-c', `(sleep 1; touch ${late}) & sleep 60`], { timeoutMilliseconds: 300 }));
    expect(fault).toMatchObject({ fault: 'no-answer', message: 'no answer within 0.3 s' });
    await pause(1200);
    expect(existsSync(late)).toBe(false);
    rmSync(folder, { recursive: true });
  });

  it('is ended when it says too much', async () => {
    const fault = await faultOf(run(['sh', '-c', 'yes'], { mostOutput: 1024 * 1024 }));
    expect(fault).toMatchObject({ fault: 'too-much', message: 'more than 1 MiB of output' });
  });

  it('is over with its process if that is wanted, whatever it leaves behind', async () => {
    const began = Date.now();
    const end = await run(['sh', '-c', 'echo said; sleep 5 & exit 4'], { isOverWithItsProcess: true });
    expect(end).toMatchObject({ code: 4, stdout: Buffer.from('said\n') });
    expect(Date.now() - began).toBeLessThan(3000);
  });

  it('that is not there can not be started', async () => {
    const fault = await faultOf(run(['/nonexistent/program']));
    expect(fault.fault).toBe('not-started');
    expect(fault.message).toContain('cannot start `/nonexistent/program`');
  });

  it('is started anew after the process that starts programs was killed', async () => {
    const parent = async (): Promise<number> => Number((await run(['sh', '-c', 'echo $PPID'])).stdout.toString());
    const first = await parent();
    expect(first).not.toBe(process.pid);
    const fault = await faultOf(run(['sh', '-c', 'kill -9 $PPID; sleep 5']));
    expect(fault.fault).toBe('gone');
    expect(await parent()).not.toBe(first);
  });
});
