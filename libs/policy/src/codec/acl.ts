import { formatPrefix, parsePrefix, type AclEntry, type Interval, type Prefix } from '#net';
import type { EncodedEntry } from './encoded.js';

export function encodeEntry(entry: AclEntry): EncodedEntry {
  const { action, family, protocol, sourcePorts, destination, destinationPorts, established } = entry;
  const pair = (ports: Interval<number> | null): readonly [number, number] | null => ports && [ports.first, ports.last];
  const prefix = destination && formatPrefix(destination);
  return [action, family, protocol, pair(sourcePorts), prefix, pair(destinationPorts), established];
}

export function decodeEntry(row: EncodedEntry): AclEntry {
  const [action, family, protocol, from, destination, to, established] = row;
  const interval = (ports: readonly [number, number] | null): Interval<number> | null =>
    ports && { first: ports[0], last: ports[1] };
  return {
    action,
    family,
    protocol,
    sourcePorts: interval(from),
    destination: destination === null ? null : decodePrefix(destination),
    destinationPorts: interval(to),
    established,
  };
}

export function decodePrefix(text: string): Prefix {
  const prefix = parsePrefix(text);
  return typeof prefix === 'string' ? wrongAddress(text) : prefix;
}

export function wrongAddress(text: string): never {
  throw new Error(`\`${text}\` is not an address range`);
}
