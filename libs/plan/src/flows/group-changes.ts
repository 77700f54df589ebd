import { compareText } from '#base';
import { addressSet, formatServices, rangesOf, serviceAlgebra, type AddressSet, type ServiceSet } from '#net';
import { normalForm } from '#policy';
import type { LineChange } from '../plan.js';
import { box, type Cell } from './difference.js';
import type { ClassChange, PeerCell } from './class-changes.js';
import { rangeTexts } from './names.js';
import type { ResponsibleLines } from './responsible-lines.js';

/** A change that the same lines make for a set of classes: what one entry of a plan says. */
export interface GroupedChange {
  readonly change: 'opened' | 'closed';
  readonly direction: 'outbound' | 'inbound';
  readonly classes: ReadonlySet<string>;
  readonly far: GroupedFar;
  readonly services: ServiceSet;
  readonly lines: readonly LineChange[];
  /** Names that the responsible lines use. */
  readonly names: ReadonlySet<string>;
}

export type GroupedFar =
  | { readonly kind: 'addresses'; readonly addresses: AddressSet; readonly except: readonly string[] }
  | { readonly kind: 'classes'; readonly classes: ReadonlySet<string>; readonly at: AddressSet | null };

interface Explained extends ClassChange {
  readonly lines: readonly LineChange[];
  readonly names: ReadonlySet<string>;
}

/**
 * Joins the changes of single classes: those that the same lines make, on the same packets. Nothing is added or lost; a
 * class stands in exactly the groups whose packets change for it.
 */
export function groupChanges(changes: readonly ClassChange[], responsible: ResponsibleLines): GroupedChange[] {
  const explained = changes.map((change): Explained => {
    const { allowedBy, deniedBy } = change.cell;
    return {
      ...change,
      lines: responsible.of(change.change, allowedBy, deniedBy),
      names: responsible.namesIn(change.change, allowedBy),
    };
  });
  const byLines = Map.groupBy(
    explained,
    ({ change, direction, lines }) =>
      `${change} ${direction} ${lines.map(({ sign, file, line }) => `${sign}${file}:${line}`).join(' ')}`,
  );
  return [...byLines.values()].flatMap((same) => [...groupByAddresses(same), ...groupByPeers(same)]);
}

function groupByAddresses(same: readonly Explained[]): GroupedChange[] {
  const parts = same.flatMap((change) => {
    const { far, cell } = change;
    return far.kind === 'addresses' ? splitByException(cell, far.except).map((part) => ({ change, ...part })) : [];
  });
  return [...Map.groupBy(parts, ({ except }) => except.join(' ')).values()].flatMap((list) => {
    const [{ change, except } = parts[0]!] = list;
    const names = new Set(list.flatMap((part) => [...part.change.names]));
    const regions = normalForm(list.map(({ addresses, services }, i) => box(`${i}`, 'allow', { addresses, services })));
    return regions.allowed.map(({ addresses, services, rules }): GroupedChange => ({
      ...change,
      classes: new Set(rules.flatMap((id) => list[Number(id)]!.change.classes)),
      far: { kind: 'addresses', addresses, except },
      services,
      names,
    }));
  });
}

interface SplitCell {
  readonly addresses: AddressSet;
  readonly services: ServiceSet;
  readonly except: readonly string[];
}

function splitByException(cell: Cell, exceptions: readonly PeerCell[]): SplitCell[] {
  if (exceptions.length === 0) return [{ ...cell, except: [] }];
  const boxes = [box('cell', 'allow', cell), ...exceptions.map((one) => box(`x${one.class}`, 'allow', one.cell))];
  return normalForm(boxes).allowed.flatMap(({ addresses, services, rules }) => {
    const except = rules.filter((id) => id !== 'cell').map((id) => id.slice(1));
    return rules.includes('cell') ? [{ addresses, services, except: [...new Set(except)].sort(compareText) }] : [];
  });
}

/** Rectangles of classes × classes with the same services at the same places. */
function groupByPeers(same: readonly Explained[]): GroupedChange[] {
  const pairs = new Map<string, { change: Explained; peer: string; at: AddressSet | null; services: ServiceSet }>();
  for (const change of same) {
    const { far, cell } = change;
    if (far.kind !== 'class') continue;
    const at = far.everywhere ? null : cell.addresses;
    const key = `${change.classes.join(' ')}|${far.class}|${at ? rangeTexts(at).join() : ''}`;
    const services = serviceAlgebra.union(pairs.get(key)?.services ?? [], cell.services);
    pairs.set(key, { change, peer: far.class, at, services });
  }
  const alike = Map.groupBy(
    pairs.values(),
    ({ at, services }) => `${at ? rangeTexts(at).join() : ''}|${formatServices(services)}`,
  );
  return [...alike.values()].flatMap((list) => {
    const { change, at, services } = list[0]!;
    const names = new Set(list.flatMap((pair) => [...pair.change.names]));
    const byPeer = Map.groupBy(list, ({ peer }) => peer);
    const sources = [...byPeer].map(([peer, own]) => ({
      peer,
      classes: new Set(own.flatMap((pair) => pair.change.classes)),
    }));
    const rectangles = Map.groupBy(sources, ({ classes }) => [...classes].sort(compareText).join(' '));
    return [...rectangles.values()].map((column): GroupedChange => ({
      ...change,
      classes: column[0]!.classes,
      far: { kind: 'classes', classes: new Set(column.map(({ peer }) => peer)), at: at && addressSet(rangesOf(at)) },
      services,
      names,
    }));
  });
}
