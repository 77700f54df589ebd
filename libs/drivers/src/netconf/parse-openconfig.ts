import { parsePrefix, type Family, type Interval } from '#net';
import type { ObservedVlan } from '../driver.js';
import { isOurs } from '../lists.js';
import { namespaces, type AccessList, type ListEntry, type NamedAccessList } from './model.js';
import { childrenOf, identityIn, isTakenAway, readChildren, readNumber, type XmlElement } from './xml.js';

/** Sets of `openconfig-acl`: one for each family under a name. Those of other types, whatever their name, are not ours. */
export function readOpenconfigLists(acl: XmlElement): NamedAccessList[] {
  const sets = childrenOf(acl, 'acl-sets').flatMap((of) => childrenOf(of, 'acl-set'));
  return sets.flatMap((set) => {
    const name = childrenOf(set, 'name')[0]?.text ?? '';
    const family = familyOf(childrenOf(set, 'type')[0]);
    return isOurs(name) && family !== null && !isTakenAway(set) ? [{ name, list: readSet(set, name, family) }] : [];
  });
}

type Readers = Parameters<typeof readChildren>[1];

/** What is only told, never configured, may stand beside everything that is. */
const readAll = (parent: XmlElement, readers: Readers): string[] =>
  readChildren(parent, { ...readers, state: () => true });

const familyOf = (type: XmlElement | undefined): Family | null => {
  const name = type && identityIn(namespaces.acl, type);
  return name === 'ACL_IPV4' ? 4 : name === 'ACL_IPV6' ? 6 : null;
};

function readSet(set: XmlElement, name: string, family: Family): AccessList {
  const foreign: string[] = [];
  const entries: { readonly at: number; readonly entry: ListEntry }[] = [];
  const isName = ({ text }: XmlElement): boolean => text === name;
  const isType = (type: XmlElement): boolean => familyOf(type) === family;
  const readOne = (element: XmlElement): boolean => {
    const at = readNumber(childrenOf(element, 'sequence-id')[0]?.text ?? '', 0xffff_ffff);
    if (at !== null) entries.push({ at, entry: readEntry(element, family, at) });
    return at !== null;
  };
  const rest = readAll(set, {
    name: isName,
    type: isType,
    config: (config) => void foreign.push(...readAll(config, { name: isName, type: isType })),
    'acl-entries': (of) => void foreign.push(...readAll(of, { 'acl-entry': readOne })),
  });
  const ordered = entries.sort((a, b) => a.at - b.at).map(({ entry }) => entry);
  return { families: [family], entries: ordered, foreign: [...foreign, ...rest] };
}

type Draft = { -readonly [K in Exclude<keyof ListEntry, 'foreign'>]: ListEntry[K] } & { foreign: string[] };

function readEntry(element: XmlElement, family: Family, at: number): ListEntry {
  const entry: Draft = {
    action: null,
    family,
    protocol: null,
    destination: null,
    sourcePorts: null,
    destinationPorts: null,
    icmpType: null,
    tcp: null,
    foreign: [],
  };
  const into = (readers: Readers) => (of: XmlElement) => void entry.foreign.push(...readAll(of, readers));
  const details: Record<string, string> = {};
  const detail = ({ name, text }: XmlElement): void => void (details[name] = text);
  const ip = into({
    config: into({
      protocol: (value) => (entry.protocol = readProtocol(value)) !== null,
      'destination-address': ({ text }) => {
        const prefix = parsePrefix(text);
        if (typeof prefix === 'string' || prefix.family !== family) return false;
        entry.destination = prefix.length > 0 ? prefix : null;
        return true;
      },
    }),
    [`icmpv${family}`]: into({
      config: into({ type: (value) => (entry.icmpType = readIcmpType(value, family)) !== null }),
    }),
  });
  const port = (key: 'sourcePorts' | 'destinationPorts') => (value: XmlElement) => {
    const ports = readPorts(value.text);
    if (ports) entry[key] = ports === 'any' ? null : ports;
    return ports !== null;
  };
  const action = (value: XmlElement): boolean => {
    const name = identityIn(namespaces.acl, value);
    entry.action = name === 'ACCEPT' ? 'accept' : name === 'DROP' ? 'drop' : null;
    return entry.action !== null;
  };
  const rest = readAll(element, {
    'sequence-id': () => true,
    config: into({ 'sequence-id': ({ text }) => text === `${at}` }),
    [`ipv${family}`]: ip,
    transport: into({
      config: into({
        'source-port': port('sourcePorts'),
        'destination-port': port('destinationPorts'),
        'detail-mode': detail,
        'builtin-detail': detail,
      }),
    }),
    actions: into({
      config: into({
        'forwarding-action': action,
        // what it is by default may be said, too
        'log-action': (value) => identityIn(namespaces.acl, value) === 'LOG_NONE',
      }),
    }),
  });
  const isEstablished = details['detail-mode'] === 'BUILTIN' && details['builtin-detail'] === 'TCP_ESTABLISHED';
  if (isEstablished) entry.tcp = ['established'];
  else if (Object.keys(details).length > 0) entry.foreign.push(`details ${Object.values(details).sort().join(' ')}`);
  entry.foreign.push(...rest);
  return entry;
}

/** A number, or one of the protocols that the model names. */
function readProtocol(value: XmlElement): number | null {
  const named: Readonly<Record<string, number>> = {
    IP_ICMP: 1,
    IP_IGMP: 2,
    IP_IN_IP: 4,
    IP_TCP: 6,
    IP_UDP: 17,
    IP_RSVP: 46,
    IP_GRE: 47,
    IP_AUTH: 51,
    IP_PIM: 103,
    IP_L2TP: 115,
  };
  return readNumber(value.text, 254) ?? named[identityIn(namespaces.packetMatchTypes, value) ?? ''] ?? null;
}

/** Null: not understood. */
function readPorts(text: string): Interval<number>[] | 'any' | null {
  if (text === 'ANY') return 'any';
  const [first, last = first] = text.split('..').map((word) => readNumber(word.replace(/^0{1,4}(?=\d)/, ''), 0xffff));
  if (first === null || first === undefined || last === null || last === undefined || first > last) return null;
  return text.split('..').length > 2 ? null : [{ first, last }];
}

const icmp4Types: Readonly<Record<string, number>> = {
  ECHO_REPLY: 0,
  DST_UNREACHABLE: 3,
  REDIRECT: 5,
  ECHO: 8,
  ROUTER_ADVERTISEMENT: 9,
  ROUTER_SOLICITATION: 10,
  TIME_EXCEEDED: 11,
  PARAM_PROBLEM: 12,
  TIMESTAMP: 13,
  TIMESTAMP_REPLY: 14,
};
const icmp6Types: Readonly<Record<string, number>> = {
  DESTINATION_UNREACHABLE: 1,
  PACKET_TOO_BIG: 2,
  TIME_EXCEEDED: 3,
  PARAMETER_PROBLEM: 4,
  ECHO_REQUEST: 128,
  ECHO_REPLY: 129,
  MULTICAST_LISTENER_QUERY: 130,
  MULTICAST_LISTENER_REPORT: 131,
  MULTICAST_LISTENER_DONE: 132,
  ROUTER_SOLICITATION: 133,
  ROUTER_ADVERTISEMENT: 134,
  NEIGHBOR_SOLICITATION: 135,
  NEIGHBOR_ADVERTISEMENT: 136,
  VERSION2_MULTICAST_LISTENER: 143,
};

function readIcmpType(value: XmlElement, family: Family): number | null {
  const [namespace, names] =
    family === 4 ? ([namespaces.icmp4Types, icmp4Types] as const) : ([namespaces.icmp6Types, icmp6Types] as const);
  const name = identityIn(namespace, value) ?? '';
  return Object.hasOwn(names, name) ? names[name]! : null;
}

/** VLANs of the network instance, by id. */
export function readVlans(instances: XmlElement, name: string): Map<number, ObservedVlan> {
  const vlans = childrenOf(instances, 'network-instance')
    .filter((instance) => childrenOf(instance, 'name')[0]?.text === name)
    .flatMap((instance) => childrenOf(instance, 'vlans'))
    .flatMap((of) => childrenOf(of, 'vlan'));
  const out = new Map<number, ObservedVlan>();
  for (const vlan of vlans) {
    const id = readNumber(childrenOf(vlan, 'vlan-id')[0]?.text ?? '', 4094);
    if (id !== null && !isTakenAway(vlan)) out.set(id, readVlan(vlan, id));
  }
  return out;
}

function readVlan(vlan: XmlElement, id: number): ObservedVlan {
  let name: string | null = null;
  let isActive = true;
  const isId = ({ text }: XmlElement): boolean => text === `${id}`;
  const foreign: string[] = [];
  const rest = readAll(vlan, {
    'vlan-id': isId,
    config: (config) =>
      void foreign.push(
        ...readAll(config, {
          'vlan-id': isId,
          name: ({ text }) => void (name = text),
          status: ({ text }) => void (isActive = text === 'ACTIVE'),
        }),
      ),
    // which ports are in it is told, never configured
    members: () => true,
  });
  return { name, isActive, foreign: [...foreign, ...rest] };
}
