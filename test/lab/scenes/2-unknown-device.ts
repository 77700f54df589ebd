import type { Lab } from '../lab.ts';
import { timed } from '../process.ts';
import { admit, expectAll, planOf, runCordon, settle, untilVlan } from './steps.ts';

/** Nobody knows this device. Once somebody says what it is, it moves by itself. */
export async function showUnknownDevice(lab: Lab): Promise<void> {
  const { report, policy } = lab;
  report.scene('scene 2: an unknown device is onboarded, and gets its segment when it is registered');
  await runCordon(lab);
  const { mac, port } = planOf('d4');
  const [, admitted] = await timed(() => admit(lab, 'd4', 'onboarding'));
  report.check('it offers 802.1X, fails, and falls back to onboarding by MAC', true, `${admitted} ms`);
  report.equal('the port is in the onboarding VLAN', await lab.switch.vlan(port), policy.segment('onboarding').vlan);
  const library = { name: 'drug library', to: policy.endpoint('drug-library-1'), port: 443 };
  const portal = { name: 'portal', to: policy.endpoint('onboarding-portal'), port: 443 };
  await expectAll(lab, 'd4', 'it reaches the onboarding portal', [portal], 'open');
  await expectAll(lab, 'd4', 'and no clinical server', [library], 'blocked');
  const before = await lab.switch.port(port);
  const since = Date.now();
  await lab.cordon.register(mac, 'patient-monitor');
  report.within(
    'the port is in the segment of its class',
    await untilVlan(lab, port, policy.segment('monitors').vlan, since),
    5_000,
  );
  await settle(lab, 'd4', 'monitors');
  report.check(
    'the device has its new addresses, nobody touched it',
    true,
    `${Date.now() - since} ms after its registration`,
  );
  const after = await lab.switch.port(port);
  report.equal('one CoA did it', after.changes.coa - before.changes.coa, 1);
  report.equal('in the same session', after.acctSessionId, before.acctSessionId);
  await expectAll(lab, 'd4', 'what onboarding allowed is closed now', [portal], 'blocked');
}
