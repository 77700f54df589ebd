import type { AddressSet } from '#net';
import { segmentIn, type Snapshot } from '#policy';

/** Addresses of one segment at one site, and the classes that count as being there. */
export interface Place {
  readonly segment: string;
  readonly site: string;
  readonly addresses: AddressSet;
  /** Classes whose flow rules hold for what is there; at least one unless nothing is ever put there. */
  readonly roles: readonly string[];
}

const known = new WeakMap<Snapshot, readonly Place[]>();

/** Where devices can be, by the access table: segments at sites, each with the classes that some grant puts there. */
export function placesOf(snapshot: Snapshot): readonly Place[] {
  const made = known.get(snapshot) ?? makePlaces(snapshot);
  known.set(snapshot, made);
  return made;
}

function makePlaces(snapshot: Snapshot): Place[] {
  const roles = new Map<string, Set<string>>();
  for (const grant of snapshot.accessTable) {
    const at = segmentIn(snapshot, grant.segment, grant.site);
    if (!at) continue;
    const key = `${grant.segment} ${at.site}`;
    const there = roles.get(key) ?? new Set();
    roles.set(key, there.add(grant.role));
  }
  return snapshot.segments.flatMap(({ name, role, dedicatedTo, sites }) =>
    sites.map(({ site, prefixes }): Place => {
      const there = [...(roles.get(`${name} ${site}`) ?? [])];
      // Nobody is put there now; whoever comes will be what the segment is kept for.
      const keeper = role ?? dedicatedTo;
      return {
        segment: name,
        site,
        addresses: prefixes,
        roles: there.length > 0 || keeper === null ? there : [keeper],
      };
    }),
  );
}
