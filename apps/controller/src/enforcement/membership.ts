import { remembered } from '#base';
import type { EnforcementRules, EnforcementState, FlowEntry, FlowSide } from '#model';
import { addressSet, formatAddress, hasAddress, parseAddress, rangesOf, type Address, type AddressMap } from '#net';
import { enforcementRules, segmentIn, sitesBelow, type Snapshot } from '#policy';
import { grantOf } from '../sessions/resolve-principal.js';
import { sessionsBy, type LiveSession } from '../sessions/live-sessions.js';
import { isHeld, policyOfSession, policyOfSite, type EnforcedPolicy } from './generations.js';
import { SiteMembers, type AddressRole, type Claim } from './site-members.js';

export interface DesiredState extends EnforcementState {
  /** The policy that the site has. */
  readonly snapshot: Snapshot;
  readonly roles: AddressMap<AddressRole>;
}

/**
 * What an enforcement point at `site` must hold now. A device counts as the role that the policy gives it *now*, by its
 * class and posture in the registry, not as the one its switch port has: moving the port takes a CoA, this does not.
 * For the time between, and for addresses that a device left behind, see `roleOfAddress`.
 *
 * While a policy is being rolled out, or a device is held back, devices of one site may be under several policies. Each has its own rules
 * then: those of another policy than the site's stand under the names of its classes and the policy. Between two devices the rules of the
 * one that opens the connection count.
 *
 * INVARIANT: an address belongs to one class at most. Two sessions that claim it would else add up their rights; the one
 * heard of last has it. Addresses outside the device segments of the site make no member: a device that claims a
 * server's address gains nothing. Whoever has no place by the policy is in no class, and so denied.
 */
export function desiredState(policy: EnforcedPolicy, site: string, sessions: readonly LiveSession[]): DesiredState {
  return followedSite(policy, site).state(sessionsBy('site', sessions));
}

/** So that `desiredState` for the same takes little time: it must be worked out at once, and a new policy says something of every session. */
export function prepareState(
  policy: EnforcedPolicy,
  site: string,
  sessions: readonly LiveSession[],
  turn: () => Promise<void>,
): Promise<void> {
  return followedSite(policy, site).prepare(sessionsBy('site', sessions), turn);
}

/** The sites whose devices a point at `site` judges. */
export const sitesSeenAt = (policy: EnforcedPolicy, site: string): ReadonlySet<string> =>
  followedSite(policy, site).sites;

function followedSite(policy: EnforcedPolicy, site: string): FollowedSite {
  const known = remembered(followed, policy, () => new Map<string, FollowedSite>());
  return remembered(known, site, () => new FollowedSite(policy, site));
}

/** Sessions between two turns. */
const preparedAtOnce = 200;

const followed = new WeakMap<EnforcedPolicy, Map<string, FollowedSite>>();

type Lists = readonly (readonly LiveSession[])[];
type SessionsBySite = ReadonlyMap<string, readonly LiveSession[]>;

/** A site under a policy. */
class FollowedSite {
  private readonly main: Snapshot;
  /** It and those below it. */
  readonly sites: ReadonlySet<string>;
  private readonly members: SiteMembers;
  /** Most of what is said of a session stays as long as it does. */
  private readonly claims = new WeakMap<LiveSession, readonly Claim[]>();
  private latest: { readonly lists: Lists; readonly state: DesiredState } | null = null;

  constructor(
    private readonly policy: EnforcedPolicy,
    private readonly site: string,
  ) {
    const main = policyOfSite(policy, site);
    this.main = main;
    this.sites = new Set([...sitesBelow(main, site), ...sitesBelow(policy.inForce, site)]);
    this.members = new SiteMembers({
      claimsOf: (session) => this.claimsOf(session),
      nameOf: (snapshot, role) => nameUnder(snapshot, main, role),
    });
  }

  async prepare(bySite: SessionsBySite, turn: () => Promise<void>): Promise<void> {
    const lists = this.listsOf(bySite);
    if (this.isLatest(lists)) return;
    let count = 0;
    for (const session of lists.flat()) {
      if (this.claims.has(session)) continue;
      if (++count % preparedAtOnce === 0) await turn();
      this.claimsOf(session);
    }
  }

  state(bySite: SessionsBySite): DesiredState {
    const lists = this.listsOf(bySite);
    const { latest, main } = this;
    if (latest && this.isLatest(lists)) return latest.state;
    const { membership, roles, snapshots } = this.members.follow(lists.flat());
    const others = [...snapshots].filter((snapshot) => snapshot !== main);
    const rules = rulesFor(main, others, this.site);
    const isSame = latest?.state.membership === membership && latest.state.rules === rules;
    const state = isSame ? latest.state : { snapshot: main, rules, membership, ports: new Map(), roles };
    this.latest = { lists, state };
    return state;
  }

  private claimsOf(session: LiveSession): readonly Claim[] {
    return remembered(this.claims, session, () => claimsOf(this.policy, this.site, session));
  }

  private listsOf(bySite: SessionsBySite): Lists {
    return [...this.sites].flatMap((name) => {
      const of = bySite.get(name);
      return of ? [of] : [];
    });
  }

  private isLatest(lists: Lists): boolean {
    const { latest } = this;
    return latest?.lists.length === lists.length && latest.lists.every((list, i) => list === lists[i]);
  }
}

function claimsOf(policy: EnforcedPolicy, site: string, session: LiveSession): readonly Claim[] {
  const snapshot = policyOfSession(policy, session);
  const held = isHeld(policy, session);
  const { scope } = enforcementRules(snapshot, site);
  return session.addresses.flatMap((text): Claim[] => {
    const address = parseAddress(text);
    if (!address || !hasAddress(scope, address)) return [];
    const role = held ? session.role : roleOfAddress(snapshot, session, address);
    return [{ session, address, text: formatAddress(address), snapshot, role }];
  });
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
  const isIn = (segment: string | null | undefined): boolean => {
    const there = segment ? segmentIn(snapshot, segment, session.site) : null;
    return there !== null && hasAddress(there.prefixes, address);
  };
  const isEntitled =
    isIn(grant.segment) ||
    grant.posture === 'quarantined' ||
    (grant.posture === 'at-risk' && isIn(grantOf(snapshot, session, 'normal')?.segment)) ||
    (session.role === grant.role && isIn(session.segment));
  return isEntitled ? grant.role : null;
}

/** A class under another policy than the site's. No name of a class has a dot. */
const nameUnder = (snapshot: Snapshot, main: Snapshot, name: string): string =>
  snapshot === main ? name : `${name}.${snapshot.digest.slice(0, 8)}`;

const compiled = new WeakMap<Snapshot, Map<string, EnforcementRules>>();

/** The rules change with the snapshots only, the members many times in between. */
function rulesFor(main: Snapshot, others: readonly Snapshot[], site: string): EnforcementRules {
  if (others.length === 0) return enforcementRules(main, site);
  const all = [main, ...others.toSorted((a, b) => (a.digest < b.digest ? -1 : 1))];
  const known = remembered(compiled, main, () => new Map<string, EnforcementRules>());
  return remembered(known, `${site} ${all.map(({ digest }) => digest).join(' ')}`, () => ({
    ...enforcementRules(main, site),
    snapshotDigest: all.map(({ digest }) => digest).join('+'),
    scope: addressSet(all.flatMap((each) => rangesOf(enforcementRules(each, site).scope))),
    entries: all.flatMap((each) => enforcementRules(each, site).entries.map((entry) => entryUnder(entry, each, all))),
  }));
}

/** Who opens a connection is under the policy of the rule; who only takes it may be under any. */
function entryUnder(entry: FlowEntry, own: Snapshot, all: readonly Snapshot[]): FlowEntry {
  const [main = own] = all;
  const under = (side: FlowSide, policies: readonly Snapshot[]): FlowSide =>
    side.kind === 'addresses'
      ? side
      : {
          kind: 'classes',
          classes: policies.flatMap((each) => side.classes.map((name) => nameUnder(each, main, name))),
        };
  const isBetweenDevices = entry.source.kind === 'classes' && entry.destination.kind === 'classes';
  return {
    ...entry,
    source: under(entry.source, [own]),
    destination: under(entry.destination, isBetweenDevices ? all : [own]),
  };
}
