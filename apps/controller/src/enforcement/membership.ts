import type { EnforcementRules, EnforcementState } from '#model';
import { formatAddress, hasAddress, parseAddress } from '#net';
import { enforcementRules, sitesBelow, type Snapshot } from '#policy';
import { roleOf } from '../sessions/resolve-principal.js';
import type { LiveSession } from '../sessions/session-store.js';

export interface DesiredState extends EnforcementState {
  /** Address in canonical text → the class that its device counts as now. */
  readonly roles: ReadonlyMap<string, string>;
}

/**
 * What an enforcement point at `site` must hold now. A device counts as the role that the policy gives it *now*, by its
 * class and posture in the registry, not as the one its switch port has: moving the port takes a CoA, this does not.
 *
 * INVARIANT: an address belongs to one class at most. Two sessions that claim it would else add up their rights; the one
 * heard of last has it. Addresses outside the device segments of the site make no member: a device that claims a
 * server's address gains nothing. Whoever has no place by the policy is in no class, and so denied.
 */
export function desiredState(snapshot: Snapshot, site: string, sessions: readonly LiveSession[]): DesiredState {
  const rules = rulesAt(snapshot, site);
  const local = sitesBelow(snapshot, site);
  const claims = new Map<string, LiveSession>();
  for (const session of sessions) {
    if (!local.has(session.site)) continue;
    for (const text of session.addresses) {
      const address = parseAddress(text);
      if (!address || !hasAddress(rules.scope, address)) continue;
      const canonical = formatAddress(address);
      const other = claims.get(canonical);
      if (!other || isNewer(session, other)) claims.set(canonical, session);
    }
  }
  const roles = new Map<string, string>();
  const membership = new Map<string, Set<string>>();
  for (const [address, session] of claims) {
    const role = roleOf(snapshot, session);
    if (role === null) continue;
    roles.set(address, role);
    const members = membership.get(role) ?? new Set();
    membership.set(role, members.add(address));
  }
  return { rules, membership, roles };
}

const compiled = new WeakMap<Snapshot, Map<string, EnforcementRules>>();

/** The rules change with the snapshot only, the members many times in between. */
function rulesAt(snapshot: Snapshot, site: string): EnforcementRules {
  const bySite = compiled.get(snapshot) ?? new Map<string, EnforcementRules>();
  compiled.set(snapshot, bySite);
  const rules = bySite.get(site) ?? enforcementRules(snapshot, site);
  bySite.set(site, rules);
  return rules;
}

function isNewer(a: LiveSession, b: LiveSession): boolean {
  return a.updatedAt === b.updatedAt ? a.id > b.id : a.updatedAt > b.updatedAt;
}
