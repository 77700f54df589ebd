import {
  formatAddress,
  maxOf,
  protocols,
  serviceAlgebra,
  serviceKey,
  type Address,
  type ConcretePacket,
  type Family,
  type Interval,
  type PacketSet,
  type PacketSpace,
  type ServiceSet,
} from '#net';

export type Side = 'source' | 'destination';

const icmpNumber = { 4: protocols.icmp, 6: protocols.icmp6 } as const;
const wholeOf = (protocol: number): ServiceSet => [
  { first: serviceKey(protocol, 0), last: serviceKey(protocol, 0xffff) },
];
const bothIcmp = serviceAlgebra.normalize([...wholeOf(protocols.icmp), ...wholeOf(protocols.icmp6)]);

/**
 * Packets of one family between ends of which two things are known: the class of the device (or none), and the cell of the
 * address. Cells are the largest ranges that none of some given constants cuts, so that all addresses of a cell are alike to
 * whoever looks at them by these constants. A set of them is written as a packet set whose addresses are
 *
 *   │ class (32 bits) │ cell (32 bits) │ 64 bits that nobody looks at │
 *
 * which is why one set speaks of all pairs of classes at once. Such addresses need IPv6, so ICMP is written as ICMPv6.
 */
export class EndSpace {
  /** First address of each cell. */
  private readonly starts: readonly bigint[];
  readonly all: PacketSet;

  constructor(
    private readonly space: PacketSpace,
    readonly family: Family,
    private readonly classes: readonly string[],
    constants: readonly Interval<bigint>[],
  ) {
    const cuts = new Set([0n, ...constants.flatMap(({ first, last }) => [first, last + 1n])]);
    this.starts = [...cuts].filter((at) => at <= maxOf(family)).sort((a, b) => (a < b ? -1 : 1));
    const whole = [{ first: 0n, last: maxOf(family) }];
    this.all = this.addresses('source', whole).intersect(this.addresses('destination', whole));
  }

  get none(): PacketSet {
    return this.space.none;
  }

  union(sets: readonly PacketSet[]): PacketSet {
    return this.space.union(sets);
  }

  /** Packets with an end in these ranges, which must be unions of cells. */
  addresses(side: Side, ranges: readonly Interval<bigint>[]): PacketSet {
    const cells = ranges.map(({ first, last }) => ({ first: this.cellOf(first), last: this.cellOf(last) }));
    const encoded = [null, ...this.classes].flatMap((_, number) =>
      cells.map(({ first, last }) => ({ first: encode(number, first), last: encode(number, last + 1) - 1n })),
    );
    return this.space.match({ family: 6, [side]: encoded });
  }

  /** Packets with an end that is a device of one of these classes, wherever it is. */
  members(side: Side, classes: ReadonlySet<string>): PacketSet {
    const encoded = this.classes.flatMap((name, i) =>
      classes.has(name) ? [{ first: encode(i + 1, 0), last: encode(i + 2, 0) - 1n }] : [],
    );
    return this.space.match({ family: 6, [side]: encoded });
  }

  services(services: ServiceSet): PacketSet {
    const own = serviceAlgebra.intersect(services, wholeOf(icmpNumber[this.family]));
    const shift = (protocols.icmp6 - icmpNumber[this.family]) * 0x1_0000;
    const moved = own.map(({ first, last }) => ({ first: first + shift, last: last + shift }));
    return this.space.match({ services: serviceAlgebra.union(serviceAlgebra.subtract(services, bothIcmp), moved) });
  }

  /** Packets sent from one of these ports: TCP, UDP and SCTP only. */
  sourcePorts(ports: readonly Interval<number>[]): PacketSet {
    return this.space.match({ sourcePorts: ports });
  }

  /** The real packet, and the classes of its ends. */
  decode({ source, destination, ...rest }: ConcretePacket): { packet: ConcretePacket; from: string; to: string } {
    const address = ({ value }: Address): Address => ({
      family: this.family,
      value: this.starts[Number((value >> 64n) & 0xffff_ffffn)]!,
    });
    const name = (end: Address): string => {
      const number = Number(end.value >> 96n);
      const who = number === 0 ? 'no device' : `a device of class \`${this.classes[number - 1]}\``;
      return `${formatAddress(address(end))}, ${who}`;
    };
    const protocol = rest.protocol === protocols.icmp6 ? icmpNumber[this.family] : rest.protocol;
    const packet = { ...rest, protocol, source: address(source), destination: address(destination) };
    return { packet, from: name(source), to: name(destination) };
  }

  private cellOf(address: bigint): number {
    let low = 0;
    let high = this.starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.starts[middle]! <= address) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

const encode = (number: number, cell: number): bigint => (BigInt(number) << 96n) + (BigInt(cell) << 64n);
