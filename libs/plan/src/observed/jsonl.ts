import { serviceKey } from '#net';
import type { Line } from '../text/lines.js';
import {
  answered,
  isIcmpReply,
  protocolNumber,
  type EndNumbers,
  type FlowReader,
  type FlowSink,
} from './flow-record.js';
import { instantOf } from './instant.js';

/** One JSON object per line with the fields of Cordon's CSV. */
export class JsonlReader implements FlowReader {
  constructor(
    private readonly ends: EndNumbers,
    private readonly sink: FlowSink,
  ) {}

  read(line: Line): string | null {
    let record: Readonly<Record<string, unknown>>;
    try {
      record = JSON.parse(line.text()) as typeof record;
    } catch {
      return 'it is no JSON';
    }
    if (typeof record !== 'object' || record === null) return 'it is no JSON object';
    const first = instantOfText(record['first']);
    const last = instantOfText(record['last']);
    if (!(first <= last)) return '`first` and `last` are no instants in that order, such as 2026-11-20T08:00:00Z';
    const source = this.endOf(record['source'], record['source_mac']);
    const destination = this.endOf(record['destination'], record['destination_mac']);
    if (source < 0 || destination < 0) return '`source` or `destination` is no address';
    const protocol = protocolOfText(String(record['protocol']));
    if (protocol < 0) return '`protocol` is none, such as tcp, udp, icmp or a number';
    const port = Number(record['port'] ?? 0);
    if (!Number.isInteger(port) || port < 0 || port > 0xffff) return '`port` is none from 0 to 65535';
    const packets = Number(record['packets']);
    if (!Number.isSafeInteger(packets) || packets < 0) return '`packets` is no whole number';
    const connections = Number(record['connections'] ?? 1);
    if (!Number.isSafeInteger(connections) || connections < 1) return '`connections` is no whole number from 1';
    const told = record['answered'] ?? '';
    const isAnswered = typeof told === 'string' ? answered(told) : undefined;
    if (isAnswered === undefined) return '`answered` is neither `yes` nor `no`';
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

  private endOf(address: unknown, mac: unknown): number {
    if (typeof address !== 'string') return -1;
    const bytes = Buffer.from(address);
    const end = this.ends.find(bytes, 0, bytes.length);
    return end < 0 || typeof mac !== 'string' || mac === '' ? end : this.ends.withMac(end, mac);
  }
}

function instantOfText(value: unknown): number {
  const bytes = Buffer.from(typeof value === 'string' ? value : '');
  return instantOf(bytes, 0, bytes.length);
}

function protocolOfText(text: string): number {
  const bytes = Buffer.from(text);
  return protocolNumber(bytes, 0, bytes.length);
}
