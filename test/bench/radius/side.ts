import { spawn, spawnSync, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';

export const secret = 'secret of the bench';

/** What is measured: a RADIUS server with all that it needs to answer. */
export interface Side {
  readonly name: string;
  /** Its processes; what descends from them counts, too. */
  readonly roots: readonly number[];
  readonly port: number;
  readonly close: () => Promise<void>;
}

/** SIGTERM, and SIGKILL for what does not obey: FreeRADIUS does not always. */
export async function end(child: ChildProcess, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill(signal);
  const last = setTimeout(() => child.kill('SIGKILL'), 3000);
  await gone;
  clearTimeout(last);
}

/** Waits until it is so; throws when the process ended or the time is up. */
export async function until(
  isSo: () => boolean | Promise<boolean>,
  what: string,
  child: ChildProcess,
  milliseconds = 15_000,
): Promise<void> {
  const deadline = Date.now() + milliseconds;
  while (!(await isSo())) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(`${what}: the process ended`);
    if (Date.now() > deadline) throw new Error(`${what}: not within ${milliseconds} ms`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Of the kind that it is used for next: nobody else takes it meanwhile, or the server says so. */
export async function freePort(): Promise<number> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  return port;
}

/** Runs a command to its end; throws what it said when it failed. */
export function mustRun(
  command: string,
  args: readonly string[],
  options: SpawnOptions & { input?: string } = {},
): void {
  const done = spawnSync(command, args, { ...options, encoding: 'utf8', maxBuffer: 64 << 20 });
  if (done.status === 0) return;
  throw new Error(`\`${command}\` failed:\n${done.error?.message ?? `${done.stdout}${done.stderr}`.slice(-2000)}`);
}

export const launch = (command: string, args: readonly string[], options: SpawnOptions = {}): ChildProcess =>
  spawn(command, args, { stdio: 'ignore', ...options });
