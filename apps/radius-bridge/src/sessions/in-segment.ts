import type { Session } from '#model';
import { hasAddress, parseAddress } from '#net';
import type { Snapshot } from '#policy/snapshot';
import type { ActivePolicy } from '../snapshot-store.js';

/** Whether an address is the session's to have, by the policy that it was told. */
export function isInSegment(
  policy: ActivePolicy | null,
  { segment, site, snapshotDigest }: Pick<Session, 'segment' | 'site' | 'snapshotDigest'>,
  text: string,
): boolean {
  const address = parseAddress(text);
  if (!address || !policy) return false;
  const told = policy.next?.digest === snapshotDigest ? policy.next : policy.snapshot;
  return hasAddress(prefixesOf(told, segment, site), address);
}

/** A child site has its parent's segments unless it has its own. */
function prefixesOf(snapshot: Snapshot, segment: string, site: string) {
  const at = snapshot.segments.find(({ name }) => name === segment)?.sites ?? [];
  const ancestors = snapshot.sites.find(({ name }) => name === site)?.ancestors ?? [];
  for (const near of [site, ...ancestors]) {
    const found = at.find((entry) => entry.site === near);
    if (found) return found.prefixes;
  }
  return { v4: [], v6: [] };
}
