import { canonicalJson } from '#base';
import { driverNamed, type EnforcementTarget } from '#drivers';
import type { EnforcementState } from '#model';
import { enforcementRules } from '#policy';
import { homeOf } from './expectation.ts';
import { addressesOf, compile, devicePlans, sites, type Site } from './hospital.ts';
import { findLost, type Stored } from './ledger.ts';
import type { World } from './world.ts';

interface PointView {
  readonly name: string;
  readonly state: string;
  readonly rulesDigest: string | null;
  readonly lastError: { readonly message: string } | null;
}

interface SessionView {
  readonly mac: string;
  readonly nas: string;
  readonly vlan: number;
  readonly addresses: readonly string[];
  readonly convergence: { readonly state: string; readonly reason: string | null };
  readonly delivery: { readonly state: string };
  readonly isConverged: boolean;
  readonly enforcement: { readonly state: string; readonly reason: string | null };
}

/** What is not as it should be with nothing under way, one line each. */
export async function findUnsettled(world: World): Promise<string[]> {
  const { controller, policy, judge } = world;
  await policy.look();
  const { items: points } = await controller.ask<{ items: PointView[] }>('/enforcement-points');
  const sessions = await controller.list<SessionView>('/sessions?state=open');
  const bridges = await Promise.all(
    Object.values(world.bridges).map(async (bridge) => {
      if (await bridge.isInSync(policy.digest)) return [];
      const { snapshot, spool, unwritten, controller: link } = await bridge.view();
      return [`${bridge.name} is not in sync: ${JSON.stringify({ snapshot, spool, unwritten, link })}`];
    }),
  );
  return [
    ...(policy.rollout ? [`a rollout is ${policy.rollout.status}: ${policy.rollout.reason ?? 'no reason'}`] : []),
    ...(policy.isSettled ? [] : ['it is not settled which policy is in force']),
    ...points.flatMap(({ name, state, rulesDigest, lastError }) =>
      state === 'in-sync' && rulesDigest === policy.digest
        ? []
        : [
            `${name} is ${state}, with ${rulesDigest?.slice(0, 8)}${lastError ? `: ${lastError.message.slice(0, 300)}` : ''}`,
          ],
    ),
    ...(points.length === 2 ? [] : [`${points.length} enforcement points instead of 2`]),
    ...bridges.flat(),
    ...judge.misplaced(),
    ...sessionProblems(world, sessions),
  ];
}

/** Each device has one session, and it is what its switch has and the policy wants. */
function sessionProblems({ judge }: World, sessions: readonly SessionView[]): string[] {
  return devicePlans.flatMap((plan) => {
    const of = sessions.filter(({ mac }) => mac === plan.mac);
    const [session] = of;
    if (!session || of.length > 1) return [`${plan.mac} has ${of.length} open sessions`];
    const vlan = homeOf(judge.standingOf(plan.mac));
    const wanted = Object.values(addressesOf(plan, vlan));
    const isRight =
      session.vlan === vlan &&
      session.nas === plan.nas.name &&
      session.convergence.state === 'settled' &&
      session.isConverged &&
      // A device that came back again and again does so in truth: that is no fault of what shows it.
      (session.enforcement.state === 'enforced' || session.delivery.state === 'looping') &&
      wanted.every((address) => session.addresses.includes(address));
    if (isRight) return [];
    const { convergence, enforcement, addresses } = session;
    return [
      `${plan.mac} at ${session.nas}: VLAN ${session.vlan}, should be ${vlan}; ${convergence.state} (${convergence.reason}), ${enforcement.state} (${enforcement.reason}); ${addresses.join(', ')}`,
    ];
  });
}

/** Read back and compared apart from the controller, with a state that was worked out here from files and switches. */
async function differences(world: World, site: Site): Promise<string[]> {
  const { judge, points } = world;
  const snapshot = compile(judge.current, points);
  const membership = new Map<string, Set<string>>();
  for (const plan of devicePlans) {
    if (plan.nas.site !== site) continue;
    const standing = judge.standingOf(plan.mac);
    const role = { pump: 'infusion-pump', open: 'pump-open', quarantined: 'quarantined' }[standing];
    const members = membership.get(role) ?? new Set();
    membership.set(role, members);
    for (const address of Object.values(addressesOf(plan, homeOf(standing)))) members.add(address);
  }
  const state: EnforcementState = { rules: enforcementRules(snapshot, site), membership, ports: new Map() };
  const [driver, target]: [ReturnType<typeof driverNamed>, EnforcementTarget] =
    site === 'main'
      ? [driverNamed('nftables', {}), { kind: 'netns', namespace: 'fw' }]
      : [
          driverNamed('openvswitch', { bridge: 'br0', ports: 'none' }),
          { kind: 'ovsdb', ...points.openvswitch, tls: null },
        ];
  const session = driver!.connect(target);
  try {
    const text = await session.read();
    const plan = driver!.plan(state, text === null ? null : driver!.parse(text));
    return plan.kind === 'none' ? [] : [`${site}: the point should be changed: ${plan.steps.slice(0, 5).join('; ')}`];
  } finally {
    await session.close();
  }
}

interface Foreign {
  readonly firewall: string;
  readonly openvswitch: string;
}

export const readForeign = async ({ firewall, openvswitch }: World): Promise<Foreign> => ({
  firewall: await firewall.foreignTables(),
  openvswitch: await openvswitch.foreignFlows(),
});

/** After all is settled: what was acknowledged is there, and the points hold what they should and nothing else of ours. */
export async function findFaults(world: World, foreign: Foreign): Promise<string[]> {
  const { controller, ledger } = world;
  const stored: Stored = {
    reasons: (await controller.list<{ reason: string | null }>('/audit')).map(({ reason }) => reason),
    devices: await controller.list('/devices'),
    commits: (await controller.list<{ commit: string }>('/policy/versions')).map(({ commit }) => commit),
    orders: await controller.list('/break-glass'),
  };
  const now = await readForeign(world);
  const isTouched = !now.firewall.startsWith(foreign.firewall) || now.openvswitch !== foreign.openvswitch;
  const count = now.firewall.split('\n').filter((line) => line.startsWith('table ')).length;
  return [
    ...findLost(ledger, stored),
    ...(isTouched ? [`something of others was touched: ${canonicalJson(now).slice(0, 500)}`] : []),
    ...(count === world.firewall.foreignCount
      ? []
      : [`${count} of ${world.firewall.foreignCount} tables of others are there`]),
    ...(await Promise.all(sites.map((site) => differences(world, site)))).flat(),
    ...world.switches.flatMap(({ plan, violations }) => violations.slice(0, 3).map((text) => `${plan.name}: ${text}`)),
  ];
}
