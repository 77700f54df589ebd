import { append } from '#base';
import type { Family } from '../address.js';
import type { Interval } from '../interval.js';
import { anyService, hasPorts, protocols, type ServiceSet } from '../service.js';
import { Diagram, type Node } from './diagram.js';
import { existsIn, ipv4, ipv6, level, maxima, portsByProtocol } from './fields.js';
import type { PacketMatch } from './packet.js';
import { PacketSet } from './packet-set.js';

/** One line of a list that is read top down: the first line that matches a packet decides. */
export interface OrderedMatch {
  readonly permits: boolean;
  readonly matches: PacketSet;
}

/**
 * Where packet sets are made; sets of different spaces can't be combined. Exact: a set holds the packets it says and no
 * others, however it came to be. Knows what packets can exist, and nothing of policy or vendors.
 */
export class PacketSpace {
  /** @internal */
  readonly diagram = new Diagram();
  private readonly existing = this.diagram.make(
    level.family,
    [ipv4, ipv6],
    [ipv4, ipv6].map((family) =>
      this.services(anyService, (protocol) => (existsIn(protocol, family) ? this.diagram.full : this.diagram.empty)),
    ),
  );
  readonly none = new PacketSet(this, this.diagram.empty);
  /** Every packet that can exist. */
  readonly all = new PacketSet(this, this.existing);

  /** The packets that match. Addresses need a family. */
  match(conditions: PacketMatch): PacketSet {
    const { family, services, destination, source } = conditions;
    if (family === undefined && (destination || source)) throw new TypeError('addresses without a family');
    const { diagram } = this;
    let node = diagram.full;
    if (family !== undefined && source) node = this.addresses(family, level.source, source, node);
    if (family !== undefined && destination) node = this.addresses(family, level.destination, destination, node);
    node = this.services(services ?? anyService, (protocol) => this.segment(protocol, conditions, node));
    if (family !== undefined) {
      const value = family === 4 ? ipv4 : ipv6;
      node = diagram.choose(level.family, [{ first: value, last: value }], node);
    }
    return new PacketSet(this, diagram.combine('intersect', node, this.existing));
  }

  union(sets: readonly PacketSet[]): PacketSet {
    if (sets.length <= 1) return sets[0] ?? this.none;
    const half = sets.length >> 1;
    return this.union(sets.slice(0, half)).union(this.union(sets.slice(half)));
  }

  /** What a first-match list permits; what matches no line is not permitted. */
  firstMatch(lines: readonly OrderedMatch[]): PacketSet {
    return this.resolve(lines, 0, lines.length).permitted;
  }

  private resolve(
    lines: readonly OrderedMatch[],
    from: number,
    to: number,
  ): { permitted: PacketSet; decided: PacketSet } {
    if (to - from === 0) return { permitted: this.none, decided: this.none };
    if (to - from === 1) {
      const { permits, matches } = lines[from]!;
      return { permitted: permits ? matches : this.none, decided: matches };
    }
    const middle = (from + to) >> 1;
    const upper = this.resolve(lines, from, middle);
    const lower = this.resolve(lines, middle, to);
    return {
      permitted: upper.permitted.union(lower.permitted.subtract(upper.decided)),
      decided: upper.decided.union(lower.decided),
    };
  }

  /** The conditions on source port and flags, for one protocol. */
  private segment(protocol: number, { sourcePorts, established }: PacketMatch, inside: Node): Node {
    const { diagram } = this;
    const isTcp = protocol === protocols.tcp;
    if ((sourcePorts && !hasPorts(protocol)) || (established === true && !isTcp)) return diagram.empty;
    let node = inside;
    if (established !== undefined && isTcp) {
      const value = established ? 1 : 0;
      node = diagram.choose(level.established, [{ first: value, last: value }], node);
    }
    return sourcePorts ? diagram.choose(level.sourcePort, sourcePorts, node) : node;
  }

  private services(services: ServiceSet, insideOf: (protocol: number) => Node): Node {
    const { diagram } = this;
    const ports = new Map<number, Interval<number>[]>();
    for (const part of portsByProtocol(services)) append(ports, part.protocol, part.ports);
    const lasts: number[] = [];
    const next: Node[] = [];
    for (const [protocol, intervals] of ports) {
      if (protocol > (lasts.at(-1) ?? -1) + 1) {
        lasts.push(protocol - 1);
        next.push(diagram.empty);
      }
      lasts.push(protocol);
      next.push(diagram.choose(level.destinationPort, intervals, insideOf(protocol)));
    }
    if ((lasts.at(-1) ?? -1) < 255) {
      lasts.push(255);
      next.push(diagram.empty);
    }
    return diagram.make(level.protocol, lasts, next);
  }

  private addresses(family: Family, from: number, set: readonly Interval<bigint>[], inside: Node): Node {
    if (family === 4)
      return this.diagram.choose(
        from,
        set.map(({ first, last }) => ({ first: Number(first), last: Number(last) })),
        inside,
      );
    return this.words(from, set, 96n, inside);
  }

  /** IPv6: the values of one 32-bit word, and below each the rest of the address. `shift`: bits after this word. */
  private words(at: number, set: readonly Interval<bigint>[], shift: bigint, inside: Node): Node {
    if (set.length === 0) return this.diagram.empty;
    const rest = (1n << shift) - 1n;
    const lasts: number[] = [];
    const next: Node[] = [];
    const add = (last: number, node: Node): void => {
      lasts.push(last);
      next.push(node);
    };
    // What is within one value of this word, collected until another value comes.
    let here: Interval<bigint>[] = [];
    let value = -1;
    const flush = (): void => {
      if (here.length === 0) return;
      if (value > (lasts.at(-1) ?? -1) + 1) add(value - 1, this.diagram.empty);
      add(value, shift === 0n ? inside : this.words(at + 1, here, shift - 32n, inside));
      here = [];
    };
    const put = (word: number, first: bigint, last: bigint): void => {
      if (word !== value) flush();
      value = word;
      here.push({ first, last });
    };
    for (const { first, last } of set) {
      const [low, high] = [Number(first >> shift), Number(last >> shift)];
      if (low === high) {
        put(low, first & rest, last & rest);
        continue;
      }
      let from = low;
      if ((first & rest) !== 0n) {
        put(low, first & rest, rest);
        from = low + 1;
      }
      const to = (last & rest) === rest ? high : high - 1;
      if (from <= to) {
        flush();
        if (from > (lasts.at(-1) ?? -1) + 1) add(from - 1, this.diagram.empty);
        add(to, inside);
      }
      if (to < high) put(high, 0n, last & rest);
    }
    flush();
    if ((lasts.at(-1) ?? -1) < maxima[at]!) add(maxima[at]!, this.diagram.empty);
    return this.diagram.make(at, lasts, next);
  }
}
