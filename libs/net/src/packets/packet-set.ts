import type { Diagram, Node } from './diagram.js';
import { countPackets, lowestPacket, valuesOf } from './measure.js';
import type { ConcretePacket, PacketPart } from './packet.js';
import { listParts } from './parts.js';

/** Where a set was made: only sets of one space can be combined. */
interface Space {
  readonly diagram: Diagram;
}

/** A set of packets. Equal sets of one space are the same inside, so equality costs nothing. */
export class PacketSet {
  /** @internal */
  constructor(
    readonly space: Space,
    private readonly node: Node,
  ) {}

  union(other: PacketSet): PacketSet {
    return this.combined('union', other);
  }

  intersect(other: PacketSet): PacketSet {
    return this.combined('intersect', other);
  }

  subtract(other: PacketSet): PacketSet {
    return this.combined('subtract', other);
  }

  get isEmpty(): boolean {
    return this.node === this.space.diagram.empty;
  }

  equals(other: PacketSet): boolean {
    this.check(other);
    return this.node === other.node;
  }

  isSubsetOf(other: PacketSet): boolean {
    return this.subtract(other).isEmpty;
  }

  meets(other: PacketSet): boolean {
    this.check(other);
    return this.space.diagram.meets(this.node, other.node);
  }

  has(packet: ConcretePacket): boolean {
    const values = valuesOf(packet);
    let { node } = this;
    while (node.next.length > 0) {
      const value = values[node.level]!;
      let low = 0;
      let high = node.lasts.length - 1;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (node.lasts[middle]! < value) low = middle + 1;
        else high = middle;
      }
      node = node.next[low]!;
    }
    return node === this.space.diagram.full;
  }

  /** How many packets there are in it, told apart by the fields of `ConcretePacket`. */
  get size(): bigint {
    return countPackets(this.space.diagram, this.node);
  }

  /** Some packet of the set, always the same one for equal sets: the lowest values. Null when it is empty. */
  get witness(): ConcretePacket | null {
    return this.isEmpty ? null : lowestPacket(this.space.diagram, this.node);
  }

  /**
   * The set as disjoint products, in a fixed order, IPv4 first: services that lead to the same rest are one part, likewise
   * source ports and addresses.
   */
  parts(): PacketPart[] {
    return listParts(this.space.diagram, this.node);
  }

  private combined(operation: 'union' | 'intersect' | 'subtract', other: PacketSet): PacketSet {
    this.check(other);
    const node = this.space.diagram.combine(operation, this.node, other.node);
    return node === this.node ? this : node === other.node ? other : new PacketSet(this.space, node);
  }

  private check(other: PacketSet): void {
    if (other.space !== this.space) throw new TypeError('packet sets of different spaces');
  }
}
