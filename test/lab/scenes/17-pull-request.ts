import { stringify } from 'yaml';
import { LabForge, type Clone } from '../forge.ts';
import type { Lab } from '../lab.ts';
import { waitFor } from '../process.ts';
import { closedRule } from './12-rollout.ts';
import { admit, expectAll, planOf, rulesTo, runCordon, untilAcl, untilRules, type Attempt } from './steps.ts';

const file = 'rules/flows-medical.csv';
const rolloutFile = 'network/rollout.yaml';
const stages = {
  stages: [
    { name: 'canary', devices: [planOf('d1').mac] },
    { name: 'hospital', sites: ['everywhere'] },
  ],
};
const [ofCheck, ofController] = ['cordon/plan', 'cordon/lab'] as const;

/**
 * A day of a network admin, with git by HTTPS and SSH: a branch whose check fails at its line, mended, planned, approved, merged, rolled out to
 * real ports and firewalls, taken back by a revert. And how long a merge takes to get there.
 */
export async function showPullRequest(lab: Lab): Promise<void> {
  const { report, cordon, policy } = lab;
  report.scene('scene 17: a pull request, from its branch to the network and back');
  await runCordon(lab);
  await admit(lab, 'd1', 'pumps-limited', 'infusion-pump');
  await admit(lab, 'd2', 'pumps-limited', 'infusion-pump');
  const forge = new LabForge(lab.folder, lab.daemons);
  await forge.start(policy.folder);
  await cordon.controller?.stop();
  await cordon.startController(forge.settings);
  try {
    const clone = await forge.clone('admin-clone');
    await withStages(lab, forge, clone, async () => {
      await changeByPullRequest(lab, forge, clone);
      await revertByPullRequest(lab, forge, clone);
    });
    await measureMerges(lab, forge, clone);
  } finally {
    await cordon.controller?.stop();
    await policy.pull(forge.folderOfRepository);
    await forge.stop();
    await cordon.startController();
  }
}

const gateway = (lab: Lab): Attempt => ({ name: 'gateway', to: lab.policy.endpoint('pump-gateway'), port: 443 });
const lineOf = (text: string): string => text.split('\n').find((line) => closedRule.test(line))!;

/** From the newest `main`. */
async function branch(clone: Clone, name: string): Promise<void> {
  await clone.git('fetch', '-q', 'origin');
  await clone.git('checkout', '-q', '-B', name, 'origin/main');
}

async function withStages(lab: Lab, forge: LabForge, clone: Clone, action: () => Promise<void>): Promise<void> {
  await branch(clone, 'stages');
  clone.write(rolloutFile, stringify(stages));
  await clone.push('stages', 'two stages');
  const { commit } = await forge.merge('stages');
  await forge.told(commit, ofController, 'success');
  lab.report.check('a merge is in force, and the commit says so', true, `${ofController} success`);
  await action();
  await branch(clone, 'no-stages');
  await clone.git('rm', '-q', rolloutFile);
  await clone.push('no-stages', 'as before');
  const { commit: last } = await forge.merge('no-stages');
  await forge.told(last, ofController, 'success', 60_000);
}

async function changeByPullRequest(lab: Lab, forge: LabForge, clone: Clone): Promise<void> {
  const { report } = lab;
  const name = 'close-gateway';
  await branch(clone, name);
  const text = clone.read(file);
  const wrong = text.replace(lineOf(text), lineOf(text).replace('infusion-pump', 'infusion-pmup'));
  const number = wrong.split('\n').findIndex((line) => line.includes('infusion-pmup')) + 1;
  clone.write(file, wrong);
  await clone.push(name, 'pumps no longer report to the gateway');
  await forge.knows(name);
  const failed = await forge.check(name, []);
  report.equal('the check of a branch with a misspelt name fails', failed.code, 1);
  const annotation = failed.out.split('\n').find((line) => line.startsWith('::error ')) ?? '';
  report.check(
    'with an annotation at its line',
    annotation.startsWith(`::error file=${file},line=${number},col=4,`) && annotation.includes('infusion-pump'),
    annotation,
  );
  report.equal('a comment and a status say so', [forge.hub.comments.length, lastStatus(forge)], [1, 'failure']);

  clone.write(file, text.replace(`${lineOf(text)}\n`, ''));
  await clone.push(name, 'the name, as it is written');
  const head = await forge.knows(name);
  const planned = await forge.check(name, []);
  const [comment] = forge.hub.comments;
  report.equal('mended, it needs approval, since it touches a life-critical class', planned.code, 3);
  report.check(
    'the same comment has the plan now',
    forge.hub.comments.length === 1 && /infusion-pump.*pump-gateway/.test(comment?.body ?? ''),
    comment?.body.split('\n')[1] ?? '',
  );
  const approved = await forge.check(name, [`cordon-approved:${planned.change}`]);
  report.equal('with the label of a reviewer the check passes', [approved.code, lastStatus(forge)], [0, 'success']);
  report.equal('its status is that of the branch', forge.hub.statuses.at(-1)?.sha, head);

  await expectAll(lab, 'd1', 'until the merge the pump reaches its gateway', [gateway(lab)], 'open');
  const { commit, at } = await forge.merge(name);
  await forge.told(commit, ofController, 'success', 60_000);
  report.within('merged, told by webhook, and rolled out in two stages', Date.now() - at, 30_000);
  const told = forge.hub.statuses.filter(({ sha, context }) => sha === commit && context === ofController);
  report.check(
    'the commit was told of the stages on the way',
    told.some(({ state, description }) => state === 'pending' && description.includes('stage canary (1 of 2)')),
    told.map(({ description }) => description).join(' → '),
  );
  for (const device of ['d1', 'd2'])
    await expectAll(lab, device, `${device} no longer does`, [gateway(lab)], 'blocked');
}

async function revertByPullRequest(lab: Lab, forge: LabForge, clone: Clone): Promise<void> {
  const { report } = lab;
  const merged = await forge.hashOf('main');
  await branch(clone, 'revert');
  await clone.git('revert', '--no-edit', '-m', '1', merged);
  await clone.git('push', '-q', 'origin', 'HEAD:refs/heads/revert');
  await forge.knows('revert');
  const { change } = await forge.check('revert', []);
  const approved = await forge.check('revert', [`cordon-approved:${change}`]);
  report.equal('`git revert` is a change as any: checked and approved', approved.code, 0);
  const { commit, at } = await forge.merge('revert');
  await forge.told(commit, ofController, 'success', 60_000);
  report.within('merged, it is rolled back in the same stages', Date.now() - at, 30_000);
  for (const device of ['d1', 'd2'])
    await expectAll(lab, device, `${device} reaches its gateway again`, [gateway(lab)], 'open');
}

const lastStatus = ({ hub }: LabForge): string | undefined =>
  hub.statuses.findLast(({ context }) => context === ofCheck)?.state;

/** From the moment at which `main` moves to the last port and firewall that do it, and the session that says so. */
async function measureMerges(lab: Lab, forge: LabForge, clone: Clone): Promise<void> {
  const { report, merges } = lab;
  await settledUnder(lab, await forge.hashOf('main'));
  const to = lab.policy.endpoint('pump-gateway');
  const read = rulesTo(to, 443);
  const open = await read(lab);
  const times: number[] = [];
  for (let i = 0; i < merges; i++) {
    const closes = i % 2 === 0;
    await branch(clone, `merge-${i}`);
    const text = clone.read(file);
    clone.write(
      file,
      closes
        ? text.replace(lineOf(text), `# ${lineOf(text)}`)
        : text.replace(/^# (p, infusion-pump, pump-gateway, https)/m, '$1'),
    );
    await clone.push(`merge-${i}`, closes ? 'closed' : 'opened');
    const { commit, at } = await forge.merge(`merge-${i}`);
    const enforced = await Promise.all([
      untilRules(lab, open, !closes, at, read),
      ...['p1', 'p2'].map((port) => untilAcl(lab, port, to, 443, !closes, at)),
    ]);
    times.push(Math.max(...enforced));
    await settledUnder(lab, commit);
  }
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.ceil(share * sorted.length) - 1]!;
  report.note(
    `${merges} merges, from merge to enforced on both ports and the firewall: median ${at(0.5)} ms, longest ${at(1)} ms`,
  );
  report.within(`of ${merges} merges, 95 of 100 are enforced`, at(0.95), 3_000);
}

/** This commit is in force, and nothing is left to be done at either session or the firewall. */
async function settledUnder({ cordon }: Lab, commit: string): Promise<void> {
  await waitFor(`the network to be settled under ${commit.slice(0, 12)}`, 30_000, async () => {
    const { active } = await cordon.ask<{ active: { commit: string } }>('GET', '/policy');
    const sessions = await Promise.all(['d1', 'd2'].map((name) => cordon.openSession(planOf(name).mac)));
    const point = await cordon.point('main-fw');
    return (
      active.commit === commit &&
      point?.state === 'in-sync' &&
      sessions.every((one) => one?.convergence.state === 'settled')
    );
  });
}
