import { remembered } from '#base';
import { formatPrefix, parsePrefix, type AclEntry, type Interval, type Prefix } from '#net';
import type { AclRow, EncodedAcl } from './encoded.js';

export function encodeAcl(acl: readonly AclEntry[]): EncodedAcl {
  const rows: { match: Omit<AclEntry, 'destination'>; destinations: (string | null)[] }[] = [];
  for (const { destination, ...match } of acl) {
    const text = destination && textOf(destination);
    const top = rows.at(-1);
    if (top && isSameMatch(top.match, match)) top.destinations.push(text);
    else rows.push({ match, destinations: [text] });
  }
  const pair = (ports: Interval<number> | null): readonly [number, number] | null => ports && [ports.first, ports.last];
  return rows.map(({ match, destinations }): AclRow => [
    match.action,
    match.family,
    match.protocol,
    pair(match.sourcePorts),
    pair(match.destinationPorts),
    match.established,
    destinations,
  ]);
}

/** Many lists name the same prefix by the same object. */
const texts = new WeakMap<Prefix, string>();

const textOf = (prefix: Prefix): string => remembered(texts, prefix, () => formatPrefix(prefix));

function isSameMatch(a: Omit<AclEntry, 'destination'>, b: Omit<AclEntry, 'destination'>): boolean {
  const isSame = (x: Interval<number> | null, y: Interval<number> | null): boolean =>
    x === y || (x !== null && y !== null && x.first === y.first && x.last === y.last);
  return (
    a.action === b.action &&
    a.family === b.family &&
    a.protocol === b.protocol &&
    a.established === b.established &&
    isSame(a.sourcePorts, b.sourcePorts) &&
    isSame(a.destinationPorts, b.destinationPorts)
  );
}

export function decodeAcl(rows: EncodedAcl): AclEntry[] {
  const interval = (ports: readonly [number, number] | null): Interval<number> | null =>
    ports && { first: ports[0], last: ports[1] };
  return rows.flatMap(([action, family, protocol, from, to, established, destinations]) =>
    destinations.map((text): AclEntry => ({
      action,
      family,
      protocol,
      sourcePorts: interval(from),
      destination: text === null ? null : decodePrefix(text),
      destinationPorts: interval(to),
      established,
    })),
  );
}

export function decodePrefix(text: string): Prefix {
  const prefix = parsePrefix(text);
  return typeof prefix === 'string' ? wrongAddress(text) : prefix;
}

export function wrongAddress(text: string): never {
  throw new Error(`\`${text}\` is not an address range`);
}
