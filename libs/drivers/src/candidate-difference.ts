import { remembered } from '#base';
import type { EnforcementRules, FlowEntry, FlowSide } from '#model';
import { intersectAddresses, isEmptyAddressSet, serviceAlgebra } from '#net';

/**
 * What of the rules and of a candidate has a part in packets that pass now and that the candidate would drop. A packet that no deny in force
 * stops is one of these exactly if
 *
 *   a new deny fits it       and an allow in force does
 *   or a withdrawn allow does    and no allow of the candidate does
 *
 * for a deny that both have has stopped it, and an allow that both have lets it pass both times.
 */
export interface CandidateDifference {
  /** Denies of the candidate that are not in force. */
  readonly newDenies: readonly FlowEntry[];
  /** Allows in force that may have packets in common with one of these. */
  readonly allowedNow: readonly FlowEntry[];
  /** Allows in force that the candidate does not have. */
  readonly withdrawn: readonly FlowEntry[];
  /** Allows of the candidate that may have packets in common with one of these. */
  readonly stillAllowed: readonly FlowEntry[];
}

const known = new WeakMap<EnforcementRules, CandidateDifference>();
const nothing: CandidateDifference = { newDenies: [], allowedNow: [], withdrawn: [], stillAllowed: [] };

/** The same object for the same rules. */
export function candidateDifference(rules: EnforcementRules): CandidateDifference {
  const { candidate } = rules;
  return candidate === null ? nothing : remembered(known, rules, () => differenceOf(rules.entries, candidate));
}

export const sizeOfDifference = (difference: CandidateDifference): number =>
  Object.values(difference).reduce((sum: number, entries: readonly FlowEntry[]) => sum + entries.length, 0);

function differenceOf(inForce: readonly FlowEntry[], candidate: readonly FlowEntry[]): CandidateDifference {
  const of = (entries: readonly FlowEntry[], action: FlowEntry['action']): FlowEntry[] =>
    entries.filter((entry) => entry.action === action);
  const newDenies = without(of(candidate, 'deny'), of(inForce, 'deny'));
  const withdrawn = without(of(inForce, 'allow'), of(candidate, 'allow'));
  return {
    newDenies,
    allowedNow: of(inForce, 'allow').filter((entry) => newDenies.some((deny) => mayMeet(entry, deny))),
    withdrawn,
    stillAllowed: of(candidate, 'allow').filter((entry) => withdrawn.some((gone) => mayMeet(entry, gone))),
  };
}

/** By what entries say, not by the line that says it. */
function without(entries: readonly FlowEntry[], others: readonly FlowEntry[]): FlowEntry[] {
  const said = new Set(others.map(meaningOf));
  return entries.filter((entry) => !said.has(meaningOf(entry)));
}

const meaningOf = ({ source, destination, services }: FlowEntry): string =>
  JSON.stringify([source, destination, services], (_, value: unknown) =>
    typeof value === 'bigint' ? value.toString() : value,
  );

function mayMeet(a: FlowEntry, b: FlowEntry): boolean {
  return (
    sidesMayMeet(a.source, b.source) &&
    sidesMayMeet(a.destination, b.destination) &&
    serviceAlgebra.intersect(a.services, b.services).length > 0
  );
}

/** A device may have any address. */
function sidesMayMeet(a: FlowSide, b: FlowSide): boolean {
  if (a.kind === 'classes' && b.kind === 'classes') return a.classes.some((name) => b.classes.includes(name));
  if (a.kind === 'addresses' && b.kind === 'addresses')
    return !isEmptyAddressSet(intersectAddresses(a.addresses, b.addresses));
  return true;
}
