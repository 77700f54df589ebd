import {
  type AddressMatch,
  type Family,
  type Interval,
  type LineWords,
  type PacketMatch,
  parseAddress,
  prefixMatch,
  serviceKey,
} from '#net';

/** Of a flow's TCP flags. Null: not looked at. */
export type Flags = '+ack' | '+rst' | '-ack-rst' | null;

export interface FlowFields {
  readonly priority: number;
  readonly inPort: string;
  readonly table: string;
  readonly isArp: boolean;
  readonly match: PacketMatch;
  readonly flags: Flags;
}

/** Shorthands of ovs-fields(7), "Protocols": EtherType and IP protocol. */
const shorthands: ReadonlyMap<string, readonly [Family, number | null]> = new Map([
  ['ip', [4, null]],
  ['icmp', [4, 1]],
  ['tcp', [4, 6]],
  ['udp', [4, 17]],
  ['sctp', [4, 132]],
  ['ipv6', [6, null]],
  ['icmp6', [6, 58]],
  ['tcp6', [6, 6]],
  ['udp6', [6, 17]],
  ['sctp6', [6, 132]],
]);
const statistics = new Set(['cookie', 'duration', 'n_packets', 'n_bytes', 'idle_age', 'hard_age']);
const defaultPriority = 32_768;

export function readFields(words: LineWords, text: string): FlowFields {
  let family: Family | null = null;
  let protocol: number | null = null;
  let isArp = false;
  const values = new Map<string, string>();
  for (const item of text.split(/[, ]+/).filter((each) => each !== '')) {
    const [name = '', value, ...more] = item.split('=');
    if (more.length > 0) throw words.fault(`has \`${item}\`, which is not modelled`);
    if (value === undefined) {
      const short = shorthands.get(name);
      if (name === 'arp') isArp = true;
      else if (!short || family !== null) throw words.fault(`has \`${name}\`, which is not modelled`);
      else [family, protocol] = short;
    } else if (!statistics.has(name)) {
      if (values.has(name)) throw words.fault(`has \`${name}\` twice`);
      values.set(name, value);
    }
  }
  const take = (...names: string[]): string | null => {
    for (const name of names) {
      const value = values.get(name);
      if (value === undefined) continue;
      values.delete(name);
      return value;
    }
    return null;
  };
  const priority = words.number(take('priority') ?? `${defaultPriority}`, 0xffff);
  const inPort = take('in_port') ?? 'any';
  const table = take('table') ?? '0';
  if (isArp) return { priority, inPort: inPort, table, isArp, match: {}, flags: null };
  const given = take('nw_proto');
  if (given !== null) {
    if (family === null || protocol !== null) throw words.fault('has `nw_proto` where it does not belong');
    protocol = words.number(given, 255);
  }
  const own = { 1: 'icmp', 58: 'icmp', 6: 'tcp', 17: 'udp', 132: 'sctp' }[protocol ?? -1] ?? '';
  const isPorted = own !== '' && own !== 'icmp';
  const type = own === 'icmp' ? take('icmp_type', 'icmpv6_type') : null;
  const ports = isPorted
    ? readMasked(words, take('tp_dst', `${own}_dst`))
    : type === null
      ? null
      : single(words.number(type, 255));
  const sourcePorts = isPorted ? readMasked(words, take('tp_src', `${own}_src`)) : null;
  const flags = own === 'tcp' ? readFlags(words, take('tcp_flags')) : null;
  const destination = family && readAddress(words, take(family === 4 ? 'nw_dst' : 'ipv6_dst'), family);
  const source = family && readAddress(words, take(family === 4 ? 'nw_src' : 'ipv6_src'), family);
  for (const name of values.keys()) throw words.fault(`has \`${name}\`, which is not modelled or does not belong here`);
  const { first, last } = ports ?? { first: 0, last: 0xffff };
  const match = {
    ...(family !== null && { family }),
    ...(protocol !== null && { services: [{ first: serviceKey(protocol, first), last: serviceKey(protocol, last) }] }),
    ...(sourcePorts && { sourcePorts: [sourcePorts] }),
    ...(destination && { destination: [destination.range] }),
    ...(source && { source: [source.range] }),
  };
  return { priority, inPort, table, isArp, match, flags };
}

const single = (value: number): Interval<number> => ({ first: value, last: value });

/** `443` or `0x1b8/0xfff8`; ones of the mask must be at its start, or it is no range. */
function readMasked(words: LineWords, text: string | null): Interval<number> | null {
  if (text === null) return null;
  const [value = '', mask, ...more] = text.split('/');
  const number = (digits: string): number => {
    const read = /^0x[0-9a-f]{1,4}$/i.test(digits)
      ? Number.parseInt(digits.slice(2), 16)
      : words.number(digits, 0xffff);
    return read;
  };
  if (more.length > 0) throw words.fault(`has \`${text}\` for a port`);
  const first = number(value);
  if (mask === undefined) return single(first);
  const free = 0xffff - number(mask);
  if ((free & (free + 1)) !== 0) throw words.fault(`has the mask \`${mask}\` with gaps in it`);
  if ((first & free) !== 0) throw words.fault(`has \`${text}\`, whose value is outside its mask`);
  return { first, last: first | free };
}

function readFlags(words: LineWords, text: string | null): Flags {
  if (text === null || text === '+ack' || text === '+rst' || text === '-ack-rst') return text;
  if (text === '-rst-ack') return '-ack-rst';
  throw words.fault(`has \`tcp_flags=${text}\`, which is not modelled`);
}

function readAddress(words: LineWords, text: string | null, family: Family): AddressMatch | null {
  if (text === null) return null;
  const dotted = /^([\d.]+)\/(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  if (!dotted) {
    const match = words.prefix(text);
    if (match.family !== family) throw words.fault(`has \`${text}\` for IPv${family}`);
    return match;
  }
  const address = parseAddress(dotted[1]!);
  const mask = parseAddress(dotted[2]!);
  const free = 0xffff_ffffn - (mask?.value ?? 0n);
  if (address?.family !== 4 || family !== 4 || !mask || (free & (free + 1n)) !== 0n)
    throw words.fault(`has \`${text}\`, which is no prefix`);
  return prefixMatch(4, address.value, 32 - (free === 0n ? 0 : free.toString(2).length));
}
