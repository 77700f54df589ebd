/*
 * Reads the access lists that Capirca writes for Cisco, and decides packets by them. Shares no code with Cordon: it is what
 * the comparison is checked with.
 */

export interface Ace {
  readonly permits: boolean;
  /** null: any. */
  readonly protocol: number | null;
  readonly destination: { readonly first: bigint; readonly last: bigint };
  /** Ports, or the ICMP type. */
  readonly ports: { readonly first: number; readonly last: number } | null;
}

/** Of one class; what no line matches is dropped. */
export interface AccessLists {
  readonly ipv4: readonly Ace[];
  readonly ipv6: readonly Ace[];
}

/** Class → its two lists. Throws on a line that it does not know. */
export function parseAccessLists(text: string): Map<string, AccessLists> {
  const found = new Map<string, { ipv4: Ace[]; ipv6: Ace[] }>();
  let open: Ace[] | null = null;
  let family: 4 | 6 = 4;
  const begin = (name: string, kind: 4 | 6): void => {
    const lists = found.get(name) ?? { ipv4: [], ipv6: [] };
    found.set(name, lists);
    family = kind;
    open = kind === 4 ? lists.ipv4 : lists.ipv6;
  };
  for (const line of text.split('\n')) {
    const words = line.trim().split(/\s+/);
    const [head = ''] = words;
    if (head === '' || head === '!' || head === 'no' || head === 'exit') continue;
    if (line.startsWith('ip access-list extended ')) begin(words[3]!, 4);
    else if (line.startsWith('ipv6 access-list ipv6-')) begin(words[2]!.slice('ipv6-'.length), 6);
    else if ((head === 'permit' || head === 'deny') && open !== null) (open as Ace[]).push(parseAce(words, family));
    else if (!line.startsWith('! $')) throw new Error(`not understood: ${line}`);
  }
  return found;
}

export function permits(aces: readonly Ace[], address: bigint, protocol: number, port: number): boolean {
  const match = aces.find(
    (ace) =>
      (ace.protocol === null || ace.protocol === protocol) &&
      ace.destination.first <= address &&
      address <= ace.destination.last &&
      (ace.ports === null || (ace.ports.first <= port && port <= ace.ports.last)),
  );
  return match?.permits ?? false;
}

const protocolNumbers: Readonly<Record<string, number | null>> = {
  ip: null,
  ipv6: null,
  icmp: 1,
  tcp: 6,
  udp: 17,
  sctp: 132,
  gre: 47,
};

function parseAce(words: readonly string[], family: 4 | 6): Ace {
  const [action, name = '', source, ...rest] = words;
  const protocol = Object.hasOwn(protocolNumbers, name) ? protocolNumbers[name]! : Number(name);
  if (source !== 'any' || Number.isNaN(protocol)) throw new Error(`not understood: ${words.join(' ')}`);
  const { destination, left } = parseDestination(rest, family);
  return { permits: action === 'permit', protocol, destination, ports: parsePorts(left) };
}

function parseDestination(
  words: readonly string[],
  family: 4 | 6,
): { destination: Ace['destination']; left: string[] } {
  const [first = '', second = '', ...left] = words;
  const rest = second === '' ? left : [second, ...left];
  if (first === 'any')
    return { destination: { first: 0n, last: (1n << (family === 4 ? 32n : 128n)) - 1n }, left: rest };
  if (first === 'host') {
    const address = family === 4 ? parseIpv4(second) : parseIpv6(second);
    return { destination: { first: address, last: address }, left };
  }
  if (family === 4) {
    const address = parseIpv4(first);
    const wildcard = parseIpv4(second);
    if ((wildcard & (wildcard + 1n)) !== 0n || (address & wildcard) !== 0n)
      throw new Error(`no prefix: ${first} ${second}`);
    return { destination: { first: address, last: address + wildcard }, left };
  }
  const [text = '', length = ''] = first.split('/');
  const address = parseIpv6(text);
  return { destination: { first: address, last: address + (1n << (128n - BigInt(length))) - 1n }, left: rest };
}

function parsePorts([how, first, last]: readonly string[]): Ace['ports'] {
  if (how === undefined) return null;
  if (how === 'eq') return { first: Number(first), last: Number(first) };
  if (how === 'range') return { first: Number(first), last: Number(last) };
  // An ICMP type stands alone.
  if (/^\d+$/.test(how) && first === undefined) return { first: Number(how), last: Number(how) };
  throw new Error(`not understood: ${how}`);
}

function parseIpv4(text: string): bigint {
  const octets = text.split('.').map(Number);
  if (octets.length !== 4 || octets.some((octet) => !(octet <= 255))) throw new Error(`no address: ${text}`);
  return octets.reduce((sum, octet) => sum * 256n + BigInt(octet), 0n);
}

function parseIpv6(text: string): bigint {
  const [head = '', tail] = text.split('::');
  const groups = (part: string): string[] => (part === '' ? [] : part.split(':'));
  const before = groups(head);
  const after = groups(tail ?? '');
  const zeros = tail === undefined ? [] : Array.from({ length: 8 - before.length - after.length }, () => '0');
  const all = [...before, ...zeros, ...after];
  if (all.length !== 8) throw new Error(`no address: ${text}`);
  return all.reduce((sum, group) => sum * 0x1_0000n + BigInt(`0x${group}`), 0n);
}
