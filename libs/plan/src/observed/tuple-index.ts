/** Integers of a slot: the tuple, and its number plus one; a slot with 0 there is free. */
const stride = 5;

/**
 * Numbers tuples of up to four 32-bit integers in the order in which they are first asked for: a map without objects, for
 * what is looked up several times per observed connection. Open addressing, at most three quarters full.
 */
export class TupleIndex {
  private mask = 1023;
  private slots = new Int32Array(stride * (this.mask + 1));
  private used = 0;

  get size(): number {
    return this.used;
  }

  /** The number of the tuple: below the `size` from before the call if it was known, else equal to it. */
  of(a: number, b: number, c = 0, d = 0): number {
    const at = this.find(a | 0, b | 0, c | 0, d | 0);
    const { slots } = this;
    if (slots[at + 4] !== 0) return slots[at + 4]! - 1;
    slots[at] = a;
    slots[at + 1] = b;
    slots[at + 2] = c;
    slots[at + 3] = d;
    slots[at + 4] = ++this.used;
    if (this.used * 4 > this.mask * 3) this.grow();
    return this.used - 1;
  }

  /** Where the slot begins that has the tuple, or could take it. */
  private find(a: number, b: number, c: number, d: number): number {
    const { slots, mask } = this;
    for (let slot = hashOf(a, b, c, d) & mask; ; slot = (slot + 1) & mask) {
      const at = slot * stride;
      if (slots[at + 4] === 0) return at;
      if (slots[at] === a && slots[at + 1] === b && slots[at + 2] === c && slots[at + 3] === d) return at;
    }
  }

  private grow(): void {
    const old = this.slots;
    this.mask = this.mask * 2 + 1;
    this.slots = new Int32Array(stride * (this.mask + 1));
    for (let at = 0; at < old.length; at += stride) {
      if (old[at + 4] === 0) continue;
      const to = this.find(old[at]!, old[at + 1]!, old[at + 2]!, old[at + 3]!);
      for (let i = 0; i < stride; i++) this.slots[to + i] = old[at + i]!;
    }
  }
}

function hashOf(a: number, b: number, c: number, d: number): number {
  let hash =
    Math.imul(a, 0x9e37_79b1) ^ Math.imul(b, 0x85eb_ca77) ^ Math.imul(c, 0xc2b2_ae3d) ^ Math.imul(d, 0x27d4_eb2f);
  hash = Math.imul(hash ^ (hash >>> 16), 0x2c1b_3c6d);
  return hash ^ (hash >>> 13);
}
