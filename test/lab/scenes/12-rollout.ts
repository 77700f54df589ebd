import { stringify } from 'yaml';
import type { Lab } from '../lab.ts';
import { waitFor } from '../process.ts';
import { admit, expectAll, planOf, runCordon, underPolicy, type Attempt } from './steps.ts';

/** The rule that the rollout takes away. */
export const closedRule = /^p, infusion-pump, pump-gateway, https, allow,/;

const [canary, ward, rest] = ['d1', 'd2', 'd3'] as const;
const rolloutFile = 'network/rollout.yaml';
const stages = {
  stages: [
    { name: 'canary', devices: [planOf(canary).mac] },
    { name: 'ward', devices: [planOf(ward).mac] },
    { name: 'hospital', sites: ['everywhere'] },
  ],
  gates: { refused: 40, least: 1, denied: null, action: 'halt' },
};

interface Rollout {
  readonly status: string;
  readonly stage: number;
  readonly reason: string | null;
}

/** Three pumps, three stages: the first goes well, the second meets a switch that refuses, the third is never reached. */
export async function showRollout(lab: Lab): Promise<void> {
  const { report } = lab;
  report.scene('scene 12: a rollout of three stages is halted by a gate, and taken back');
  await runCordon(lab);
  await underPolicy(lab, 'stages and gates', { [rolloutFile]: stringify(stages) }, async () => {
    for (const name of [canary, ward]) await admit(lab, name, 'pumps-limited', 'infusion-pump');
    await admit(lab, rest, 'monitors', 'patient-monitor');
    await lab.cordon.setClass(planOf(rest).mac, 'infusion-pump');
    await admit(lab, rest, 'pumps-limited');
    try {
      await passes(lab, 'before, all three pumps reach their gateway', [canary, ward, rest]);
      await halt(lab);
    } finally {
      await lab.switch.setFault(planOf(ward).port, null);
      await lab.cordon.setClass(planOf(rest).mac, 'patient-monitor');
      await admit(lab, rest, 'monitors');
    }
  });
}

async function halt(lab: Lab): Promise<void> {
  const { report, policy, cordon } = lab;
  await lab.switch.setFault(planOf(ward).port, 'nak');
  const before = policy.removeRule(closedRule);
  await policy.commit('pumps no longer report to the gateway');
  const since = Date.now();
  report.equal('the commit begins a rollout', (await cordon.sync()).status, 'staged');
  const halted = await rolloutThat(lab, ({ status }) => status === 'halted');
  report.within('a gate halts it', Date.now() - since, 30_000);
  report.equal('in its second stage', halted.stage, 1);
  report.check('because a switch refused', /refused/.test(halted.reason ?? ''), halted.reason ?? '');
  const shown = await cordon.command('rollout');
  report.check(
    '`cordon rollout` ends with 3 and shows where it stands',
    shown.code === 3 && /✔ canary {2}▶ ward {2}hospital/.test(shown.out),
    shown.out.split('\n').slice(0, 2).join(' '),
  );
  await blocked(lab, 'the canary has the new policy: its gateway is closed', [canary]);
  await passes(lab, 'the pump of the third stage has the old one', [rest]);
  await expectAll(lab, canary, 'and what nobody changed passes for the canary', [libraryOf(lab)], 'open');

  policy.write(before.file, before.text);
  const aborted = Date.now();
  const { code } = await cordon.command('rollout', 'abort', '--reason', 'lab: the switch of the ward refuses');
  report.equal('a person aborts it', code, 0);
  await rolloutThat(lab, ({ status }) => status === 'withdrawn');
  await lab.switch.setFault(planOf(ward).port, null);
  const { digest } = (await cordon.ask<{ active: { digest: string } }>('GET', '/policy')).active;
  await waitFor('all sessions to be settled under the policy in force', 30_000, async () => {
    const sessions = await Promise.all([canary, ward, rest].map((name) => cordon.openSession(planOf(name).mac)));
    return sessions.every((one) => one?.snapshotDigest === digest && one.convergence.state === 'settled');
  });
  report.within('every session is back under the policy in force', Date.now() - aborted, 30_000);
  await passes(lab, 'and all three reach their gateway again', [canary, ward, rest]);
  await policy.commit('pumps report to the gateway again');
}

const gatewayOf = (lab: Lab): Attempt => ({ name: 'gateway', to: lab.policy.endpoint('pump-gateway'), port: 443 });
const libraryOf = (lab: Lab): Attempt => ({ name: 'library', to: lab.policy.endpoint('drug-library-1'), port: 443 });

async function passes(lab: Lab, proposition: string, names: readonly string[]): Promise<void> {
  for (const name of names) await expectAll(lab, name, `${proposition} (${name})`, [gatewayOf(lab)], 'open');
}

async function blocked(lab: Lab, proposition: string, names: readonly string[]): Promise<void> {
  for (const name of names) await expectAll(lab, name, `${proposition} (${name})`, [gatewayOf(lab)], 'blocked');
}

async function rolloutThat(lab: Lab, isSo: (rollout: Rollout) => boolean): Promise<Rollout> {
  return waitFor('the rollout to get there', 60_000, async () => {
    const [newest] = (await lab.cordon.ask<{ items: Rollout[] }>('GET', '/rollouts?limit=1')).items;
    return newest && isSo(newest) ? newest : undefined;
  });
}
