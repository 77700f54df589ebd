import { errorsOf } from '../cordon.ts';
import { probe, type Outcome, type Probe } from '../hosts.ts';
import type { Lab } from '../lab.ts';
import { devicePlans } from '../plan.ts';
import { waitFor } from '../process.ts';

/** An address of each family, of whatever kind. */
export interface Addresses {
  readonly v4: string;
  readonly v6: string;
}

/** Something that a scene tries in IPv4 and in IPv6. */
export interface Attempt {
  readonly name: string;
  readonly to: Addresses;
  readonly port: number;
  readonly protocol?: Probe['protocol'];
  readonly from?: Addresses;
}

export const planOf = (device: string) => devicePlans.find((plan) => plan.name === device)!;

/** Tries all of them from a namespace, both families at once, and checks that every single outcome is the expected one. */
export async function expectAll(
  lab: Lab,
  namespace: string,
  proposition: string,
  attempts: readonly Attempt[],
  expected: Outcome,
): Promise<void> {
  const tried = attempts.flatMap((attempt) =>
    (['v4', 'v6'] as const).map((family) => ({
      name: `${attempt.name} over IP${family}`,
      probe: {
        protocol: attempt.protocol ?? 'tcp',
        to: attempt.to[family],
        port: attempt.port,
        ...(attempt.from ? { from: attempt.from[family] } : {}),
      },
    })),
  );
  const outcomes = await probe(
    namespace,
    tried.map((one) => one.probe),
  );
  const wrong = tried
    .filter((_, i) => outcomes[i] !== expected)
    .map((one) => `${one.name} is ${outcomes[tried.indexOf(one)]}`);
  lab.report.check(proposition, wrong.length === 0, wrong.length === 0 ? `${tried.length} attempts` : wrong.join('; '));
}

/** Cordon runs and has a policy in force. */
export async function runCordon(lab: Lab): Promise<void> {
  await lab.cordon.start();
  const answer = await lab.cordon.sync();
  if (answer.status !== 'active') throw new Error(`the sample policy is ${errorsOf(answer)}`);
}

/** Plugs a device in, registered or not, and waits until network and firewall know it in this segment. */
export async function admit(lab: Lab, name: string, segmentName: string, deviceClass?: string): Promise<Addresses> {
  const device = lab.devices[name]!;
  if (deviceClass !== undefined) await lab.cordon.register(device.plan.mac, deviceClass);
  await device.plug();
  return settle(lab, name, segmentName);
}

/** Waits until a device has its addresses in a segment, Cordon knows them, and the firewall does. */
export async function settle(lab: Lab, name: string, segmentName: string): Promise<Addresses> {
  const device = lab.devices[name]!;
  const addresses = await device.addressesIn(lab.policy.segment(segmentName), 30_000);
  await lab.cordon.sessionIn(device.plan.mac, segmentName);
  await lab.firewall.knows([addresses.v4, addresses.v6]);
  return addresses;
}

/** Runs `action` with the port's ACL out of the way: what passes or not is then the firewall's doing alone. */
export async function withFirewallAlone(lab: Lab, port: string, action: () => Promise<void>): Promise<void> {
  await lab.switch.bypassAcl(port, true);
  try {
    await action();
  } finally {
    await lab.switch.bypassAcl(port, false);
  }
}

/** Milliseconds from `since` (epoch) until the port is in this VLAN in the data plane. */
export async function untilVlan(lab: Lab, port: string, vlan: number, since: number, limit = 30_000): Promise<number> {
  await waitFor(`port ${port} to be in VLAN ${vlan}`, limit, async () => (await lab.switch.vlan(port)) === vlan);
  return Date.now() - since;
}

/** Milliseconds from `since` until the port's ACL permits this destination on TCP `tcpPort`, or until it does not. */
export async function untilAcl(
  lab: Lab,
  port: string,
  destination: Addresses,
  tcpPort: number,
  permits: boolean,
  since: number,
): Promise<number> {
  const ends = [`nw_dst=${destination.v4},tp_dst=${tcpPort}`, `ipv6_dst=${destination.v6},tp_dst=${tcpPort}`];
  await waitFor(`the ACL of ${port} to ${permits ? 'permit' : 'drop'} ${ends[0]}`, 30_000, async () => {
    const permitted = (await lab.switch.flows(port)).filter((flow) => flow.action !== 'drop');
    return ends.every((end) => permitted.some((flow) => flow.match.endsWith(end)) === permits);
  });
  return Date.now() - since;
}

/** The firewall's rules without what changes by itself. */
export async function rulesOf(lab: Lab): Promise<string> {
  return (await lab.firewall.ruleset()).replaceAll(/packets \d+ bytes \d+/g, '');
}

/** Those that name this port of a destination, in the order of the firewall. A schedule that begins meanwhile changes others. */
export const rulesTo =
  ({ v4, v6 }: Addresses, tcpPort: number) =>
  async (lab: Lab): Promise<string> => {
    const ends = [`ip daddr ${v4} tcp dport ${tcpPort} `, `ip6 daddr ${v6} tcp dport ${tcpPort} `];
    const lines = (await rulesOf(lab)).split('\n');
    return lines.filter((line) => ends.some((end) => line.includes(end))).join('\n');
  };

/** Milliseconds from `since` until the firewall's rules are no longer, or are again, these. */
export async function untilRules(
  lab: Lab,
  rules: string,
  same: boolean,
  since: number,
  read = rulesOf,
): Promise<number> {
  await waitFor('the firewall to change', 30_000, async () => ((await read(lab)) === rules) === same);
  return Date.now() - since;
}

/** Commits these files, runs `action` under the policy that they make, and puts the policy back that was there before. */
export async function underPolicy(
  lab: Lab,
  message: string,
  files: Readonly<Record<string, string>>,
  action: () => Promise<void>,
): Promise<void> {
  const before = lab.policy.replace(files);
  await lab.policy.commit(message);
  const answer = await lab.cordon.sync();
  if (answer.status !== 'active') throw new Error(`\`${message}\` is ${errorsOf(answer)}`);
  try {
    await action();
  } finally {
    lab.policy.replace(before);
    await lab.policy.commit('as before');
    // Under stages that were in force it takes its way through them, too.
    await waitFor('the policy of before to be in force again', 60_000, async () => {
      return (await lab.cordon.sync()).status === 'active';
    });
  }
}
