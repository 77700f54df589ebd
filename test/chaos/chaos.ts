/* Started by run.ts inside the sandbox; its only argument is the settings as JSON. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Random } from '../fuzz/inputs.ts';
import { PolicyRepository } from '../e2e/tiny-policy.ts';
import { Daemons } from '../lab/process.ts';
import { isSoWithin, pause } from '../soak/pause.ts';
import { Actor } from './actor.ts';
import { planBursts } from './acts.ts';
import { BridgeUnderTest, ControllerUnderTest } from './cordon.ts';
import { FirewallHost } from './firewall-host.ts';
import { devicePlans, nasPlans, policyFiles, sites, type PolicyVersion } from './hospital.ts';
import { findFaults, findUnsettled, readForeign } from './final.ts';
import { Judge } from './judge.ts';
import { newLedger } from './ledger.ts';
import { Network, Partitions } from './network.ts';
import { PolicyWatch } from './policy-watch.ts';
import { Prober } from './prober.ts';
import { ScriptedSwitch } from './switch.ts';
import { SwitchHost } from './switch-host.ts';
import type { Settings, Summary } from './summary.ts';
import { windows } from './windows.ts';
import type { World } from './world.ts';

/** All is mended, and must be right within the longest window. */
const settleMilliseconds = Math.max(...Object.values(windows)) * 1000;
/** The first time everything starts at once, on a machine that may be busy. */
const startMilliseconds = 120_000;
/** Time in which only what policy says now is right. */
const calmMilliseconds = 3000;
/** Megabytes of one process: many times what this hospital needs. */
const mostMemory = 600;
/** Acts that are told again when something was wrong. */
const toldActs = 40;

const firstPolicy: PolicyVersion = { open: [], isStaged: false };

class Chaos {
  private readonly settings: Settings;
  private readonly daemons: Daemons;
  private readonly random: Random;
  private readonly stop = new AbortController();
  private readonly problems: string[] = [];
  private readonly history: string[] = [];
  private readonly began = Date.now();
  /** Milliseconds from when all was mended until all was right, of each burst. */
  private readonly settled: number[] = [];

  constructor(settings: Settings) {
    this.settings = settings;
    const logs = join(settings.folder, 'logs');
    mkdirSync(logs);
    this.daemons = new Daemons(logs);
    this.random = new Random(settings.seed);
  }

  private readonly log = (line: string): void => {
    if (this.settings.isLoud) process.stderr.write(`${new Date().toISOString().slice(11, 23)} ${line}\n`);
  };

  private readonly note = (line: string): void => {
    this.history.push(`${new Date().toISOString().slice(11, 23)} ${line}`);
    this.log(line);
  };

  async run(): Promise<Summary> {
    const world = await this.build();
    const { signal } = this.stop;
    const actor = new Actor(world, firstPolicy);
    const prober = new Prober(world.network, world.judge, ({ probe, passed }) => {
      this.fail(`${probe.name} ${passed ? 'PASSED' : 'was dropped'}, which neither the policy nor one before it says`);
    });
    const loops = [
      world.policy.run(signal),
      ...world.switches.map((nas) => nas.run(signal)),
      this.watchProcesses(world, signal),
    ];
    try {
      await this.firstSettle(world);
      const foreign = await readForeign(world);
      loops.push(prober.run(signal));
      await this.settle(world, prober, 'the start', startMilliseconds);
      for (const burst of planBursts(this.settings.seed)) {
        if (this.isOver) break;
        await this.burst(burst.acts, actor, world, prober, signal);
        if (this.problems.length > 0 || actor.problems.length > 0) break;
      }
      if (!signal.aborted && this.problems.length === 0) this.problems.push(...(await findFaults(world, foreign)));
    } catch (error) {
      if (this.problems.length === 0)
        this.problems.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
    }
    this.stop.abort();
    await Promise.allSettled(loops);
    this.problems.push(...actor.problems);
    if (this.problems.length > 0) await this.keepEvidence(world);
    const summary = this.summaryOf(world, actor, prober);
    world.network.close();
    for (const nas of world.switches) nas.close();
    await this.daemons.stopAll();
    return summary;
  }

  private get isOver(): boolean {
    return Date.now() - this.began > this.settings.minutes * 60_000;
  }

  /** The first fault ends the run: what follows may only be its consequence. */
  private fail(problem: string): void {
    this.problems.push(problem);
    this.log(`FAILED ${problem}`);
    this.stop.abort();
  }

  private async build(): Promise<World> {
    const { folder } = this.settings;
    const { daemons } = this;
    const network = await Network.build();
    const [firewall, openvswitch] = [new FirewallHost(folder, daemons), new SwitchHost(folder, daemons)];
    const partitions = new Partitions();
    await Promise.all([partitions.start(), openvswitch.start(), firewall.prepare().then(() => firewall.start())]);
    const points = { ssh: firewall.identity, openvswitch: openvswitch.remotes };
    const repository = new PolicyRepository(join(folder, 'policy'));
    const commit = repository.commit(policyFiles(firstPolicy, points));
    const controller = new ControllerUnderTest(folder, daemons, repository.folder);
    const bridges = {
      main: new BridgeUnderTest('main', 11_812, folder, daemons),
      branch: new BridgeUnderTest('branch', 12_812, folder, daemons),
    };
    const judge = new Judge(firstPolicy);
    const policy = new PolicyWatch(controller, judge);
    policy.committed(commit, firstPolicy, true);
    const switches = nasPlans.map((plan) => {
      const bridge = bridges[plan.site];
      return new ScriptedSwitch(plan, {
        authenticationPort: () => bridge.authenticationPort,
        accountingPort: () => bridge.accountingPort,
        onMove: (mac, vlan) => judge.moved(mac, vlan, Date.now()),
        random: () => this.random.below(1000) / 1000,
      });
    });
    const ledger = newLedger();
    const world: World = {
      controller,
      bridges,
      switches,
      firewall,
      openvswitch,
      network,
      partitions,
      repository,
      points,
      judge,
      policy,
      ledger,
      note: this.note,
    };
    await controller.start();
    for (const { mac, isStranger } of devicePlans) {
      if (isStranger) continue;
      const { status } = await controller.call('POST', '/devices', { mac, class: 'infusion-pump' });
      if (status !== 201) throw new Error(`registering ${mac} answered ${status}`);
      ledger.devices.set(mac, { class: 'infusion-pump', posture: 'normal' });
    }
    for (const bridge of Object.values(bridges)) {
      await bridge.prepare();
      await bridge.start();
    }
    for (const nas of switches) await nas.listen();
    return world;
  }

  private async firstSettle(world: World): Promise<void> {
    await world.openvswitch.openWhenReady(this.stop.signal);
    await this.untilSettled(world, 'the start', startMilliseconds);
    world.judge.settle(Date.now());
  }

  private async burst(
    acts: readonly Parameters<Actor['begin']>[0][],
    actor: Actor,
    world: World,
    prober: Prober,
    signal: AbortSignal,
  ): Promise<void> {
    const began = Date.now();
    for (const act of acts) {
      await pause(began + act.at * 1000 - Date.now(), signal);
      if (signal.aborted) return;
      actor.begin(act, signal);
    }
    await actor.mend(signal);
    if (signal.aborted || actor.problems.length > 0) return;
    await this.settle(world, prober, `act ${acts.at(-1)!.number}`, settleMilliseconds);
  }

  /** Everything that the controller, the bridges and the switches say is right, and every packet of two rounds. */
  private async settle(world: World, prober: Prober, after: string, milliseconds: number): Promise<void> {
    const { signal } = this.stop;
    const began = Date.now();
    await this.untilSettled(world, after, milliseconds);
    const { rounds } = prober;
    const isRight = (): boolean => prober.rounds >= rounds + 2 && prober.different.length === 0;
    const left = Math.max(0, began + milliseconds - Date.now());
    if (!(await isSoWithin(left + calmMilliseconds, isRight, signal)) && !signal.aborted)
      return this.fail(
        `after ${after}: still not right: ${prober.different
          .map(({ name }) => name)
          .slice(0, 5)
          .join(', ')}`,
      );
    if (signal.aborted) return;
    const took = Date.now() - began;
    this.settled.push(took);
    this.log(`all right ${took} ms after ${after}`);
    world.judge.settle(Date.now());
    await pause(calmMilliseconds, signal);
  }

  private async untilSettled(world: World, after: string, milliseconds: number): Promise<void> {
    const { signal } = this.stop;
    let left: string[] = [];
    const isSettled = async (): Promise<boolean> => {
      left = await findUnsettled(world).catch((error: unknown) => [String(error)]);
      return left.length === 0;
    };
    if (!(await isSoWithin(milliseconds, isSettled, signal)) && !signal.aborted)
      this.fail(`${milliseconds / 1000} s after ${after}: ${left.slice(0, 6).join('\n  ')}`);
    if (signal.aborted) throw new Error('stopped');
  }

  /** None of them may end by itself, and none may grow without end. */
  private async watchProcesses(world: World, signal: AbortSignal): Promise<void> {
    const cordonians = [world.controller, ...Object.values(world.bridges)];
    while (!signal.aborted) {
      for (const process of cordonians) {
        process.measure();
        if (process.mostMemory > mostMemory) this.fail(`${process.name} has ${process.mostMemory.toFixed(0)} MB`);
        if (process.hasEnded) this.fail(`${process.name} ended by itself: its last log says why`);
      }
      await pause(1000, signal);
    }
  }

  private async keepEvidence(world: World): Promise<void> {
    const { folder } = this.settings;
    const read = (text: Promise<unknown>): Promise<unknown> => text.catch((error: unknown) => String(error));
    const evidence = {
      acts: this.history,
      points: await read(world.controller.ask('/enforcement-points')),
      sessions: await read(world.controller.ask('/sessions?state=open&limit=500')),
      rollouts: await read(world.controller.ask('/rollouts?limit=5')),
      versions: await read(world.controller.ask('/policy/versions?limit=10')),
      audit: await read(world.controller.ask('/audit?limit=200')),
      bridges: await Promise.all(sites.map((site) => read(world.bridges[site].view()))),
      nftables: await read(world.firewall.list().then((text) => (text === '' ? null : (JSON.parse(text) as unknown)))),
      flows: await read(world.openvswitch.flows(true)),
    };
    writeFileSync(join(folder, 'evidence.json'), JSON.stringify(evidence, null, 1));
  }

  private summaryOf(world: World, actor: Actor, prober: Prober): Summary {
    const { judge, controller, bridges, policy } = world;
    const cordonians = [controller, ...Object.values(bridges)];
    const sum = (of: (nas: ScriptedSwitch) => number): number => world.switches.reduce((all, nas) => all + of(nas), 0);
    return {
      seed: this.settings.seed,
      minutes: (Date.now() - this.began) / 60_000,
      acts: Object.fromEntries(actor.done),
      skipped: actor.skipped,
      probes: prober.sent,
      rounds: prober.rounds,
      verdicts: judge.counts,
      strict: judge.strict,
      longest: Object.fromEntries(judge.longest),
      settled: { bursts: this.settled.length, longest: Math.max(0, ...this.settled) },
      ledger: {
        devices: world.ledger.devices.size,
        reasons: world.ledger.reasons.length,
        commits: world.ledger.commits.size,
        orders: world.ledger.orders.size,
      },
      rollouts: policy.rollouts,
      switches: {
        accepted: sum(({ counts }) => counts.accepted),
        silence: sum(({ counts }) => counts.silence),
        coa: sum(({ counts }) => counts.coa),
        disconnects: sum(({ counts }) => counts.disconnects),
        records: sum(({ counts }) => counts.records),
      },
      processes: Object.fromEntries(
        cordonians.map(({ name, starts, mostMemory: most }) => [name, { starts, megabytes: Math.round(most) }]),
      ),
      problems: this.problems,
      lastActs: this.problems.length > 0 ? this.history.slice(-toldActs) : [],
    };
  }
}

const settings = JSON.parse(process.argv[2] ?? '') as Settings;
// Without its parent or on Ctrl-C it ends at once, and the kernel clears up.
process.stdin.resume().once('end', () => process.exit(130));
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
const summary = await new Chaos(settings).run();
writeFileSync(join(settings.folder, 'summary.json'), JSON.stringify(summary, null, 2));
process.exit(summary.problems.length > 0 ? 1 : 0);
