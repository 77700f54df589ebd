import { familyOf, type Family } from '../address.js';
import type { Interval } from '../interval.js';
import { hasPorts, protocolOf, protocols, serviceAlgebra, serviceKey } from '../service.js';
import { sweep } from '../sweep.js';
import type { MatchLine, PacketRegion } from './abilities.js';
import type { AddressTable } from './address-table.js';
import { isWanted } from './axes.js';
import { topPort } from '../packets/fields.js';

/**
 * Whether a list permits exactly these regions in the family of a table. Knows nothing of how the list was made: cuts all
 * protocols and ports where any line or region changes, and compares the permitted addresses of each cell.
 */
export function permitsExactly(
  lines: readonly MatchLine[],
  regions: readonly PacketRegion[],
  table: AddressTable,
): boolean {
  const { family } = table;
  const own = lines.filter((line) => line.family === null || line.family === family);
  const list = own.map((line) => ({ line, set: line.destination ? table.number(line.destination) : table.all }));
  const wanted = regions.map((region) => ({ region, set: table.number(familyOf(region.addresses, family)) }));
  return protocolCells(own, regions, family).every((protocol) => isEqual(protocol, list, wanted, table));
}

/** One protocol of each kind that lines and regions tell apart. */
function protocolCells(lines: readonly MatchLine[], regions: readonly PacketRegion[], family: Family): number[] {
  const starts = new Set([0, protocols.icmp, protocols.icmp + 1, protocols.icmp6, protocols.icmp6 + 1]);
  const add = (protocol: number): void => void starts.add(protocol).add(protocol + 1);
  for (const protocol of [protocols.tcp, protocols.udp, protocols.sctp]) add(protocol);
  for (const line of lines) for (const protocol of line.protocols ?? []) add(protocol);
  for (const { services } of regions) {
    for (const { first, last } of services) {
      add(protocolOf(first));
      add(protocolOf(last));
    }
  }
  return [...starts].filter((protocol) => protocol <= 255 && isWanted(protocol, family));
}

/** A line or a region, as far as one protocol goes. */
interface Match {
  /** Null: a region. */
  readonly action: MatchLine['action'] | null;
  readonly set: number;
  readonly ports: readonly Interval<number>[];
  readonly sourcePorts: readonly Interval<number>[] | null;
  readonly established: boolean;
}

function isEqual(
  protocol: number,
  lines: readonly { readonly line: MatchLine; readonly set: number }[],
  regions: readonly { readonly region: PacketRegion; readonly set: number }[],
  table: AddressTable,
): boolean {
  const all = [{ first: 0, last: topPort(protocol) }];
  const matches: Match[] = [];
  for (const { line, set } of lines) {
    if (line.protocols && !line.protocols.includes(protocol)) continue;
    const ports = line.destinationPorts ? serviceAlgebra.intersect(line.destinationPorts, all) : all;
    const { action, sourcePorts, established } = line;
    matches.push({ action, set, ports, sourcePorts, established });
  }
  for (const { region, set } of regions) {
    const ports = portsOf(region, protocol);
    const { sourcePorts = null, established = false } = region;
    if (ports.length > 0) matches.push({ action: null, set, ports, sourcePorts, established });
  }
  if (matches.length === 0) return true;
  const bySource = selections(protocol, matches);
  return sweep(
    matches.map(({ ports }) => ports),
    1,
  ).every(({ members }) => {
    const own = members.map((i) => matches[i]!);
    return bySource.every((isSelected) => isCellEqual(isSelected ? own.filter(isSelected) : own, table));
  });
}

/** Of a cell of ports: whether what the lines permit is what the regions want. Lines come first, in their order. */
function isCellEqual(matches: readonly Match[], table: AddressTable): boolean {
  let lines = matches.length;
  while (lines > 0 && matches[lines - 1]!.action === null) lines--;
  return permitted(matches, lines, table) === unionOf(matches, lines, matches.length, table);
}

/** From the bottom up, so that whatever stands above has the last word. Within a run of one action order does not matter. */
function permitted(matches: readonly Match[], lines: number, table: AddressTable): number {
  let below = table.none;
  for (let end = lines; end > 0;) {
    const { action } = matches[end - 1]!;
    let start = end - 1;
    while (start > 0 && matches[start - 1]!.action === action) start--;
    const run = unionOf(matches, start, end, table);
    below = action === 'permit' ? table.union(below, run) : table.subtract(below, run);
    end = start;
  }
  return below;
}

function unionOf(matches: readonly Match[], from: number, to: number, table: AddressTable): number {
  if (to - from === 1) return matches[from]!.set;
  return table.unionOf(matches.slice(from, to).map(({ set }) => set));
}

/** None, as a rule: most regions speak of few protocols. */
function portsOf({ services }: PacketRegion, protocol: number): readonly Interval<number>[] {
  const base = serviceKey(protocol, 0);
  const top = base + topPort(protocol);
  const ports: Interval<number>[] = [];
  for (const { first, last } of services)
    if (first <= top && base <= last)
      ports.push({ first: Math.max(first, base) - base, last: Math.min(last, top) - base });
  return ports;
}

type Selection = (match: Match) => boolean;

/** One for each set of lines and regions that some source port and flag select; null: all of them. */
function selections(protocol: number, matches: readonly Match[]): readonly (Selection | null)[] {
  const special = matches.filter(({ sourcePorts, established }) => sourcePorts !== null || established);
  if (special.length === 0) return [null];
  const hasSources = hasPorts(protocol);
  const lists = special.map(({ sourcePorts }) => (hasSources ? (sourcePorts ?? anyPort) : sourcePorts ? [] : anyPort));
  const cells = sweep([anyPort, ...lists], 1).map(({ members }) => members.slice(1).map((i) => special[i - 1]!));
  const flags = protocol === protocols.tcp && special.some(({ established }) => established) ? [false, true] : [false];
  const found = new Map<string, Selection>();
  for (const cell of cells) {
    for (const flag of flags) {
      const selected = new Set(cell.filter(({ established }) => !established || flag));
      const key = special.map((match) => (selected.has(match) ? '1' : '0')).join('');
      const isPlain: Selection = ({ sourcePorts, established }) => sourcePorts === null && !established;
      found.set(key, (match) => isPlain(match) || selected.has(match));
    }
  }
  return [...found.values()];
}

const anyPort: readonly Interval<number>[] = [{ first: 0, last: 0xffff }];
