import { Stream } from '../hosts.ts';
import type { Lab } from '../lab.ts';
import { waitFor } from '../process.ts';
import { closedRule } from './12-rollout.ts';
import { admit, planOf, runCordon, settle, untilVlan } from './steps.ts';

const [inUse, other] = ['d1', 'd2'] as const;

/** Two pumps, one at a patient. What changes for the other waits for this one, however loud it is asked for. */
export async function showInUse(lab: Lab): Promise<void> {
  const { report, policy, cordon } = lab;
  report.scene('scene 13: a pump in clinical use is left alone until it is released');
  await runCordon(lab);
  for (const name of [inUse, other]) await admit(lab, name, 'pumps-limited', 'infusion-pump');
  const gateway = policy.endpoint('pump-gateway').v4;
  const [atPatient, idle] = await Promise.all([
    Stream.open(lab.daemons, 'in-use', inUse, gateway, 443),
    Stream.open(lab.daemons, 'not-in-use', other, gateway, 443),
  ]);
  const { mac, port } = planOf(inUse);
  const before = await lab.switch.port(port);
  const marked = await cordon.command('in-use', mac);
  report.equal('a nurse marks the pump', marked.code, 0, marked.out.trim());
  const rule = policy.removeRule(closedRule);
  const since = Date.now();
  try {
    await policy.commit('pumps no longer report to the gateway');
    report.equal('a commit closes what both pumps use', (await cordon.sync()).status, 'active');
    report.within('it cuts the connection of the idle pump', (await idle.silent(1_500, 15_000)) - since, 5_000);
    const held = await waitFor('the other to be held', 10_000, () => heldSession(lab, mac));
    report.check('the pump at the patient waits, and the session says why', held.includes('in clinical use'), held);
    await quarantineWaits(lab, atPatient);
    const after = await lab.switch.port(port);
    report.equal('its port saw no CoA, no disconnect and no authentication', after.changes, before.changes);
    report.equal('its session at the switch is the same', after.acctSessionId, before.acctSessionId);
    report.within('and its connection never paused', atPatient.longestGap(since), 1_000);
    await release(lab, atPatient);
  } finally {
    await cordon.command('in-use', mac, '--release');
    await cordon.setPosture(mac, 'normal', 'lab: over');
    policy.write(rule.file, rule.text);
    await policy.commit('pumps report to the gateway again');
    report.equal('the policy of before is in force again', (await cordon.sync()).status, 'active');
    for (const stream of [atPatient, idle]) await stream.close();
  }
  for (const name of [inUse, other]) await settle(lab, name, 'pumps-limited');
}

/** The twin is quarantined by the same call at the same moment. */
async function quarantineWaits(lab: Lab, stream: Stream): Promise<void> {
  const quarantine = lab.policy.segment('quarantine').vlan;
  const since = Date.now();
  for (const name of [inUse, other])
    await lab.cordon.setPosture(planOf(name).mac, 'quarantined', 'lab: odd traffic from two pumps');
  const moved = await untilVlan(lab, planOf(other).port, quarantine, since);
  lab.report.within('both are put into quarantine: the idle pump moves at once', moved, 3_000);
  await settle(lab, other, 'quarantine');
  const vlan = await lab.switch.vlan(planOf(inUse).port);
  lab.report.equal('the pump at the patient stays', vlan, lab.policy.segment('pumps-limited').vlan);
  lab.report.check('and its connection flows', stream.longestGap(Date.now() - 500) < 500);
  await lab.cordon.setPosture(planOf(other).mac, 'normal', 'lab: checked and clean');
}

async function release(lab: Lab, stream: Stream): Promise<void> {
  const { report, cordon } = lab;
  const { mac, port } = planOf(inUse);
  const held = await lab.switch.port(port);
  const since = Date.now();
  report.equal('the nurse releases the pump', (await cordon.command('in-use', mac, '--release')).code, 0);
  const moved = untilVlan(lab, port, lab.policy.segment('quarantine').vlan, since);
  report.within('its connection is cut', (await stream.silent(1_500, 15_000)) - since, 5_000);
  report.within('and it moves to quarantine', await moved, 5_000);
  await settle(lab, inUse, 'quarantine');
  const { changes } = await lab.switch.port(port);
  report.check('because its switch was told', changes.coa > held.changes.coa, JSON.stringify(changes));
}

/** Why the session waits; undefined: it does not. */
async function heldSession(lab: Lab, mac: string): Promise<string | undefined> {
  const session = await lab.cordon.openSession(mac);
  return session?.convergence.state === 'held' ? (session.convergence.reason ?? '') : undefined;
}
