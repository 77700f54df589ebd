import { canonicalJson } from '#base';
import { addressAlgebra, parseAddress, parsePrefix, rangeOfPrefix } from '#net';
import type { Interval } from '#net';
import { stateBits, type NftField, type NftStatement } from './table.js';

export type JsonObject = Readonly<Record<string, unknown>>;
export const isRecord = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
export const asNumber = (value: unknown): number => (typeof value === 'number' ? value : Number.NaN);

const octet = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)';
const ipv4 = new RegExp(`^(?:${octet}\\.){3}${octet}$`);
/** Quick and exact: an IPv4 address has one spelling, so what passes is canonical. */
export const isIPv4 = (text: string): boolean => ipv4.test(text);

/** Names that `nft -j` without `-n` puts in place of numbers. */
const protocolNumbers = numbers(
  'icmp 1 igmp 2 tcp 6 udp 17 dccp 33 gre 47 esp 50 ah 51 icmpv6 58 ipv6-icmp 58 ospf 89 comp 108 sctp 132',
);
const icmpTypes = numbers(
  'echo-reply 0 destination-unreachable 3 source-quench 4 redirect 5 echo-request 8 router-advertisement 9 ' +
    'router-solicitation 10 time-exceeded 11 parameter-problem 12 timestamp-request 13 timestamp-reply 14 ' +
    'info-request 15 info-reply 16 address-mask-request 17 address-mask-reply 18',
);
const icmp6Types = numbers(
  'destination-unreachable 1 packet-too-big 2 time-exceeded 3 parameter-problem 4 echo-request 128 echo-reply 129 ' +
    'mld-listener-query 130 mld-listener-report 131 mld-listener-done 132 mld-listener-reduction 132 nd-router-solicit 133 ' +
    'nd-router-advert 134 nd-neighbor-solicit 135 nd-neighbor-advert 136 nd-redirect 137 router-renumbering 138 ' +
    'ind-neighbor-solicit 141 ind-neighbor-advert 142 mld2-listener-report 143',
);

const noNames: ReadonlyMap<string, number> = new Map();

function numbers(text: string): ReadonlyMap<string, number> {
  return new Map(Array.from(text.matchAll(/(\S+) (\d+)/g), ([, name = '', number]) => [name, Number(number)]));
}

export function readRule(expressions: readonly unknown[]): NftStatement[] {
  return expressions.map(
    (expression) => readStatement(expression) ?? { kind: 'unknown', text: canonicalJson(expression) },
  );
}

/** Null for anything that isn't in our vocabulary down to the last member: a condition is never dropped. */
function readStatement(expression: unknown): NftStatement | null {
  const [entry, ...more] = isRecord(expression) ? Object.entries(expression) : [];
  if (!entry || more.length > 0) return null;
  const [kind, body] = entry;
  if (kind === 'accept' || kind === 'drop' || kind === 'return') return body === null ? { kind } : null;
  if (kind === 'jump' || kind === 'goto') {
    const target = isRecord(body) ? body['target'] : null;
    return typeof target === 'string' ? { kind, target } : null;
  }
  if (kind === 'counter') return readCounter(body);
  if (kind === 'log') return readLog(body);
  if (kind === 'limit') return readLimit(body);
  return kind === 'match' && isRecord(body) ? readMatch(body) : null;
}

function readCounter(body: unknown): NftStatement | null {
  if (typeof body === 'string') return { kind: 'counter', name: body };
  return body === null || hasOnly(body, ['packets', 'bytes']) ? { kind: 'counter', name: null } : null;
}

function readLog(body: unknown): NftStatement | null {
  if (!hasOnly(body, ['prefix', 'group'])) return null;
  const { prefix, group } = body;
  return typeof prefix === 'string' && typeof group === 'number' ? { kind: 'log', prefix, group } : null;
}

function readLimit(body: unknown): NftStatement | null {
  if (!hasOnly(body, ['rate', 'burst', 'per'])) return null;
  const { rate, burst, per } = body;
  if (typeof rate !== 'number' || typeof burst !== 'number' || typeof per !== 'string') return null;
  return { kind: 'limit', rate, burst, per };
}

function readMatch(body: JsonObject): NftStatement | null {
  const { op, left, right } = body;
  if (!hasOnly(body, ['op', 'left', 'right']) || !isRecord(left)) return null;
  const ct = hasOnly(left, ['ct']) && hasOnly(left['ct'], ['key']) ? left['ct']['key'] : null;
  if (ct === 'state' && op === 'in') return readStates(right);
  if (ct === 'direction' && op === '==') return readDirection(right);
  const field = readField(left);
  if (!field || (op !== '==' && op !== 'in')) return null;
  if (typeof right === 'string' && right.startsWith('@')) return { kind: 'lookup', field, set: right.slice(1) };
  const values = hasOnly(right, ['set']) && Array.isArray(right['set']) ? right['set'] : [right];
  const ranges = field.kind === 'address' ? readRanges(values, field.family) : readNumbers(values, field);
  return ranges && { kind: 'match', field, values: ranges };
}

function readStates(right: unknown): NftStatement | null {
  let mask = 0;
  for (const state of Array.isArray(right) ? right : [right]) {
    const bit = typeof state === 'number' ? state : stateBits[state as keyof typeof stateBits];
    if (!Number.isInteger(bit)) return null;
    mask |= bit;
  }
  return { kind: 'state', mask };
}

function readDirection(right: unknown): NftStatement | null {
  if (right === 'reply' || right === 1) return { kind: 'direction', reply: true };
  return right === 'original' || right === 0 ? { kind: 'direction', reply: false } : null;
}

function readField(left: JsonObject): NftField | null {
  if (hasOnly(left, ['meta']) && hasOnly(left['meta'], ['key']))
    return left['meta']['key'] === 'l4proto' ? { kind: 'protocol' } : null;
  if (!hasOnly(left, ['payload']) || !hasOnly(left['payload'], ['protocol', 'field'])) return null;
  const { protocol, field } = left['payload'];
  if ((protocol === 'ip' || protocol === 'ip6') && (field === 'saddr' || field === 'daddr'))
    return { kind: 'address', family: protocol === 'ip' ? 4 : 6, side: field };
  if (field === 'dport' && (protocol === 'tcp' || protocol === 'udp' || protocol === 'sctp'))
    return { kind: 'port', protocol: { tcp: 6, udp: 17, sctp: 132 }[protocol] };
  if (field === 'type' && (protocol === 'icmp' || protocol === 'icmpv6'))
    return { kind: 'port', protocol: protocol === 'icmp' ? 1 : 58 };
  return null;
}

/** Addresses, prefixes and ranges of one family as canonical intervals; null when anything else is among them. */
export function readRanges(values: readonly unknown[], family: 4 | 6): Interval<bigint>[] | null {
  const out: Interval<bigint>[] = [];
  for (const value of values) {
    const range = readRange(value, family);
    if (!range) return null;
    out.push(range);
  }
  return addressAlgebra.normalize(out);
}

function readRange(value: unknown, family: 4 | 6): Interval<bigint> | null {
  const at = (text: unknown): bigint | null => {
    const address = typeof text === 'string' ? parseAddress(text) : null;
    return address?.family === family ? address.value : null;
  };
  if (hasOnly(value, ['prefix']) && hasOnly(value['prefix'], ['addr', 'len'])) {
    const { addr, len } = value['prefix'];
    const prefix = parsePrefix(`${String(addr)}/${String(len)}`);
    if (typeof prefix === 'string' || prefix.family !== family) return null;
    const { first, last } = rangeOfPrefix(prefix);
    return { first, last };
  }
  const [low, high] = hasOnly(value, ['range']) && Array.isArray(value['range']) ? value['range'] : [value, value];
  const first = at(low);
  const last = at(high);
  return first === null || last === null || first > last ? null : { first, last };
}

function readNumbers(values: readonly unknown[], field: NftField): Interval<bigint>[] | null {
  const names = namesOf(field);
  const at = (value: unknown): number | undefined => {
    if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0 ? value : undefined;
    return typeof value === 'string' ? names.get(value) : undefined;
  };
  const out: Interval<bigint>[] = [];
  for (const value of values) {
    const [low, high] = hasOnly(value, ['range']) && Array.isArray(value['range']) ? value['range'] : [value, value];
    const first = at(low);
    const last = at(high);
    if (first === undefined || last === undefined || first > last) return null;
    out.push({ first: BigInt(first), last: BigInt(last) });
  }
  return addressAlgebra.normalize(out);
}

function namesOf(field: NftField): ReadonlyMap<string, number> {
  if (field.kind !== 'port') return protocolNumbers;
  return field.protocol === 1 ? icmpTypes : field.protocol === 58 ? icmp6Types : noNames;
}

/** An object with none but these members. */
function hasOnly<K extends string>(value: unknown, keys: readonly K[]): value is Readonly<Record<K, unknown>> {
  return isRecord(value) && Object.keys(value).every((key) => (keys as readonly string[]).includes(key));
}
