import { Stream } from '../hosts.ts';
import type { Lab } from '../lab.ts';
import { timed, waitFor } from '../process.ts';
import { admit, expectAll, planOf, rulesOf, runCordon, settle, untilAcl, untilRules, untilVlan } from './steps.ts';

/** Cordon's processes die without warning. The hospital goes on. */
export async function showKill(lab: Lab): Promise<void> {
  lab.report.scene('scene 5: kill -9 of each process; the network goes on, and nothing is lost');
  await runCordon(lab);
  await admit(lab, 'd1', 'pumps-limited', 'infusion-pump');
  await admit(lab, 'd3', 'monitors', 'patient-monitor');
  const library = lab.policy.endpoint('drug-library-1');
  const stream = await Stream.open(lab.daemons, 'through-all-kills', 'd1', library.v4, 443);
  const began = Date.now();
  await killController(lab);
  await killBridge(lab);
  lab.report.within('a running connection of a pump never noticed', stream.longestGap(began), 500);
  await restartController(lab);
  await killDuringApply(lab);
  await stream.close();
}

async function replug(lab: Lab, name: string, segment: string): Promise<number> {
  const device = lab.devices[name]!;
  const { port } = device.plan;
  await device.unplug();
  await waitFor(`${port} to be closed`, 20_000, async () => !(await lab.switch.port(port)).authorized);
  await device.plug();
  return untilVlan(lab, port, lab.policy.segment(segment).vlan, Date.now());
}

async function killController(lab: Lab): Promise<void> {
  await lab.cordon.controller?.stop('SIGKILL');
  const ms = await replug(lab, 'd3', 'monitors');
  lab.report.check('without the controller, a device that is plugged in is authenticated', true, `${ms} ms`);
}

async function killBridge(lab: Lab): Promise<void> {
  const { report } = lab;
  await lab.cordon.bridge?.stop('SIGKILL');
  const device = lab.devices['d3']!;
  await device.unplug();
  await device.plug();
  const [, ready] = await timed(() => lab.cordon.startBridge());
  const since = Date.now();
  await untilVlan(lab, device.plan.port, lab.policy.segment('monitors').vlan, since);
  report.within('the bridge alone, killed and started, answers from its disk', ready, 3_000);
  const state = await waitFor('accounting', 30_000, async () => {
    const { accounting } = await lab.switch.nas('lab-sw2');
    return accounting.waiting === 0 ? accounting : undefined;
  });
  report.check(
    'and took every accounting message that the switch kept for it',
    true,
    `${state.retransmissions} retransmissions`,
  );
}

async function restartController(lab: Lab): Promise<void> {
  const [, ready] = await timed(() => lab.cordon.startController());
  await settle(lab, 'd1', 'pumps-limited');
  const addresses = await settle(lab, 'd3', 'monitors');
  const session = await lab.cordon.openSession(planOf('d3').mac);
  lab.report.check(
    'the controller starts again and hears of all that happened meanwhile',
    session?.addresses.includes(addresses.v4) ?? false,
    `ready after ${ready} ms`,
  );
  await expectAll(
    lab,
    'd3',
    'the monitor works',
    [{ name: 'pki', to: lab.policy.endpoint('pki-1'), port: 443 }],
    'open',
  );
}

/** The new policy is decided and on its way to port and firewall, and the controller dies: at several points of that. */
async function killDuringApply(lab: Lab): Promise<void> {
  const { report, policy } = lab;
  const gateway = policy.endpoint('pump-gateway');
  const open = await rulesOf(lab);
  for (const delay of [0, 40, 120]) {
    const before = policy.removeRule(/^p, infusion-pump, pump-gateway, https, allow,/);
    const commit = await policy.commit(`close, killed after ${delay} ms`);
    lab.cordon.sync().catch(() => undefined); // its answer dies with it
    await lab.cordon.controller?.saying(new RegExp(`policy active.*${commit}`), 60_000);
    await new Promise((resolve) => setTimeout(resolve, delay));
    await lab.cordon.controller?.stop('SIGKILL');
    const since = Date.now();
    await lab.cordon.startController();
    const converged = Promise.all([
      untilAcl(lab, 'p1', gateway, 443, false, since),
      untilRules(lab, open, false, since),
    ]);
    const times = await converged;
    report.within(`killed ${delay} ms into an apply, it ends it when it starts again`, Math.max(...times), 10_000);
    policy.write(before.file, before.text);
    await policy.commit('open again');
    await lab.cordon.sync();
    await Promise.all([untilAcl(lab, 'p1', gateway, 443, true, since), untilRules(lab, open, true, since)]);
  }
}
