import { pause } from '../soak/pause.ts';
import type { PolicyRepository } from '../e2e/tiny-policy.ts';
import { describeAct, type Act, type ActKind } from './acts.ts';
import type { BridgeUnderTest, ControllerUnderTest } from './cordon.ts';
import type { Standing } from './expectation.ts';
import {
  badFiles,
  coaPort,
  devicePlans,
  macOf,
  policyFiles,
  services,
  sites,
  type DevicePlan,
  type PointPlans,
  type PolicyVersion,
  type Site,
} from './hospital.ts';
import type { Judge } from './judge.ts';
import { standingOf, type Ledger } from './ledger.ts';
import { hostOf, type FirewallHost, type Network, type Partitions, type SwitchHost } from './network.ts';
import type { PolicyWatch } from './policy-watch.ts';
import type { Manner, ScriptedSwitch } from './switch.ts';
import type { Cause } from './windows.ts';

export interface World {
  readonly controller: ControllerUnderTest;
  readonly bridges: Readonly<Record<Site, BridgeUnderTest>>;
  readonly switches: readonly ScriptedSwitch[];
  readonly firewall: FirewallHost;
  readonly openvswitch: SwitchHost;
  readonly network: Network;
  readonly partitions: Partitions;
  readonly repository: PolicyRepository;
  readonly points: PointPlans;
  readonly judge: Judge;
  readonly policy: PolicyWatch;
  readonly ledger: Ledger;
  readonly log: (line: string) => void;
}

type Deed = (act: Act, signal: AbortSignal) => Promise<void>;

/** A person or a system that got no answer asks again. */
const retryMilliseconds = 1000;
/** Break-glass is for minutes at the shortest in life. */
const openSeconds = 15;
const unregistered = { class: 'none', posture: 'none' };

/** Does what was planned. Acts on different things overlap; one on a thing that is busy already is left out. */
export class Actor {
  private readonly world: World;
  private readonly busy = new Set<string>();
  private readonly under = new Set<Promise<void>>();
  private version: PolicyVersion;
  private newcomers = 0;
  private readonly inUse = new Map<string, (now: number) => void>();
  readonly done = new Map<ActKind, number>();
  readonly history: string[] = [];
  readonly problems: string[] = [];
  skipped = 0;

  constructor(world: World, version: PolicyVersion) {
    this.world = world;
    this.version = version;
  }

  /** Begins an act, and does not wait for its end. */
  begin(act: Act, signal: AbortSignal): void {
    const thing = this.thingOf(act);
    if (this.busy.has(thing)) {
      this.skipped++;
      return;
    }
    this.busy.add(thing);
    this.done.set(act.kind, (this.done.get(act.kind) ?? 0) + 1);
    this.note(`${describeAct(act)} on ${thing}`);
    const deed = this.deeds[act.kind](act, signal)
      .catch((error: unknown) => {
        if (!signal.aborted)
          this.problems.push(`${describeAct(act)}: ${error instanceof Error ? error.message : String(error)}`);
      })
      .finally(() => {
        this.busy.delete(thing);
        this.under.delete(deed);
        this.note(`  #${act.number} over`);
      });
    this.under.add(deed);
  }

  private note(line: string): void {
    this.history.push(`${new Date().toISOString().slice(11, 23)} ${line}`);
    this.world.log(line);
  }

  /** Until everything that lasts has ended; then nothing is held back or paused any more. */
  async mend(signal: AbortSignal): Promise<void> {
    await Promise.all(this.under);
    if (this.inUse.size > 0) await this.release(signal);
    const { policy } = this.world;
    await policy.look();
    if (policy.rollout && policy.rollout.status !== 'running')
      await this.say(signal, 'POST', '/rollouts/current/resume', 'the burst is over', [409]);
  }

  /** What can be touched by one act at a time. */
  private thingOf({ kind, choice }: Act): string {
    switch (kind) {
      case 'kill-controller':
        return 'controller';
      case 'kill-bridge':
      case 'cut-bridge':
      case 'stall-bridge':
      case 'slow-bridge':
        return `bridge ${siteOf(choice)}`;
      case 'kill-vswitchd':
      case 'cut-openvswitch':
        return 'way to sw';
      case 'tamper-openvswitch':
        return 'sw';
      case 'kill-sshd':
      case 'cut-firewall':
      case 'drop-firewall':
        return 'way to fw';
      case 'tamper-firewall':
      case 'foreign-table':
        return 'fw';
      case 'cut-switch':
      case 'slow-switch':
      case 'lying-switch':
      case 'refusing-switch':
      case 'silent-switch':
        return `switch ${this.switchOf(choice).plan.name}`;
      case 'commit':
      case 'bad-commit':
      case 'rollout':
        return 'policy';
      case 'register':
        return choice % 2 ? `record ${strangerOf(choice).mac}` : 'newcomers';
      case 'posture':
        return `record ${deviceOf(choice).mac}`;
      case 'replug':
        return `port ${deviceOf(choice).mac}`;
      case 'break-glass':
      case 'in-use':
        return `record ${deviceOf(choice).mac}`;
    }
  }

  private switchOf(choice: number): ScriptedSwitch {
    return this.world.switches[choice % this.world.switches.length]!;
  }

  private readonly deeds: Readonly<Record<ActKind, Deed>> = {
    'kill-controller': async ({ seconds }, signal) => {
      const { controller } = this.world;
      await this.during(sites, 'controller', async () => {
        await controller.kill();
        await pause(seconds * 1000, signal);
        await controller.start();
      });
    },
    'kill-bridge': ({ seconds, choice }, signal) =>
      this.during([siteOf(choice)], 'bridge', async () => {
        const bridge = this.world.bridges[siteOf(choice)];
        await bridge.kill();
        await pause(seconds * 1000, signal);
        await bridge.start();
      }),
    'kill-vswitchd': ({ seconds }, signal) =>
      this.during(['branch'], 'point', async () => {
        const { openvswitch, judge } = this.world;
        judge.dies('branch');
        await openvswitch.kill();
        await pause(seconds * 1000, signal);
        openvswitch.startForwarding();
        await openvswitch.openWhenReady(signal);
      }),
    'kill-sshd': ({ seconds }, signal) =>
      this.during(['main'], 'point', async () => {
        this.world.firewall.kill();
        await pause(seconds * 1000, signal);
        await this.world.firewall.start();
      }),
    'cut-firewall': ({ seconds }, signal) => this.unplugged('main', seconds, signal),
    'cut-openvswitch': ({ seconds }, signal) => this.unplugged('branch', seconds, signal),
    'drop-firewall': ({ seconds }, signal) =>
      this.during(['main'], 'point', () => this.dropped('firewall', `ip daddr ${hostOf('main')}`, seconds, signal)),
    'cut-bridge': ({ seconds, choice }, signal) =>
      this.during([siteOf(choice)], 'bridge', async () => {
        const { link } = this.world.bridges[siteOf(choice)];
        await link.cut();
        await pause(seconds * 1000, signal);
        await link.open();
      }),
    'stall-bridge': ({ seconds, choice }, signal) =>
      this.during([siteOf(choice)], 'bridge', async () => {
        const { link } = this.world.bridges[siteOf(choice)];
        link.stall();
        await pause(seconds * 1000, signal);
        link.release();
      }),
    'slow-bridge': ({ seconds, choice }, signal) =>
      this.during([siteOf(choice)], 'bridge', async () => {
        const { link } = this.world.bridges[siteOf(choice)];
        for (let n = 0; n < seconds && !signal.aborted; n++) {
          link.stall();
          await pause(800, signal);
          link.release();
          await pause(200, signal);
        }
        link.release();
      }),
    'cut-switch': ({ seconds, choice }, signal) => {
      const { plan } = this.switchOf(choice);
      const way = `ip saddr ${plan.address} udp dport != 0`;
      const back = `ip daddr ${plan.address} udp dport ${coaPort}`;
      return this.misbehaves(this.switchOf(choice), 'honest', async () => {
        await this.world.partitions.cut(plan.name, back);
        await this.dropped(plan.name, way, seconds, signal);
      });
    },
    'slow-switch': (act, signal) => this.manner(act, 'slow', signal),
    'lying-switch': (act, signal) => this.manner(act, 'lying', signal),
    'refusing-switch': (act, signal) => this.manner(act, 'refusing', signal),
    'silent-switch': (act, signal) => this.manner(act, 'silent', signal),
    'tamper-firewall': (act) => this.tamperFirewall(act),
    'tamper-openvswitch': (act) => this.tamperOpenvswitch(act),
    'foreign-table': () => this.world.firewall.addForeignTable(),
    commit: ({ choice }, signal) => this.commit(choice, signal),
    'bad-commit': async (_, signal) => {
      const { repository, policy } = this.world;
      policy.begin();
      const commit = repository.commit(badFiles, 'a mistake');
      policy.committed(commit, this.version, false);
      await this.sync(commit, signal);
      await this.commitFiles({ 'rules/flows-bad.csv': null }, this.version, signal);
    },
    posture: ({ choice, number }, signal) => this.setPosture(deviceOf(choice), number, signal),
    register: ({ choice, number }, signal) => this.register(choice, number, signal),
    replug: async ({ choice }) => {
      const { mac, nas } = deviceOf(choice);
      this.world.judge.device(mac).touch('session', Date.now());
      this.world.switches.find(({ plan }) => plan.name === nas.name)!.replug(mac);
      await Promise.resolve();
    },
    rollout: (act, signal) => this.operateRollout(act, signal),
    'break-glass': (act, signal) => this.breakGlass(act, signal),
    'in-use': async ({ choice }, signal) => {
      const { mac } = deviceOf(choice);
      if (this.inUse.has(mac)) return;
      this.inUse.set(mac, this.world.judge.device(mac).hold('change'));
      await this.say(signal, 'POST', '/devices/in-use', '', [], { macs: [mac], inUse: true });
    },
  };

  /** While it is so, everything at these sites may be late. */
  private async during(where: readonly Site[], cause: Cause, work: () => Promise<void>): Promise<void> {
    const releases = where.map((site) => this.world.judge.point(site).hold(cause));
    try {
      await work();
    } finally {
      for (const release of releases) release(Date.now());
    }
  }

  private unplugged(site: Site, seconds: number, signal: AbortSignal): Promise<void> {
    const { network } = this.world;
    return this.during([site], 'point', async () => {
      await network.plug(site, false);
      await pause(seconds * 1000, signal);
      await network.plug(site, true);
    });
  }

  private async dropped(name: string, match: string, seconds: number, signal: AbortSignal): Promise<void> {
    const { partitions } = this.world;
    await partitions.cut(name, match);
    await pause(seconds * 1000, signal);
    await partitions.mend(name);
  }

  private manner({ seconds, choice }: Act, manner: Manner, signal: AbortSignal): Promise<void> {
    return this.misbehaves(this.switchOf(choice), manner, () => pause(seconds * 1000, signal));
  }

  /** In the end its devices authenticate again, as they do in any case at the end of Session-Timeout: a lie is found no sooner. */
  private async misbehaves(nas: ScriptedSwitch, manner: Manner, work: () => Promise<void>): Promise<void> {
    const macs = devicePlans.filter((plan) => plan.nas.name === nas.plan.name).map(({ mac }) => mac);
    const releases = macs.map((mac) => this.world.judge.device(mac).hold('switch'));
    try {
      nas.manner = manner;
      await work();
    } finally {
      nas.manner = 'honest';
      nas.reauthenticate();
      for (const release of releases) release(Date.now());
    }
  }

  private async tamperFirewall({ choice }: Act): Promise<void> {
    const { firewall, judge } = this.world;
    const { nftables = [] } = JSON.parse((await firewall.list()) || '{}') as { nftables?: { rule?: Rule }[] };
    const rules = nftables.flatMap(({ rule }) => (rule ? [rule] : []));
    const rule = rules[choice % Math.max(1, rules.length)];
    const ways = [
      rule && `delete rule inet cordon ${rule.chain} handle ${rule.handle}`,
      'insert rule inet cordon forward counter accept',
      'add rule inet cordon forward tcp dport 443 drop',
      'add element inet cordon infusion-pump_4 { 10.66.0.77 }',
      'flush set inet cordon infusion-pump_4',
      'delete table inet cordon',
      'add chain inet cordon theirs',
    ].filter((way) => way !== undefined);
    const way = ways[choice % ways.length]!;
    judge.tamper('main', Date.now());
    this.note(`  by hand: nft ${way}`);
    // It may not be there just now: then a hand would be told so, too.
    await firewall.nft(way).catch(() => undefined);
    judge.tamper('main', Date.now());
  }

  private async tamperOpenvswitch({ choice }: Act): Promise<void> {
    const { openvswitch, judge } = this.world;
    const ours = (await openvswitch.flows(true)).filter((line) => line.includes('cookie=0xc0d'));
    if (ours.length === 0) return;
    const without = (flow: string): string =>
      `delete_strict ${flow
        .replace(/cookie=\S+, */, '')
        .replace(/ *actions=.*$/, '')
        .replaceAll(/, +/g, ',')}`;
    const one = ours[choice % ours.length]!;
    const ways: readonly (readonly string[])[] = [
      [without(one)],
      ours.filter((_, i) => i % 3 === choice % 3).map(without),
      ours.map(without),
      ['add cookie=0xc0d1000000000000,table=0,priority=65535,ip,nw_src=10.21.32.12,actions=NORMAL'],
      ['add cookie=0x78,table=204,priority=9,ip,actions=drop'],
    ];
    const way = ways[choice % ways.length]!;
    judge.tamper('branch', Date.now());
    this.note(`  by hand: ${way.length} flows, the first: ${way[0]}`);
    await openvswitch
      .change(way)
      .catch((error: unknown) => this.note(`  which Open vSwitch refused: ${String(error).slice(0, 200)}`));
    judge.tamper('branch', Date.now());
  }

  private async commit(choice: number, signal: AbortSignal): Promise<void> {
    const toggled = choice % services.length;
    const { open } = this.version;
    const isStaged = choice % 5 < 3;
    const next = open.includes(toggled) ? open.filter((i) => i !== toggled) : [...open, toggled];
    this.version = { open: next, isStaged };
    await this.commitFiles(policyFiles(this.version, this.world.points), this.version, signal, choice % 4 === 0);
  }

  private async commitFiles(
    files: Readonly<Record<string, string | null>>,
    version: PolicyVersion,
    signal: AbortSignal,
    isLeftToPoll = false,
  ): Promise<void> {
    const { repository, policy } = this.world;
    const isOpen = JSON.stringify(version);
    policy.begin();
    const commit = repository.commit(files, isOpen);
    policy.committed(commit, version, true);
    this.note(`  ${commit.slice(0, 8)} ${isOpen}`);
    if (!isLeftToPoll) await this.sync(commit, signal);
  }

  /** The controller answers what became of it: from then on it must know of it for ever. */
  private async sync(commit: string, signal: AbortSignal): Promise<void> {
    const { body } = await this.say<{ status: string; commit?: string }>(signal, 'POST', '/policy/sync', '', []);
    if (body.commit === commit) this.world.ledger.commits.add(commit);
    this.note(`  ${commit.slice(0, 8)}: ${body.status}`);
  }

  private async setPosture({ mac }: DevicePlan, number: number, signal: AbortSignal): Promise<void> {
    const { ledger } = this.world;
    const record = ledger.devices.get(mac);
    // A stranger that nobody has registered yet.
    if (!record) return;
    const posture = record.posture === 'normal' ? 'quarantined' : 'normal';
    const reason = `chaos ${number}`;
    await this.change(mac, { ...record, posture }, reason, () =>
      this.say(signal, 'PUT', `/devices/${mac}/posture`, reason, [], { posture, reason }),
    );
  }

  /** A stranger becomes a pump, or nobody knows it any more; or a device that is on no port yet gets its record. */
  private async register(choice: number, number: number, signal: AbortSignal): Promise<void> {
    const { ledger } = this.world;
    const body = (mac: string) => ({ mac, class: 'infusion-pump', name: `chaos ${number}` });
    const record = { class: 'infusion-pump', posture: 'normal' };
    if (choice % 2 === 0) {
      const mac = macOf(4096 + this.newcomers++);
      await this.say(signal, 'POST', '/devices', '', [409], body(mac));
      ledger.devices.set(mac, record);
      return;
    }
    const { mac } = strangerOf(choice);
    const known = ledger.devices.has(mac);
    await this.change(mac, known ? unregistered : record, null, () =>
      known
        ? this.say(signal, 'DELETE', `/devices/${mac}`, '', [404])
        : this.say(signal, 'POST', '/devices', '', [409], body(mac)),
    );
    if (known) ledger.devices.delete(mac);
  }

  /** From when it is asked for until it is acknowledged the device may count as either. */
  private async change(
    mac: string,
    record: { class: string; posture: string },
    reason: string | null,
    ask: () => Promise<unknown>,
  ): Promise<void> {
    const { judge, ledger } = this.world;
    const standing = standingOf(record);
    const release = judge.device(mac).hold('change');
    judge.mayStand(mac, standing);
    try {
      await ask();
      ledger.devices.set(mac, record);
      if (reason !== null) ledger.reasons.push(reason);
      judge.stands(mac, standing);
    } finally {
      release(Date.now());
    }
  }

  private async operateRollout({ number, choice }: Act, signal: AbortSignal): Promise<void> {
    const { policy, ledger } = this.world;
    const operations = ['current/pause', 'current/resume', 'current/advance', 'current/abort', 'roll-back'];
    const operation = operations[choice % operations.length]!;
    const reason = `chaos ${number} ${operation}`;
    policy.begin();
    const { status } = await this.say(signal, 'POST', `/rollouts/${operation}`, reason, [409], { reason });
    policy.begin();
    this.note(`  ${operation}: ${status}`);
    // Pausing what is paused, and going on with what goes on, changes nothing and is not in the trail.
    if (status < 300 && !/pause|resume/.test(operation)) ledger.reasons.push(reason);
  }

  private async breakGlass({ choice, number }: Act, signal: AbortSignal): Promise<void> {
    const { judge, ledger } = this.world;
    const { mac } = deviceOf(choice);
    const record = ledger.devices.get(mac);
    if (record?.class !== 'infusion-pump') return;
    const reason = `chaos ${number}`;
    const release = judge.device(mac).hold('change');
    const ended: Standing = standingOf(record);
    try {
      judge.mayStand(mac, 'open');
      const order = { mac, hours: openSeconds / 3600, by: 'Dr. Chaos', reason };
      const asked = await this.say<{ id: number; until: string }>(signal, 'POST', '/break-glass', reason, [], order);
      const { body } = asked;
      ledger.reasons.push(reason);
      ledger.orders.set(body.id, { isClosed: false });
      judge.stands(mac, 'open');
      release(Date.now());
      // What was asked for twice may be there twice.
      if (choice % 3 === 0 && asked.tries === 1) {
        await pause(5000, signal);
        const closing = judge.device(mac).hold('change');
        judge.mayStand(mac, ended);
        const { status } = await this.say(signal, 'DELETE', `/break-glass/${body.id}`, '', [409]);
        if (status === 200) ledger.orders.get(body.id)!.isClosed = true;
        judge.stands(mac, ended);
        closing(Date.now());
      } else await pause(Date.parse(body.until) - Date.now(), signal);
    } finally {
      judge.stands(mac, ended);
      judge.device(mac).touch('change', Date.now());
      release(Date.now());
    }
  }

  private async release(signal: AbortSignal): Promise<void> {
    const macs = [...this.inUse.keys()];
    await this.say(signal, 'POST', '/devices/in-use', '', [], { macs, inUse: false });
    const now = Date.now();
    for (const release of this.inUse.values()) release(now);
    this.inUse.clear();
  }

  /** Asks until it is answered. Throws on a refusal that is not among `fine`, and when the time is up. */
  private async say<T>(
    signal: AbortSignal,
    method: string,
    path: string,
    reason: string,
    fine: readonly number[],
    body: unknown = reason === '' ? undefined : { reason },
  ): Promise<{ status: number; body: T; tries: number }> {
    for (let tries = 1; !signal.aborted; tries++) {
      const answer = await this.world.controller.call<T>(method, path, body).catch(() => null);
      if (answer && (answer.status < 300 || fine.includes(answer.status))) return { ...answer, tries };
      if (answer) throw new Error(`${method} ${path} answered ${answer.status}: ${JSON.stringify(answer.body)}`);
      await pause(retryMilliseconds, signal);
    }
    throw new Error('interrupted');
  }
}

interface Rule {
  readonly chain: string;
  readonly handle: number;
}

const siteOf = (choice: number): Site => sites[choice % sites.length]!;
const deviceOf = (choice: number): DevicePlan => devicePlans[choice % devicePlans.length]!;
function strangerOf(choice: number): DevicePlan {
  const strangers = devicePlans.filter(({ isStranger }) => isStranger);
  return strangers[(choice >> 1) % strangers.length]!;
}
