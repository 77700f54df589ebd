import { once } from 'node:events';
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Snapshot } from '#policy';
import { sampleFiles, sampleSnapshot } from '../../../apps/radius-bridge/test/sample-policy.ts';
import { ControllerStandIn } from './controller-stand-in.ts';
import { end, launch, secret, until, type Side } from './side.ts';

const statusMilliseconds = 10_000;
const root = join(import.meta.dirname, '../../..');

/** As `cordon serve` starts controller and bridge, and their READMEs say. */
export const usualFlags = ['--max-semi-space-size=16'];

/** As the FreeRADIUS side is configured: every device is a pump, with the same VLAN and ACL by MAC and by certificate. */
export function benchFiles(eapYaml: string | null = null): Readonly<Record<string, string>> {
  const verified = 'p2, infusion-pump, everywhere, verified, pumps, always, "by certificate"';
  return {
    ...sampleFiles,
    'rules/access.csv': `${sampleFiles['rules/access.csv']}\n${verified}`,
    ...(eapYaml === null ? {} : { 'network/eap.yaml': eapYaml }),
  };
}

export const benchSnapshot = (eapYaml: string | null = null): Snapshot => sampleSnapshot(benchFiles(eapYaml));

export interface CordonOptions {
  readonly folder: string;
  readonly macs: readonly string[];
  readonly snapshot: Snapshot;
  /** For `--cpu-prof` and the like. */
  readonly nodeFlags: readonly string[];
}

export interface CordonSide extends Side {
  readonly pid: number;
  readonly accountingPort: number;
  readonly status: () => Promise<BridgeStatus>;
}

export interface BridgeStatus {
  /** Digest of the policy that it has. */
  readonly snapshot: string | null;
  readonly devices: number;
  readonly sessions: number;
  readonly unwritten: number;
  readonly spool: number;
  readonly coaBacklog: number;
  readonly eapProblem: string | null;
  readonly controller: { readonly connected: boolean };
  readonly totals: Readonly<Record<string, number>>;
}

export interface RunningBridge {
  readonly child: ChildProcess;
  readonly authenticationPort: number;
  readonly accountingPort: number;
  readonly http: string;
}

/** The built bridge with its data in the folder. `ports`: of the system's choice where there are none. */
export function spawnBridge(
  folder: string,
  controller: { readonly url: string; readonly token: string },
  nodeFlags: readonly string[] = [],
  port = 0,
): ChildProcess {
  return launch(process.execPath, [...usualFlags, ...nodeFlags, join(root, 'dist/apps/radius-bridge/src/main.js')], {
    env: {
      PATH: process.env['PATH'] ?? '',
      CORDON_DATA: join(folder, 'cordon'),
      CORDON_RADIUS_AUTH_PORT: `${port}`,
      CORDON_RADIUS_ACCT_PORT: '0',
      CORDON_BRIDGE_HTTP: '127.0.0.1:0',
      CORDON_CONTROLLER_URL: controller.url,
      CORDON_BRIDGE_TOKEN: controller.token,
      SECRET_RFC: secret,
      SECRET_CISCO: secret,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** The bridge as in production: sessions, journal with synced commits, events to a controller, duplicate detection, counters. */
export async function startCordon({ folder, macs, snapshot, nodeFlags }: CordonOptions): Promise<CordonSide> {
  const controller = new ControllerStandIn(snapshot, macs);
  const { token } = controller;
  const child = spawnBridge(folder, { url: await controller.listen(), token }, nodeFlags);
  const close = async (): Promise<void> => {
    await end(child);
    controller.close();
  };
  try {
    const { authenticationPort, accountingPort, http } = await answering(child);
    const status = (): Promise<BridgeStatus> => readStatus(http);
    await until(async () => (await status()).devices === macs.length, 'the bridge reads its feed', child, 60_000);
    const pid = child.pid!;
    return { name: 'Cordon', pid, roots: [pid], port: authenticationPort, accountingPort, status, close };
  } catch (error) {
    await close();
    throw error;
  }
}

export async function readStatus(http: string): Promise<BridgeStatus> {
  const answer = await fetch(`${http}/counters`, { signal: AbortSignal.timeout(statusMilliseconds) });
  return (await answer.json()) as BridgeStatus;
}

/** The bridge once it answers; throws when it ends before. */
export async function answering(child: ChildProcess): Promise<RunningBridge> {
  let log = '';
  child.stderr!.on('data', (text: Buffer) => (log = (log + text.toString()).slice(-4000)));
  const first = await Promise.race([
    once(createInterface({ input: child.stdout! }), 'line').then(([line]) => String(line)),
    once(child, 'exit').then(() => ''),
  ]);
  const match = / ports (\d+), (\d+) http (\S+)$/.exec(first);
  if (!match) throw new Error(`the bridge did not start:\n${log}`);
  return {
    child,
    authenticationPort: Number(match[1]),
    accountingPort: Number(match[2]),
    http: `http://${match[3]}`,
  };
}
