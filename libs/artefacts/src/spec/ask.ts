import { parseAddress, PacketSpace, protocols, type ConcretePacket } from '#net';
import type { Result } from '#base';
import { filterPackets, type Filter } from '../filter.js';

/** `tcp/443 > 10.1.0.1`, `udp/67 from 68 > 255.255.255.255`, `tcp/443 established > fd10::1`, `tcp/1 > 10.0.0.1 by 10.9.0.1`. */
export function packet(text: string): ConcretePacket {
  const match = /^(\w+)\/(\d+)(?: from (\d+))?( established)? > (\S+)(?: by (\S+))?$/.exec(text);
  if (!match) throw new TypeError(text);
  const [, protocol = '', port, sourcePort, established, to = '', by] = match;
  const destination = parseAddress(to)!;
  return {
    protocol: protocol === 'ip' ? Number(port) : protocols[protocol as keyof typeof protocols],
    port: protocol === 'ip' ? 0 : Number(port),
    sourcePort: Number(sourcePort ?? (protocol === 'tcp' || protocol === 'udp' ? 50_000 : 0)),
    established: established !== undefined,
    destination,
    source: by ? parseAddress(by)! : { family: destination.family, value: 7n },
  };
}

/** Asks what was read whether packets pass. */
export function asking(parsed: Result<Filter>): (text: string) => boolean {
  if (!parsed.ok) throw new Error(parsed.diagnostics[0]?.summary);
  const set = filterPackets(new PacketSpace(), parsed.value);
  return (text) => set.has(packet(text));
}
