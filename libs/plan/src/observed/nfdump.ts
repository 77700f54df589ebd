import { hasPorts, isIcmp, serviceKey } from '#net';
import type { Line } from '../text/lines.js';
import { Columns } from './columns.js';
import {
  isIcmpReply,
  protocolNumber,
  wholeNumber,
  type EndNumbers,
  type FlowReader,
  type FlowSink,
} from './flow-record.js';
import { instantOf } from './instant.js';
import { PacketRecords } from './packet-records.js';

const required = ['ts', 'te', 'sa', 'da', 'sp', 'dp', 'pr', 'ipkt'] as const;

/** Null: the header is another format's. */
export function nfdumpColumns(header: readonly string[]): readonly string[] | null {
  return required.every((name) => header.includes(name)) ? header : null;
}

/**
 * `nfdump -o csv`: a record per direction, so that a connection is there twice and the reply must be told from the opening.
 * That takes all records: they are kept, as numbers, until the end. Times have no zone and count as UTC.
 */
export class NfdumpReader implements FlowReader {
  private readonly columns: Columns;
  private readonly at: Readonly<Record<(typeof required)[number], number>>;
  private readonly records = new PacketRecords();
  private isOver = false;

  constructor(
    header: readonly string[],
    private readonly ends: EndNumbers,
    private readonly sink: FlowSink,
  ) {
    const last = Math.max(...required.map((name) => header.indexOf(name)));
    this.columns = new Columns(last + 1);
    this.at = Object.fromEntries(required.map((name) => [name, header.indexOf(name)])) as typeof this.at;
  }

  read(line: Line): string | null {
    // What follows is nfdump's own sum: flows,bytes,packets,…
    if (line.startsWith('Summary')) this.isOver = true;
    if (this.isOver || line.startsWith('No matched flows')) return null;
    const { columns, at } = this;
    if (!columns.split(line, true)) return 'it has fewer fields than the header';
    const { bytes } = line;
    const { starts, ends } = columns;
    const first = instantOf(bytes, starts[at.ts]!, ends[at.ts]!);
    const last = instantOf(bytes, starts[at.te]!, ends[at.te]!);
    if (!(first <= last)) return '`ts` and `te` are no instants in that order';
    const source = this.ends.find(bytes, starts[at.sa]!, ends[at.sa]!);
    const destination = this.ends.find(bytes, starts[at.da]!, ends[at.da]!);
    if (source < 0 || destination < 0) return '`sa` or `da` is no address';
    const protocol = protocolNumber(bytes, starts[at.pr]!, ends[at.pr]!);
    if (protocol < 0) return '`pr` is no protocol';
    const packets = wholeNumber(bytes, starts[at.ipkt]!, ends[at.ipkt]!, Number.MAX_SAFE_INTEGER);
    if (packets < 0) return '`ipkt` is no whole number';
    if (!hasPorts(protocol)) return this.readPortless({ first, last, source, destination, protocol, packets }, bytes);
    const sourcePort = wholeNumber(bytes, starts[at.sp]!, ends[at.sp]!, 0xffff);
    const destinationPort = wholeNumber(bytes, starts[at.dp]!, ends[at.dp]!, 0xffff);
    if (sourcePort < 0 || destinationPort < 0) return '`sp` or `dp` is no port';
    this.sink.window(first, last);
    this.records.add({ first, last, source, destination, protocol, sourcePort, destinationPort, packets });
    return null;
  }

  end(): void {
    this.records.forEachConnection((record, verdict, isAnswered) => {
      if (verdict === 'opening') {
        const { source, destination, protocol, destinationPort, packets, last, first } = record;
        const service = serviceKey(protocol, destinationPort);
        this.sink.connection(source, destination, service, packets, last, first, isAnswered, 1);
      } else this.sink.count(verdict === 'reply' ? 'replies' : 'undecided');
    });
  }

  private readPortless(
    { first, last, source, destination, protocol, packets }: Portless,
    bytes: Buffer,
  ): string | null {
    const { starts, ends } = this.columns;
    const type = isIcmp(protocol) ? icmpType(bytes, starts[this.at.dp]!, ends[this.at.dp]!) : 0;
    if (type < 0) return '`dp` is no ICMP type';
    this.sink.window(first, last);
    if (isIcmpReply(protocol, type)) this.sink.count('replies');
    // Which side began can't be told from two records without ports, but ICMP says it by its type.
    else this.sink.connection(source, destination, serviceKey(protocol, type), packets, last, first, null, 1);
    return null;
  }
}

interface Portless {
  readonly first: number;
  readonly last: number;
  readonly source: number;
  readonly destination: number;
  readonly protocol: number;
  readonly packets: number;
}

/** `8.0` (type.code), or type × 256 + code as NetFlow has it. */
function icmpType(text: Buffer, from: number, to: number): number {
  const dot = text.subarray(from, to).indexOf('.');
  if (dot >= 0) return wholeNumber(text, from, from + dot, 255);
  const number = wholeNumber(text, from, to, 0xffff);
  return number < 0 ? -1 : number >>> 8;
}
