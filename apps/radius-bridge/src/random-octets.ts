import { randomFillSync } from 'node:crypto';

const poolSize = 8192;

/** Random octets of the system's generator, drawn by the thousand: a draw costs about the same for sixteen. */
export class RandomOctets {
  private readonly pool = Buffer.alloc(poolSize);
  private used = poolSize;

  /** `length`: at most 8,192. Never the same octets twice: what was given is wiped here. */
  next(length: number): Buffer {
    if (this.used + length > poolSize) {
      randomFillSync(this.pool);
      this.used = 0;
    }
    const octets = Buffer.from(this.pool.subarray(this.used, this.used + length));
    this.pool.fill(0, this.used, (this.used += length));
    return octets;
  }
}
