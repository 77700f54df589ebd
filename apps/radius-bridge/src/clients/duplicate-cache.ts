import type { Source } from '../transport/source.js';

interface Entry {
  readonly key: string;
  /** A character per byte: a view would keep its whole datagram in memory. */
  readonly authenticator: string;
  readonly expiresAt: number;
  reply: Buffer | null;
}

const lifetimeMilliseconds = 10_000;

/**
 * RFC 5080 §2.2.2: a retransmitted request gets the very bytes of the first reply, and is never processed twice. Asked only
 * about requests that were verified: a forged packet must not touch it.
 *
 * INVARIANT: `queue` from `head` on holds every entry of the map, in the order of expiry. Entries that were superseded stand
 * there until their turn: taking them out, or looking for the oldest in a map that entries were deleted from, is slow.
 */
export class DuplicateCache {
  private readonly entries = new Map<string, Entry>();
  private queue: (Entry | null)[] = [];
  private head = 0;

  constructor(private readonly maxEntries: number) {}

  get size(): number {
    return this.entries.size;
  }

  /** The reply to repeat, `in-progress` (drop it), or `new`: the caller processes the request and then calls `finish`. */
  begin(key: string, authenticator: Buffer, now: number): Buffer | 'in-progress' | 'new' {
    const known = this.entries.get(key);
    const text = authenticator.toString('latin1');
    if (known && known.expiresAt > now && known.authenticator === text) {
      return known.reply ?? 'in-progress';
    }
    this.evict(now);
    const entry: Entry = { key, authenticator: text, expiresAt: now + lifetimeMilliseconds, reply: null };
    this.entries.set(key, entry);
    this.queue.push(entry);
    return 'new';
  }

  /** `null`: the request was dropped; a retransmission is a new try. A late reply to a request that was superseded is not kept. */
  finish(key: string, authenticator: Buffer, reply: Buffer | null): void {
    const entry = this.entries.get(key);
    if (entry?.authenticator !== authenticator.toString('latin1')) return;
    if (reply) entry.reply = reply;
    else this.entries.delete(key);
  }

  private evict(now: number): void {
    for (let oldest = this.queue[this.head]; oldest; oldest = this.queue[this.head]) {
      if (oldest.expiresAt > now && this.queue.length - this.head < this.maxEntries) break;
      this.queue[this.head++] = null;
      if (this.entries.get(oldest.key) === oldest) this.entries.delete(oldest.key);
    }
    if (this.head > 1024 && this.head > this.queue.length / 2) {
      this.queue = this.queue.slice(this.head);
      this.head = 0;
    }
  }
}

/** Source address and port, Identifier, and the socket or connection that received it (RFC 5080 §2.2.2). */
export function duplicateKey({ address, port, via = 0 }: Source, id: number): string {
  return `${address} ${via * 2 ** 24 + port * 256 + id}`;
}
