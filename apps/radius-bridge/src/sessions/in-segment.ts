import type { Session } from '#model';
import { hasAddress, parseAddress } from '#net';
import { segmentIn } from '#policy/snapshot';
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
  const there = segmentIn(told, segment, site);
  return there !== null && hasAddress(there.prefixes, address);
}
