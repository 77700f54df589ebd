import {
  formatRange,
  intersectAddresses,
  isEmptyAddressSet,
  noAddresses,
  rangesOf,
  subtractAddresses,
  type AddressSet,
} from '#net';
import type { KnownWorkloads } from '#policy';

export interface Acceptance {
  readonly known: KnownWorkloads;
  /** Services whose new addresses are not taken. */
  readonly refused: readonly string[];
}

/**
 * Which of the addresses that clusters tell policies are compiled with. What is gone is taken away in any case, for it may be somebody
 * else's tomorrow; what is new is taken only where the policies hold with it, so that no cluster opens what a test of the policy wants
 * closed. One service that can't be taken holds up no other.
 */
export async function acceptWorkloads(
  before: KnownWorkloads,
  told: KnownWorkloads,
  holds: (known: KnownWorkloads) => Promise<boolean>,
): Promise<Acceptance> {
  const grown = [...told].filter(
    ([key, addresses]) => !isEmptyAddressSet(subtractAddresses(addresses, at(before, key))),
  );
  if (grown.length === 0 || (await holds(told))) return { known: told, refused: [] };
  const known = new Map([...told].map(([key, addresses]) => [key, intersectAddresses(addresses, at(before, key))]));
  const refused: string[] = [];
  for (const [key, addresses] of grown) {
    if (await holds(new Map([...known, [key, addresses]]))) known.set(key, addresses);
    else refused.push(key);
  }
  return { known, refused };
}

export function areSameWorkloads(a: KnownWorkloads, b: KnownWorkloads): boolean {
  return (
    a.size === b.size && [...a].every(([key, addresses]) => b.has(key) && textOf(addresses) === textOf(b.get(key)!))
  );
}

const textOf = (addresses: AddressSet): string => rangesOf(addresses).map(formatRange).join();
const at = (known: KnownWorkloads, key: string): AddressSet => known.get(key) ?? noAddresses;
