import { splitAddress, word } from './address-words.js';
import type { Address } from './address.js';

/**
 * Values by address, for many addresses with few different values. A `Map` takes equal addresses for different keys; by
 * their bigints it would put hosts that are numbered alike in many networks into one bucket, as it hashes the lowest 64 bits.
 */
export class AddressMap<T> {
  private readonly narrow: WordTable;
  private readonly wide: WordTable;
  /** Each value once: what is looked up at random should lie close together. */
  private readonly values: T[];
  private readonly numbers: Map<T, number>;

  constructor(from?: AddressMap<T>) {
    this.narrow = new WordTable(1, from?.narrow);
    this.wide = new WordTable(4, from?.wide);
    this.values = [...(from?.values ?? [])];
    this.numbers = new Map(from?.numbers);
  }

  get size(): number {
    return this.narrow.size + this.wide.size;
  }

  get(address: Address): T | undefined {
    const found = this.tableOf(address).find();
    return found < 0 ? undefined : this.values[found];
  }

  set(address: Address, value: T): this {
    let number = this.numbers.get(value);
    if (number === undefined) {
      number = this.values.push(value) - 1;
      this.numbers.set(value, number);
    }
    this.tableOf(address).set(number);
    return this;
  }

  delete(address: Address): void {
    this.tableOf(address).delete();
  }

  /** What is done to either does not show in the other. */
  copy(): AddressMap<T> {
    return new AddressMap(this);
  }

  /** Splits the address, too. */
  private tableOf(address: Address): WordTable {
    splitAddress(address);
    return address.family === 4 ? this.narrow : this.wide;
  }
}

const deleted = 0xffff_ffff;

/**
 * Numbers by the last words, `width` of them, of the address that was split last. Open addressing, at most half full; each
 * slot is its number + 1 (0: free) and its words, which share a cache line. What was deleted keeps its slot until the table grows, or others
 * that lie behind it would not be found.
 */
class WordTable {
  size = 0;
  /** Slots that are not free. */
  private taken = 0;
  private mask = 15;
  private slots: Uint32Array;

  constructor(
    private readonly width: 1 | 4,
    from?: WordTable,
  ) {
    this.slots = from ? from.slots.slice() : new Uint32Array((this.mask + 1) * (width + 1));
    if (from) ({ size: this.size, taken: this.taken, mask: this.mask } = from);
  }

  /** −1: none. */
  find(): number {
    const number = this.slots[this.slotOf()]!;
    return number === deleted ? -1 : number - 1;
  }

  set(number: number): void {
    const slot = this.slotOf();
    const before = this.slots[slot];
    this.slots[slot] = number + 1;
    if (before === 0 || before === deleted) this.size++;
    if (before !== 0) return;
    for (let i = 1; i <= this.width; i++) this.slots[slot + i] = word(4 - i);
    if (++this.taken * 2 > this.mask) this.rebuild();
  }

  delete(): void {
    const slot = this.slotOf();
    if (this.slots[slot] === 0 || this.slots[slot] === deleted) return;
    this.slots[slot] = deleted;
    this.size--;
  }

  /** The slot that has the words, else the free one that they go to. */
  private slotOf(): number {
    const { slots, width, mask } = this;
    let hash = 0;
    for (let i = 1; i <= width; i++) hash = mix(hash ^ word(4 - i));
    for (let at = hash & mask; ; at = (at + 1) & mask) {
      const slot = at * (width + 1);
      if (slots[slot] === 0 || this.has(slot)) return slot;
    }
  }

  private has(slot: number): boolean {
    for (let i = 1; i <= this.width; i++) if (this.slots[slot + i] !== word(4 - i)) return false;
    return true;
  }

  private rebuild(): void {
    const { slots, width } = this;
    if (this.size * 4 > this.mask) this.mask = this.mask * 2 + 1;
    this.taken = this.size;
    this.slots = new Uint32Array((this.mask + 1) * (width + 1));
    for (let from = 0; from < slots.length; from += width + 1) {
      if (slots[from] === 0 || slots[from] === deleted) continue;
      let hash = 0;
      for (let i = 1; i <= width; i++) hash = mix(hash ^ slots[from + i]!);
      let at = hash & this.mask;
      while (this.slots[at * (width + 1)] !== 0) at = (at + 1) & this.mask;
      this.slots.set(slots.subarray(from, from + width + 1), at * (width + 1));
    }
  }
}

function mix(bits: number): number {
  const mixed = Math.imul(bits, 0x9e37_79b1);
  return mixed ^ (mixed >>> 15);
}
