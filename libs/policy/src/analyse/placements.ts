import { postures } from '#model';
import { segmentAt } from '../compile/access.js';
import { builtIn, type AccessRuleSource, type Policy } from '../policy.js';
import type { SegmentAtSite } from '../snapshot.js';
import { criticalPlaces } from '../server-down.js';
import { heldFrom } from './when-order.js';

export interface Placements {
  /** Class that a device counts as in flow rules → every segment where such a device can be. */
  readonly byRole: ReadonlyMap<string, readonly SegmentAtSite[]>;
  /** Access rules that decide for some class, site and posture. */
  readonly deciding: ReadonlySet<AccessRuleSource>;
}

/**
 * Where devices can be, now or at any later time: a rule with a schedule or an end leaves room for the next nearest ones.
 * The access table knows only the instant that it is compiled for; findings must not come and go with the time of day.
 */
export function placementsOf(policy: Policy, at: Date): Placements {
  const isHeld = heldFrom(policy.schedules, at);
  const live = policy.accessRules.filter(({ when }) => isHeld(when));
  const byClass = Map.groupBy(live, (rule) => rule.class);
  const byRole = new Map<string, Set<SegmentAtSite>>();
  const deciding = new Set<AccessRuleSource>();
  const shared = new Map<string, readonly Placed[]>();
  for (const name of policy.classes.keys()) {
    const candidates = [...policy.principalTree.distances(name)].flatMap(([group, distance]) =>
      (byClass.get(group) ?? []).map((rule) => ({ rule, distance })),
    );
    // Classes under the same rules share one result.
    const key = candidates.map(({ rule, distance }) => `${rule.id} ${distance}`).join();
    const placed = shared.get(key) ?? placesUnder(policy, candidates);
    shared.set(key, placed);
    for (const { rule, there } of placed) {
      deciding.add(rule);
      if (!there) continue;
      const role = policy.segments.get(rule.segment)!.role ?? name;
      const found = byRole.get(role);
      if (found) found.add(there);
      else byRole.set(role, new Set([there]));
    }
  }
  for (const { role, segment } of criticalPlaces(policy.nas))
    for (const there of policy.segments.get(segment)?.sites ?? []) {
      const found = byRole.get(role) ?? new Set();
      byRole.set(role, found.add(there));
    }
  return { byRole: new Map([...byRole].map(([role, segments]) => [role, [...segments]])), deciding };
}

interface Candidate {
  readonly rule: AccessRuleSource;
  readonly distance: number;
}

interface Placed {
  readonly rule: AccessRuleSource;
  readonly there: SegmentAtSite | null;
}

function placesUnder(policy: Policy, candidates: readonly Candidate[]): Placed[] {
  const byPosture = postures.map((posture) => candidates.filter(({ rule }) => rule.posture === posture));
  return [...policy.sites.keys()].flatMap((site) => {
    if (site === builtIn.everywhere) return [];
    const distances = policy.siteTree.distances(site);
    return byPosture.flatMap((list) =>
      nearestEver(
        list.filter(({ rule }) => distances.has(rule.site)),
        distances,
      ).map((rule) => ({
        rule,
        there: segmentAt(policy, rule.segment, site),
      })),
    );
  });
}

/** The nearest rules, and as long as none of them holds always, the next nearest too. */
function nearestEver(candidates: readonly Candidate[], distances: ReadonlyMap<string, number>): AccessRuleSource[] {
  const rank = ({ rule, distance }: Candidate): number => distance * 1000 + distances.get(rule.site)!;
  const ranked = candidates.toSorted((a, b) => rank(a) - rank(b));
  const sure = ranked.find(({ rule }) => rule.when.kind === 'always');
  const last = sure ? rank(sure) : Number.POSITIVE_INFINITY;
  return ranked.filter((candidate) => rank(candidate) <= last).map(({ rule }) => rule);
}
