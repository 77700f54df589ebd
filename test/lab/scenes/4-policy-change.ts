import { pollMilliseconds } from '../cordon.ts';
import { Stream } from '../hosts.ts';
import type { Lab } from '../lab.ts';
import { admit, expectAll, planOf, rulesOf, runCordon, untilAcl, untilRules, withFirewallAlone } from './steps.ts';

const closedRule = /^p, infusion-pump, pump-gateway, https, allow,/;

/** A commit changes the network, exactly where it says, and a bad commit changes nothing. */
export async function showPolicyChange(lab: Lab): Promise<void> {
  const { report, policy } = lab;
  report.scene('scene 4: a git commit closes a flow and another opens it, for nobody else');
  await runCordon(lab);
  await Promise.all([
    admit(lab, 'd1', 'pumps-limited', 'infusion-pump'),
    admit(lab, 'd3', 'monitors', 'patient-monitor'),
  ]);
  const open = (name: string, device: string, to: string): Promise<Stream> =>
    Stream.open(lab.daemons, name, device, to, 443);
  const closing = await open('to-be-closed', 'd1', policy.endpoint('pump-gateway').v4);
  const staying = await open('same-device', 'd1', policy.endpoint('drug-library-1').v6);
  const other = await open('other-device', 'd3', policy.endpoint('pki-1').v4);
  const untouched = await lab.switch.port('p3');
  const began = Date.now();
  const closed = await close(lab, closing);
  await reopen(lab, closed);
  await showBadCommits(lab);
  report.within('the other connection of the same pump never paused', staying.longestGap(began), 1_000);
  report.within('nor did that of a monitor', other.longestGap(began), 500);
  const now = await lab.switch.port('p3');
  report.equal('the monitor saw no CoA and no new authentication', now.changes, untouched.changes);
  for (const stream of [closing, staying, other]) await stream.close();
}

interface Closed {
  readonly before: { readonly file: string; readonly text: string };
  /** What the firewall held before. */
  readonly rules: Awaited<ReturnType<typeof rulesOf>>;
}

async function close(lab: Lab, stream: Stream): Promise<Closed> {
  const { report, policy } = lab;
  const gateway = policy.endpoint('pump-gateway');
  const rules = await rulesOf(lab);
  const before = policy.removeRule(closedRule);
  await policy.commit('pumps no longer report to the gateway');
  const since = Date.now();
  const answer = await lab.cordon.sync();
  report.equal('the commit is accepted', answer.status, 'active');
  const [port, firewall] = await Promise.all([
    untilAcl(lab, 'p1', gateway, 443, false, since),
    untilRules(lab, rules, false, since),
  ]);
  report.within('the port no longer permits the flow', port, 5_000);
  report.within('nor does the firewall', firewall, 5_000);
  const last = await stream.silent(1_000, 10_000);
  report.within('the connection that used it is cut', Math.max(0, Math.round(last - since)), 5_000);
  const attempt = [{ name: 'gateway', to: gateway, port: 443 }];
  await withFirewallAlone(lab, planOf('d1').port, () =>
    expectAll(lab, 'd1', 'the firewall alone blocks it too', attempt, 'blocked'),
  );
  return { before, rules };
}

async function reopen(lab: Lab, { before, rules }: Closed): Promise<void> {
  const { report, policy } = lab;
  const gateway = policy.endpoint('pump-gateway');
  policy.write(before.file, before.text);
  await policy.commit('pumps report to the gateway again');
  const since = Date.now();
  const [port, firewall] = await Promise.all([
    untilAcl(lab, 'p1', gateway, 443, true, since),
    untilRules(lab, rules, true, since),
  ]);
  report.within('a commit that nobody announced opens it again on the port', port, 5_000 + pollMilliseconds);
  report.within('and on the firewall', firewall, 5_000 + pollMilliseconds);
  const attempt = [{ name: 'gateway', to: gateway, port: 443 }];
  await expectAll(lab, 'd1', 'and the pump reaches its gateway', attempt, 'open');
}

async function showBadCommits(lab: Lab): Promise<void> {
  const { report, policy } = lab;
  const file = 'rules/flows-medical.csv';
  const text = policy.read(file);
  const rules = await rulesOf(lab);
  const mistakes = [
    { what: 'a misspelt name', line: 'p, infusion-pmp, internet, any, allow, always, "typo"', says: 'infusion-pmp' },
    {
      what: 'a rule that breaks an invariant',
      line: 'p, infusion-pump, drug-library, any, deny, always, "oops"',
      says: 'drug',
    },
  ];
  for (const { what, line, says } of mistakes) {
    policy.write(file, `${text}${line}\n`);
    await policy.commit(what);
    const answer = await lab.cordon.sync();
    const said = answer.diagnostics.find((d) => d.summary.includes(says));
    report.equal(`a commit with ${what} is refused`, answer.status, 'refused');
    report.check(
      'and says where and why',
      said?.span !== undefined,
      said ? `${said.span?.file}:${said.span?.line}: ${said.summary}` : JSON.stringify(answer.diagnostics),
    );
  }
  report.equal('the firewall is as it was', await rulesOf(lab), rules);
  policy.write(file, text);
  await policy.commit('as before');
  report.equal('the policy without the mistakes is in force again', (await lab.cordon.sync()).status, 'active');
}
