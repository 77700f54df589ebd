import { familyOf } from '../address.js';
import type { Interval } from '../interval.js';
import { portsByProtocol } from '../packets/fields.js';
import { hasPorts, isIcmp, protocols, serviceAlgebra } from '../service.js';
import type { MatchLine, PacketRegion } from './abilities.js';
import type { AddressTable } from './address-table.js';
import { isWanted, isWholeAxis, wholePorts } from './axes.js';
import { kindNumber, openingKind, replyKind, type AxisKind, type LineStore } from './line-store.js';
import { bordersOfGaps, bordersOfKind } from './separate.js';

/** Protocols that are always named one by one, if they are no more than this. */
export const fewProtocols = 7;

/** Permits, and a number for each place where a gap between their intervals of ports begins or ends. */
export interface PlainList {
  readonly lines: readonly MatchLine[];
  readonly gaps: readonly number[];
}

/** Some ports of one protocol, on one side. */
interface Wanted {
  readonly kind: AxisKind;
  readonly ports: Interval<number>[];
}

/**
 * The list of regions that want the same addresses, where there is nothing to search for: a permit for each prefix and each
 * interval of ports is as short as any, unless one deny closes a gap between intervals for several prefixes. Null where
 * something might be saved.
 *
 * Holds where a line is one prefix and one interval of ports.
 */
export function listOfOneSet(
  regions: readonly PacketRegion[],
  table: AddressTable,
  lines: LineStore,
): PlainList | null {
  const [set, ...others] = regions.map(({ addresses }) => table.number(familyOf(addresses, table.family)));
  if (set === undefined || others.some((other) => other !== set)) return null;
  const strokes = table.repaint(table.none, set);
  if (!strokes || strokes.some(({ action }) => action === 'deny')) return null;
  const wanted = wantedPorts(regions, table);
  if (!wanted) return null;
  const open = new Set<number>();
  const out: MatchLine[] = [];
  const gaps: number[] = [];
  for (const { kind, ports } of wanted) {
    const intervals = serviceAlgebra.normalize(ports);
    if (intervals.length > 1 && strokes.length > 1) return null;
    gaps.push(...bordersOfKind(kind, bordersOfGaps(intervals)));
    for (const interval of intervals) {
      // Types are counted one by one, so a permit of all with denies may be shorter.
      if (isIcmp(kind.protocol) && !isWholeAxis(interval) && interval.first !== interval.last) return null;
      if (isWholeAxis(interval) && kind.looksAt === 'destination') open.add(kind.protocol);
      out.push(...lines.lines(kind, interval, strokes));
    }
  }
  // Whoever may open connections to all ports may answer, too.
  const isSaid = ({ kind }: Wanted): boolean => kind.looksAt !== 'destination' && open.has(kind.protocol);
  return wanted.some(isSaid) ? null : { lines: out, gaps };
}

/** Replies first. Null where more than one side of a packet is looked at, or for too many protocols. */
function wantedPorts(regions: readonly PacketRegion[], { family }: AddressTable): readonly Wanted[] | null {
  const found = new Map<number, Wanted>();
  const add = (kind: AxisKind, ports: Interval<number>): void => {
    const number = kindNumber(kind);
    const known = found.get(number);
    if (known) known.ports.push(ports);
    else found.set(number, { kind, ports: [ports] });
  };
  for (const { services, sourcePorts, established } of regions) {
    const isReply = sourcePorts || established;
    for (const { protocol, ports } of portsByProtocol(services)) {
      if (!isWanted(protocol, family)) continue;
      if (!isReply) add(openingKind(protocol), ports);
      else if (established ? protocol === protocols.tcp : hasPorts(protocol)) {
        if (!isWholeAxis(ports)) return null;
        for (const source of sourcePorts ?? [wholePorts]) add(replyKind(protocol, established === true), source);
      }
      if (found.size > fewProtocols) return null;
    }
  }
  const rank = ({ kind }: Wanted): number => (kind.looksAt === 'destination' ? 1 : 0);
  return [...found.values()].sort((a, b) => rank(a) - rank(b) || a.kind.protocol - b.kind.protocol);
}
