import { stringify } from 'yaml';
import type { Lab } from '../lab.ts';
import { waitFor } from '../process.ts';
import { admit, expectAll, planOf, runCordon, settle, underPolicy, type Attempt } from './steps.ts';

const opened = 'pump-open';
const seconds = 25;
const who = 'Dr. Ada';
const why = 'theatre 3: the library of the vendor is needed now';

/** What the glass is broken to is policy: a class with its own rules, in the segment of pumps. */
const files = {
  'network/rollout.yaml': stringify({ classes: { 'infusion-pump': { breakGlass: opened } } }),
  'catalog/classes-open.yaml': stringify({
    [opened]: { description: 'A pump for which the glass is broken', criticality: 'life-critical', owner: 'biomed' },
  }),
  'rules/open.csv': [
    `g, ${opened}, infusion-pump`,
    `p2, ${opened}, everywhere, unverified, pumps, always, "break-glass"`,
    `p, ${opened}, vendor-update-proxy, https, allow, always, "break-glass"`,
    `p, ${opened}, pump-firmware, any, deny, always, "as for every pump known by its MAC alone"`,
    '',
  ].join('\n'),
};

interface AuditEntry {
  readonly at: string;
  readonly action: string;
  readonly actor: string;
  readonly reason: string | null;
}

export async function showBreakGlass(lab: Lab): Promise<void> {
  lab.report.scene('scene 14: a person breaks the glass for a pump, for some seconds, and it closes by itself');
  await runCordon(lab);
  await underPolicy(lab, 'what a pump may when the glass is broken', files, () => breakTheGlass(lab));
  await settle(lab, 'd1', 'pumps-limited');
}

async function breakTheGlass(lab: Lab): Promise<void> {
  const { report, policy, cordon } = lab;
  const { mac } = planOf('d1');
  const vendor: Attempt[] = [{ name: 'vendor library', to: policy.endpoint('vendor-update-proxy'), port: 443 }];
  const pacs: Attempt[] = [{ name: 'PACS', to: policy.endpoint('pacs-archive-1'), port: 104 }];
  for (const name of ['d1', 'd2']) await admit(lab, name, 'pumps-limited', 'infusion-pump');
  await expectAll(lab, 'd1', 'before, a pump does not reach the library of its vendor', vendor, 'blocked');

  const hours = String(seconds / 3600);
  const order = ['--mac', mac, '--hours', hours, '--by', who, '--reason', why];
  const since = Date.now();
  const { code, out } = await cordon.command('break-glass', 'open', ...order);
  report.check('a named person opens one pump with a reason', code === 0, out.split('\n')[0]);
  await settle(lab, 'd1', 'pumps');
  report.within('it has its place and its rules', Date.now() - since, 10_000);
  await expectAll(lab, 'd1', 'it reaches the library', vendor, 'open');
  await expectAll(lab, 'd1', 'and nothing that this was not for', pacs, 'blocked');
  await expectAll(lab, 'd2', 'nor does another pump', vendor, 'blocked');
  const list = await cordon.command('break-glass', 'list');
  report.check('the list shows who, and ends with 2', list.code === 2 && list.out.includes(who));
  const status = await cordon.command('status');
  report.check('so does `cordon status`', status.code === 2 && status.out.includes(`break-glass: ${mac}`));
  report.check('all of that while it is open', Date.now() - since < seconds * 1000, `${Date.now() - since} ms`);

  await waitFor('the glass to close', (seconds + 20) * 1000, async () => {
    return (await cordon.openSession(mac))?.segment === 'pumps-limited';
  });
  const closed = Date.now() - since - seconds * 1000;
  report.check('it closes by itself, not before its time', closed > -500, `${closed} ms after it`);
  report.within('nor long after it', closed, 5_000);
  await settle(lab, 'd1', 'pumps-limited');
  await expectAll(lab, 'd1', 'the library is out of reach again', vendor, 'blocked');
  const own: Attempt[] = [{ name: 'drug library', to: policy.endpoint('drug-library-1'), port: 443 }];
  await expectAll(lab, 'd1', 'and the pump works as before', own, 'open');
  await showAudit(lab, since);
}

async function showAudit(lab: Lab, since: number): Promise<void> {
  const { items } = await lab.cordon.ask<{ items: AuditEntry[] }>('GET', '/audit?limit=100');
  const told = items.filter(({ action, at }) => action.startsWith('break-glass.') && Date.parse(at) >= since);
  const opening = told.find(({ action }) => action === 'break-glass.open');
  lab.report.equal('the audit trail has the reason', opening?.reason, why);
  lab.report.check('and the person', JSON.stringify(opening).includes(who), JSON.stringify(opening).slice(0, 200));
  const ends = told.filter(({ action }) => action !== 'break-glass.open');
  lab.report.equal('and its end', ends.length, 1, ends[0]?.action);
}
