import type { EnforcementRules, EnforcementState } from '#model';
import { AddressMap, formatAddress, hasAddress, parseAddress, type Address } from '#net';
import { enforcementRules, sitesBelow, type Snapshot } from '#policy';
import { grantOf } from '../sessions/resolve-principal.js';
import type { LiveSession } from '../sessions/session-store.js';

export interface DesiredState extends EnforcementState {
  /** The class that the device of an address counts as now. */
  readonly roles: AddressMap<string>;
}

/**
 * What an enforcement point at `site` must hold now. A device counts as the role that the policy gives it *now*, by its
 * class and posture in the registry, not as the one its switch port has: moving the port takes a CoA, this does not.
 * For the time between, and for addresses that a device left behind, see `roleOfAddress`.
 *
 * INVARIANT: an address belongs to one class at most. Two sessions that claim it would else add up their rights; the one
 * heard of last has it. Addresses outside the device segments of the site make no member: a device that claims a
 * server's address gains nothing. Whoever has no place by the policy is in no class, and so denied.
 */
export function desiredState(snapshot: Snapshot, site: string, sessions: readonly LiveSession[]): DesiredState {
  const rules = rulesAt(snapshot, site);
  const local = sitesBelow(snapshot, site);
  const claims = new Map<string, { session: LiveSession; address: Address }>();
  for (const session of sessions) {
    if (!local.has(session.site)) continue;
    for (const text of session.addresses) {
      const address = parseAddress(text);
      if (!address || !hasAddress(rules.scope, address)) continue;
      const canonical = formatAddress(address);
      const other = claims.get(canonical);
      if (!other || isNewer(session, other.session)) claims.set(canonical, { session, address });
    }
  }
  const roles = new AddressMap<string>();
  const membership = new Map<string, Set<string>>();
  for (const [text, { session, address }] of claims) {
    const role = roleOfAddress(snapshot, session, address);
    if (role === null) continue;
    roles.set(address, role);
    const members = membership.get(role) ?? new Set();
    membership.set(role, members.add(text));
  }
  return { rules, membership, ports: new Map(), roles };
}

/**
 * An address has the role of the device's desired grant if it lies in the segment of that grant. Any other address is
 * one that the device is about to leave or has left, and has the role only where that gives it nothing new:
 *
 *   quarantined             at once, wherever the address is: quarantine does not wait for the switch
 *   at risk                 at once in the segment that the device has when all is well: it is being restricted
 *   same role as its port   in the segment of its port: the policy gave the class another segment, not other rights
 *   otherwise               none, hence denied: a device that is released gets its rights with an address in its new segment,
 *                           and whoever takes over its old address in quarantine does not inherit them
 */
function roleOfAddress(snapshot: Snapshot, session: LiveSession, address: Address): string | null {
  const grant = grantOf(snapshot, session);
  if (!grant) return null;
  const isIn = (segment: string | null | undefined): boolean => isInSegment(snapshot, segment, session.site, address);
  const isEntitled =
    isIn(grant.segment) ||
    grant.posture === 'quarantined' ||
    (grant.posture === 'at-risk' && isIn(grantOf(snapshot, session, 'normal')?.segment)) ||
    (session.role === grant.role && isIn(session.segment));
  return isEntitled ? grant.role : null;
}

/** A child site has its parent's segments unless it has its own. */
function isInSegment(snapshot: Snapshot, name: string | null | undefined, site: string, address: Address): boolean {
  const places = snapshot.segments.find((segment) => segment.name === name)?.sites ?? [];
  const near = [site, ...(snapshot.sites.find((known) => known.name === site)?.ancestors ?? [])];
  const nearest = near.map((at) => places.find((place) => place.site === at)).find((place) => place !== undefined);
  return nearest !== undefined && hasAddress(nearest.prefixes, address);
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
