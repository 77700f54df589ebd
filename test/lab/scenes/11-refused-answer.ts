import type { Lab } from '../lab.ts';
import { waitFor } from '../process.ts';
import { admit, expectAll, planOf, runCordon, settle, type Attempt } from './steps.ts';

/** Longest time until a switch that does not do what it was told is shown: the bridge waits 45 s for a word of accounting. */
const found = 60_000;

type OverviewRow = Readonly<Record<'total' | 'enforced' | 'pending' | 'unknown' | 'refused' | 'diverged', number>> & {
  readonly key: string;
};

/** Nothing in RADIUS says whether a switch did what an Access-Accept granted. Cordon finds out, and says so. */
export async function showRefusedAnswer(lab: Lab): Promise<void> {
  const { report, policy, devices } = lab;
  report.scene('scene 11: a switch that refuses its answer is found and shown, within a minute');
  await runCordon(lab);
  const library: Attempt[] = [{ name: 'drug library', to: policy.endpoint('drug-library-1'), port: 443 }];
  const pki: Attempt[] = [{ name: 'pki', to: policy.endpoint('pki-1'), port: 443 }];
  // A switch that was never heard to account for a session is not missed when it doesn't.
  await Promise.all([
    admit(lab, 'd1', 'pumps-limited', 'infusion-pump'),
    admit(lab, 'd2', 'pumps-limited', 'infusion-pump'),
    lab.cordon.register(planOf('d3').mac, 'patient-monitor'),
  ]);
  for (const name of ['d2', 'd3']) await devices[name]!.unplug();
  await lab.switch.setFault('p2', 'loops');
  await lab.switch.setFault('p3', 'ignores');
  try {
    const since = Date.now();
    await Promise.all([devices['d2']!.plug(), devices['d3']!.plug()]);
    await showFound(lab, 'd2', 'a switch that asks again and again', /asked \d+ times within \d+ s/, since);
    await expectAll(lab, 'd2', 'nothing passes at that port', library, 'blocked');
    await showFound(lab, 'd3', 'a switch that lets a device in by itself', /reports sessions, and not this one/, since);
    report.equal('that port is where its switch put it', await lab.switch.vlan('p3'), 300);
    await expectAll(lab, 'd3', 'and what the policy allows there does not pass the firewall', pki, 'blocked');
    await expectAll(lab, 'd1', 'as it does for a pump at a port that does what it was told', library, 'open');
    await showEverywhere(lab);
  } finally {
    await lab.switch.setFault('p2', null);
    await lab.switch.setFault('p3', null);
    for (const name of ['d2', 'd3']) await devices[name]!.unplug();
  }
  for (const name of ['d2', 'd3']) await devices[name]!.plug();
  await Promise.all([settle(lab, 'd2', 'pumps-limited'), settle(lab, 'd3', 'monitors')]);
  await expectAll(lab, 'd3', 'the switches obey again: the monitor works', pki, 'open');
  await waitFor('all sessions to be enforced', 20_000, async () => (await rowOf(lab, 'refused')) === 0);
  const status = await lab.cordon.command('status');
  report.check(
    'and `cordon status` says nothing of a refusal any more',
    !status.out.includes('refused by'),
    status.out,
  );
}

const overview = async (lab: Lab): Promise<OverviewRow[]> =>
  (await lab.cordon.ask<{ items: OverviewRow[] }>('GET', '/enforcement?by=nas')).items;

const rowOf = async (lab: Lab, state: 'refused' | 'enforced'): Promise<number> =>
  (await overview(lab)).reduce((sum, row) => sum + row[state], 0);

async function showFound(lab: Lab, name: string, what: string, why: RegExp, since: number): Promise<void> {
  const { mac } = planOf(name);
  const session = await waitFor(`${what} to be found`, found + 10_000, async () => {
    const now = await lab.cordon.openSession(mac);
    return now?.enforcement.state === 'refused' ? now : undefined;
  });
  lab.report.within(`${what} is found`, Date.now() - since, found);
  const { reason } = session.enforcement;
  lab.report.check('and the session says why', why.test(reason ?? ''), reason ?? '');
}

/** API, command line and metrics tell the same: two refused, at one switch, and the rest as it should be. */
async function showEverywhere(lab: Lab): Promise<void> {
  const { report, cordon } = lab;
  const rows = await overview(lab);
  const of = (nas: string): OverviewRow | undefined => rows.find(({ key }) => key === nas);
  report.equal('GET /api/v1/enforcement counts both at their switch', of('lab-sw2')?.refused, 2);
  report.check('and none at the other', of('lab-sw1')?.refused === 0 && of('lab-sw1')!.enforced > 0);
  const { code, out } = await cordon.command('status', '--by', 'nas');
  report.check(
    '`cordon status` ends with 2 and says it',
    code === 2 && /2 sessions refused by their switches/.test(out),
    `exit code ${code}`,
  );
  const shown = (await cordon.command('sessions', '--diverged')).out;
  const macs = ['d1', 'd2', 'd3'].map((name) => shown.includes(planOf(name).mac));
  report.equal('`cordon sessions --diverged` names both, and not the pump that is well', macs, [false, true, true]);
  const samples = await cordon.metrics();
  const value = (pattern: RegExp): number =>
    samples
      .filter((line) => pattern.test(line))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
  report.equal('the controller counts them for Prometheus', value(/_sessions_enforcement\{.*state="refused"/), 2);
  const seen = ['looping', 'ignored'].map((how) => value(new RegExp(`^cordon_.*"${how}"`)) > 0);
  report.equal('the bridge says what it saw of each', seen, [true, true]);
}
