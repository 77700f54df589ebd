import { bootRules } from '../firewall.ts';
import { arrivals, Stream } from '../hosts.ts';
import type { Lab } from '../lab.ts';
import { admit, planOf, rulesOf, runCordon, untilRules, withFirewallAlone, type Addresses } from './steps.ts';

/** Long enough that the whole device is not looked at again by period while this scene runs. */
const rarely = { CORDON_RESYNC_SECONDS: '600' };
const limit = 5_000;
const downMilliseconds = 12_000;
const allowed = { endpoint: 'ntp-1', port: 123 };
const forbidden = { endpoint: 'central-station-server', port: 5100 };

/** Three ways for a firewall to lose all its rules. It holds them again within five seconds, and what is open until then is told. */
export async function showEmptyFirewall(lab: Lab): Promise<void> {
  const { report, cordon } = lab;
  report.scene('scene 15: a firewall that comes back empty is whole within 5 s');
  await runCordon(lab);
  const pump = await admit(lab, 'd1', 'pumps-limited', 'infusion-pump');
  await cordon.controller?.stop();
  await cordon.startController(rarely);
  await runCordon(lab);
  const good = await rulesOf(lab);
  try {
    await withFirewallAlone(lab, planOf('d1').port, async () => {
      for (const family of ['v4', 'v6'] as const) {
        const knocks = await Knocks.begin(lab, pump, family);
        report.check(`over IP${family} the pump gets the time`, knocks.passed(allowed.port, 0).length > 0);
        report.equal('and no datagram of what it may not arrives', knocks.passed(forbidden.port, 0).length, 0);
        await loseAll(lab, good, knocks);
        await restart(lab, good, knocks);
        if (family === 'v4') await reboot(lab, good, knocks);
        await knocks.end();
      }
    });
  } finally {
    await cordon.controller?.stop();
    await cordon.startController();
  }
}

/** By hand, and without rules for the start: all is open until Cordon has been there. */
async function loseAll(lab: Lab, good: string, knocks: Knocks): Promise<void> {
  const { report } = lab;
  const since = Date.now();
  await lab.firewall.forgetAll();
  report.check('every table is deleted: nothing is left', (await lab.firewall.ruleset()) === '');
  report.within('it holds its rules again, by itself', await untilRules(lab, good, true, since), limit);
  const leaked = await knocks.settled(forbidden.port, since);
  const last = leaked.at(-1) ?? since;
  report.within(`${leaked.length} forbidden datagrams passed meanwhile; the last`, last - since, limit);
  report.check('which shows that the firewall was open, and is shut', leaked.length > 0);
  report.check('what is allowed passes', (await knocks.resumes(allowed.port)) >= 0);
}

/** As the service of the distribution does it: the rules for the start close all, and Cordon takes their place. */
async function restart(lab: Lab, good: string, knocks: Knocks): Promise<void> {
  const { report } = lab;
  const since = Date.now();
  await lab.firewall.load(bootRules);
  report.within(
    'restarted with rules for the start, it holds its own',
    await untilRules(lab, good, true, since),
    limit,
  );
  report.within('what is allowed passes again', await knocks.resumes(allowed.port, since), limit);
  report.equal('and no forbidden datagram ever passed', (await knocks.settled(forbidden.port, since)).length, 0);
}

async function reboot(lab: Lab, good: string, knocks: Knocks): Promise<void> {
  const { report } = lab;
  const began = Date.now();
  await lab.firewall.reboot(bootRules, downMilliseconds);
  const back = Date.now();
  const isEmpty = (await rulesOf(lab)) !== good;
  report.within(
    `it is back ${back - began} ms later, and holds its rules`,
    await untilRules(lab, good, true, back),
    limit,
  );
  report.within('what is allowed passes again', await knocks.resumes(allowed.port, back), limit);
  report.equal('and no forbidden datagram ever passed', (await knocks.settled(forbidden.port, began)).length, 0);
  report.note(`at the first look it was ${isEmpty ? 'still empty' : 'whole already'}`);
}

/** A pump that asks for what it may and for what it may not, a hundred times a second each. What arrived tells the servers. */
class Knocks {
  private readonly lab: Lab;
  private readonly from: string;
  private readonly streams: readonly Stream[];

  private constructor(lab: Lab, from: string, streams: readonly Stream[]) {
    this.lab = lab;
    this.from = from;
    this.streams = streams;
  }

  static async begin(lab: Lab, pump: Addresses, family: 'v4' | 'v6'): Promise<Knocks> {
    const streams = [allowed, forbidden].map(({ endpoint, port }) =>
      Stream.knock(lab.daemons, `knock-${port}-${family}`, 'd1', lab.policy.endpoint(endpoint)[family], port),
    );
    const knocks = new Knocks(lab, pump[family], streams);
    await knocks.resumes(allowed.port);
    return knocks;
  }

  passed(port: number, since: number): number[] {
    return arrivals(this.lab.daemons, 'srv', this.from, port).filter((at) => at >= since);
  }

  /** As `passed`, once all that is under way has arrived: half a second of what is allowed came after it. */
  async settled(port: number, since: number): Promise<number[]> {
    await pause(500);
    await this.resumes(allowed.port);
    return this.passed(port, since);
  }

  /** Milliseconds from `since` until the first datagram arrives after it. */
  async resumes(port: number, since = Date.now()): Promise<number> {
    const deadline = Date.now() + 15_000;
    for (;;) {
      const [first] = this.passed(port, since);
      if (first !== undefined) return first - since;
      if (Date.now() > deadline) throw new Error(`nothing arrives at port ${port} any more`);
      await pause(20);
    }
  }

  async end(): Promise<void> {
    for (const stream of this.streams) await stream.close();
  }
}

const pause = async (milliseconds: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });
