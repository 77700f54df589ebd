import { describe, expect, it } from 'vitest';
import { RemoteFault, TerminalFault } from '../driver.js';
import { runProgram } from '../transport-program.js';

const run = (command: readonly string[], timeoutMilliseconds = 20_000) =>
  runProgram({ what: 'it', command, timeoutMilliseconds });

describe('a program that reaches a device', () => {
  it('gives text', async () => {
    expect(await run(['sh', '-c', 'echo ü'])).toEqual({ code: 0, stdout: 'ü\n', stderr: '' });
  });

  it('may be tried again when it takes too long', async () => {
    const error = await run(['sleep', '60'], 100).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(RemoteFault);
    expect(error).toMatchObject({ message: 'it: no answer within 0.1 s' });
  });

  it('needs a person when it is not there', async () => {
    const error = await run(['/nonexistent/program']).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(TerminalFault);
    expect(error).toMatchObject({ message: expect.stringContaining('it: cannot start `/nonexistent') as string });
  });
});
