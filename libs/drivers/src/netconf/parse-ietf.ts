import { parsePrefix, type Family, type Interval } from '#net';
import { isOurs } from '../lists.js';
import { namespaces, type AccessList, type ListEntry, type NamedAccessList } from './model.js';
import { childrenOf, identityIn, isTakenAway, readChildren, readNumber, type XmlElement } from './xml.js';

/** Lists of `ietf-access-control-list` (RFC 8519). */
export function readIetfLists(acls: XmlElement): NamedAccessList[] {
  return childrenOf(acls, 'acl').flatMap((acl) => {
    const name = childrenOf(acl, 'name')[0]?.text ?? '';
    return isOurs(name) && !isTakenAway(acl) ? [{ name, list: readList(acl) }] : [];
  });
}

const families: Readonly<Record<string, readonly Family[]>> = {
  'ipv4-acl-type': [4],
  'ipv6-acl-type': [6],
  'mixed-eth-ipv4-ipv6-acl-type': [4, 6],
};

function readList(acl: XmlElement): AccessList {
  const foreign: string[] = [];
  const entries: ListEntry[] = [];
  let of: readonly Family[] = [];
  const rest = readChildren(acl, {
    name: () => true,
    type: (type) => {
      of = families[nameOf(type) ?? ''] ?? [];
      return of.length > 0;
    },
    aces: (aces) => void foreign.push(...readChildren(aces, { ace: (ace) => void entries.push(readEntry(ace)) })),
  });
  return { families: of, entries, foreign: [...foreign, ...rest] };
}

const nameOf = (value: XmlElement): string | null => identityIn(namespaces.ietfAcl, value);

type Draft = { -readonly [K in Exclude<keyof ListEntry, 'foreign'>]: ListEntry[K] } & { foreign: string[] };

function readEntry(ace: XmlElement): ListEntry {
  const entry: Draft = {
    action: null,
    family: null,
    protocol: null,
    destination: null,
    sourcePorts: null,
    destinationPorts: null,
    icmpType: null,
    tcp: null,
    foreign: [],
  };
  const { foreign } = entry;
  let header: number | 'icmp' | null = null;
  const transport = (protocol: number) => (of: XmlElement) => {
    if (of.children.length > 0) header = protocol;
    foreign.push(
      ...readChildren(of, {
        ...(protocol === 6 && { flags: ({ text }) => void (entry.tcp = text.split(/\s+/).sort()) }),
        'source-port': (ports) => (entry.sourcePorts = readPorts(ports)) !== null,
        'destination-port': (ports) => (entry.destinationPorts = readPorts(ports)) !== null,
      }),
    );
  };
  const matches = (of: XmlElement): void => {
    const rest = readChildren(of, {
      ipv4: (ip) => void foreign.push(...readIp(ip, 4, entry)),
      ipv6: (ip) => void foreign.push(...readIp(ip, 6, entry)),
      tcp: transport(6),
      udp: transport(17),
      icmp: (icmp) => {
        if (icmp.children.length > 0) header = 'icmp';
        foreign.push(...readChildren(icmp, { type: ({ text }) => (entry.icmpType = readNumber(text, 255)) !== null }));
      },
    });
    foreign.push(...rest);
  };
  const actions = (of: XmlElement): string[] =>
    readChildren(of, {
      forwarding: (value) => {
        const action = nameOf(value);
        entry.action = action === 'accept' || action === 'drop' ? action : null;
        return entry.action !== null;
      },
      // what it is by default may be said, too
      logging: (value) => nameOf(value) === 'log-none',
    });
  const rest = readChildren(ace, {
    name: () => true,
    matches,
    actions: (of) => void foreign.push(...actions(of)),
  });
  foreign.push(...rest);
  // The model lets a TCP header be asked for in a packet of another protocol; what a switch does with it is not known.
  const asked = header === 'icmp' ? (entry.family === 6 ? 58 : 1) : header;
  if (asked !== null && asked !== entry.protocol) foreign.push(`a header of protocol ${asked} in another one`);
  return entry;
}

function readIp(ip: XmlElement, family: Family, entry: Draft): string[] {
  if (ip.children.length > 0) entry.family = family;
  return readChildren(ip, {
    protocol: ({ text }) => (entry.protocol = readNumber(text, 255)) !== null,
    [`destination-ipv${family}-network`]: ({ text }) => {
      const prefix = parsePrefix(text);
      if (typeof prefix === 'string' || prefix.family !== family) return false;
      entry.destination = prefix.length > 0 ? prefix : null;
      return true;
    },
  });
}

/** Null: not understood, as it is where there is nothing. */
function readPorts(ports: XmlElement): Interval<number>[] | null {
  const found: Record<string, string> = {};
  const take = ({ name, text }: XmlElement): void => void (found[name] = text);
  const rest = readChildren(ports, { 'lower-port': take, 'upper-port': take, operator: take, port: take });
  const [lower, upper, port] = ['lower-port', 'upper-port', 'port'].map((name) =>
    readNumber(found[name] ?? '', 0xffff),
  );
  if (rest.length > 0) return null;
  if (port === null || port === undefined)
    return typeof lower === 'number' && typeof upper === 'number' && lower <= upper && found['operator'] === undefined
      ? [{ first: lower, last: upper }]
      : null;
  if (found['lower-port'] !== undefined || found['upper-port'] !== undefined) return null;
  const below = port > 0 ? [{ first: 0, last: port - 1 }] : [];
  const above = port < 0xffff ? [{ first: port + 1, last: 0xffff }] : [];
  switch (found['operator'] ?? 'eq') {
    case 'eq':
      return [{ first: port, last: port }];
    case 'lte':
      return [{ first: 0, last: port }];
    case 'gte':
      return [{ first: port, last: 0xffff }];
    case 'neq':
      return [...below, ...above];
    default:
      return null;
  }
}
