import { candidateDifference, driverNamed, sizeOfDifference } from '#drivers';
import { noRules, stateOf, type EnforcementRules } from '#model';
import { enforcementRules, partsOf, type EnforcementPointEntry, type Snapshot } from '#policy';

/** What a point does about the candidate. */
export interface WatchedRules {
  readonly rules: EnforcementRules;
  /** Why it does not watch it; null: it does. */
  readonly why: string | null;
}

/** Lines that have a part in the difference: more would make the table of a firewall much larger than the policy does. */
export const mostWatchedEntries = 4000;

const known = new WeakMap<Snapshot, WeakMap<EnforcementRules, Map<string, WatchedRules>>>();

/**
 * The rules of a point with the candidate to watch, if it can. The same object for the same: what was rendered and proved for it holds. Where
 * the candidate closes nothing there is nothing to watch, and the rules stay as they are: what it opens is told as denied already.
 */
export function withCandidate(
  rules: EnforcementRules,
  point: EnforcementPointEntry,
  candidate: Snapshot,
): WatchedRules {
  const byRules = known.get(candidate) ?? new WeakMap<EnforcementRules, Map<string, WatchedRules>>();
  known.set(candidate, byRules);
  const byPoint = byRules.get(rules) ?? new Map<string, WatchedRules>();
  byRules.set(rules, byPoint);
  const key = `${point.driver} ${point.site} ${JSON.stringify(point.options)}`;
  const before = byPoint.get(key);
  if (before) return before;
  const made = watch(rules, point, candidate);
  byPoint.set(key, made);
  return made;
}

function watch(rules: EnforcementRules, point: EnforcementPointEntry, snapshot: Snapshot): WatchedRules {
  const not = (why: string): WatchedRules => ({ rules, why });
  if (!partsOf(point).includes('flows')) return not('it enforces no flows');
  const driver = driverNamed(point.driver, point.options);
  if (!driver?.capabilities.watchesCandidates) return not(`driver ${point.driver} can't log what passes`);
  if (rules.snapshotDigest.includes('+')) return not('its devices are under several policies while one is rolled out');
  const candidate = enforcementRules(snapshot, point.site).entries;
  const [refused] = driver.check(stateOf({ ...noRules, candidate }));
  if (refused) return not(`the candidate can't be said there: ${refused.summary}`);
  const watched = { ...rules, candidate };
  const size = sizeOfDifference(candidateDifference(watched));
  if (size === 0) return { rules, why: null };
  if (size > mostWatchedEntries)
    return not(`the candidate differs in ${size} lines, more than ${mostWatchedEntries} are not watched`);
  return { rules: watched, why: null };
}
