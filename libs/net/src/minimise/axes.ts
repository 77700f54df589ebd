import { append } from '#base';
import { familyOf, type Family } from '../address.js';
import type { Interval } from '../interval.js';
import { existsIn, ipv4, ipv6, portsByProtocol } from '../packets/fields.js';
import { hasPorts, protocols } from '../service.js';
import { sweep } from '../sweep.js';
import type { PacketRegion } from './abilities.js';
import type { AddressTable } from './address-table.js';

/** Ports that want the same addresses permitted. `wanted`: a set's number in the table. */
export interface Segment extends Interval<number> {
  readonly wanted: number;
}

/**
 * The ports of one protocol from 0 to `topOfAxis`, cut where the wanted addresses change. Protocols without ports are one
 * segment; the last ICMP type stands for all above.
 */
export type Axis = readonly Segment[];

export const topOfAxis = 0xffff;
/** One exact number below 2³² for some ports. */
export const portsKey = ({ first, last }: Interval<number>): number => first * (topOfAxis + 1) + last;
export const isWholeAxis = ({ first, last }: Interval<number>): boolean => first === 0 && last === topOfAxis;

/** Replies: told by the source port, to whatever port of the far side. */
export interface ReplyAxis {
  readonly protocol: number;
  readonly established: boolean;
  readonly axis: Axis;
}

/** What looks at both ports, so that no axis holds it. */
export interface LonePart {
  readonly protocol: number;
  readonly sourcePorts: Interval<number>;
  readonly established: boolean;
  readonly destinationPorts: Interval<number>;
  readonly wanted: number;
}

/** What is wanted in one family. Protocols that are not named want nothing. */
export interface WantedAxes {
  readonly openings: ReadonlyMap<number, Axis>;
  readonly replies: readonly ReplyAxis[];
  readonly lone: readonly LonePart[];
}

export const wholePorts: Interval<number> = { first: 0, last: topOfAxis };

export const isWanted = (protocol: number, family: Family): boolean => existsIn(protocol, family === 4 ? ipv4 : ipv6);

export const protocolsOf = (family: Family): number[] =>
  Array.from({ length: 256 }, (_, protocol) => protocol).filter((protocol) => isWanted(protocol, family));

export function wantedAxes(regions: readonly PacketRegion[], table: AddressTable): WantedAxes {
  const isPlain = (region: PacketRegion): boolean => !region.sourcePorts && !region.established;
  const { replies, lone } = replyParts(
    regions.filter((region) => !isPlain(region)),
    table,
  );
  return { openings: openingAxes(regions.filter(isPlain), table), replies, lone };
}

function openingAxes(regions: readonly PacketRegion[], table: AddressTable): Map<number, Axis> {
  const wanted = regions.map(({ addresses }) => table.number(familyOf(addresses, table.family)));
  const found = new Map<number, Segment[]>();
  const lists = regions.map(({ services }) => services);
  for (const { first, last, members } of sweep(lists, 1)) {
    const union = members.reduce((set, i) => table.union(set, wanted[i]!), table.none);
    if (union === table.none) continue;
    for (const { protocol, ports } of portsByProtocol([{ first, last }]))
      if (isWanted(protocol, table.family)) append(found, protocol, { ...ports, wanted: union });
  }
  return new Map([...found].map(([protocol, segments]) => [protocol, completeAxis(segments, table.none)]));
}

function replyParts(regions: readonly PacketRegion[], table: AddressTable): Pick<WantedAxes, 'replies' | 'lone'> {
  const lone: LonePart[] = [];
  const byKind = new Map<number, { ports: Interval<number>; wanted: number }[]>();
  for (const { addresses, services, sourcePorts, established = false } of regions) {
    const wanted = table.number(familyOf(addresses, table.family));
    if (wanted === table.none) continue;
    for (const { protocol, ports } of portsByProtocol(services)) {
      if (established ? protocol !== protocols.tcp : !hasPorts(protocol)) continue;
      for (const source of sourcePorts ?? [wholePorts]) {
        const isWhole = ports.first === 0 && ports.last === topOfAxis;
        if (isWhole) append(byKind, protocol * 2 + (established ? 1 : 0), { ports: source, wanted });
        else lone.push({ protocol, sourcePorts: source, established, destinationPorts: ports, wanted });
      }
    }
  }
  const replies = [...byKind].map(([kind, parts]): ReplyAxis => {
    const cells = sweep(
      parts.map(({ ports }) => [ports]),
      1,
    );
    const segments = [...cells].map(({ first, last, members }): Segment => {
      const union = members.reduce((set, i) => table.union(set, parts[i]!.wanted), table.none);
      return { first, last, wanted: union };
    });
    return { protocol: kind >> 1, established: kind % 2 === 1, axis: completeAxis(segments, table.none) };
  });
  return { replies, lone };
}

/** Fills the gaps of segments in ascending order, and joins neighbours that want the same. */
export function completeAxis(segments: readonly Segment[], none: number): Axis {
  const out: { first: number; last: number; wanted: number }[] = [];
  const add = (first: number, last: number, wanted: number): void => {
    const top = out.at(-1);
    if (top?.wanted === wanted) top.last = last;
    else out.push({ first, last, wanted });
  };
  let next = 0;
  for (const { first, last, wanted } of segments) {
    if (first > next) add(next, first - 1, none);
    add(first, last, wanted);
    next = last + 1;
  }
  if (next <= topOfAxis) add(next, topOfAxis, none);
  return out;
}
