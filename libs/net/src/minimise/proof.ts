import { families, familyOf, type Family } from '../address.js';
import type { Interval } from '../interval.js';
import { portOf, protocolOf, protocols, serviceKey } from '../service.js';
import type { MatchLine, PacketRegion } from './abilities.js';
import type { AddressTable } from './address-table.js';
import { isWanted } from './axes.js';
import { topPort } from '../packets/fields.js';

/**
 * Whether a list permits exactly these regions. Knows nothing of how the list was made: cuts all protocols and ports
 * where any line or region changes, and compares the permitted addresses of each cell.
 */
export function permitsExactly(
  lines: readonly MatchLine[],
  regions: readonly PacketRegion[],
  tables: Readonly<Record<Family, AddressTable>>,
): boolean {
  return families.every((family) => {
    const table = tables[family];
    const own = lines.filter((line) => line.family === null || line.family === family);
    const list = own.map((line) => ({ ...line, set: line.destination ? table.number(line.destination) : table.all }));
    const wanted = regions.map((region) => ({ ...region, set: table.number(familyOf(region.addresses, family)) }));
    return protocolCells(list, wanted, family).every((protocol) => isEqual(protocol, list, wanted, table));
  });
}

type Line = MatchLine & { readonly set: number };
type Region = PacketRegion & { readonly set: number };

/** One protocol of each kind that lines and regions tell apart. */
function protocolCells(lines: readonly Line[], regions: readonly Region[], family: Family): number[] {
  const named = new Set([
    ...lines.flatMap((line) => line.protocols ?? []),
    protocols.tcp,
    protocols.udp,
    protocols.sctp,
  ]);
  const starts = [0, family === 4 ? protocols.icmp : protocols.icmp6];
  for (const protocol of named) starts.push(protocol, protocol + 1);
  for (const { services } of regions) {
    for (const { first, last } of services)
      starts.push(protocolOf(first), protocolOf(first) + 1, protocolOf(last), protocolOf(last) + 1);
  }
  for (const protocol of [protocols.icmp, protocols.icmp6]) starts.push(protocol + 1);
  return [...new Set(starts)].filter((protocol) => protocol <= 255 && isWanted(protocol, family));
}

/** What matches in one cell of ports. */
interface Cell {
  readonly lines: readonly Line[];
  readonly regions: readonly Region[];
}

function isEqual(protocol: number, all: readonly Line[], wanted: readonly Region[], table: AddressTable): boolean {
  const lines = all.filter((line) => !line.protocols || line.protocols.includes(protocol));
  const keys = { first: serviceKey(protocol, 0), last: serviceKey(protocol, topPort(protocol)) };
  const regions = wanted.filter((region) =>
    region.services.some((part) => part.first <= keys.last && part.last >= keys.first),
  );
  const bySource = sourceCells(protocol, lines, regions);
  return portCells(protocol, lines, regions).every((cell) =>
    bySource.every(
      (source) =>
        permitted(
          cell.lines.filter((line) => source.lines.has(line)),
          table,
        ) === table.unionOf(cell.regions.filter((region) => source.regions.has(region)).map(({ set }) => set)),
    ),
  );
}

/** From the bottom up, so that whatever stands above has the last word. Within a run of one action order does not matter. */
function permitted(lines: readonly Line[], table: AddressTable): number {
  let below = table.none;
  for (let end = lines.length; end > 0;) {
    const { action } = lines[end - 1]!;
    let start = end - 1;
    while (start > 0 && lines[start - 1]!.action === action) start--;
    const run = table.unionOf(lines.slice(start, end).map(({ set }) => set));
    below = action === 'permit' ? table.union(below, run) : table.subtract(below, run);
    end = start;
  }
  return below;
}

function portCells(protocol: number, lines: readonly Line[], regions: readonly Region[]): Cell[] {
  const top = topPort(protocol);
  const portsOf = ({ services }: Region): Interval<number>[] =>
    services
      .filter((part) => protocolOf(part.first) <= protocol && protocolOf(part.last) >= protocol)
      .map((part) => ({
        first: protocolOf(part.first) < protocol ? 0 : portOf(part.first),
        last: protocolOf(part.last) > protocol ? top : portOf(part.last),
      }));
  const own = regions.map((region) => ({ region, ports: portsOf(region) }));
  const borders = bordersOf([...lines.map((line) => line.destinationPorts), ...own.map(({ ports }) => ports)]);
  return borders
    .filter((port) => port <= top)
    .map((port) => ({
      lines: lines.filter((line) => includes(line.destinationPorts, port)),
      regions: own.flatMap(({ region, ports }) => (includes(ports, port) ? [region] : [])),
    }));
}

interface SourceCell {
  readonly lines: ReadonlySet<Line>;
  readonly regions: ReadonlySet<Region>;
}

/** One for each set of lines and regions that some source port and flag select. */
function sourceCells(protocol: number, lines: readonly Line[], regions: readonly Region[]): SourceCell[] {
  const flags = protocol === protocols.tcp && [...lines, ...regions].some(({ established }) => established);
  const hasSources = protocol === protocols.tcp || protocol === protocols.udp || protocol === protocols.sctp;
  const borders = bordersOf([...lines, ...regions].map(({ sourcePorts }) => sourcePorts));
  return (hasSources ? borders : [null]).flatMap((port) =>
    (flags ? [false, true] : [false]).map((flag) => {
      const selects = ({ sourcePorts, established }: Line | Region): boolean =>
        (!established || flag) && (sourcePorts === null || (port !== null && includes(sourcePorts, port)));
      return { lines: new Set(lines.filter(selects)), regions: new Set(regions.filter(selects)) };
    }),
  );
}

type Ports = readonly Interval<number>[] | null;

const includes = (ports: Ports, port: number): boolean =>
  ports === null || ports.some(({ first, last }) => first <= port && port <= last);

/** The first value of every cell into which some lists cut the ports. */
function bordersOf(lists: readonly Ports[]): number[] {
  const borders = new Set([0]);
  for (const list of lists) for (const { first, last } of list ?? []) borders.add(first).add(last + 1);
  return [...borders].filter((port) => port <= 0xffff);
}
