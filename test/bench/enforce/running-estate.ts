import { randomBytes } from 'node:crypto';
import { createWriteStream, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { formatDiagnostic, type Diagnostic } from '#base';
import { PolicyRepository } from '../../e2e/tiny-policy.ts';
import { ControllerApi } from '../../soak/controller-api.ts';
import { ControllerProcess } from '../../soak/controller-process.ts';
import { answering, readStatus, spawnBridge, type RunningBridge } from '../radius/cordon-side.ts';
import { schedule, type Policy } from '../radius/scheduling.ts';
import { end, freePort, secret, until } from '../radius/side.ts';
import { now } from './clock.ts';
import { kindOf, macOf, type EstateSize } from './estate.ts';
import { Firewalls, whySimulated } from './firewalls.ts';
import { edits, estatePolicy, rolloutFile, type Edit, type Rollout } from './policy.ts';
import { SwitchProcess } from './switch-process.ts';
import { UsageMeter } from './usage.ts';

export interface EstateOptions {
  readonly folder: string;
  readonly size: EstateSize;
  /** For `--cpu-prof` and the like, of controller and bridge. */
  readonly nodeFlags: readonly string[];
  readonly progress: (text: string) => void;
  /** Ends what waits; all processes and namespaces go before the run does. */
  readonly signal: AbortSignal;
}

interface PointState {
  readonly name: string;
  readonly state: string;
  readonly rulesDigest: string | null;
  readonly lastError: { readonly message: string } | null;
}

interface SyncOutcome {
  readonly status: string;
  readonly digest?: string | null;
  readonly diagnostics: readonly Diagnostic[];
}

const pollMilliseconds = 100;
const longestWait = 600_000;
/** A file of CSV that the controller takes at once. */
const importedAtOnce = 20_000;

export const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });

const newToken = (): string => randomBytes(24).toString('base64url');

/** When what a commit changes had arrived, in milliseconds since it. */
export interface Arrival {
  /** Compiled, tested, stored. */
  readonly published: number;
  readonly lastCoa: number;
  readonly lastFirewall: number;
}

/** Controller, bridge, firewalls and switches of one estate, all of them running, and all devices on the network. */
export class RunningEstate {
  readonly size: EstateSize;
  readonly simulated = whySimulated();
  private readonly options: EstateOptions;
  private readonly closers: (() => void | Promise<void>)[] = [];
  private readonly repository: PolicyRepository;
  private readonly firewalls: Firewalls | null;
  readonly switches = new SwitchProcess();
  private controller!: ControllerProcess;
  private bridge!: RunningBridge;
  api!: ControllerApi;
  private readonly isOn: Record<Edit, boolean> = { 'one class': false, 'all classes': false };

  private constructor(options: EstateOptions) {
    this.options = options;
    this.size = options.size;
    mkdirSync(options.folder, { recursive: true });
    this.repository = new PolicyRepository(join(options.folder, 'policy'));
    this.closers.push(() => this.switches.close());
    this.firewalls = this.simulated === null ? new Firewalls(options.size.sites) : null;
    this.closers.push(() => this.firewalls?.close());
  }

  static async start(options: EstateOptions): Promise<RunningEstate> {
    const estate = new RunningEstate(options);
    try {
      await estate.open();
      return estate;
    } catch (error) {
      await estate.close();
      throw error;
    }
  }

  /** The main thread of the controller: like any other, or as the unit of its README has it. */
  schedule(policy: Policy): void {
    schedule(this.controller.pid!, policy);
  }

  async close(): Promise<void> {
    for (const close of this.closers.splice(0).reverse()) await close();
  }

  private async open(): Promise<void> {
    const { folder, size, nodeFlags, progress } = this.options;
    const coa = await freePort();
    this.repository.commit(estatePolicy(size, { coa, firewall: (site) => this.firewalls?.name(site) ?? null }));
    const tokens = { bridgeToken: newToken(), adminToken: newToken() };
    const onEnd = (reason: string): void => progress(reason);
    const home = join(folder, 'controller');
    this.controller = new ControllerProcess({
      folder: home,
      policy: this.repository.folder,
      ...tokens,
      onEnd,
      nodeFlags,
    });
    this.closers.push(() => this.controller.close());
    await this.controller.start();
    this.api = new ControllerApi(() => this.controller.url, tokens.adminToken);
    await this.sync();
    const { url } = this.controller;
    const child = spawnBridge(folder, { url, token: tokens.bridgeToken }, nodeFlags);
    this.closers.push(() => end(child));
    child.stderr!.pipe(createWriteStream(join(folder, 'bridge.log')));
    this.bridge = await answering(child);
    progress(`registering ${size.devices} devices`);
    for (let from = 0; from < size.devices; from += importedAtOnce) await this.register(from);
    const isKnown = async (): Promise<boolean> => {
      this.options.signal.throwIfAborted();
      const { devices, snapshot } = await this.status();
      return devices === size.devices && snapshot !== null;
    };
    await until(isKnown, 'the bridge reads its feed', child, longestWait);
    await this.attach(coa);
  }

  private async register(from: number): Promise<void> {
    const { size } = this;
    const rows = ['mac,class'];
    for (let device = from; device < Math.min(size.devices, from + importedAtOnce); device++)
      rows.push(`${macOf(device, size)},${kindOf(device, size).class}`);
    await this.api.importDevices(rows.join('\n'));
  }

  private async attach(coaPort: number): Promise<void> {
    const { size } = this;
    const { authenticationPort: authentication, accountingPort: accounting } = this.bridge;
    await this.switches.ask({ do: 'open', size, coaPort, secret, ports: { authentication, accounting } });
    this.options.progress(`${size.sessions} devices come`);
    const { milliseconds } = await this.switches.ask({ do: 'attach' });
    this.options.progress(`they are there after ${(milliseconds / 1000).toFixed(1)} s`);
    await this.settled();
  }

  private status() {
    return readStatus(this.bridge.http);
  }

  progress(text: string): void {
    this.options.progress(text);
  }

  get pids(): { readonly controller: number; readonly bridge: number; readonly switches: number } {
    return { controller: this.controller.pid!, bridge: this.bridge.child.pid!, switches: this.switches.pid };
  }

  meter(): UsageMeter {
    return new UsageMeter(this.pids);
  }

  /** Until nothing is on its way any more: no event, no CoA, no firewall behind, no rollout. */
  async settled(): Promise<void> {
    const isQuiet = async (): Promise<boolean> => {
      this.options.signal.throwIfAborted();
      const { spool, unwritten, coaBacklog } = await this.status();
      if (spool + unwritten + coaBacklog > 0 || (await this.isRollingOut())) return false;
      return (await this.points()).every(({ state }) => state === 'in-sync');
    };
    // Twice: what has just come wakes the next one in the chain only now.
    for (let quiet = 0; quiet < 2;) {
      await until(isQuiet, 'everything has arrived', this.bridge.child, longestWait);
      quiet++;
      await pause(pollMilliseconds);
    }
  }

  async setRollout(rollout: Rollout): Promise<void> {
    await this.commit(rolloutFile(rollout));
    await this.settled();
  }

  /** Commits an edit that takes away or brings back one line, and waits until nothing waits for it any more. */
  async edit(edit: Edit): Promise<Arrival> {
    const sessions = edit === 'one class' ? this.size.pumps : this.size.sessions;
    await this.switches.ask({ do: 'forget' });
    const { at, digest } = await this.begin(edit);
    const published = now();
    let lastFirewall = 0;
    const deadline = now() + longestWait;
    for (;;) {
      this.options.signal.throwIfAborted();
      if (lastFirewall === 0 && (await this.haveRules(digest))) lastFirewall = now();
      const { devices, lastAt, violations } = await this.switches.ask({ do: 'count' });
      if (violations > 0) throw new Error(`${violations} requests to switches were not signed or not packets`);
      if (devices > sessions) throw new Error(`${devices} devices were told, of ${sessions}`);
      if (devices === sessions && lastFirewall > 0)
        return { published: published - at, lastCoa: lastAt - at, lastFirewall: lastFirewall - at };
      if (now() > deadline) throw new Error(`${devices} of ${sessions} devices were told of the change`);
      await pause(pollMilliseconds);
    }
  }

  /** Answers when the controller has taken the commit; `at`: when it was made. */
  async begin(edit: Edit): Promise<{ readonly at: number; readonly digest: string }> {
    this.isOn[edit] = !this.isOn[edit];
    return this.commit(edits[edit](this.isOn[edit]));
  }

  private async commit(
    files: Readonly<Record<string, string>>,
  ): Promise<{ readonly at: number; readonly digest: string }> {
    this.repository.commit(files);
    const at = now();
    const digest = await this.sync();
    return { at, digest };
  }

  /** As a webhook of the git server does. */
  private async sync(): Promise<string> {
    const outcome = (await this.api.call('POST', '/policy/sync')) as SyncOutcome;
    const { status, digest, diagnostics } = outcome;
    if (typeof digest === 'string' && ['active', 'staged'].includes(status)) return digest;
    const errors = diagnostics.filter(({ severity }) => severity === 'error').map(formatDiagnostic);
    throw new Error(`the policy is ${status}: ${errors.slice(0, 5).join('\n')}`);
  }

  /** Some sessions have to be told of a policy yet. */
  async isChanging(): Promise<boolean> {
    return (await this.status()).coaBacklog > 0 || (await this.isRollingOut());
  }

  private async isRollingOut(): Promise<boolean> {
    const { items } = (await this.api.call('GET', '/rollouts?limit=1')) as { items: { readonly status: string }[] };
    const status = items[0]?.status;
    if (status === 'halted') throw new Error('a gate stopped the rollout');
    return status === 'running';
  }

  private async points(): Promise<readonly PointState[]> {
    const { items } = (await this.api.call('GET', '/enforcement-points')) as { items: PointState[] };
    const failed = items.find(({ state }) => state === 'failed');
    if (failed) throw new Error(`${failed.name}: ${failed.lastError?.message}`);
    return items;
  }

  private async haveRules(digest: string): Promise<boolean> {
    return (await this.points()).every(({ rulesDigest }) => rulesDigest === digest);
  }

  /** Sites whose firewall does not hold exactly what these sessions said last; null: firewalls are simulated. */
  async wrongMembers(expected: readonly ReadonlySet<string>[]): Promise<{ missing: number; surplus: number } | null> {
    const { firewalls } = this;
    if (!firewalls) return null;
    let [missing, surplus] = [0, 0];
    for (const [site, wanted] of expected.entries()) {
      const found = await firewalls.members(site);
      missing += wanted.difference(found).size;
      surplus += found.difference(wanted).size;
    }
    return { missing, surplus };
  }

  /** Until each of these sites has been right once; a look at one takes a tenth of a second of a processor, so those that are right are let be. */
  async untilMembers(expected: readonly ReadonlySet<string>[], deadline: number): Promise<void> {
    const { firewalls } = this;
    if (!firewalls) return;
    for (const [site, wanted] of expected.entries())
      while (now() < deadline && (await firewalls.members(site)).symmetricDifference(wanted).size > 0)
        await pause(pollMilliseconds);
  }
}
