import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, mkdirSync, type WriteStream } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { usualFlags } from '../bench/radius/cordon-side.ts';
import { end, launch } from '../bench/radius/side.ts';

const main = join(import.meta.dirname, '../../dist/apps/controller/src/main.js');
const startMilliseconds = 60_000;

export interface ControllerOptions {
  readonly folder: string;
  readonly policy: string;
  readonly bridgeToken: string;
  readonly adminToken: string;
  /** It ended though nobody wanted it to. */
  readonly onEnd: (reason: string) => void;
  /** For `--cpu-prof` and the like. */
  readonly nodeFlags?: readonly string[];
  /** Beside what every controller gets. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** The built controller as a process that is started again and again on the same data, on a port of the system's choice. */
export class ControllerProcess {
  private readonly options: ControllerOptions;
  private readonly log: WriteStream;
  private child: ChildProcess | null = null;
  private isStopping = false;
  url = '';

  constructor(options: ControllerOptions) {
    this.options = options;
    mkdirSync(options.folder, { recursive: true });
    this.log = createWriteStream(join(options.folder, 'controller.log'), { flags: 'a' });
  }

  /** Null: it does not run. */
  get pid(): number | null {
    const { child } = this;
    return child && child.exitCode === null && child.signalCode === null ? child.pid! : null;
  }

  /** Resolves to its port when it is ready. */
  async start(): Promise<number> {
    const { folder, policy, bridgeToken, adminToken, onEnd, nodeFlags = [], environment = {} } = this.options;
    const child = launch(process.execPath, [...usualFlags, ...nodeFlags, main], {
      env: {
        PATH: process.env['PATH'] ?? '',
        HOME: folder,
        CORDON_DATA: join(folder, 'data'),
        CORDON_HTTP: '127.0.0.1:0',
        CORDON_POLICY_REPOSITORY: policy,
        CORDON_BRIDGE_TOKEN: bridgeToken,
        CORDON_ADMIN_TOKEN: adminToken,
        ...environment,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child = child;
    this.isStopping = false;
    child.once('exit', (code, signal) => {
      if (!this.isStopping) onEnd(`the controller ended by itself: ${signal ?? code}`);
    });
    child.stderr!.pipe(this.log, { end: false });
    const lines = createInterface({ input: child.stdout! });
    const tooLate = AbortSignal.timeout(startMilliseconds);
    const first = await Promise.race([
      once(lines, 'line', { signal: tooLate }).then(([line]) => String(line)),
      once(child, 'exit').then(() => 'it ended'),
    ]);
    const match = /^cordon controller ready (http:\/\/\S+:(\d+))$/.exec(first);
    if (!match) throw new Error(`the controller did not start (${first}): its log says why`);
    this.url = match[1]!;
    return Number(match[2]);
  }

  async stop(signal: NodeJS.Signals): Promise<void> {
    this.isStopping = true;
    if (this.child) await end(this.child, signal);
  }

  async close(): Promise<void> {
    await this.stop('SIGTERM');
    this.log.end();
  }
}
