/**
 * Numbers pairs of 32-bit integers in the order in which they are first asked for: a map without objects, for what is
 * looked up several times per observed connection. Open addressing, at most half full.
 */
export class PairIndex {
  private mask = 1023;
  private slots = new Int32Array(this.mask + 1).fill(-1);
  private keys = new Int32Array(2 * 512);
  private used = 0;

  get size(): number {
    return this.used;
  }

  /** The number of the pair: below the `size` from before the call if it was known, else equal to it. */
  of(a: number, b: number): number {
    let slot = hashOf(a, b) & this.mask;
    for (let id = this.slots[slot]!; id >= 0; id = this.slots[slot]!) {
      if (this.keys[2 * id] === (a | 0) && this.keys[2 * id + 1] === (b | 0)) return id;
      slot = (slot + 1) & this.mask;
    }
    const id = this.used++;
    this.slots[slot] = id;
    this.keys[2 * id] = a;
    this.keys[2 * id + 1] = b;
    if (this.used * 2 > this.mask) this.grow();
    return id;
  }

  private grow(): void {
    this.mask = this.mask * 2 + 1;
    this.slots = new Int32Array(this.mask + 1).fill(-1);
    const keys = new Int32Array(this.mask + 1);
    keys.set(this.keys.subarray(0, 2 * this.used));
    this.keys = keys;
    for (let id = 0; id < this.used; id++) {
      let slot = hashOf(keys[2 * id]!, keys[2 * id + 1]!) & this.mask;
      while (this.slots[slot]! >= 0) slot = (slot + 1) & this.mask;
      this.slots[slot] = id;
    }
  }
}

function hashOf(a: number, b: number): number {
  let hash = Math.imul(a, 0x9e37_79b1) ^ Math.imul(b, 0x85eb_ca77);
  hash = Math.imul(hash ^ (hash >>> 16), 0x2c1b_3c6d);
  return (hash ^ (hash >>> 13)) >>> 0;
}
