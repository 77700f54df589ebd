import { addressAlgebra, formatRange, formatServices, maxOf, type Family, type Interval, type PacketPart } from '#net';

const mostRanges = 4;

/** `tcp/443 to 10.10.4.0/24, established`: a part of a packet set in one line; long lists of addresses are cut short. */
export function describePart({ family, services, sourcePorts, established, destination, source }: PacketPart): string {
  const from = sourcePorts ? ` from port ${sourcePorts.map(formatPorts).join(', ')}` : '';
  const by = isAll(source, family) ? '' : `, sent by ${formatAddresses(source, family)}`;
  const flag = established === null ? '' : established ? ', established' : ', not established';
  const to = isAll(destination, family) ? `any IPv${family} address` : formatAddresses(destination, family);
  return `${formatServices(services)}${from} to ${to}${by}${flag}`;
}

const formatPorts = ({ first, last }: Interval<number>): string => (first === last ? `${first}` : `${first}-${last}`);

const isAll = (set: readonly Interval<bigint>[], family: Family): boolean =>
  addressAlgebra.equals(set, [{ first: 0n, last: maxOf(family) }]);

function formatAddresses(set: readonly Interval<bigint>[], family: Family): string {
  const shown = set.slice(0, mostRanges).map((range) => formatRange({ family, ...range }));
  const more = set.length - shown.length;
  return `${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
