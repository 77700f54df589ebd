/** A stream of numbers from a seed: fast, and the same on every machine (xorshift32). */
export class Random {
  private state: number;

  constructor(seed: number) {
    this.state = Math.imul(seed + 1, 0x9e37_79b1) | 1;
  }

  /** From 0 to `end` - 1. */
  below(end: number): number {
    let x = this.state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.state = x;
    return (x >>> 0) % end;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }
}

const interesting = [0, 1, 2, 3, 4, 5, 0x0d, 0x1a, 0x1f, 0x20, 0x4f, 0x50, 0x7f, 0x80, 0xc0, 0xfe, 0xff];

/** A good input with some of it made wrong: bytes changed, cut, repeated, lengths that lie. */
export function mutate(good: Buffer, random: Random): Buffer {
  let bytes = Buffer.from(good);
  for (let changes = 1 + random.below(4); changes > 0; changes--) {
    const at = random.below(bytes.length + 1);
    switch (random.below(6)) {
      case 0:
        if (at < bytes.length) bytes[at] = random.pick(interesting);
        break;
      case 1:
        if (at < bytes.length) bytes[at]! ^= 1 << random.below(8);
        break;
      case 2:
        bytes = bytes.subarray(0, at);
        break;
      case 3:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(random.below(bytes.length + 1))]);
        break;
      case 4:
        if (at + 2 <= bytes.length) bytes.writeUInt16BE(random.pick([0, 4, 20, bytes.length, 4096, 0xffff]), at);
        break;
      default:
        bytes = Buffer.concat([bytes.subarray(0, at), Buffer.from([random.below(256)]), bytes.subarray(at)]);
    }
  }
  return bytes.length > 5000 ? bytes.subarray(0, 5000) : bytes;
}
