import { hasPorts, isIcmp, serviceKey } from '#net';
import type { Line } from '../text/lines.js';
import { isIcmpReply, type EndNumbers, type FlowReader, type FlowSink } from './flow-record.js';

/** `[1796078800.938642]  [DESTROY] ipv4 2 tcp 6 TIME_WAIT src=…`. Microseconds are not padded with zeros, but with blanks. */
const event = /^\[\s*(\d+)\s*\.\s*(\d+)\s*\]\s*\[(\w+)\]\s+(.*)$/;
const protocolAndTuples = /^(?:ipv[46]\s+\d+\s+)?(?!ipv[46]\s)\S+\s+(\d+)\s+(.*)$/;

/** Whether a file begins as `conntrack -E -o timestamp` writes it. */
export const isConntrack = (line: string): boolean => event.test(line) || /^\s*\[(NEW|UPDATE|DESTROY)\]\s/.test(line);

interface Tuple {
  readonly source: string;
  readonly destination: string;
  readonly sourcePort: number;
  /** Of ICMP. */
  readonly type: number;
  readonly packets: number;
}

interface Destroyed {
  /** Milliseconds. */
  readonly first: number;
  readonly last: number;
  readonly source: string;
  readonly destination: string;
  readonly protocol: number;
  readonly port: number;
  readonly packets: number;
  readonly isAnswered: boolean;
}

/**
 * `conntrack -E -e DESTROY -o timestamp,extended` of a Linux gateway: a line for each connection that is over, with all that it was. Where the
 * gateway translates addresses, its rules see the client as it is outside and the server as it is inside, and so does this.
 */
export class ConntrackReader implements FlowReader {
  constructor(
    private readonly ends: EndNumbers,
    private readonly sink: FlowSink,
  ) {}

  read(line: Line): string | null {
    const record = readDestroyed(line.text());
    if (record === null || typeof record === 'string') return record;
    const { protocol, port, packets, last, first, isAnswered } = record;
    const [source, destination] = [this.endOf(record.source), this.endOf(record.destination)];
    if (source < 0 || destination < 0) return '`src` is no address';
    this.sink.window(first, last);
    if (isIcmpReply(protocol, port)) this.sink.count('replies');
    else this.sink.connection(source, destination, serviceKey(protocol, port), packets, last, first, isAnswered, 1);
    return null;
  }

  /** Nothing is kept back. */
  end(): void {}

  private endOf(address: string): number {
    const bytes = Buffer.from(address);
    return this.ends.find(bytes, 0, bytes.length);
  }
}

/** Null: an event of a connection that goes on. Text: what is wrong. */
function readDestroyed(line: string): Destroyed | string | null {
  const [, seconds, microseconds, kind, rest = ''] = event.exec(line) ?? [];
  if (kind === undefined) return 'it is no event with its time: run `conntrack -E -e DESTROY -o timestamp,extended`';
  if (kind !== 'DESTROY') return null;
  const [, number, tuples = ''] = protocolAndTuples.exec(rest) ?? [];
  const protocol = Number(number);
  if (!(protocol <= 255)) return 'it names no protocol';
  const [original, reply] = tuplesOf(tuples);
  if (!original || !reply) return 'it has no `src` and `dst` of both directions';
  const port = isIcmp(protocol) ? original.type : hasPorts(protocol) ? reply.sourcePort : 0;
  if (!(port >= 0 && port <= 0xffff)) return 'it has no `sport` or `type`';
  const last = Number(seconds) * 1000 + Math.floor(Number(microseconds) / 1000);
  if (!(last < 1e14)) return 'its time is none';
  const lasted = Number(/ delta-time=(\d{1,10})(?= |$)/.exec(tuples)?.[1] ?? 0);
  return {
    first: Math.max(last - 1000 * lasted, 0),
    last,
    source: original.source,
    destination: reply.source,
    protocol,
    port,
    packets: original.packets + reply.packets,
    isAnswered: !tuples.includes('[UNREPLIED]'),
  };
}

/** Both directions have the same names. */
function tuplesOf(text: string): Tuple[] {
  return text
    .split(/(?=\bsrc=)/)
    .filter((part) => part.startsWith('src='))
    .flatMap((part) => {
      const members = new Map(part.split(' ').map((each) => each.split('=', 2) as [string, string | undefined]));
      const [source, destination] = [members.get('src'), members.get('dst')];
      const whole = (name: string): number => {
        const value = members.get(name);
        return value !== undefined && /^\d{1,15}$/.test(value) ? Number(value) : Number.NaN;
      };
      if (!source || !destination) return [];
      return {
        source,
        destination,
        sourcePort: whole('sport'),
        type: whole('type'),
        packets: whole('packets') || 0,
      };
    });
}
