import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { readStatus, usualFlags } from '../bench/radius/cordon-side.ts';
import { memoryOf } from '../bench/radius/process-tree.ts';
import type { Daemon, Daemons } from '../lab/process.ts';
import { Link } from '../soak/link.ts';
import type { Site } from './hospital.ts';
import { secret } from './switch.ts';

const root = join(import.meta.dirname, '../..');
const controllerPort = 8080;
const bridgeToken = randomBytes(24).toString('base64url');
const adminToken = randomBytes(24).toString('base64url');
/** Controller and bridge say so when they are ready. */
const startMilliseconds = 60_000;
const answerMilliseconds = 20_000;

/** One of Cordon's processes, started again and again on the same data. */
abstract class Cordonian {
  private readonly daemons: Daemons;
  private readonly folder: string;
  readonly name: string;
  private daemon: Daemon | null = null;
  private isKilled = false;
  starts = 0;
  /** Megabytes, at most so far. */
  mostMemory = 0;

  constructor(name: string, folder: string, daemons: Daemons) {
    this.name = name;
    this.folder = folder;
    this.daemons = daemons;
  }

  protected abstract readonly program: string;
  protected abstract readonly env: Readonly<Record<string, string>>;

  async start(): Promise<void> {
    if (this.isRunning) return;
    const command = [process.execPath, ...usualFlags, join(root, 'dist', this.program)];
    // What a killed process leaves in the system's temporary folder goes with the run.
    const env = { TMPDIR: this.folder, ...this.env };
    // Each start has its own log, so that waiting for a line never meets one of an earlier life.
    this.daemon = this.daemons.start(`${this.name}-${++this.starts}`, command, { env });
    this.isKilled = false;
    await this.daemon.saying(/^cordon \w+ ready/, startMilliseconds);
  }

  get isRunning(): boolean {
    return this.daemon?.isRunning ?? false;
  }

  /** By itself: nobody killed it. */
  get hasEnded(): boolean {
    return this.daemon !== null && !this.isKilled && !this.daemon.isRunning;
  }

  async kill(): Promise<void> {
    this.isKilled = true;
    await this.daemon?.stop('SIGKILL');
  }

  measure(): void {
    if (!this.isRunning) return;
    try {
      this.mostMemory = Math.max(this.mostMemory, memoryOf(this.daemon!.pid).resident);
    } catch {
      // It ended just now.
    }
  }
}

export interface Answer<T> {
  readonly status: number;
  readonly body: T;
}

export class ControllerUnderTest extends Cordonian {
  protected readonly program = 'apps/controller/src/main.js';
  protected readonly env: Readonly<Record<string, string>>;

  constructor(folder: string, daemons: Daemons, repository: string) {
    super('controller', folder, daemons);
    const data = join(folder, 'controller');
    mkdirSync(data);
    this.env = {
      CORDON_DATA: data,
      CORDON_HTTP: `127.0.0.1:${controllerPort}`,
      CORDON_POLICY_REPOSITORY: repository,
      CORDON_POLICY_POLL_SECONDS: '2',
      CORDON_BRIDGE_TOKEN: bridgeToken,
      CORDON_ADMIN_TOKEN: adminToken,
    };
  }

  /** Throws when nobody answers: whether it was done is then not known. */
  async call<T>(method: string, path: string, body?: unknown): Promise<Answer<T>> {
    const response = await fetch(`http://127.0.0.1:${controllerPort}/api/v1${path}`, {
      method,
      // A connection that is kept would be found dead after each restart.
      headers: { authorization: `Bearer ${adminToken}`, connection: 'close', 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(answerMilliseconds),
    });
    const text = await response.text();
    return { status: response.status, body: (text === '' ? null : JSON.parse(text)) as T };
  }

  async ask<T>(path: string): Promise<T> {
    const { status, body } = await this.call<T>('GET', path);
    if (status !== 200) throw new Error(`GET ${path} answered ${status}: ${JSON.stringify(body)}`);
    return body;
  }

  /** Every page of a list. */
  async list<T>(path: string): Promise<T[]> {
    const all: T[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const more: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`;
      const page: { items: T[]; next: string | null } = await this.ask(
        `${path}${path.includes('?') ? '&' : '?'}limit=500${more}`,
      );
      all.push(...page.items);
      cursor = page.next;
    }
    return all;
  }
}

export interface BridgeView {
  readonly snapshot: string | null;
  readonly rollout: string | null;
  readonly devices: number;
  readonly spool: number;
  readonly unwritten: number;
  readonly coaBacklog: number;
  readonly controller: { readonly connected: boolean };
  readonly totals: Readonly<Record<string, number>>;
}

/** A bridge whose way to the controller can be cut, held up, and slow. */
export class BridgeUnderTest extends Cordonian {
  readonly site: Site;
  readonly link = new Link();
  protected readonly program = 'apps/radius-bridge/src/main.js';
  protected env: Readonly<Record<string, string>> = {};
  private readonly base: number;

  private readonly data: string;

  constructor(site: Site, base: number, folder: string, daemons: Daemons) {
    super(`bridge-${site}`, folder, daemons);
    this.site = site;
    this.base = base;
    this.data = join(folder, this.name);
    mkdirSync(this.data);
  }

  async prepare(): Promise<void> {
    this.link.leadTo(controllerPort);
    this.env = {
      CORDON_DATA: this.data,
      CORDON_CONTROLLER_URL: await this.link.open(),
      CORDON_BRIDGE_TOKEN: bridgeToken,
      CORDON_BRIDGE_ID: this.name,
      CORDON_RADIUS_AUTH_PORT: `${this.authenticationPort}`,
      CORDON_RADIUS_ACCT_PORT: `${this.accountingPort}`,
      CORDON_RADSEC_PORT: '0',
      CORDON_BRIDGE_HTTP: `127.0.0.1:${this.base + 2}`,
      CHAOS_SECRET: secret,
    };
  }

  get authenticationPort(): number {
    return this.base;
  }

  get accountingPort(): number {
    return this.base + 1;
  }

  async view(): Promise<BridgeView> {
    return (await readStatus(`http://127.0.0.1:${this.base + 2}`)) as unknown as BridgeView;
  }

  /** It has all of the controller's, and the controller has all of its. */
  async isInSync(digest: string): Promise<boolean> {
    const { snapshot, spool, unwritten, controller } = await this.view();
    return snapshot === digest && spool === 0 && unwritten === 0 && controller.connected;
  }
}
