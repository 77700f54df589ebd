import type { MudMatches } from '../mud/mud-file.js';

/** An entry as a test writes it: its conditions, and whether it drops. */
export interface EntryText {
  readonly name?: string;
  readonly matches?: Record<string, unknown>;
  readonly forwarding?: string;
}

export interface ListsText {
  readonly from?: readonly EntryText[];
  readonly to?: readonly EntryText[];
  readonly from6?: readonly EntryText[];
  readonly to6?: readonly EntryText[];
}

const listOf = (name: string, type: string, entries: readonly EntryText[]) => ({
  name,
  type,
  aces: {
    ace: entries.map(({ name: own, matches = {}, forwarding = 'accept' }, i) => ({
      name: own ?? `${i + 1}`,
      matches,
      actions: { forwarding },
    })),
  },
});

const policyOf = (...names: string[]) => ({ 'access-lists': { 'access-list': names.map((name) => ({ name })) } });

/** A whole MUD file, with these fields of `ietf-mud:mud` put in or (undefined) taken out. */
export function mudFile(lists: ListsText, about: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    'ietf-mud:mud': {
      'mud-version': 1,
      'mud-url': 'https://maker.example.com/thing.json',
      'last-update': '2026-11-01T08:00:00Z',
      'cache-validity': 48,
      'is-supported': true,
      systeminfo: 'The Thing 2000',
      'from-device-policy': policyOf('from', 'from6'),
      'to-device-policy': policyOf('to', 'to6'),
      ...about,
    },
    'ietf-access-control-list:acls': {
      acl: [
        listOf('from', 'ipv4-acl-type', lists.from ?? []),
        listOf('from6', 'ipv6-acl-type', lists.from6 ?? []),
        listOf('to', 'ipv4-acl-type', lists.to ?? []),
        listOf('to6', 'ipv6-acl-type', lists.to6 ?? []),
      ],
    },
  };
}

export const mudText = (lists: ListsText, about: Record<string, unknown> = {}): string =>
  JSON.stringify(mudFile(lists, about), null, 1);

type Port = number | Record<string, unknown>;
const port = (value: Port) => (typeof value === 'number' ? { operator: 'eq', port: value } : value);

/* Conditions of entries, as they stand in files. */
export const toName = (name: string) => ({ ipv4: { 'ietf-acldns:dst-dnsname': name } });
export const fromName = (name: string) => ({ ipv4: { 'ietf-acldns:src-dnsname': name } });
export const tcpTo = (value: Port, initiated?: MudMatches['initiated']) => ({
  tcp: { 'destination-port': port(value), ...(initiated ? { 'ietf-mud:direction-initiated': initiated } : {}) },
});
export const tcpFrom = (value: Port, initiated?: MudMatches['initiated']) => ({
  tcp: { 'source-port': port(value), ...(initiated ? { 'ietf-mud:direction-initiated': initiated } : {}) },
});
export const udpTo = (value: Port) => ({ udp: { 'destination-port': port(value) } });
export const udpFrom = (value: Port) => ({ udp: { 'source-port': port(value) } });
export const word = (kind: string, value: unknown = [null]) => ({ 'ietf-mud:mud': { [kind]: value } });
