import { Stream } from '../hosts.ts';
import type { Lab } from '../lab.ts';
import { waitFor } from '../process.ts';
import { admit, expectAll, planOf, runCordon, settle, untilVlan, type Addresses } from './steps.ts';

/** One call isolates a device: at its port, at the firewall, and its open connections. One call releases it. */
export async function showQuarantine(lab: Lab): Promise<void> {
  lab.report.scene('scene 3: quarantine cuts a device off within a second, and release brings it back');
  await runCordon(lab);
  for (const [name, make] of [
    ['d1', 'a pump on the Catalyst'],
    ['d2', 'a pump on the RFC switch'],
  ] as const) {
    const addresses = await admit(lab, name, 'pumps-limited', 'infusion-pump');
    await quarantine(lab, name, make, addresses);
    await release(lab, name, make);
  }
  await showRefusedCoa(lab);
}

async function quarantine(lab: Lab, name: string, make: string, before: Addresses): Promise<void> {
  const { report, policy, firewall } = lab;
  const { mac, port } = planOf(name);
  const library = policy.endpoint('drug-library-1');
  const streams = await Promise.all([
    Stream.open(lab.daemons, `quarantine-${name}-v4`, name, library.v4, 443),
    Stream.open(lab.daemons, `quarantine-${name}-v6`, name, library.v6, 443),
  ]);
  const tracked = await Promise.all([before.v4, before.v6].map((address) => firewall.connections(address)));
  report.check(
    `${make}: the firewall tracks its connections`,
    tracked.every((lines) => lines.some(isHttps)),
  );
  const since = Date.now();
  await lab.cordon.setPosture(mac, 'quarantined', 'lab: the pump speaks to a botnet');
  const moved = untilVlan(lab, port, policy.segment('quarantine').vlan, since);
  const last = await Promise.all(streams.map((stream) => stream.silent(1_500, 15_000)));
  report.within(`${make}: its connections are cut`, Math.max(0, Math.round(Math.max(...last) - since)), 1_000);
  report.within('its port is in the quarantine VLAN', await moved, 2_000);
  await settle(lab, name, 'quarantine');
  report.check('it has addresses there', true, `${Date.now() - since} ms after the call`);
  await waitFor('the firewall to forget its connections', 20_000, async () => {
    const left = await Promise.all([before.v4, before.v6].map((address) => firewall.connections(address)));
    return !left.flat().some(isHttps);
  });
  report.check('the firewall tracks none of them any more', true);
  await expectAll(
    lab,
    name,
    'it reaches the remediation portal',
    [{ name: 'portal', to: policy.endpoint('remediation-portal'), port: 443 }],
    'open',
  );
  await expectAll(
    lab,
    name,
    'and its drug library no more',
    [{ name: 'drug library', to: library, port: 443 }],
    'blocked',
  );
  await Promise.all(streams.map((stream) => stream.close()));
}

const isHttps = (line: string): boolean => line.includes('dport=443');

async function release(lab: Lab, name: string, make: string): Promise<void> {
  const { report, policy } = lab;
  const since = Date.now();
  await lab.cordon.setPosture(planOf(name).mac, 'normal', 'lab: checked and clean');
  await settle(lab, name, 'pumps-limited');
  report.check(`${make}: released, it is back in its segment`, true, `${Date.now() - since} ms`);
  await expectAll(
    lab,
    name,
    'and reaches its drug library',
    [{ name: 'drug library', to: policy.endpoint('drug-library-1'), port: 443 }],
    'open',
  );
}

/** The steps of a life-critical class end before Disconnect: nobody cuts a pump off a patient to change the network. */
async function showRefusedCoa(lab: Lab): Promise<void> {
  const { report, policy } = lab;
  const { mac, port } = planOf('d2');
  const before = await lab.switch.port(port);
  await lab.switch.setFault(port, 'nak');
  try {
    await lab.cordon.setPosture(mac, 'quarantined', 'lab: a switch that refuses CoA');
    const session = await waitFor('the refusal to be reported', 20_000, async () => {
      const found = await lab.cordon.openSession(mac);
      return found?.convergence.state === 'diverged' ? found : undefined;
    });
    const after = await lab.switch.port(port);
    report.check(
      'a switch that refuses CoA: the pump is not cut off, and its session is shown as diverged',
      after.authorized && after.vlan === before.vlan && after.changes.disconnect === before.changes.disconnect,
      session.convergence.reason ?? '',
    );
  } finally {
    await lab.switch.setFault(port, null);
  }
  const since = Date.now();
  const took = await untilVlan(lab, port, policy.segment('quarantine').vlan, since);
  report.within('it is in quarantine when the switch obeys again', took, 30_000);
  await settle(lab, 'd2', 'quarantine');
  await release(lab, 'd2', 'the same pump');
}
