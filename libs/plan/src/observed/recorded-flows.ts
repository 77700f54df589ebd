import { success, type Result } from '#base';
import { portOf, protocolOf, type Address } from '#net';
import type { TextChunks } from '../text/lines.js';
import { AddressNumbers } from './address-numbers.js';
import type { EndNumbers, FlowSink } from './flow-record.js';
import { readFlows, type FlowFile } from './read-flows.js';

/** A connection, or several of the same, as somebody recorded them: what is said without a policy and an inventory. */
export interface RecordedFlow {
  readonly first: Date;
  readonly last: Date;
  readonly source: Address;
  readonly destination: Address;
  readonly protocol: number;
  /** Type for ICMP; 0 where there is none. */
  readonly port: number;
  readonly answered: Answered;
  readonly packets: number;
  readonly connections: number;
}

/** Whether the other side was seen to reply. `unknown`: who recorded it doesn't say. */
export type Answered = 'yes' | 'no' | 'unknown';

export interface RecordedFlows extends FlowFile {
  readonly flows: readonly RecordedFlow[];
  /** Records that are no connection of their own, or whose direction can't be told. */
  readonly ignored: number;
}

/** Reads connections in any of the known formats. MAC addresses that records name are left out. */
export function readRecordedFlows(text: TextChunks, file: string): Result<RecordedFlows> {
  const ends = new PlainEnds();
  const flows: RecordedFlow[] = [];
  let ignored = 0;
  const sink: FlowSink = {
    window: () => undefined,
    count: () => void ignored++,
    connection: (source, destination, service, packets, last, first, isAnswered, connections) =>
      void flows.push({
        first: new Date(first),
        last: new Date(last),
        source: ends.addresses[source]!,
        destination: ends.addresses[destination]!,
        protocol: protocolOf(service),
        port: portOf(service),
        answered: isAnswered === null ? 'unknown' : isAnswered ? 'yes' : 'no',
        packets,
        connections,
      }),
  };
  const read = readFlows(text, file, ends, sink);
  return read.ok ? success({ ...read.value, flows, ignored }, read.diagnostics) : read;
}

/** Addresses and nothing else. */
class PlainEnds implements EndNumbers {
  readonly addresses: Address[] = [];
  private readonly numbers = new AddressNumbers();

  find(text: Buffer, from: number, to: number): number {
    const number = this.numbers.of(text, from, to);
    if (number === this.addresses.length) this.addresses.push(addressIn(this.numbers.octets));
    return number;
  }

  withMac(end: number): number {
    return end;
  }
}

function addressIn(octets: DataView): Address {
  const [high, low] = [octets.getBigUint64(0), octets.getBigUint64(8)];
  return high === 0n && low >> 32n === 0xffffn
    ? { family: 4, value: low & 0xffff_ffffn }
    : { family: 6, value: (high << 64n) | low };
}

const hour = 3_600_000;

/** Connections of an hour that are alike as one, with the first and the last of them. What is kept by the hour is the same, and it is less. */
export function sumByHour(flows: readonly RecordedFlow[]): RecordedFlow[] {
  const sums = new Map<string, RecordedFlow>();
  for (const flow of flows) {
    const { source, destination, protocol, port, answered } = flow;
    const at = Math.floor(flow.first.getTime() / hour);
    const key = [at, source.family, source.value, destination.family, destination.value, protocol, port, answered].join(
      ' ',
    );
    const known = sums.get(key);
    sums.set(key, known ? joined(known, flow) : flow);
  }
  return [...sums.values()];
}

const joined = (a: RecordedFlow, b: RecordedFlow): RecordedFlow => ({
  ...a,
  first: a.first < b.first ? a.first : b.first,
  last: a.last > b.last ? a.last : b.last,
  packets: a.packets + b.packets,
  connections: a.connections + b.connections,
});
