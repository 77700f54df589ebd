import { parseAddress, readIpv4, readIpv6 } from '#net';
import { TupleIndex } from './tuple-index.js';

/** Numbers addresses in the order in which they are first asked for. */
export class AddressNumbers {
  /** The address that was asked for last, in network order; IPv4 is v4-mapped, as no IPv6 address is. */
  readonly octets = new DataView(new ArrayBuffer(16));
  private readonly numbers = new TupleIndex();

  /** The number of the address that stands between two places of a text; -1: it is none. */
  of(text: Buffer, from: number, to: number): number {
    const v4 = readIpv4(text, from, to);
    if (v4 >= 0) return this.ofV4(v4);
    const { octets } = this;
    if (!readIpv6(text, from, to, octets)) {
      // It may have a dotted tail.
      const address = parseAddress(text.toString('utf8', from, to));
      if (!address) return -1;
      octets.setBigUint64(0, address.value >> 64n);
      octets.setBigUint64(8, BigInt.asUintN(64, address.value));
    }
    return this.numbers.of(octets.getInt32(0), octets.getInt32(4), octets.getInt32(8), octets.getInt32(12));
  }

  ofV4(value: number): number {
    const { octets } = this;
    octets.setBigUint64(0, 0n);
    octets.setUint32(8, 0xffff);
    octets.setUint32(12, value);
    return this.numbers.of(0, 0, 0xffff, value);
  }
}
