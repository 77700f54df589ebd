import { describe, expect, it } from 'vitest';
import { RemoteFault, TerminalFault } from '../driver.js';
import { runProgram } from '../transport-program.js';

const run = (command: readonly string[], input = '', timeoutMilliseconds = 20_000) =>
  runProgram({ what: 'it', command, input, timeoutMilliseconds });

describe('a program', () => {
  it('gets its input, and gives its output, its complaints and how it ended', async () => {
    const end = await run(['sh', '-c', 'cat; echo ü >&2; exit 3'], 'ä'.repeat(300_000));
    expect(end).toMatchObject({ code: 3, stderr: 'ü\n' });
    expect(end.stdout).toBe('ä'.repeat(300_000));
  });

  it('runs beside others', async () => {
    const ends = await Promise.all([1, 2, 3].map((n) => run(['sh', '-c', `echo ${n}`])));
    expect(ends.map(({ stdout }) => stdout.trim())).toEqual(['1', '2', '3']);
  });

  it('may end without reading its input', async () => {
    expect(await run(['false'], 'x'.repeat(1_000_000))).toMatchObject({ code: 1 });
  });

  it('is ended when it takes too long', async () => {
    const error = await run(['sleep', '60'], '', 100).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(RemoteFault);
    expect(error).toMatchObject({ message: 'it: no answer within 0.1 s' });
  });

  it('that is not there can not be started', async () => {
    const error = await run(['/nonexistent/program']).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(TerminalFault);
    expect(error).toMatchObject({ message: expect.stringContaining('cannot start `/nonexistent/program`') as string });
  });

  it('is started anew after the process that starts programs was killed', async () => {
    const parent = async (): Promise<number> => Number((await run(['sh', '-c', 'echo $PPID'])).stdout);
    const first = await parent();
    expect(first).not.toBe(process.pid);
    const lost = run(['sh', '-c', 'kill -9 $PPID; sleep 5']).catch((thrown: unknown) => thrown);
    expect(await lost).toBeInstanceOf(RemoteFault);
    expect(await parent()).not.toBe(first);
  });
});
