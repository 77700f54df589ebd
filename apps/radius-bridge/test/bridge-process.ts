import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export interface BridgeSettings {
  readonly dataFolder: string;
  readonly controllerUrl: string;
  readonly token: string;
  readonly env?: Readonly<Record<string, string>>;
}

const root = join(import.meta.dirname, '../../..');
const readyLine = /^cordon bridge ready radius (\S+) ports (\d+), (\d+) http (\S+)$/;

/** The built bridge as a process of its own, on ports that the system chose. */
export class BridgeProcess {
  private constructor(
    readonly child: ChildProcess,
    readonly authenticationPort: number,
    readonly accountingPort: number,
    readonly http: string,
    /** Lines of the log so far. */
    readonly log: readonly string[],
    readonly startMilliseconds: number,
  ) {}

  static async start({ dataFolder, controllerUrl, token, env }: BridgeSettings): Promise<BridgeProcess> {
    const begun = performance.now();
    const child = spawn(process.execPath, [join(root, 'dist/apps/radius-bridge/src/main.js')], {
      env: {
        PATH: process.env['PATH'] ?? '',
        CORDON_DATA: dataFolder,
        CORDON_RADIUS_AUTH_PORT: '0',
        CORDON_RADIUS_ACCT_PORT: '0',
        CORDON_RADSEC_PORT: '0',
        CORDON_BRIDGE_HTTP: '127.0.0.1:0',
        CORDON_BRIDGE_ID: 'bridge-1',
        CORDON_CONTROLLER_URL: controllerUrl,
        CORDON_BRIDGE_TOKEN: token,
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const log: string[] = [];
    createInterface({ input: child.stderr }).on('line', (line) => log.push(line));
    const first = Promise.race([
      once(createInterface({ input: child.stdout }), 'line').then(([line]) => String(line)),
      once(child, 'exit').then(() => ''),
    ]);
    const match = readyLine.exec(await first);
    if (!match) throw new Error(`the bridge did not start:\n${log.join('\n')}`);
    const [, , authentication, accounting, http] = match;
    const took = performance.now() - begun;
    return new BridgeProcess(child, Number(authentication), Number(accounting), `http://${http}`, log, took);
  }

  async counters(): Promise<Record<string, number>> {
    return ((await this.status()) as unknown as { totals: Record<string, number> }).totals;
  }

  async status(): Promise<Record<string, unknown>> {
    return (await (await fetch(`${this.http}/counters`)).json()) as Record<string, unknown>;
  }

  /** Resolves to the exit code or the signal. */
  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<number | string> {
    const { exitCode, signalCode } = this.child;
    if (exitCode !== null || signalCode !== null) return exitCode ?? signalCode ?? '';
    const gone = once(this.child, 'exit') as Promise<[number | null, string | null]>;
    this.child.kill(signal);
    const [code, by] = await gone;
    return code ?? by ?? '';
  }
}
