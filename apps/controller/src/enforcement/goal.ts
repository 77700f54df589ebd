import { noRules, type EnforcementRules, type NamedList, type Vlan } from '#model';
import { AddressMap } from '#net';
import { partsOf, switchRules, type EnforcementPointEntry, type Snapshot } from '#policy';
import type { LiveSession } from '../sessions/live-sessions.js';
import { policyOfSession, policyOfSite, type EnforcedPolicy } from './generations.js';
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
  if (nas === null) return flows;
  const lists = parts.includes('lists') ? listsOf(policy, nas, inUse) : [];
  const vlans = parts.includes('vlans') ? vlansOf(policy, nas) : [];
  const rules = lists.length + vlans.length > 0 ? withSwitch(flows.rules, lists, vlans) : flows.rules;
  return { ...flows, rules, ports: parts.includes('ports') ? portsOf(policy, sessionsAt(sessions, nas)) : new Map() };
}

const empty = new WeakMap<Snapshot, DesiredState>();

function noFlows(snapshot: Snapshot): DesiredState {
  const known = empty.get(snapshot);
  if (known) return known;
  const rules = { ...noRules, snapshotDigest: snapshot.digest };
  const state = { snapshot, rules, membership: new Map(), ports: new Map(), roles: new AddressMap<never>() };
  empty.set(snapshot, state);
  return state;
}

/** Policies by which a session may be told something now, the one of the switch's site first. */
export const policiesOf = ({ inForce, next, previous }: EnforcedPolicy): Snapshot[] =>
  [inForce, next?.snapshot, previous].flatMap((each) => each ?? []);

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

const joined = new WeakMap<EnforcementRules, Map<string, EnforcementRules>>();

/** The same object for the same rules: what drivers and proofs worked out for it holds for all switches that are alike. */
function withSwitch(rules: EnforcementRules, lists: readonly NamedList[], vlans: readonly Vlan[]): EnforcementRules {
  const byKey = joined.get(rules) ?? new Map<string, EnforcementRules>();
  joined.set(rules, byKey);
  const sizes = lists.map(({ name, entries }) => `${name}/${entries.length}`);
  const key = `${sizes.join(' ')} ${vlans.map(({ id, name }) => `${id}=${name}`).join(' ')}`;
  let made = byKey.get(key);
  if (!made) byKey.set(key, (made = { ...rules, lists, vlans }));
  return made;
}

const byNas = new WeakMap<readonly LiveSession[], Map<string, LiveSession[]>>();

export function sessionsAt(sessions: readonly LiveSession[], nas: string): readonly LiveSession[] {
  let map = byNas.get(sessions);
  if (!map) byNas.set(sessions, (map = Map.groupBy(sessions, (session) => session.nas)));
  return map.get(nas) ?? [];
}

/**
 * Port → VLAN that the switch was told for who is on it. A port has one: of several devices one in quarantine decides, else the one heard of
 * last, since one that left without a word is heard of no more. Telephones are not asked: theirs goes tagged.
 */
function portsOf(policy: EnforcedPolicy, sessions: readonly LiveSession[]): Map<string, number> {
  const deciding = new Map<string, LiveSession>();
  for (const session of sessions) {
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
  return a.updatedAt === b.updatedAt ? a.id < b.id : a.updatedAt < b.updatedAt;
}
