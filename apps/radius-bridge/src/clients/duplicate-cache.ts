interface Entry {
  readonly authenticator: Buffer;
  readonly expiresAt: number;
  reply: Buffer | null;
}

const lifetimeMilliseconds = 10_000;

/**
 * RFC 5080 §2.2.2: a retransmitted request gets the very bytes of the first reply, and is never processed twice. One cache
 * per socket, asked only about requests that were verified: a forged packet must not touch it.
 *
 * INVARIANT: entries stand in the order of their expiry, so the oldest is the first.
 */
export class DuplicateCache {
  private readonly entries = new Map<string, Entry>();

  constructor(private readonly maxEntries: number) {}

  get size(): number {
    return this.entries.size;
  }

  /** The reply to repeat, `in-progress` (drop it), or `new`: the caller processes the request and then calls `finish`. */
  begin(key: string, authenticator: Buffer, now: number): Buffer | 'in-progress' | 'new' {
    const entry = this.entries.get(key);
    if (entry && entry.expiresAt > now && entry.authenticator.equals(authenticator)) {
      return entry.reply ?? 'in-progress';
    }
    this.entries.delete(key);
    this.evict(now);
    this.entries.set(key, { authenticator, expiresAt: now + lifetimeMilliseconds, reply: null });
    return 'new';
  }

  /** `null`: the request was dropped; a retransmission is a new try. A late reply to a request that was superseded is not kept. */
  finish(key: string, authenticator: Buffer, reply: Buffer | null): void {
    const entry = this.entries.get(key);
    if (!entry?.authenticator.equals(authenticator)) return;
    if (reply) entry.reply = reply;
    else this.entries.delete(key);
  }

  private evict(now: number): void {
    for (const [key, entry] of this.entries) {
      if (entry.expiresAt > now && this.entries.size < this.maxEntries) return;
      this.entries.delete(key);
    }
  }
}

/** Source address and port, Identifier; the receiving socket has its own cache. */
export function duplicateKey(address: string, port: number, id: number): string {
  return `${address} ${port * 256 + id}`;
}
