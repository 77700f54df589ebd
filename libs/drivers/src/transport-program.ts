import { ProgramFailed, runProgram as run, type Program as Order } from '#programs';
import { RemoteFault, TerminalFault } from './driver.js';

export interface Program extends Order {
  /** For people. */
  readonly what: string;
}

/** `code` is null when it was killed. */
export interface ProgramEnd {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end, whatever that is. Rejects with `RemoteFault` or `TerminalFault` when there was none. */
export async function runProgram({ what, ...program }: Program): Promise<ProgramEnd> {
  try {
    const { stdout, ...end } = await run(program);
    return { ...end, stdout: stdout.toString('utf8') };
  } catch (error) {
    if (!(error instanceof ProgramFailed)) throw error;
    const mayPass = error.fault === 'no-answer' || error.fault === 'gone';
    throw new (mayPass ? RemoteFault : TerminalFault)(`${what}: ${error.message}`);
  }
}
