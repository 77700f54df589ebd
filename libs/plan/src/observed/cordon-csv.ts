import { serviceKey } from '#net';
import { csvFields, Line } from '../text/lines.js';
import { Columns } from './columns.js';
import {
  answered,
  isIcmpReply,
  protocolNumber,
  wholeNumber,
  type EndNumbers,
  type FlowReader,
  type FlowSink,
} from './flow-record.js';
import { instantOf } from './instant.js';

const required = ['first', 'last', 'source', 'destination', 'protocol', 'port', 'packets'] as const;
const optional = ['bytes', 'source_mac', 'destination_mac', 'connections', 'answered'] as const;
const quote = 0x22;

/** Null: the header is another format's. */
export function cordonColumns(header: readonly string[]): readonly string[] | null {
  const known = new Set<string>([...required, ...optional]);
  const isOurs = required.every((name) => header.includes(name)) && header.every((name) => known.has(name));
  return isOurs ? header : null;
}

/**
 * Cordon's own CSV: a line per connection, or for several of the same, written from the side that opened it. `port` is the type for ICMP.
 */
export class CordonCsvReader implements FlowReader {
  private readonly columns: Columns;
  private readonly at: Readonly<Record<(typeof required)[number] | (typeof optional)[number], number>>;

  constructor(
    header: readonly string[],
    private readonly ends: EndNumbers,
    private readonly sink: FlowSink,
  ) {
    this.columns = new Columns(header.length);
    this.at = Object.fromEntries(
      [...required, ...optional].map((name) => [name, header.indexOf(name)]),
    ) as typeof this.at;
  }

  read(line: Line): string | null {
    if (line.includes(quote)) {
      const fields = csvFields(line.text());
      if (!fields || fields.some((field) => field.includes(',')))
        return 'a quote is not closed, or a field has a comma';
      return this.read(new Line(Buffer.from(fields.join(',').replaceAll('"', ''))));
    }
    const { columns, at } = this;
    if (!columns.split(line, false)) return 'it has not as many fields as the header';
    const { bytes } = line;
    const { starts, ends } = columns;
    const first = instantOf(bytes, starts[at.first]!, ends[at.first]!);
    const last = instantOf(bytes, starts[at.last]!, ends[at.last]!);
    if (!(first <= last)) return '`first` and `last` are no instants in that order, such as 2026-11-20T08:00:00Z';
    const source = this.endAt(bytes, at.source, at.source_mac);
    const destination = this.endAt(bytes, at.destination, at.destination_mac);
    if (source < 0 || destination < 0) return '`source` or `destination` is no address';
    const protocol = protocolNumber(bytes, starts[at.protocol]!, ends[at.protocol]!);
    if (protocol < 0) return '`protocol` is none, such as tcp, udp, icmp or a number';
    const isPortless = starts[at.port] === ends[at.port];
    const port = isPortless ? 0 : wholeNumber(bytes, starts[at.port]!, ends[at.port]!, 0xffff);
    const packets = wholeNumber(bytes, starts[at.packets]!, ends[at.packets]!, Number.MAX_SAFE_INTEGER);
    if (port < 0) return '`port` is none from 0 to 65535';
    if (packets < 0) return '`packets` is no whole number';
    const connections = this.isGiven(at.connections)
      ? wholeNumber(bytes, starts[at.connections]!, ends[at.connections]!, Number.MAX_SAFE_INTEGER)
      : 1;
    if (connections < 1) return '`connections` is no whole number from 1';
    const isAnswered = this.isGiven(at.answered)
      ? answered(bytes.toString('utf8', starts[at.answered], ends[at.answered]))
      : null;
    if (isAnswered === undefined) return '`answered` is neither `yes` nor `no`, nor empty';
    this.sink.window(first, last);
    if (isIcmpReply(protocol, port)) this.sink.count('replies');
    else {
      const service = serviceKey(protocol, port);
      this.sink.connection(source, destination, service, packets, last, first, isAnswered, connections);
    }
    return null;
  }

  /** Nothing is kept back. */
  end(): void {}

  private isGiven(column: number): boolean {
    return column >= 0 && this.columns.starts[column] !== this.columns.ends[column];
  }

  private endAt(bytes: Buffer, column: number, mac: number): number {
    const { starts, ends } = this.columns;
    const end = this.ends.find(bytes, starts[column]!, ends[column]!);
    if (end < 0 || !this.isGiven(mac)) return end;
    return this.ends.withMac(end, bytes.toString('utf8', starts[mac], ends[mac]));
  }
}
