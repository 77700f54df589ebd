import { hasPorts, isIcmp, serviceKey } from '#net';
import type { Line } from '../text/lines.js';
import { isIcmpReply, type EndNumbers, type FlowReader, type FlowSink } from './flow-record.js';

/** A packet that a firewall logged. */
export interface LoggedPacket {
  /** What the firewall's rule puts before it. */
  readonly prefix: string;
  readonly at: Date;
  readonly source: string;
  readonly destination: string;
  readonly protocol: number;
  /** Type for ICMP; 0 where there is none. */
  readonly port: number;
  readonly packets: number;
  /** `reply`: to something else; `undecided`: of a connection whose opener can't be told, because it began before. */
  readonly kind: 'opening' | 'reply' | 'undecided';
}

/**
 * A line of ulogd2's JSON output (stack NFLOG, BASE, IP2STR, JSON). Its own `timestamp` has no zone, so the time is that of the kernel,
 * `oob.time.sec`, or of ulogd where the kernel gave none. Text: what is wrong with it.
 */
export function readLoggedPacket(line: string): LoggedPacket | string {
  let record: Readonly<Record<string, unknown>>;
  try {
    record = JSON.parse(line) as typeof record;
  } catch {
    return 'it is no JSON';
  }
  if (typeof record !== 'object' || record === null) return 'it is no JSON object';
  const whole = (name: string, limit: number): number => {
    const value = record[name];
    return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= limit ? value : -1;
  };
  const { src_ip: source, dest_ip: destination, 'oob.prefix': prefix } = record;
  const seconds = whole('oob.time.sec', 99_999_999_999);
  if (seconds < 0) return '`oob.time.sec` is no time';
  if (typeof source !== 'string' || typeof destination !== 'string')
    return '`src_ip` or `dest_ip` is missing: the stack needs IP2STR';
  const protocol = whole('ip.protocol', 255);
  if (protocol < 0) return '`ip.protocol` is none';
  const port = portOf(whole, protocol);
  if (port < 0) return '`dest_port` or the ICMP type is missing';
  return {
    prefix: typeof prefix === 'string' ? prefix : '',
    at: new Date(seconds * 1000 + Math.floor(Math.max(whole('oob.time.usec', 999_999), 0) / 1000)),
    source,
    destination,
    protocol,
    port,
    packets: Math.max(whole('raw.pktcount', Number.MAX_SAFE_INTEGER), 1),
    kind: kindOf(whole, protocol, port),
  };
}

type Whole = (name: string, limit: number) => number;

/** A fragment that is not the first has no ports: the kernel puts them together before anything is judged. */
function portOf(whole: Whole, protocol: number): number {
  if (isIcmp(protocol)) return whole(protocol === 1 ? 'icmp.type' : 'icmpv6.type', 255);
  return hasPorts(protocol) ? whole('dest_port', 0xffff) : 0;
}

function kindOf(whole: Whole, protocol: number, port: number): LoggedPacket['kind'] {
  if (isIcmpReply(protocol, port)) return 'reply';
  const isLate = protocol === 6 && whole('tcp.syn', 1) === 0;
  return isLate && whole('src_port', 0xffff) < 1024 && port >= 1024 ? 'undecided' : 'opening';
}

/** Whether a file begins as ulogd's do. */
export const isUlogd = (line: string): boolean => line.includes('"oob.time.sec"');

/** Each logged packet is a connection, or an attempt at one. */
export class UlogdReader implements FlowReader {
  constructor(
    private readonly ends: EndNumbers,
    private readonly sink: FlowSink,
  ) {}

  read(line: Line): string | null {
    const packet = readLoggedPacket(line.text());
    if (typeof packet === 'string') return packet;
    const { at, protocol, port, packets, kind } = packet;
    const [source, destination] = [this.endOf(packet.source), this.endOf(packet.destination)];
    if (source < 0 || destination < 0) return '`src_ip` or `dest_ip` is no address';
    this.sink.window(at.getTime(), at.getTime());
    const time = at.getTime();
    // Nobody could answer what was dropped.
    if (kind === 'opening')
      this.sink.connection(source, destination, serviceKey(protocol, port), packets, time, time, null, 1);
    else this.sink.count(kind === 'reply' ? 'replies' : 'undecided');
    return null;
  }

  /** Nothing is kept back. */
  end(): void {}

  private endOf(address: string): number {
    const bytes = Buffer.from(address);
    return this.ends.find(bytes, 0, bytes.length);
  }
}
