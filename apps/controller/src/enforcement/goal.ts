import { stateOf, type NamedList, type Vlan } from '#model';
import { AddressMap } from '#net';
import {
  partsOf,
  rulesWithoutFlows,
  switchRules,
  withParts,
  workloadsOf,
  type EnforcementPointEntry,
  type Snapshot,
} from '#policy';
import { isNewer, sessionsBy, type LiveSession } from '../sessions/live-sessions.js';
import { policiesOf, policyOfSession, policyOfSite, type EnforcedPolicy } from './generations.js';
import { desiredState, type DesiredState } from './membership.js';

/**
 * What a point must hold now, of the parts that its driver enforces. `inUse`: lists that sessions at its switch have by policies of
 * earlier, and keep.
 */
export function goalOf(
  policy: EnforcedPolicy,
  point: EnforcementPointEntry,
  sessions: readonly LiveSession[],
  inUse: readonly NamedList[] = [],
): DesiredState {
  const { site, nas } = point;
  const parts = partsOf(point);
  const flows = parts.includes('flows') ? desiredState(policy, site, sessions) : noFlows(policyOfSite(policy, site));
  const rules = withParts(flows.rules, point, {
    lists: nas === null ? [] : listsOf(policy, nas, inUse),
    vlans: nas === null ? [] : vlansOf(policy, nas),
    workloads: workloadsOf(flows.snapshot, point.name),
  });
  const ports = nas !== null && parts.includes('ports') ? portsOf(policy, nas, sessions) : flows.ports;
  return { ...flows, rules, ports };
}

const noFlows = (snapshot: Snapshot): DesiredState => ({
  ...stateOf(rulesWithoutFlows(snapshot)),
  snapshot,
  roles: new AddressMap(),
});

/** Those of all policies at once: nothing is named that is not there yet, and nothing goes that a session has. */
export function listsOf(policy: EnforcedPolicy, nas: string, inUse: readonly NamedList[] = []): NamedList[] {
  const lists = policiesOf(policy).flatMap((each) => switchRules(each, nas).lists);
  return [...new Map([...inUse, ...lists].map((list) => [list.name, list])).values()];
}

function vlansOf(policy: EnforcedPolicy, nas: string): Vlan[] {
  const vlans = policiesOf(policy)
    .toReversed()
    .flatMap((each) => switchRules(each, nas).vlans);
  return [...new Map(vlans.map((vlan) => [vlan.id, vlan])).values()];
}

/**
 * Port → VLAN that the switch was told for who is on it. A port has one: of several devices one in quarantine decides, else the one heard of
 * last, since one that left without a word is heard of no more. Telephones are not asked: theirs goes tagged.
 */
function portsOf(policy: EnforcedPolicy, nas: string, sessions: readonly LiveSession[]): Map<string, number> {
  const deciding = new Map<string, LiveSession>();
  for (const session of sessionsBy('nas', sessions).get(nas) ?? []) {
    const { nasPort } = session;
    if (nasPort === null || isVoice(policy, session)) continue;
    const other = deciding.get(nasPort);
    if (!other || isBefore(other, session)) deciding.set(nasPort, session);
  }
  return new Map([...deciding].map(([port, { vlan }]) => [port, vlan]));
}

const isVoice = (policy: EnforcedPolicy, session: LiveSession): boolean =>
  policyOfSession(policy, session).segments.some(({ name, voice }) => voice && name === session.segment);

/** Whether `b` decides rather than `a`. */
function isBefore(a: LiveSession, b: LiveSession): boolean {
  const [first, second] = [a, b].map(({ posture }) => posture === 'quarantined');
  if (first !== second) return second === true;
  return isNewer(b, a);
}
