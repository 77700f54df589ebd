import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { nasSecrets, serverAddress } from './plan.ts';
import { runToEnd, waitFor, type Daemon, type Daemons, type Ended } from './process.ts';

const root = join(import.meta.dirname, '..', '..');
export const controllerUrl = 'http://127.0.0.1:8080';
const bridgeUrl = 'http://127.0.0.1:8081';

/** How often Cordon looks at the policy repository by itself. */
export const pollMilliseconds = 2_000;

export interface Answer<T> {
  readonly status: number;
  readonly body: T;
}

/** The parts of a session that scenes look at. */
export interface ApiSession {
  readonly mac: string;
  readonly state: 'open' | 'closed';
  readonly nas: string;
  readonly segment: string;
  readonly vlan: number;
  readonly role: string;
  readonly rule: string;
  readonly addresses: readonly string[];
  readonly snapshotDigest: string;
  readonly convergence: { readonly state: string; readonly reason: string | null };
  readonly enforcement: { readonly state: string; readonly reason: string | null };
  readonly lastCoa: { readonly request: string; readonly outcome: string; readonly reason: string } | null;
}

/** The parts of an enforcement point that scenes look at. */
export interface ApiPoint {
  readonly name: string;
  readonly state: string;
  readonly members: number;
  readonly lastError: { readonly message: string } | null;
  readonly lastDrift: { readonly at: string; readonly steps: readonly string[] } | null;
}

export interface SyncAnswer {
  readonly status: 'active' | 'staged' | 'waiting' | 'refused' | 'unreachable';
  readonly commit?: string;
  readonly diagnostics: readonly {
    readonly severity: string;
    readonly code: string;
    readonly summary: string;
    readonly hint: string;
    readonly span?: { readonly file: string; readonly line: number };
  }[];
}

/** Why a policy did not come into force. */
export const errorsOf = ({ status, diagnostics }: SyncAnswer): string =>
  `${status}: ${diagnostics.flatMap(({ severity, summary }) => (severity === 'error' ? [summary] : [])).join('; ')}`;

/** Cordon's own two processes, as an operator starts them, and its API as an operator calls it. */
export class Cordon {
  private readonly folder: string;
  private readonly daemons: Daemons;
  private readonly policyFolder: string;
  private readonly adminToken = randomBytes(24).toString('base64url');
  private starts = 0;
  controller: Daemon | null = null;
  bridge: Daemon | null = null;

  constructor(folder: string, daemons: Daemons, policyFolder: string) {
    this.folder = folder;
    this.daemons = daemons;
    this.policyFolder = policyFolder;
  }

  /** Starts what does not run. A second call is for free. */
  async start(): Promise<void> {
    await this.startController();
    await this.startBridge();
  }

  /** `env`: settings of an operator that differ from those of the lab. */
  async startController(env: Readonly<Record<string, string>> = {}): Promise<void> {
    if (this.controller?.isRunning) return;
    this.controller = this.launch('controller', 'dist/apps/controller/src/main.js', {
      CORDON_HTTP: '127.0.0.1:8080',
      CORDON_POLICY_REPOSITORY: this.policyFolder,
      CORDON_POLICY_POLL_SECONDS: String(pollMilliseconds / 1000),
      CORDON_RESYNC_SECONDS: '2',
      CORDON_ADMIN_TOKEN: this.adminToken,
      ...env,
    });
    await this.controller.saying('cordon controller ready', 60_000);
  }

  async startBridge(): Promise<void> {
    if (this.bridge?.isRunning) return;
    this.bridge = this.launch('bridge', 'dist/apps/radius-bridge/src/main.js', {
      CORDON_RADIUS_HOST: serverAddress,
      CORDON_CONTROLLER_URL: controllerUrl,
      CORDON_BRIDGE_HTTP: '127.0.0.1:8081',
      CORDON_BRIDGE_ID: 'lab',
      ...nasSecrets,
    });
    await this.bridge.saying('cordon bridge ready', 60_000);
  }

  /** Each start has its own log, so that waiting for a line never meets one of an earlier life. */
  private launch(name: string, program: string, env: Readonly<Record<string, string>>): Daemon {
    const command = [process.execPath, join(root, program)];
    const settings = { CORDON_DATA: join(this.folder, 'cordon'), ...env };
    return this.daemons.start(`${name}-${++this.starts}`, command, { env: settings, cwd: this.folder });
  }

  /** The command line, as an admin calls it. */
  async command(...args: readonly string[]): Promise<Ended> {
    const env = { CORDON_TOKEN: this.adminToken, CORDON_CONTROLLER_URL: controllerUrl };
    return runToEnd([process.execPath, join(root, 'bin/cordon.js'), ...args], { cwd: this.folder, env });
  }

  // -- API

  async call<T>(method: string, path: string, body?: unknown): Promise<Answer<T>> {
    const response = await fetch(`${controllerUrl}/api/v1${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.adminToken}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(60_000),
    });
    const text = await response.text();
    return { status: response.status, body: (text === '' ? null : JSON.parse(text)) as T };
  }

  /** A call that must succeed. */
  async ask<T>(method: string, path: string, body?: unknown): Promise<T> {
    const { status, body: answer } = await this.call<T>(method, path, body);
    if (status >= 300) throw new Error(`${method} ${path} answered ${status}: ${JSON.stringify(answer)}`);
    return answer;
  }

  async register(mac: string, deviceClass: string): Promise<void> {
    const { status, body } = await this.call('POST', '/devices', { mac, class: deviceClass });
    if (status !== 201 && status !== 409) throw new Error(`registering answered ${status}: ${JSON.stringify(body)}`);
  }

  async setClass(mac: string, deviceClass: string): Promise<void> {
    await this.ask('PUT', `/devices/${mac}/class`, { class: deviceClass });
  }

  /** The password that the controller drew. */
  async drawPassword(username: string, mac: string): Promise<string> {
    const methods = ['pap', 'mschapv2'];
    return (await this.ask<{ password: string }>('PUT', `/credentials/${username}`, { mac, methods, generate: true }))
      .password;
  }

  async setPosture(mac: string, posture: string, reason: string): Promise<void> {
    await this.ask('PUT', `/devices/${mac}/posture`, { posture, reason });
  }

  async sync(): Promise<SyncAnswer> {
    return (await this.call<SyncAnswer>('POST', '/policy/sync')).body;
  }

  async openSession(mac: string): Promise<ApiSession | null> {
    const page = await this.ask<{ items: ApiSession[] }>('GET', `/sessions?state=open&mac=${mac}`);
    return page.items[0] ?? null;
  }

  /** What Prometheus would read of the controller and of the bridge: the samples, without their explanations. */
  async metrics(): Promise<string[]> {
    const headers = { authorization: `Bearer ${this.adminToken}` };
    const pages = [controllerUrl, bridgeUrl].map(async (url) => (await fetch(`${url}/metrics`, { headers })).text());
    return (await Promise.all(pages)).flatMap((page) => page.split('\n')).filter((line) => /^[a-z]/.test(line));
  }

  async bridgeCounters(): Promise<Record<string, unknown>> {
    return (await (await fetch(`${bridgeUrl}/counters`)).json()) as Record<string, unknown>;
  }

  async point(name: string): Promise<ApiPoint | undefined> {
    const { items } = await this.ask<{ items: ApiPoint[] }>('GET', '/enforcement-points');
    return items.find((point) => point.name === name);
  }

  /** Until the controller shows this device in this segment with an address of each family. */
  async sessionIn(mac: string, segment: string, milliseconds = 20_000): Promise<ApiSession> {
    return waitFor(`a session of ${mac} in ${segment}`, milliseconds, async () => {
      const session = await this.openSession(mac);
      const has = (mark: string): boolean => session?.addresses.some((address) => address.includes(mark)) ?? false;
      return session?.segment === segment && has('.') && has(':') ? session : undefined;
    });
  }
}
