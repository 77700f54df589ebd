import type { Lab } from '../lab.ts';
import { waitFor } from '../process.ts';
import { admit, expectAll, planOf, rulesOf, runCordon, untilRules, withFirewallAlone } from './steps.ts';

/** Somebody changes the firewall by hand. Cordon says so and puts it back. */
export async function showDrift(lab: Lab): Promise<void> {
  const { report, policy } = lab;
  report.scene('scene 6: a change by hand on the firewall is found and undone');
  await runCordon(lab);
  await admit(lab, 'd1', 'pumps-limited', 'infusion-pump');
  const good = await rulesOf(lab);
  const pacs = [{ name: 'PACS', to: policy.endpoint('pacs-archive-1'), port: 104 }];
  const mistakes = [
    {
      what: 'an accept for everything is put in front',
      words: ['insert', 'rule', 'inet', 'cordon', 'forward', 'accept'],
    },
    { what: 'a rule is deleted', words: await deleteOneRule(lab) },
    {
      what: 'an address is added to a class',
      words: ['add', 'element', 'inet', 'cordon', 'infusion-pump-limited_4', '{', '10.30.0.99', '}'],
    },
    { what: 'the whole table is deleted', words: ['delete', 'table', 'inet', 'cordon'] },
  ];
  for (const { what, words } of mistakes) {
    const since = Date.now();
    await lab.firewall.nft(...words);
    report.check(`${what}: the firewall differs`, (await rulesOf(lab)) !== good);
    const drift = await waitFor('the API to show the drift', 10_000, () => shownDrift(lab, since)).catch(
      () => undefined,
    );
    report.check('the API shows it', drift !== undefined, drift ?? '');
    report.within('and the rules are as they were', await untilRules(lab, good, true, since), 10_000);
  }
  await withFirewallAlone(lab, planOf('d1').port, () =>
    expectAll(lab, 'd1', 'the firewall blocks as before', pacs, 'blocked'),
  );
}

/** What the API says of a drift that it found after this instant. */
async function shownDrift(lab: Lab, since: number): Promise<string | undefined> {
  const drift = (await lab.cordon.point('main-fw'))?.lastDrift;
  return drift && Date.parse(drift.at) >= since ? drift.steps.join('; ').slice(0, 120) : undefined;
}

async function deleteOneRule(lab: Lab): Promise<string[]> {
  const text = await lab.firewall.nft('-a', 'list', 'chain', 'inet', 'cordon', 'judge_4');
  const handle = /jump deny_4 # handle (\d+)/.exec(text)?.[1];
  if (handle === undefined) throw new Error('the firewall has no rule `jump deny_4` in `judge_4`');
  return ['delete', 'rule', 'inet', 'cordon', 'judge_4', 'handle', handle];
}
