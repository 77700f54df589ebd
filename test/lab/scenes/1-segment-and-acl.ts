import type { Lab } from '../lab.ts';
import { internet } from '../plan.ts';
import { timed } from '../process.ts';
import { admit, expectAll, planOf, runCordon, withFirewallAlone, type Addresses, type Attempt } from './steps.ts';

/** A pump gets its segment and its ACL, reaches what the policy names, and nothing else: at the port and at the firewall. */
export async function showSegmentAndAcl(lab: Lab): Promise<void> {
  const { report } = lab;
  report.scene('scene 1: a pump is put in its segment and reaches its drug library, and nothing else');
  const [, started] = await timed(() => runCordon(lab));
  report.note(`Cordon runs and has compiled the policy after ${started} ms`);
  const [pumps, admitted] = await timed(() =>
    Promise.all([
      admit(lab, 'd1', 'pumps-limited', 'infusion-pump'),
      admit(lab, 'd2', 'pumps-limited', 'syringe-pump'),
      admit(lab, 'd3', 'monitors', 'patient-monitor'),
    ]),
  );
  report.check(
    'three devices authenticate by MAC, get addresses, and are known to the firewall',
    true,
    `${admitted} ms`,
  );
  const [pump, otherPump, monitor] = pumps;
  await showPorts(lab);
  await showReach(lab, { pump, otherPump, monitor });
  await showServerInitiated(lab, { pump, otherPump, monitor });
  await showFirewallAlone(lab, pump);
}

interface Devices {
  readonly pump: Addresses;
  readonly otherPump: Addresses;
  readonly monitor: Addresses;
}

async function showPorts(lab: Lab): Promise<void> {
  const { report, policy } = lab;
  const limited = policy.segment('pumps-limited').vlan;
  report.equal(
    'Open vSwitch has both pumps in the VLAN of their segment',
    [await lab.switch.vlan('p1'), await lab.switch.vlan('p2')],
    [limited, limited],
  );
  report.equal('and the monitor in its own', await lab.switch.vlan('p3'), policy.segment('monitors').vlan);
  const [cisco, rfc] = [await lab.switch.port('p1'), await lab.switch.port('p2')];
  const families = new Set(cisco.acl?.map((line) => line.split(':')[0]));
  report.equal(
    'the Catalyst got ACEs of both families',
    ['ip', 'ipv6'].map((family) => families.has(family)),
    [true, true],
  );
  report.check(
    'the other switch got NAS-Filter-Rules',
    rfc.acl?.every((line) => /^(permit|deny) in /.test(line)) ?? false,
  );
  const flows = await Promise.all(['p1', 'p2'].map(async (port) => lab.switch.flows(port)));
  report.check(
    'the ACLs stand in the data plane and end in drops',
    flows.every(
      (own) => own.length > 4 && own.some((flow) => flow.match === 'priority=2,ipv6' || flow.action === 'drop'),
    ),
    flows.map((own) => `${own.length} OpenFlow rules`).join(', '),
  );
}

async function showReach(lab: Lab, { otherPump, monitor }: Devices): Promise<void> {
  const { policy } = lab;
  const to = (name: string, port: number): Attempt => ({ name, to: policy.endpoint(name), port });
  const allowed = [
    to('drug-library-1', 443),
    to('drug-library-2', 443),
    to('pump-gateway', 443),
    { ...to('dns-1', 53), protocol: 'udp' as const },
  ];
  const forbidden: Attempt[] = [
    to('pacs-archive-1', 104),
    to('pacs-archive-1', 443),
    to('ehr-web-1', 443),
    to('drug-library-1', 22),
    to('pump-gateway', 3613),
    to('biomed-jump-host', 443),
    { name: 'internet', to: internet, port: 443 },
    { ...to('ntp-1', 53), protocol: 'udp' },
    { name: 'monitor in another VLAN', to: monitor, port: 443 },
  ];
  await expectAll(lab, 'd1', 'a pump (Catalyst) reaches what the policy names', allowed, 'open');
  await expectAll(lab, 'd2', 'a pump (RFC switch) reaches the same', allowed, 'open');
  const peer: Attempt[] = [443, 3613].map((port) => ({ name: `pump in the same VLAN, ${port}`, to: otherPump, port }));
  const before = await lab.switch.dropped('p1');
  await expectAll(
    lab,
    'd1',
    'and nothing else: PACS, EHR, internet, another pump in its VLAN, a monitor in another',
    [...forbidden, ...peer],
    'blocked',
  );
  const dropped = (await lab.switch.dropped('p1')) - before;
  lab.report.check('the port drops and counts it', dropped >= forbidden.length, `${dropped} packets`);
  await expectAll(lab, 'd2', 'the same on the RFC switch', forbidden, 'blocked');
}

async function showServerInitiated(lab: Lab, { pump, otherPump, monitor }: Devices): Promise<void> {
  const { policy } = lab;
  const gateway = policy.endpoint('pump-gateway');
  const port = policy.tcpPort('pump-comms');
  const opens = [
    { name: 'gateway to the pump on the Catalyst', from: gateway, to: pump, port },
    { name: 'gateway to the pump on the RFC switch', from: gateway, to: otherPump, port },
  ];
  await expectAll(lab, 'srv', 'the gateway opens connections to both pumps where the policy says so', opens, 'open');
  const pacs = policy.endpoint('pacs-archive-1');
  await expectAll(
    lab,
    'srv',
    'but on no other port, not to a monitor, and nobody else does',
    [
      { name: 'gateway to port 22', from: gateway, to: pump, port: 22 },
      { name: 'gateway to port 443', from: gateway, to: pump, port: 443 },
      { name: 'gateway to a monitor', from: gateway, to: monitor, port },
      { name: 'PACS to a pump', from: pacs, to: pump, port },
      { name: 'biomed jump host to an unproven pump', from: policy.endpoint('biomed-jump-host'), to: pump, port: 443 },
      { name: 'internet to a pump', from: internet, to: pump, port },
    ],
    'blocked',
  );
}

async function showFirewallAlone(lab: Lab, pump: Addresses): Promise<void> {
  const { policy, firewall, report } = lab;
  const pacs = policy.endpoint('pacs-archive-1');
  const attempts: Attempt[] = [
    { name: 'PACS', to: pacs, port: 104 },
    { name: 'EHR', to: policy.endpoint('ehr-web-1'), port: 443 },
    { name: 'internet', to: internet, port: 443 },
    { name: 'drug library by ssh', to: policy.endpoint('drug-library-1'), port: 22 },
  ];
  await withFirewallAlone(lab, planOf('d1').port, async () => {
    const before = await firewall.counted('denied');
    await expectAll(lab, 'd1', 'with the ACL taken away, the firewall blocks the same', attempts, 'blocked');
    // What an explicit deny drops is counted at its line; what nothing allows, at `denied`.
    report.check('it counts what it drops', (await firewall.counted('denied')) > before);
    report.check('and logs it, IPv4', await firewall.logged(pump.v4, policy.endpoint('drug-library-1').v4, 22));
    report.check('and logs it, IPv6', await firewall.logged(pump.v6, policy.endpoint('drug-library-1').v6, 22));
  });
}
