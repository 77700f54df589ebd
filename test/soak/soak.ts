import { randomBytes } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { answering, readStatus, spawnBridge, type BridgeStatus } from '../bench/radius/cordon-side.ts';
import { end, secret, until } from '../bench/radius/side.ts';
import { AccountingLoad } from './accounting-load.ts';
import { ControllerApi } from './controller-api.ts';
import { ControllerProcess } from './controller-process.ts';
import { longFrom, type Disturbance } from './disturbances.ts';
import { Disturber } from './disturber.ts';
import { EapLoad } from './eap-load.ts';
import type { Findings } from './findings.ts';
import { peopleHospital, writePolicy, type Hospital } from './hospital.ts';
import { Link } from './link.ts';
import { MacLoad } from './mac-load.ts';
import { isSoWithin, pause } from './pause.ts';
import { PostureWatch } from './posture-watch.ts';
import { Resources } from './resources.ts';
import { ObedientSwitch } from './switch.ts';

export interface SoakOptions {
  readonly folder: string;
  readonly minutes: number;
  /** MAC authentications a second; null: half of what the bridge can do. */
  readonly rate: number | null;
  readonly plan: readonly Disturbance[];
  readonly signal: AbortSignal;
  /** Tells a person that something goes on. */
  readonly progress: (line: string) => void;
}

export interface SoakResult {
  readonly findings: Findings;
  readonly rate: number;
  /** Replies a second in a closed loop; null: not measured. */
  readonly capacity: number | null;
  /** Milliseconds: median and worst of the jobs' 99th percentiles. */
  readonly p99s: readonly number[];
  /** Milliseconds that changes of posture took to be seen. */
  readonly delays: readonly number[];
  readonly resumed: number;
  readonly coaAcknowledged: number;
}

const progressMilliseconds = 10_000;
/** What came together in the longest outage has to be stored. */
const emptyWithin = 180_000;

/** Everything that runs, closed in the reverse order. */
export class Soak {
  private readonly options: SoakOptions;
  private readonly closers: (() => void | Promise<void>)[] = [];
  private readonly faults: string[] = [];
  private isClosing = false;

  constructor(options: SoakOptions) {
    this.options = options;
  }

  async run(): Promise<SoakResult> {
    try {
      return await this.soak();
    } finally {
      this.isClosing = true;
      for (const close of this.closers.reverse()) await close();
    }
  }

  private async soak(): Promise<SoakResult> {
    const { folder, minutes, plan, signal, progress } = this.options;
    const hospital = peopleHospital(folder);
    const nas = new ObedientSwitch(secret);
    const policy = writePolicy(folder, hospital.verified, await nas.listen());
    this.closers.push(() => nas.close());
    const tokens = { bridgeToken: newToken(), adminToken: newToken() };
    const onEnd = (reason: string): void => void this.faults.push(reason);
    const controller = new ControllerProcess({ folder: join(folder, 'controller'), policy, ...tokens, onEnd });
    this.closers.push(() => controller.close());
    const link = new Link();
    this.closers.push(() => link.cut());
    link.leadTo(await controller.start());
    const api = new ControllerApi(() => controller.url, tokens.adminToken);
    await api.importDevices(hospital.csv);
    const bridge = await this.startBridge(await link.open(), tokens.bridgeToken, hospital);
    const { authentication } = bridge.ports;
    const mac = new MacLoad(authentication, secret, hospital.kinds);
    this.closers.push(() => mac.close());
    const eap = new EapLoad(authentication, secret, hospital.verified.devices);
    this.closers.push(() => eap.close());
    const accounting = new AccountingLoad(bridge.ports, hospital.accounted, secret);
    const watch = new PostureWatch({ mac: hospital.watched, radiusPort: authentication, secret }, api);
    const isLinked = async (): Promise<boolean> => (await bridge.status()).controller.connected;
    const disturber = new Disturber({ controller, link, watch, isLinked, log: this.log });
    const resources = new Resources(bridge.pid, () => controller.pid);
    if (this.options.rate === null) progress('measuring capacity');
    const capacity = this.options.rate === null ? await mac.measureCapacity() : null;
    const rate = this.options.rate ?? Math.round(capacity! / 2);
    progress(`${minutes} minutes at ${rate} MAC authentications a second, ${plan.length} disturbances`);
    const broken = new AbortController();
    const over = AbortSignal.any([signal, broken.signal, AbortSignal.timeout(minutes * 60_000)]);
    const tell = async (): Promise<void> => {
      const begun = Date.now();
      while (!over.aborted) {
        await pause(progressMilliseconds, over);
        if (over.aborted) return;
        const { spool } = await bridge.status();
        progress(lineOf(Date.now() - begun, { mac, accounting, resources, disturber, spool }));
      }
    };
    const running = [
      mac.run(rate, over),
      eap.run(over),
      accounting.run(over),
      watch.run(over),
      disturber.run(plan, over),
      resources.run(over),
      tell(),
    ];
    try {
      await Promise.all(running);
    } catch (error) {
      // None may start something that is to be closed now.
      broken.abort();
      await Promise.allSettled(running);
      throw this.faults.length > 0 ? new Error(this.faults.join('; '), { cause: error }) : error;
    }
    if (signal.aborted) throw new Error('interrupted');
    progress('load has ended: waiting until the controller has everything');
    await disturber.restore();
    const isQuiet = async (): Promise<boolean> => {
      const { spool, unwritten, controller: to } = await bridge.status();
      return spool === 0 && unwritten === 0 && to.connected;
    };
    // Twice: what was decided last may reach the spool a moment later.
    const isEmpty = async (): Promise<boolean> => (await isQuiet()) && (await pause(1000, signal), isQuiet());
    await isSoWithin(emptyWithin, isEmpty, signal);
    if (signal.aborted) throw new Error('interrupted');
    const { spool, totals } = await bridge.status();
    const stored = await api.sessions();
    const { records, retransmissions, unanswered, problems, ledger } = accounting;
    return {
      findings: {
        mac,
        eap,
        accounting: { records, retransmissions, unanswered, problems, ledger, stored },
        posture: watch,
        disturbances: disturber,
        totals,
        coaViolations: nas.violations,
        spool,
        samples: resources.samples,
        isMemoryJudged: minutes >= longFrom,
        faults: this.faults,
      },
      rate,
      capacity,
      p99s: mac.p99s,
      delays: watch.delays,
      resumed: eap.resumed,
      coaAcknowledged: nas.acknowledged,
    };
  }

  private readonly log = (line: string): void => this.options.progress(`  ${new Date().toISOString()} ${line}`);

  private async startBridge(url: string, token: string, { registered }: Hospital) {
    const { folder } = this.options;
    const child = spawnBridge(folder, { url, token });
    this.closers.push(() => end(child));
    child.stderr!.pipe(createWriteStream(join(folder, 'bridge.log')));
    child.once('exit', (code, signal) => {
      if (!this.isClosing) this.faults.push(`the bridge ended by itself: ${signal ?? code}`);
    });
    const { http, authenticationPort, accountingPort } = await answering(child);
    const status = (): Promise<BridgeStatus> => readStatus(http);
    const isReady = async (): Promise<boolean> => {
      const { devices, eapProblem } = await status();
      return devices === registered && eapProblem === null;
    };
    await until(isReady, 'the bridge reads its feed', child, 60_000);
    return { pid: child.pid!, ports: { authentication: authenticationPort, accounting: accountingPort }, status };
  }
}

const newToken = (): string => randomBytes(24).toString('base64url');

interface Running {
  readonly mac: MacLoad;
  readonly accounting: AccountingLoad;
  readonly resources: Resources;
  readonly disturber: Disturber;
  readonly spool: number;
}

function lineOf(milliseconds: number, { mac, accounting, resources, disturber, spool }: Running): string {
  const time = new Date(milliseconds).toISOString().slice(11, 19);
  const { last } = resources;
  const memory = (['bridge', 'EAP workers', 'controller'] as const).map(
    (name) => last?.[name]?.megabytes.toFixed(0) ?? '-',
  );
  return [
    time,
    `${mac.rate.toFixed(0)}/s`,
    `p99 ${mac.p99s.at(-1)?.toFixed(1) ?? '-'} ms`,
    `wrong ${mac.wrong}`,
    `lost ${mac.lost}`,
    `records ${accounting.records} (again ${accounting.retransmissions}, unanswered ${accounting.unanswered})`,
    `MB ${memory.join('/')}`,
    `spool ${spool}`,
    disturber.current ?? 'calm',
  ].join('  ');
}
