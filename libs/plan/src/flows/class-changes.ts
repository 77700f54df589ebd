import { allAddresses, intersectAddresses, type AddressSet } from '#net';
import type { ClassFlows, DirectionFlows, Snapshot } from '#policy';
import {
  allowedOnlyBy,
  isSameDirection,
  isSameSet,
  placesOf,
  touches,
  verdictsTowards,
  withoutCells,
  type Cell,
  type Verdicts,
} from './difference.js';

/** The far side of a change of some classes. */
export type Far =
  /** Fixed addresses; at `except` nothing changes for devices of that class, though the address is meant. */
  | { readonly kind: 'addresses'; readonly except: readonly PeerCell[] }
  /** Devices of a class; `everywhere`: wherever it may be, else at the cell's addresses only. */
  | { readonly kind: 'class'; readonly class: string; readonly everywhere: boolean };

export interface PeerCell {
  readonly class: string;
  readonly cell: Cell;
}

/** A change for all of `classes`, which have the same flows in both policies. */
export interface ClassChange {
  readonly classes: readonly string[];
  readonly direction: 'outbound' | 'inbound';
  readonly change: 'opened' | 'closed';
  readonly far: Far;
  readonly cell: Cell;
}

const nothing: DirectionFlows = { allowed: [], denied: [], peersAllowed: [], peersDenied: [] };
const nowhere: ClassFlows = { outbound: nothing, inbound: nothing };

/**
 * The exact difference of two policies per class. Connections between devices are looked at from the side that opens them
 * only: what a class may open to another is what the other may be opened from it, by the same lines.
 */
export function classChanges(before: Snapshot, after: Snapshot): ClassChange[] {
  const places = placesOf(before, after);
  const peers = [...new Set([...before.classes, ...after.classes].map(({ name }) => name))].sort();
  const out: ClassChange[] = [];
  for (const { classes, was, is } of byFlows(before, after, 'inbound')) {
    const add = adder(out, classes, 'inbound');
    add('opened', { kind: 'addresses', except: [] }, allowedOnlyBy(is, was));
    add('closed', { kind: 'addresses', except: [] }, allowedOnlyBy(was, is));
  }
  for (const { classes, was, is } of byFlows(before, after, 'outbound')) {
    const add = adder(out, classes, 'outbound');
    const fixed = { opened: allowedOnlyBy(is, was), closed: allowedOnlyBy(was, is) };
    const except = { opened: [] as PeerCell[], closed: [] as PeerCell[] };
    for (const peer of peers) {
      const towards = peerChanges(was, is, peer, places.get(peer) ?? null);
      if (!towards) continue;
      for (const change of ['opened', 'closed'] as const) {
        const place = places.get(peer);
        const implied = place ? fixed[change].filter(({ addresses }) => touches(addresses, place)) : [];
        for (const cell of withoutCells(towards[change], implied)) {
          const everywhere = !place || isSameSet(cell.addresses, place);
          add(change, { kind: 'class', class: peer, everywhere }, [cell]);
        }
        if (!place) continue;
        const here = implied.map((cell) => ({ ...cell, addresses: intersectAddresses(cell.addresses, place) }));
        for (const cell of withoutCells(here, towards[change])) except[change].push({ class: peer, cell });
      }
    }
    for (const change of ['opened', 'closed'] as const)
      add(change, { kind: 'addresses', except: except[change] }, fixed[change]);
  }
  return out;
}

interface SameFlows {
  readonly classes: string[];
  readonly was: DirectionFlows;
  readonly is: DirectionFlows;
}

/** What changes at all. Classes under the same rules share one object per direction and policy: they are looked at once. */
function byFlows(before: Snapshot, after: Snapshot, direction: 'outbound' | 'inbound'): SameFlows[] {
  const found = new Map<DirectionFlows, Map<DirectionFlows, SameFlows>>();
  const names = [...new Set([...Object.keys(before.flows), ...Object.keys(after.flows)])].sort();
  for (const name of names) {
    const was = (before.flows[name] ?? nowhere)[direction];
    const is = (after.flows[name] ?? nowhere)[direction];
    const inner = found.get(was) ?? new Map<DirectionFlows, SameFlows>();
    found.set(was, inner);
    const same = inner.get(is);
    if (same) same.classes.push(name);
    else inner.set(is, { classes: [name], was, is });
  }
  const pairs = [...found.values()].flatMap((inner) => [...inner.values()]);
  return pairs.filter(({ was, is }) => !isSameDirection(was, is));
}

/** Null: neither lines about the class nor addresses where it may be have changed. */
function peerChanges(
  was: DirectionFlows,
  is: DirectionFlows,
  peer: string,
  place: AddressSet | null,
): Record<'opened' | 'closed', Cell[]> | null {
  const isNamed = [was, is].some(({ peersAllowed, peersDenied }) =>
    [...peersAllowed, ...peersDenied].some((region) => region.peer === peer),
  );
  const isReached =
    place !== null && [was, is].some(({ allowed, denied }) => touchesAny(allowed, place) || touchesAny(denied, place));
  if (!isNamed && !isReached) return null;
  // A class that no access rule places anywhere has no address that an endpoint could name.
  const [x, y] = place
    ? [verdictsTowards(was, peer, place), verdictsTowards(is, peer, place)]
    : [unplaced(was, peer), unplaced(is, peer)];
  return { opened: allowedOnlyBy(y, x), closed: allowedOnlyBy(x, y) };
}

function unplaced(flows: DirectionFlows, peer: string): Verdicts {
  return verdictsTowards({ ...flows, allowed: [], denied: [] }, peer, allAddresses);
}

const touchesAny = (regions: DirectionFlows['allowed'], place: AddressSet): boolean =>
  regions.some(({ addresses }) => touches(addresses, place));

const adder =
  (out: ClassChange[], classes: readonly string[], direction: 'outbound' | 'inbound') =>
  (change: 'opened' | 'closed', far: Far, cells: readonly Cell[]): void => {
    for (const cell of cells) out.push({ classes, direction, change, far, cell });
  };
