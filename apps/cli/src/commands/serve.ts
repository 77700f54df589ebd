import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { execFileSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { bold, print, red } from '../output.js';
import { UsageError } from '../policy-files.js';
import { packageRoot } from '../root.js';

export interface ServeOptions {
  readonly data: string;
  readonly http: string;
  readonly authPort: string;
  readonly acctPort: string;
  readonly policy?: string;
}

/**
 * Controller and bridge on this machine, as two processes that are started again when they die: what `npm start` runs.
 * Without --policy it works on a copy of the sample hospital, a git repository of its own in the data folder.
 */
export async function serve(options: ServeOptions): Promise<number> {
  const data = resolve(options.data);
  mkdirSync(data, { recursive: true, mode: 0o700 });
  const policy = options.policy ?? copySample(data);
  const isFirst = !existsSync(join(data, 'controller'));
  const adminToken = isFirst ? randomBytes(24).toString('base64url') : null;
  const env = {
    ...process.env,
    ...environment(options, data, policy),
    ...(adminToken ? { CORDON_ADMIN_TOKEN: adminToken } : {}),
  };
  const controller = new Service('controller', 'apps/controller/src/main.js', env);
  const bridge = new Service('bridge', 'apps/radius-bridge/src/main.js', env);
  const stopped = new Promise<void>((done) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => done());
  });
  try {
    await Promise.all([controller.start(), bridge.start()]);
    const hasDevices = adminToken !== null && (await addSampleDevices(options.http, adminToken));
    await untilBridgeHasPolicy(env, hasDevices);
    greet(options, data, policy, { adminToken, hasDevices });
    await stopped;
    return 0;
  } finally {
    await Promise.all([bridge.stop(), controller.stop()]);
  }
}

function environment(options: ServeOptions, data: string, policy: string): Record<string, string> {
  return {
    CORDON_DATA: data,
    CORDON_HTTP: options.http,
    CORDON_CONTROLLER_URL: `http://${options.http}`,
    CORDON_RADIUS_AUTH_PORT: options.authPort,
    CORDON_RADIUS_ACCT_PORT: options.acctPort,
    CORDON_BRIDGE_HTTP: bridgeHttp(options.http),
    CORDON_POLICY_REPOSITORY: policy,
    CORDON_POLICY_POLL_SECONDS: process.env['CORDON_POLICY_POLL_SECONDS'] ?? '2',
    RADIUS_SECRET_DEMO: process.env['RADIUS_SECRET_DEMO'] ?? keptSecret(data),
  };
}

/** One port above the controller's. */
function bridgeHttp(http: string): string {
  const [host = '127.0.0.1', port = '8080'] = http.split(':');
  return `${host}:${Number(port) + 1}`;
}

/** The RADIUS secret of the demonstration switches, made once per data folder. */
function keptSecret(data: string): string {
  const file = join(data, 'radius-secret-demo');
  if (!existsSync(file)) writeFileSync(file, `${randomBytes(18).toString('base64url')}\n`, { mode: 0o600 });
  return readFileSync(file, 'utf8').trim();
}

function copySample(data: string): string {
  const folder = join(data, 'policy');
  if (existsSync(join(folder, '.git'))) return folder;
  cpSync(join(packageRoot, 'policies'), folder, { recursive: true });
  const git = (...args: string[]): void => {
    execFileSync(
      'git',
      [
        '-C',
        folder,
        '-c',
        'user.name=Cordon',
        '-c',
        'user.email=cordon@localhost',
        '-c',
        'commit.gpgsign=false',
        ...args,
      ],
      { stdio: 'ignore' },
    );
  };
  try {
    git('init', '-q', '-b', 'main');
    git('add', '-A');
    git('commit', '-q', '-m', 'sample hospital');
  } catch {
    throw new UsageError('cordon reads policy from git: install git (Debian: apt install git) and start again');
  }
  return folder;
}

/** False: the policy is not that of the sample hospital, and lacks classes of theirs. */
async function addSampleDevices(http: string, token: string): Promise<boolean> {
  const file = join(packageRoot, 'policies/inventory/devices.csv');
  if (!existsSync(file)) return false;
  const response = await fetch(`http://${http}/api/v1/devices/import`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'text/csv' },
    body: readFileSync(file),
  });
  // 422: it has other classes; 409: it was refused, and there are none.
  if (response.status === 422 || response.status === 409) return false;
  if (!response.ok) throw new Error(`sample devices were refused: ${await response.text()}`);
  return true;
}

/** Ready means that a switch would be answered. */
async function untilBridgeHasPolicy(env: Record<string, string | undefined>, withDevices: boolean): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    const health = await fetch(`http://${env['CORDON_BRIDGE_HTTP']}/healthz`).catch(() => null);
    const state = health ? ((await health.json()) as { devices?: number; snapshotDigest?: string | null }) : {};
    if (state.snapshotDigest && (!withDevices || (state.devices ?? 0) > 0)) return;
    await new Promise((done) => {
      setTimeout(done, 100);
    });
  }
}

function greet(
  options: ServeOptions,
  data: string,
  policy: string,
  { adminToken, hasDevices }: { readonly adminToken: string | null; readonly hasDevices: boolean },
): void {
  print('');
  print(bold('Cordon is up'));
  print(`  API and status   http://${options.http}/api/v1/status   (API description: /api/docs)`);
  print(`  RADIUS           127.0.0.1:${options.authPort} authentication, :${options.acctPort} accounting`);
  print(`  policy           ${policy} (git, branch main: commit there and it takes effect)`);
  print(`  data             ${data}`);
  if (adminToken) print(`  admin token      ${bold(adminToken)}   (shown this once)`);
  print('');
  if (options.policy === undefined) greetSample(policy);
  if (hasDevices) print(`  sample devices are in ${join(packageRoot, 'policies/inventory/devices.csv')}`);
  print('  stop with Ctrl-C');
}

function greetSample(policy: string): void {
  print(bold('Three things to try, in another terminal'));
  print('  1. be a switch:        npx cordon radtest 00:03:b1:4a:10:21');
  print(
    '  2. ask why:            npx cordon explain --policy policies --from infusion-pump --to drug-library --app https',
  );
  print(`  3. see a change first: edit ${join(policy, 'rules/flows-medical.csv')}, then`);
  print(`                         npx cordon plan --from policies --to ${policy}; commit there to put it into force`);
}

/** Bounds what Node keeps for young objects, see the READMEs of both. Node takes it at the start of a process only. */
const nodeFlags = ['--max-semi-space-size=16'];

/** A child process that is started again when it dies by itself. */
class Service {
  private child: ChildProcess | null = null;
  private stopping = false;

  constructor(
    private readonly name: string,
    private readonly file: string,
    private readonly env: Record<string, string | undefined>,
  ) {}

  /** Resolves when the service says that it is ready; rejects when it ends before. */
  async start(): Promise<void> {
    const child = spawn(process.execPath, [...nodeFlags, join(packageRoot, 'dist', this.file)], {
      env: this.env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.child = child;
    const lines = createInterface({ input: child.stdout });
    const ready = new Promise<void>((done) => {
      lines.on('line', (line) => {
        if (line.startsWith(`cordon ${this.name} ready`)) done();
        else if (!line.startsWith('admin token:')) print(line);
      });
    });
    const ended = once(child, 'exit').then(([code]) => Number(code ?? 1));
    const early = ended.then((code) => {
      throw new UsageError(`the ${this.name} ended with code ${code} before it was ready; the lines above say why`);
    });
    await Promise.race([ready, early]);
    early.catch(() => {});
    void ended.then(() => this.again());
  }

  async stop(): Promise<void> {
    this.stopping = true;
    const { child } = this;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    await ended;
  }

  private again(): void {
    if (this.stopping) return;
    print(red(`the ${this.name} ended by itself: starting it again`));
    setTimeout(() => {
      if (!this.stopping) this.start().catch((error: Error) => print(red(error.message)));
    }, 1000);
  }
}
