import type { Clock } from '#base';

/** What a gateway or collector may tell: a scan of its whole network must not cost the controller more than this. */
export const mostBytesAtOnce = 32 * 1024 * 1024;
export const mostBytesPerSecond = 1024 * 1024;

/** What a key had left is forgotten when so many others came after it. */
const mostKeys = 10_000;

/** So much at once, and `perSecond` from then on; each key for itself. */
export class RateLimit {
  private readonly left = new Map<string, { amount: number; at: number }>();

  constructor(
    private readonly clock: Clock,
    private readonly atOnce: number,
    private readonly perSecond: number,
  ) {}

  /** False: too much; nothing is taken. */
  take(key: string, amount: number): boolean {
    const now = this.clock.now().getTime();
    const { amount: before, at } = this.left.get(key) ?? { amount: this.atOnce, at: now };
    const available = Math.min(this.atOnce, before + (Math.max(now - at, 0) / 1000) * this.perSecond);
    const isEnough = amount <= available;
    if (this.left.size >= mostKeys && !this.left.has(key)) this.left.delete(this.left.keys().next().value!);
    this.left.set(key, { amount: available - (isEnough ? amount : 0), at: now });
    return isEnough;
  }
}
