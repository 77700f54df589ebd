import { append } from '#base';
import type { Address, AddressSet } from './address.js';
import { splitAddress, word } from './address-words.js';
import { IntervalTables, type Entry } from './interval-tables.js';

/**
 * Which of some disjoint sets has an address. Each word of the address leads to the table of the next word, the last one to
 * the number of the set.
 */
export class AddressIndex {
  private readonly tables = new IntervalTables();
  private readonly v4: number;
  private readonly v6: number;

  constructor(sets: readonly AddressSet[]) {
    const entries = (family: keyof AddressSet): Entry<bigint>[] =>
      sets.flatMap((set, i) => set[family].map(({ first, last }) => ({ first, last, value: i + 1 })));
    this.v4 = this.tableOf(entries('v4'), 0n);
    this.v6 = this.tableOf(entries('v6'), 96n);
  }

  /** Its place in the list; −1: none. */
  find(address: Address): number {
    const { tables } = this;
    splitAddress(address);
    const table =
      address.family === 4 ? this.v4 : tables.find(tables.find(tables.find(this.v6, word(0)), word(1)), word(2));
    return tables.find(table, word(3)) - 1;
  }

  /** By the word above the lowest `bits`; these lead on. */
  private tableOf(entries: readonly Entry<bigint>[], bits: bigint): number {
    if (bits < 0n) return entries[0]!.value;
    const end = (1n << bits) - 1n;
    const whole: Entry<number>[] = [];
    const parts = new Map<number, Entry<bigint>[]>();
    for (const { first, last, value } of entries) {
      const [from, to] = [Number(first >> bits), Number(last >> bits)];
      if (from === to) append(parts, from, { first: first & end, last: last & end, value });
      else {
        append(parts, from, { first: first & end, last: end, value });
        append(parts, to, { first: 0n, last: last & end, value });
        if (to - from === 1) continue;
        const all = this.tableOf([{ first: 0n, last: end, value }], bits - 32n);
        whole.push({ first: from + 1, last: to - 1, value: all });
      }
    }
    const ends = Array.from(parts, ([at, below]) => ({ first: at, last: at, value: this.tableOf(below, bits - 32n) }));
    return this.tables.add([...whole, ...ends]);
  }
}
