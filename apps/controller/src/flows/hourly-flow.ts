import { formatAddress, type Address, type Mac } from '#net';
import type { Answered, RecordedFlow } from '#plan';

export interface FlowSource {
  readonly address: string;
  /** Whose address it was when this was told. */
  readonly mac: Mac | null;
  readonly connections: number;
}

/** Flows of an hour that read alike: devices of a class that do the same are told together. */
export interface HourlyFlow {
  /** Begin of the hour in which they began. */
  readonly at: string;
  /** Class that the source counted as; empty: none. */
  readonly role: string;
  /** Canonical address; empty: several, see `FlowStore`. */
  readonly destination: string;
  readonly protocol: number;
  readonly port: number;
  readonly answered: Answered;
  readonly firstAt: string;
  readonly lastAt: string;
  readonly packets: number;
  readonly connections: number;
  /** Those first seen. Where there are too many to keep, the sum of their connections is less than `connections`. */
  readonly sources: readonly FlowSource[];
}

/** Begin of the hour. */
export const hourOf = (at: Date): string => `${at.toISOString().slice(0, 13)}:00:00.000Z`;

export function groupFlows(flows: Iterable<RecordedFlow>, roleOf: (address: Address) => string | null): HourlyFlow[] {
  const groups = new Map<string, HourlyFlow & { readonly sources: FlowSource[] }>();
  const places = new Map<string, number>();
  for (const { first, last, protocol, port, answered, packets, connections, ...flow } of flows) {
    const [source, destination] = [formatAddress(flow.source), formatAddress(flow.destination)];
    const role = roleOf(flow.source) ?? '';
    const at = hourOf(first);
    const key = [at, role, destination, protocol, port, answered].join(' ');
    const [firstAt, lastAt] = [first.toISOString(), last.toISOString()];
    const what = { at, role, destination, protocol, port, answered };
    const known = groups.get(key) ?? { ...what, firstAt, lastAt, packets: 0, connections: 0, sources: [] };
    const place = `${key} ${source}`;
    const index = places.get(place) ?? known.sources.length;
    places.set(place, index);
    const before = known.sources[index]?.connections ?? 0;
    known.sources[index] = { address: source, mac: null, connections: before + connections };
    groups.set(key, { ...known, ...sumOf(known, { firstAt, lastAt, packets, connections }) });
  }
  return [...groups.values()];
}

type Sums = Pick<HourlyFlow, 'firstAt' | 'lastAt' | 'packets' | 'connections'>;

/** Both together, under the key of the first. */
export function joinFlows(a: HourlyFlow, b: HourlyFlow, mostSources: number): HourlyFlow {
  const sources = new Map(a.sources.map((source) => [source.address, source]));
  for (const source of b.sources) {
    const known = sources.get(source.address);
    if (known) sources.set(source.address, { ...known, connections: known.connections + source.connections });
    else if (sources.size < mostSources) sources.set(source.address, source);
  }
  return { ...a, ...sumOf(a, b), sources: [...sources.values()] };
}

const sumOf = (a: Sums, b: Sums): Sums => ({
  firstAt: a.firstAt < b.firstAt ? a.firstAt : b.firstAt,
  lastAt: a.lastAt > b.lastAt ? a.lastAt : b.lastAt,
  packets: a.packets + b.packets,
  connections: a.connections + b.connections,
});
