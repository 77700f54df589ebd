import { parseAddress, parsePrefix, protocols, serviceAlgebra, type Family, type Interval, type Prefix } from '#net';
import { z } from 'zod';
import type { MudCode } from './codes.js';
import type { MudMatches, MudPeer } from './mud-file.js';

/* The conditions of RFC 8519 and RFC 8520 that are read. Whatever else stands in an entry is reported, never dropped. */
const byte = z.int().min(0).max(255);
const port = z.int().min(0).max(65_535);
const empty = z.tuple([z.null()], { error: 'this leaf is written as [null]' });
const text = z.string().min(1).max(2048);
const ports = z.union(
  [
    z.strictObject({ operator: z.enum(['eq', 'neq', 'lte', 'gte']), port }),
    z.strictObject({ operator: z.literal('range').optional(), 'lower-port': port, 'upper-port': port.optional() }),
  ],
  { error: 'ports are an `operator` (eq, neq, lte, gte) with a `port`, or `lower-port` and `upper-port`' },
);
const transport = { 'source-port': ports.optional(), 'destination-port': ports.optional() };
const names = { 'ietf-acldns:src-dnsname': text.optional(), 'ietf-acldns:dst-dnsname': text.optional() };

export const matchesSchema = z.strictObject({
  ipv4: z
    .strictObject({
      protocol: byte.optional(),
      'source-ipv4-network': text.optional(),
      'destination-ipv4-network': text.optional(),
      ...names,
    })
    .optional(),
  ipv6: z
    .strictObject({
      protocol: byte.optional(),
      'source-ipv6-network': text.optional(),
      'destination-ipv6-network': text.optional(),
      ...names,
    })
    .optional(),
  tcp: z
    .strictObject({
      ...transport,
      'ietf-mud:direction-initiated': z.enum(['from-device', 'to-device']).optional(),
    })
    .optional(),
  udp: z.strictObject(transport).optional(),
  icmp: z.strictObject({ type: byte.optional(), code: byte.optional() }).optional(),
  eth: z
    .strictObject({
      ethertype: z
        .string()
        .regex(/^0x[\da-f]{1,4}$/i, 'write it as 0x0800')
        .optional(),
    })
    .optional(),
  'ietf-mud:mud': z
    .strictObject({
      manufacturer: text.optional(),
      'same-manufacturer': empty.optional(),
      model: text.optional(),
      'local-networks': empty.optional(),
      controller: text.optional(),
      'my-controller': empty.optional(),
    })
    .optional(),
});

type RawMatches = z.infer<typeof matchesSchema>;
type RawPorts = z.infer<typeof ports>;

/** Why conditions can't be used; `path` leads to the one that is meant. */
export interface MatchProblem {
  readonly code: MudCode;
  readonly summary: string;
  readonly hint: string;
  readonly path: readonly PropertyKey[];
}

/** The conditions of an entry of a list for this IP version. */
export function readMatches(raw: unknown, family: Family): MudMatches | MatchProblem {
  const parsed = matchesSchema.safeParse(raw);
  if (!parsed.success) return problemOf(parsed.error.issues[0]!);
  const { data } = parsed;
  return contradictionIn(data, family) ?? conditionsOf(data, family);
}

export const isProblem = (read: MudMatches | MatchProblem): read is MatchProblem => 'code' in read;

function problemOf(issue: z.core.$ZodIssue): MatchProblem {
  const { path } = issue;
  if (issue.code === 'unrecognized_keys') {
    const leaf = [...path, issue.keys[0]!].map(String).join('/');
    const hint = 'write a rule for it by hand if the device needs it: without the condition more would be allowed';
    return {
      code: 'mud-match-unknown',
      summary: `policy can't say the condition \`${leaf}\``,
      hint,
      path: [...path, issue.keys[0]!],
    };
  }
  const summary = `\`${path.map(String).join('/')}\`: ${issue.message.toLowerCase()}`;
  return { code: 'mud-match-bad', summary, hint: 'ask the manufacturer for a file that follows RFC 8520', path };
}

function contradictionIn(data: RawMatches, family: Family): MatchProblem | null {
  const no = (path: string, summary: string): MatchProblem => {
    const hint = 'nothing is lost: such packets do not exist';
    return { code: 'mud-contradiction', summary, hint, path: [path] };
  };
  const other = family === 4 ? 'ipv6' : 'ipv4';
  if (data[other]) return no(other, `the list is for IPv${family}, the entry matches ${other}`);
  const type = family === 4 ? 0x0800 : 0x86dd;
  if (data.eth?.ethertype !== undefined && Number(data.eth.ethertype) !== type)
    return no('eth', `ethertype ${data.eth.ethertype} is not that of IPv${family}`);
  const kinds = (['tcp', 'udp', 'icmp'] as const).filter((kind) => data[kind]);
  if (kinds.length > 1) return no(kinds[1]!, `a packet is not both ${kinds.join(' and ')}`);
  const [kind] = kinds;
  const protocol = protocolIn(data, family);
  if (!kind || protocol === undefined || protocol === numberOf(kind, family)) return null;
  return no(kind, `protocol ${protocol} is not ${kind}`);
}

const numberOf = (kind: 'tcp' | 'udp' | 'icmp', family: Family): number =>
  kind === 'icmp' && family === 6 ? protocols.icmp6 : protocols[kind];

const protocolIn = (data: RawMatches, family: Family): number | undefined =>
  family === 4 ? data.ipv4?.protocol : data.ipv6?.protocol;

function conditionsOf(data: RawMatches, family: Family): MudMatches | MatchProblem {
  const ip = `ipv${family}` as const;
  const at = data[ip] ?? {};
  const kind = (['tcp', 'udp', 'icmp'] as const).find((one) => data[one]);
  const segment = data.tcp ?? data.udp ?? {};
  const networks: Record<'source' | 'destination', Prefix | null> = { source: null, destination: null };
  for (const side of ['source', 'destination'] as const) {
    const leaf = `${side}-${ip}-network`;
    const written = (at as Record<string, string | undefined>)[leaf];
    if (written === undefined) continue;
    const prefix = parsePrefix(written);
    if (typeof prefix === 'string' || prefix.family !== family) {
      const why = typeof prefix === 'string' ? prefix.replaceAll('-', ' ') : `not IPv${family}`;
      const hint = 'ask the manufacturer for a file that follows RFC 8520';
      return { code: 'mud-match-bad', summary: `\`${leaf}\`: \`${written}\` (${why})`, hint, path: [ip, leaf] };
    }
    networks[side] = prefix;
  }
  const portSets = [segment['source-port'], segment['destination-port']].map((one) => (one ? portsOf(one) : null));
  if (portSets.some((set) => set?.length === 0)) {
    const summary = 'a range of ports ends before it begins';
    return { code: 'mud-match-bad', summary, hint: 'ask the manufacturer for a file that follows RFC 8520', path: [] };
  }
  return {
    protocol: protocolIn(data, family) ?? (kind ? numberOf(kind, family) : null),
    sourceName: hostOf(at['ietf-acldns:src-dnsname']),
    destinationName: hostOf(at['ietf-acldns:dst-dnsname']),
    ...networks,
    sourcePorts: portSets[0] ?? null,
    destinationPorts: portSets[1] ?? null,
    icmpType: data.icmp?.type ?? null,
    icmpCode: data.icmp?.code ?? null,
    initiated: data.tcp?.['ietf-mud:direction-initiated'] ?? null,
    peers: peersOf(data['ietf-mud:mud'] ?? {}),
  };
}

/** DNS names in small letters, without the dot of the root; null where there is none. */
function hostOf(name: string | undefined): string | null {
  if (name === undefined) return null;
  return parseAddress(name) ? name : name.toLowerCase().replace(/\.$/, '');
}

function portsOf(raw: RawPorts): Interval<number>[] {
  if ('lower-port' in raw) {
    const { 'lower-port': first, 'upper-port': last = first } = raw;
    return first <= last ? [{ first, last }] : [];
  }
  const { operator, port: value } = raw;
  const all = [{ first: 0, last: 0xffff }];
  switch (operator) {
    case 'eq':
      return [{ first: value, last: value }];
    case 'neq':
      return serviceAlgebra.subtract(all, [{ first: value, last: value }]);
    case 'lte':
      return [{ first: 0, last: value }];
    case 'gte':
      return [{ first: value, last: 0xffff }];
    default:
      return operator;
  }
}

function peersOf(raw: NonNullable<RawMatches['ietf-mud:mud']>): MudPeer[] {
  const plain = (['local-networks', 'my-controller', 'same-manufacturer'] as const)
    .filter((kind) => raw[kind])
    .map((kind): MudPeer => ({ kind }));
  const valued = (['controller', 'manufacturer', 'model'] as const).flatMap((kind): MudPeer[] => {
    const value = raw[kind];
    return value === undefined ? [] : [{ kind, value }];
  });
  return [...plain, ...valued];
}
