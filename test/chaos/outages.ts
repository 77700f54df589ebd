import { pause } from '../soak/pause.ts';
import type { Act, ActKind } from './acts.ts';
import { coaPort, devicePlans, sites, type Site } from './hospital.ts';
import { hostOf } from './network.ts';
import type { Manner, ScriptedSwitch } from './switch.ts';
import { siteOf, type Deeds, type World } from './world.ts';
import type { Cause } from './windows.ts';

type OutageKind = Extract<
  ActKind,
  `${'kill' | 'cut' | 'drop' | 'stall' | 'slow' | 'lying' | 'refusing' | 'silent'}-${string}`
>;

/** Processes that are killed, ways that are cut, switches that don't do what they say: each for some seconds, and then mended. */
export function outages(world: World): Deeds<OutageKind> {
  const { judge, network, partitions } = world;
  const nasOf = (choice: number): ScriptedSwitch => world.switches[choice % world.switches.length]!;

  /** While it is so, everything at these sites may be late. */
  async function during(where: readonly Site[], cause: Cause, work: () => Promise<void>): Promise<void> {
    const releases = where.map((site) => judge.point(site).hold(cause));
    try {
      await work();
    } finally {
      for (const release of releases) release(Date.now());
    }
  }

  const unplugged =
    (site: Site) =>
    ({ seconds }: Act, signal: AbortSignal): Promise<void> =>
      during([site], 'point', async () => {
        await network.plug(site, false);
        await pause(seconds * 1000, signal);
        await network.plug(site, true);
      });

  async function dropped(name: string, match: string, seconds: number, signal: AbortSignal): Promise<void> {
    await partitions.cut(name, match);
    await pause(seconds * 1000, signal);
    await partitions.mend(name);
  }

  const ofLink = (work: (act: Act, signal: AbortSignal) => Promise<void>) => ({
    on: ({ choice }: Act) => `bridge ${siteOf(choice)}`,
    carryOut: (act: Act, signal: AbortSignal) => during([siteOf(act.choice)], 'bridge', () => work(act, signal)),
  });

  /** In the end its devices authenticate again, as they do in any case at the end of Session-Timeout: a lie is found no sooner. */
  async function misbehaves(nas: ScriptedSwitch, manner: Manner, work: () => Promise<void>): Promise<void> {
    const macs = devicePlans.filter((plan) => plan.nas.name === nas.plan.name).map(({ mac }) => mac);
    const releases = macs.map((mac) => judge.device(mac).hold('switch'));
    try {
      nas.manner = manner;
      await work();
    } finally {
      nas.manner = 'honest';
      nas.reauthenticate();
      for (const release of releases) release(Date.now());
    }
  }

  const ofSwitch = (
    manner: Manner,
    work = ({ seconds }: Act, signal: AbortSignal) => pause(seconds * 1000, signal),
  ) => ({
    on: ({ choice }: Act) => `switch ${nasOf(choice).plan.name}`,
    carryOut: (act: Act, signal: AbortSignal) => misbehaves(nasOf(act.choice), manner, () => work(act, signal)),
  });

  return {
    'kill-controller': {
      on: () => 'controller',
      carryOut: ({ seconds }, signal) =>
        during(sites, 'controller', async () => {
          await world.controller.kill();
          await pause(seconds * 1000, signal);
          await world.controller.start();
        }),
    },
    'kill-bridge': ofLink(async ({ seconds, choice }, signal) => {
      const bridge = world.bridges[siteOf(choice)];
      await bridge.kill();
      await pause(seconds * 1000, signal);
      await bridge.start();
    }),
    'kill-vswitchd': {
      on: () => 'way to sw',
      carryOut: ({ seconds }, signal) =>
        during(['branch'], 'point', async () => {
          const { openvswitch } = world;
          judge.dies('branch');
          await openvswitch.kill();
          await pause(seconds * 1000, signal);
          openvswitch.startForwarding();
          await openvswitch.openWhenReady(signal);
        }),
    },
    'kill-sshd': {
      on: () => 'way to fw',
      carryOut: ({ seconds }, signal) =>
        during(['main'], 'point', async () => {
          world.firewall.kill();
          await pause(seconds * 1000, signal);
          await world.firewall.start();
        }),
    },
    'cut-firewall': { on: () => 'way to fw', carryOut: unplugged('main') },
    'cut-openvswitch': { on: () => 'way to sw', carryOut: unplugged('branch') },
    'drop-firewall': {
      on: () => 'way to fw',
      carryOut: ({ seconds }, signal) =>
        during(['main'], 'point', () => dropped('firewall', `ip daddr ${hostOf('main')}`, seconds, signal)),
    },
    'cut-bridge': ofLink(async ({ seconds, choice }, signal) => {
      const { link } = world.bridges[siteOf(choice)];
      await link.cut();
      await pause(seconds * 1000, signal);
      await link.open();
    }),
    'stall-bridge': ofLink(async ({ seconds, choice }, signal) => {
      const { link } = world.bridges[siteOf(choice)];
      link.stall();
      await pause(seconds * 1000, signal);
      link.release();
    }),
    'slow-bridge': ofLink(async ({ seconds, choice }, signal) => {
      const { link } = world.bridges[siteOf(choice)];
      for (let n = 0; n < seconds && !signal.aborted; n++) {
        link.stall();
        await pause(800, signal);
        link.release();
        await pause(200, signal);
      }
    }),
    'cut-switch': ofSwitch('honest', async ({ seconds, choice }, signal) => {
      const { name, address } = nasOf(choice).plan;
      await partitions.cut(name, `ip daddr ${address} udp dport ${coaPort}`);
      await dropped(name, `ip saddr ${address} meta l4proto udp`, seconds, signal);
    }),
    'slow-switch': ofSwitch('slow'),
    'lying-switch': ofSwitch('lying'),
    'refusing-switch': ofSwitch('refusing'),
    'silent-switch': ofSwitch('silent'),
  };
}
