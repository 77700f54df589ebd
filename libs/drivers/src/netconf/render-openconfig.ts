import { families, finalDenies, formatAddress, isIcmpEntry, type AclEntry, type Family, type Interval } from '#net';
import { namespaces } from './model.js';
import type { ListWriter } from './render.js';
import { tag, type Tag } from './xml.js';

/**
 * `openconfig-acl`. Sets are keyed by name and type, so a name has one set for each family: mixed sets few switches have. What
 * becomes of packets that no entry matches the model does not say: an entry at the end of each says it.
 */
export const openconfigWriter: ListWriter = {
  write: ({ name, entries }) =>
    families.map((family) => {
      const lines = [...entries, ...finalDenies()].filter((entry) => entry.family === family).flatMap(linesOf);
      const keys = keysOf(name, family);
      return tag('acl-set', [
        ...keys,
        tag('config', keys),
        tag(
          'acl-entries',
          lines.map((line, i) => entryTag(line, 10 * (i + 1))),
        ),
      ]);
    }),
  name: (name, of) => of.map((family) => tag('acl-set', keysOf(name, family))),
  contain: (elements) => tag('acl', [tag('acl-sets', elements)], { xmlns: namespaces.acl, ...prefixes }),
};

/** Identities are named by the prefixes of their modules: some servers compare the text of such values. */
const prefixes = {
  'xmlns:oc-acl': namespaces.acl,
  'xmlns:oc-icmpv4-types': namespaces.icmp4Types,
  'xmlns:oc-icmpv6-types': namespaces.icmp6Types,
} as const;

const keysOf = (name: string, family: Family): Tag[] => [tag('name', name), tag('type', `oc-acl:ACL_IPV${family}`)];

/** Several for a range of ICMP types, of which an entry takes one. */
function linesOf(entry: AclEntry): AclEntry[] {
  const { destinationPorts } = entry;
  if (!isIcmpEntry(entry) || !destinationPorts) return [entry];
  const { first, last } = destinationPorts;
  return Array.from({ length: last - first + 1 }, (_, i) => ({
    ...entry,
    destinationPorts: { first: first + i, last: first + i },
  }));
}

function entryTag(entry: AclEntry, sequence: number): Tag {
  const id = tag('sequence-id', `${sequence}`);
  const header = headerOf(entry);
  const transport = transportOf(entry);
  return tag('acl-entry', [
    id,
    tag('config', [id]),
    ...(header.length > 0 ? [tag(`ipv${entry.family}`, header)] : []),
    ...(transport.length > 0 ? [tag('transport', [tag('config', transport)])] : []),
    tag('actions', [
      tag('config', [tag('forwarding-action', entry.action === 'permit' ? 'oc-acl:ACCEPT' : 'oc-acl:DROP')]),
    ]),
  ]);
}

function headerOf(entry: AclEntry): Tag[] {
  const { family, protocol, destination, destinationPorts } = entry;
  const config = [
    ...(destination && destination.length > 0
      ? [tag('destination-address', `${formatAddress(destination)}/${destination.length}`)]
      : []),
    ...(protocol === null ? [] : [tag('protocol', `${protocol}`)]),
  ];
  const type = isIcmpEntry(entry) && destinationPorts ? icmpTypeName(family, destinationPorts.first) : null;
  const icmp = type && tag(`icmpv${family}`, [tag('config', [tag('type', `oc-icmpv${family}-types:${type}`)])]);
  return [...(config.length > 0 ? [tag('config', config)] : []), ...(icmp ? [icmp] : [])];
}

function transportOf(entry: AclEntry): Tag[] {
  if (isIcmpEntry(entry)) return [];
  const { sourcePorts, destinationPorts, established } = entry;
  return [
    ...(sourcePorts ? [tag('source-port', portText(sourcePorts))] : []),
    ...(destinationPorts ? [tag('destination-port', portText(destinationPorts))] : []),
    ...(established ? [tag('detail-mode', 'BUILTIN'), tag('builtin-detail', 'TCP_ESTABLISHED')] : []),
  ];
}

const portText = ({ first, last }: Interval<number>): string => (first === last ? `${first}` : `${first}..${last}`);

/** Types of ICMP that the model names: it takes no numbers. */
const icmpTypeNames: Readonly<Record<Family, ReadonlyMap<number, string>>> = {
  4: new Map([
    [0, 'ECHO_REPLY'],
    [3, 'DST_UNREACHABLE'],
    [5, 'REDIRECT'],
    [8, 'ECHO'],
    [11, 'TIME_EXCEEDED'],
    [12, 'PARAM_PROBLEM'],
  ]),
  6: new Map([
    [1, 'DESTINATION_UNREACHABLE'],
    [2, 'PACKET_TOO_BIG'],
    [3, 'TIME_EXCEEDED'],
    [4, 'PARAMETER_PROBLEM'],
    [128, 'ECHO_REQUEST'],
    [129, 'ECHO_REPLY'],
    [133, 'ROUTER_SOLICITATION'],
    [135, 'NEIGHBOR_SOLICITATION'],
    [136, 'NEIGHBOR_ADVERTISEMENT'],
  ]),
};

/** Null: it can't be said. */
export const icmpTypeName = (family: Family, type: number): string | null => icmpTypeNames[family].get(type) ?? null;
