import type { AclEntry, Family, Interval } from '#net';
import { finalDenies, formatAddress, isIcmpEntry, protocols } from '#net';
import { namespaces } from './model.js';
import type { ListWriter } from './render.js';
import { tag, type Tag } from './xml.js';

/**
 * `ietf-access-control-list` (RFC 8519). Lists are keyed by name alone, so one list holds both families. What becomes of
 * packets that no entry matches the model does not say: two entries at the end say it.
 */
export const ietfWriter: ListWriter = {
  write: ({ name, entries }) => {
    const aces = [...entries, ...finalDenies()].flatMap(conditionsOf);
    return [
      tag('acl', [
        tag('name', name),
        tag('type', 'acl:mixed-eth-ipv4-ipv6-acl-type'),
        tag(
          'aces',
          aces.map(({ matches, action }, i) =>
            tag('ace', [
              tag('name', `${10 * (i + 1)}`),
              tag('matches', matches),
              tag('actions', [tag('forwarding', action === 'permit' ? 'acl:accept' : 'acl:drop')]),
            ]),
          ),
        ),
      ]),
    ];
  },
  name: (name) => [tag('acl', [tag('name', name)])],
  contain: (elements) => tag('acls', elements, { xmlns: namespaces.ietfAcl, 'xmlns:acl': namespaces.ietfAcl }),
};

interface Conditions {
  readonly action: AclEntry['action'];
  readonly matches: readonly Tag[];
}

/** Several for one entry: a header has one type of ICMP, and one set of TCP bits, where a reply has one bit or the other. */
function conditionsOf(entry: AclEntry): Conditions[] {
  const header = headerOf(entry);
  return headersOf(entry).map((l4) => ({ action: entry.action, matches: [header, ...l4] }));
}

/** An empty container would match both families: that there is nothing else to match is said by the prefix of all addresses. */
function headerOf({ family, protocol, destination }: AclEntry): Tag {
  const isAny = destination === null || destination.length === 0;
  const prefix = isAny ? allOf(family) : `${formatAddress(destination)}/${destination.length}`;
  return tag(`ipv${family}`, [
    ...(protocol === null ? [] : [tag('protocol', `${protocol}`)]),
    ...(isAny && protocol !== null ? [] : [tag(`destination-ipv${family}-network`, prefix)]),
  ]);
}

const allOf = (family: Family): string => (family === 4 ? '0.0.0.0/0' : '::/0');

function headersOf(entry: AclEntry): (readonly Tag[])[] {
  const { protocol, sourcePorts, destinationPorts, established } = entry;
  if (isIcmpEntry(entry)) {
    if (!destinationPorts) return [[]];
    const { first, last } = destinationPorts;
    return Array.from({ length: last - first + 1 }, (_, i) => [tag('icmp', [tag('type', `${first + i}`)])]);
  }
  const ports = [...portTags('source-port', sourcePorts), ...portTags('destination-port', destinationPorts)];
  const name = protocol === protocols.tcp ? 'tcp' : 'udp';
  if (established) return ['ack', 'rst'].map((flag) => [tag(name, [tag('flags', flag), ...ports])]);
  return [ports.length > 0 ? [tag(name, ports)] : []];
}

function portTags(name: string, range: Interval<number> | null): Tag[] {
  if (!range) return [];
  const { first, last } = range;
  const content =
    first === last
      ? [tag('operator', 'eq'), tag('port', `${first}`)]
      : [tag('lower-port', `${first}`), tag('upper-port', `${last}`)];
  return [tag(name, content)];
}
