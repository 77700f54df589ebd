import type { Address, Family } from '../address.js';
import type { Interval } from '../interval.js';
import type { Diagram, Node } from './diagram.js';
import { below, edges } from './edges.js';
import { existsIn, ipv4, ipv6, level, maxima, shapeOf, type ProtocolShape } from './fields.js';
import type { ConcretePacket } from './packet.js';

export function countPackets(diagram: Diagram, root: Node): bigint {
  let sum = 0n;
  for (const family of [ipv4, ipv6]) {
    const counted = new Map<ProtocolShape, Counter>();
    for (const { first, last, next } of edges(below(root, family), level.protocol)) {
      for (let protocol = first; protocol <= last; protocol++) {
        if (!existsIn(protocol, family)) continue;
        const shape = shapeOf(protocol);
        const counter = counted.get(shape) ?? new Counter(diagram, family, shape);
        counted.set(shape, counter);
        sum += counter.count(next, level.protocol + 1);
      }
    }
  }
  return sum;
}

/** Counts packets of one family whose protocol has one shape. */
class Counter {
  private readonly known = new Map<Node, bigint>();

  constructor(
    private readonly diagram: Diagram,
    private readonly family: number,
    private readonly shape: ProtocolShape,
  ) {}

  /** `from`: the first field that is still open. */
  count(node: Node, from: number): bigint {
    if (node === this.diagram.empty) return 0n;
    let unseen = 1n;
    for (let at = from; at < node.level; at++) unseen *= BigInt(this.values(at, 0, maxima[at]!));
    return node === this.diagram.full ? unseen : unseen * this.below(node);
  }

  private below(node: Node): bigint {
    const known = this.known.get(node);
    if (known !== undefined) return known;
    let sum = 0n;
    for (const { first, last, next } of edges(node, node.level)) {
      const values = this.values(node.level, first, last);
      if (values > 0) sum += BigInt(values) * this.count(next, node.level + 1);
    }
    this.known.set(node, sum);
    return sum;
  }

  /** How many values from `first` to `last` packets can have in a field. */
  private values(at: number, first: number, last: number): number {
    const within = ({ first: low, last: high }: Interval<number>): number =>
      Math.max(0, Math.min(last, high) - Math.max(first, low) + 1);
    switch (at) {
      case level.destinationPort:
        return within(this.shape.destinationPort);
      case level.sourcePort:
        return within(this.shape.sourcePort);
      case level.established:
        return within(this.shape.established);
      default:
        // The three lower words of an address are IPv6's alone.
        return this.family === ipv4 && at !== level.destination && at !== level.source ? 1 : last - first + 1;
    }
  }
}

/** The packet with the lowest values; the set must not be empty. */
export function lowestPacket(diagram: Diagram, root: Node): ConcretePacket {
  const values = maxima.map(() => 0);
  for (let node = root; node.next.length > 0;) {
    const i = node.next.findIndex((next) => next !== diagram.empty);
    values[node.level] = i === 0 ? 0 : node.lasts[i - 1]! + 1;
    node = node.next[i]!;
  }
  const family: Family = values[level.family] === ipv4 ? 4 : 6;
  const address = (at: number): Address => {
    const words = values.slice(at, at + (family === 4 ? 1 : 4));
    return { family, value: words.reduce((sum, word) => (sum << 32n) | BigInt(word), 0n) };
  };
  return {
    source: address(level.source),
    destination: address(level.destination),
    protocol: values[level.protocol]!,
    port: values[level.destinationPort]!,
    sourcePort: values[level.sourcePort]!,
    established: values[level.established] === 1,
  };
}

/** Field values of a packet, in order of decision. */
export function valuesOf({ source, destination, protocol, port, sourcePort, established }: ConcretePacket): number[] {
  const words = ({ family, value }: Address): number[] =>
    family === 4
      ? [Number(value), 0, 0, 0]
      : [96n, 64n, 32n, 0n].map((shift) => Number((value >> shift) & 0xffff_ffffn));
  const family = destination.family === 4 ? ipv4 : ipv6;
  return [family, protocol, port, sourcePort, established ? 1 : 0, ...words(destination), ...words(source)];
}
