import { stringify } from 'yaml';
import type { Lab } from '../lab.ts';
import { serverAddress } from '../plan.ts';
import { waitFor } from '../process.ts';
import {
  admit,
  expectAll,
  planOf,
  runCordon,
  settle,
  untilVlan,
  withFirewallAlone,
  type Addresses,
  type Attempt,
} from './steps.ts';

const nas = 'lab-sw2';
const file = 'network/server-down.yaml';
const serverDown = {
  servers: { bridge: { address: serverAddress } },
  timeout: 1,
  tries: 3,
  sites: { everywhere: { segment: 'server-down' } },
};

/** No RADIUS server answers: the switch decides, by the configuration that Cordon wrote for it before. */
export async function showServerDown(lab: Lab): Promise<void> {
  const { report, policy, devices } = lab;
  report.scene(
    'scene 9: no RADIUS server; who is in stays, who comes gets the critical segment, until a server is back',
  );
  policy.write(file, stringify(serverDown));
  await policy.commit('what switches do without a server');
  await runCordon(lab);
  const text = (await lab.cordon.command('render', '--server-down', '--nas', nas, '--policy', policy.folder)).out;
  await lab.switch.configureServerDown(nas, JSON.parse(text) as object);

  const { mac, port } = planOf('d2');
  await lab.cordon.register(mac, 'infusion-pump');
  await devices['d2']!.unplug();
  const monitor = await admit(lab, 'd3', 'monitors', 'patient-monitor');
  await lab.cordon.bridge?.stop('SIGKILL');

  const critical = policy.segment('server-down');
  const plugged = Date.now();
  await devices['d2']!.plug();
  report.within(
    'a pump that comes is in the VLAN of newcomers',
    await untilVlan(lab, port, critical.vlan, plugged),
    10_000,
  );
  const newcomer = await devices['d2']!.addressesIn(critical, 30_000);
  report.equal('by the switch alone', (await lab.switch.port(port)).critical, true);
  await showNewcomer(lab, newcomer);
  await showWhoWasIn(lab, monitor);

  const since = Date.now();
  await lab.cordon.startBridge();
  const own = policy.segment('pumps-limited').vlan;
  report.within('a server is back, and the pump is where it belongs', await untilVlan(lab, port, own, since), 15_000);
  await settle(lab, 'd2', 'pumps-limited');
  report.equal('as a session that the server knows', (await lab.switch.port(port)).critical, false);
  const ehr = { name: 'EHR', to: policy.endpoint('ehr-web-1'), port: 443 };
  await expectAll(lab, 'd2', 'and has the rules of a pump', [ehr], 'blocked');
  await lab.switch.configureServerDown(nas, null);
  policy.remove(file);
  await policy.commit('as before');
  await lab.cordon.sync();
}

/** Its port ACL is that of the critical role, and the firewall lets the same through by the address alone. */
async function showNewcomer(lab: Lab, newcomer: Addresses): Promise<void> {
  const { report, policy } = lab;
  const { port } = planOf('d2');
  const to = (name: string, tcp: number): Attempt => ({ name, to: policy.endpoint(name), port: tcp });
  const needed = [to('drug-library-1', 443), to('pump-gateway', 443), to('device-integration-1', 6661)];
  const forbidden = [
    to('ehr-web-1', 443),
    to('pacs-archive-1', 104),
    to('pump-firmware', 443),
    to('drug-library-1', 22),
  ];
  const { acl } = await lab.switch.port(port);
  report.check('with the port ACL of the policy', acl?.every((line) => /^(permit|deny) in /.test(line)) ?? false);
  await expectAll(lab, 'd2', 'it reaches what a patient needs', needed, 'open');
  await expectAll(lab, 'd2', 'and nothing else', forbidden, 'blocked');
  report.check('the port dropped it', (await lab.switch.dropped(port)) > 0);
  await withFirewallAlone(lab, port, async () => {
    await expectAll(lab, 'd2', 'the firewall alone lets the same through', needed, 'open');
    await expectAll(lab, 'd2', 'and stops the rest, knowing nothing but the address', forbidden, 'blocked');
  });
  await expectAll(
    lab,
    'd3',
    'no device is reached from there, nor reaches there',
    [{ name: 'newcomer', to: newcomer, port: 443 }],
    'blocked',
  );
}

async function showWhoWasIn(lab: Lab, addresses: Addresses): Promise<void> {
  const { report, policy } = lab;
  const { port } = planOf('d3');
  const before = await lab.switch.port(port);
  await lab.switch.reauthenticate(port);
  await waitFor('a re-authentication without an answer', 20_000, async () => {
    return (await lab.switch.port(port)).changes.timeout > before.changes.timeout;
  });
  const after = await lab.switch.port(port);
  report.equal('a monitor that was in stays in its session', after.acctSessionId, before.acctSessionId);
  report.equal(
    'and in its VLAN, over a re-authentication',
    await lab.switch.vlan(port),
    policy.segment('monitors').vlan,
  );
  report.equal('with its address', (await lab.devices['d3']!.addresses()).v4, addresses.v4);
  await expectAll(lab, 'd3', 'and works', [{ name: 'pki', to: policy.endpoint('pki-1'), port: 443 }], 'open');
}
