import { spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Authentication, Credential, DevicePosture, FeedMessage, Session } from '#model';
import { parseMac } from '#net';
import { encodeSnapshot, type Snapshot } from '#policy';
import { BridgeProcess, type BridgeSettings } from '../../apps/radius-bridge/test/bridge-process.js';
import { FakeController } from '../../apps/radius-bridge/test/fake-controller.js';
import { sampleSnapshot } from '../../apps/radius-bridge/test/sample-policy.js';
import { grownSince, otherPump, pump, quarantined, Switch } from './switch.js';

const token = 'bridge-token-of-the-test';
export const secret = 'secret of most switches';
export const otherSecret = 'secret of the other';

/** As `network/nas.yaml`; `coaPort`: of the switches that a test listens for. */
const nasYaml = (coaPort: number): string =>
  [
    `switch: { address: 127.0.0.1, site: main, profile: rfc, secret: "env:SECRET", sessionTimeout: 3600, coaPort: ${coaPort}, ssidSites: { clinical: main-wifi, "a:b": main-wifi } }`,
    'switch-2: { address: 127.0.0.2, site: main, profile: rfc, secret: "env:SECRET", sessionTimeout: 3600 }',
    `switch-cisco: { address: 127.0.0.3, site: main, profile: cisco-ios-xe, secret: "env:SECRET", sessionTimeout: 3600, coaPort: ${coaPort} }`,
    'switch-mute: { address: 127.0.0.4, site: main, profile: rfc, secret: "env:SECRET_MISSING" }',
    'floor: { address: 127.1.0.0/16, site: main, profile: rfc, secret: "env:SECRET" }',
    'closet: { address: 127.1.2.0/24, site: main, profile: rfc, secret: "env:SECRET_OTHER" }',
    'switch-6: { address: "::1", site: main, profile: rfc, secret: "env:SECRET" }',
  ].join('\n');

export interface TestDevice {
  readonly mac: string;
  readonly class?: string;
  readonly posture?: DevicePosture;
}

export interface BedOptions {
  /** Files of the policy that differ from the sample. */
  readonly files?: Readonly<Record<string, string>>;
  readonly devices?: readonly TestDevice[];
  readonly credentials?: readonly Credential[];
  readonly env?: Readonly<Record<string, string>>;
  readonly coaPort?: number;
  /** The bridge never hears of a policy. */
  readonly withoutSnapshot?: boolean;
}

/** One bridge as a process of its own, a controller that says what the test wants, and switches of bytes. */
export class TestBed {
  private readonly switches: Switch[] = [];
  private ahead = 0;

  private constructor(
    private running: BridgeProcess,
    readonly controller: FakeController,
    readonly folder: string,
    private readonly options: BedOptions,
    private readonly settings: BridgeSettings,
  ) {}

  get bridge(): BridgeProcess {
    return this.running;
  }

  static async start(options: BedOptions = {}): Promise<TestBed> {
    const folder = mkdtempSync(join(tmpdir(), 'cordon-conformance-'));
    const controller = new FakeController(token);
    const controllerUrl = await controller.listen();
    const messages = messagesOf(options);
    controller.initial = options.withoutSnapshot ? [{ type: 'ping' }] : messages;
    const env = {
      SECRET: secret,
      SECRET_OTHER: otherSecret,
      CORDON_EAP_WORKERS: '1',
      CORDON_TEST_CLOCK: join(folder, 'clock'),
      NODE_OPTIONS: `--import=${join(import.meta.dirname, 'clock.ts')}`,
      ...options.env,
    };
    const settings = { dataFolder: join(folder, 'data'), controllerUrl, token, env };
    const bridge = await BridgeProcess.start(settings);
    const bed = new TestBed(bridge, controller, folder, options, settings);
    if (!options.withoutSnapshot)
      await bed.until(async () => (await bridge.status())['revision'] === 1, 'the bridge has what the controller said');
    return bed;
  }

  async stop(): Promise<void> {
    for (const each of this.switches) each.close();
    await this.bridge.end('SIGKILL');
    // A test may have closed it.
    await this.controller.close().catch(() => undefined);
    rmSync(this.folder, { recursive: true });
    if (this.controller.violations.length > 0) throw new Error(this.controller.violations.join('\n'));
  }

  /** Killed in the middle of what it does, and started again on other ports: switches have to be opened anew. */
  async restart(): Promise<void> {
    await this.running.end('SIGKILL');
    this.running = await BridgeProcess.start(this.settings);
  }

  /** A switch that sends from this address; its secret is that of the policy. */
  async switchAt(address = '127.0.0.1', own = secret, port = 0): Promise<Switch> {
    const { authenticationPort, accountingPort } = this.bridge;
    const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
    socket.bind(port, address);
    await once(socket, 'listening');
    const ports = { authentication: authenticationPort, accounting: accountingPort };
    const opened = new Switch(socket, address, own, ports, () => this.bridge.counters());
    this.switches.push(opened);
    return opened;
  }

  get coaPort(): number {
    return this.options.coaPort ?? 3799;
  }

  /** To the controller. */
  async isConnected(): Promise<boolean> {
    return ((await this.bridge.status())['controller'] as { connected: boolean }).connected;
  }

  /** Only forward, as clocks go. */
  moveClock(seconds: number): void {
    this.ahead += seconds * 1000;
    writeFileSync(join(this.folder, 'clock'), `${this.ahead}`);
  }

  /** The controller says that the policy or the devices are others. */
  async change(options: BedOptions, revision: number): Promise<void> {
    for (const message of messagesOf({ ...this.options, ...options }, revision)) this.controller.send(message);
    await this.until(async () => (await this.bridge.status())['revision'] === revision, 'the change is taken');
  }

  /** Processes that hold the conversations of 802.1X; stopped, they leave every answer open. */
  signalWorkers(signal: 'SIGSTOP' | 'SIGCONT'): void {
    const { stdout } = spawnSync('pgrep', ['-P', `${this.bridge.child.pid}`], { encoding: 'utf8' });
    const workers = stdout.trim().split('\n').map(Number);
    if (!workers[0]) throw new Error('the bridge has no workers');
    for (const worker of workers) process.kill(worker, signal);
  }

  /** Nothing can be written to disk until what is returned is called. */
  holdDisk(): () => void {
    const database = new DatabaseSync(join(this.folder, 'data/bridge/bridge.sqlite'), { timeout: 5000 });
    database.exec('BEGIN IMMEDIATE');
    return () => database.close();
  }

  /** Growth of counters by name while something happens; those that did not grow are left out. */
  async grown(during: () => Promise<unknown>): Promise<Record<string, number>> {
    const before = await this.bridge.counters();
    await during();
    return grownSince(before, await this.bridge.counters());
  }

  async until(isTrue: () => Promise<boolean> | boolean, what: string, milliseconds = 20_000): Promise<void> {
    const deadline = performance.now() + milliseconds;
    while (!(await isTrue()))
      if (performance.now() > deadline)
        throw new Error(`not within ${milliseconds} ms: ${what}\n${this.bridge.log.join('\n')}`);
  }

  sessions(mac: string): Session[] {
    const latest = new Map<string, Session>();
    for (const event of this.controller.events)
      if (event.type === 'session' && event.session.mac === mac) latest.set(event.session.id, event.session);
    return [...latest.values()];
  }

  /** The session as the controller hears of it, once it is as expected. */
  session(mac: string, isExpected: (session: Session) => boolean): Promise<Session> {
    return this.controller.until(() => this.sessions(mac).find(isExpected));
  }

  authentication(isExpected: (authentication: Authentication) => boolean): Promise<Authentication> {
    return this.controller.until(() =>
      this.controller.events
        .flatMap((event) => (event.type === 'authentication' ? event.authentication : []))
        .find(isExpected),
    );
  }
}

function messagesOf(options: BedOptions, revision = 1): FeedMessage[] {
  const { files, devices = defaultDevices, credentials = [], coaPort = 3799 } = options;
  const snapshot: Snapshot = sampleSnapshot({ 'network/nas.yaml': nasYaml(coaPort), ...files });
  return [
    { type: 'snapshot', snapshot: encodeSnapshot(snapshot) },
    { type: 'credentials', reset: true, revision, credentials: [...credentials] },
    {
      type: 'devices',
      reset: true,
      revision,
      devices: devices.map(({ mac, class: deviceClass = 'infusion-pump', posture = 'normal' }) => ({
        mac: parseMac(mac)!,
        class: deviceClass,
        posture,
      })),
    },
    { type: 'ping' },
  ];
}

const defaultDevices: readonly TestDevice[] = [
  { mac: pump },
  { mac: otherPump },
  { mac: quarantined, posture: 'quarantined' },
];
