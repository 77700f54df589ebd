import { fnv1a } from '#base';
import type { Source } from '../transport/source.js';

const lifetimeMilliseconds = 10_000;
const authenticatorLength = 16;
const slabLength = 256 * 1024;

/** A source address with requests in the cache; `hash` is of its text. */
interface Origin {
  readonly address: string;
  readonly hash: number;
  requests: number;
}

/**
 * RFC 5080 §2.2.2: a retransmitted request gets the very bytes of the first reply, and is never processed twice. A request is told
 * by source address and port, Identifier, and the socket or connection that received it. Asked only about requests that were
 * verified: a forged packet must not touch it.
 *
 * All of it stands in arrays, a request in a slot, replies one behind the other in slabs of bytes. With an object for each in a Map, the
 * garbage collector would carry a hundred thousand of them around while ten thousand a second come and go.
 *
 *     slots    … | free | oldest | … | youngest | free | …      a ring in the order of arrival, which is that of expiry
 *     table    hash of origin and request ▶ slot + 1, 0: none; the next place when one is taken
 *
 * INVARIANT: a slot with an origin is in the table, once. One without was superseded or dropped, and waits for its turn in the ring.
 */
export class DuplicateCache {
  private readonly byAddress = new Map<string, Origin>();
  private readonly origins: (Origin | null)[];
  /** As `requestOf` says. */
  private readonly requests: Float64Array;
  private readonly authenticators: Uint8Array;
  private readonly expiries: Float64Array;
  /** The slab that has the reply; null: the request is in progress. */
  private readonly slabs: (Buffer | null)[];
  private readonly starts: Uint32Array;
  private readonly lengths: Uint16Array;
  private readonly table: Int32Array;
  private readonly mask: number;
  private first = 0;
  private used = 0;
  private slab: Buffer = Buffer.alloc(0);
  private slabUsed = 0;

  constructor(private readonly maxEntries: number) {
    this.origins = Array.from({ length: maxEntries }, () => null);
    this.requests = new Float64Array(maxEntries);
    this.authenticators = new Uint8Array(maxEntries * authenticatorLength);
    this.expiries = new Float64Array(maxEntries);
    this.slabs = Array.from({ length: maxEntries }, () => null);
    this.starts = new Uint32Array(maxEntries);
    this.lengths = new Uint16Array(maxEntries);
    // Half of it is free at least, so that a search ends after a step or two.
    this.table = new Int32Array(2 ** Math.ceil(Math.log2(2 * maxEntries)));
    this.mask = this.table.length - 1;
  }

  get size(): number {
    return this.used;
  }

  get addresses(): number {
    return this.byAddress.size;
  }

  /** The reply to repeat, `in-progress` (drop it), or `new`: the caller processes the request and then calls `finish`. */
  begin(source: Source, id: number, authenticator: Buffer, now: number): Buffer | 'in-progress' | 'new' {
    const slot = this.find(source, id);
    if (slot !== -1) {
      if (this.expiries[slot]! > now && this.isOf(slot, authenticator)) return this.replyIn(slot) ?? 'in-progress';
      this.remove(slot);
    }
    this.evict(now);
    this.put(source, id, authenticator, now + lifetimeMilliseconds);
    return 'new';
  }

  /** `null`: the request was dropped; a retransmission is a new try. A late reply to a request that was superseded is not kept. */
  finish(source: Source, id: number, authenticator: Buffer, reply: Buffer | null): void {
    const slot = this.find(source, id);
    if (slot === -1 || !this.isOf(slot, authenticator)) return;
    if (reply) this.keep(slot, reply);
    else this.remove(slot);
  }

  /** -1: none. */
  private find(source: Source, id: number): number {
    const origin = this.byAddress.get(source.address);
    if (!origin) return -1;
    const request = requestOf(source, id);
    for (let at = placeOf(origin, request) & this.mask; ; at = (at + 1) & this.mask) {
      const slot = this.table[at]! - 1;
      if (slot === -1 || (this.requests[slot] === request && this.origins[slot] === origin)) return slot;
    }
  }

  private isOf(slot: number, authenticator: Buffer): boolean {
    const start = slot * authenticatorLength;
    for (let i = 0; i < authenticatorLength; i++) if (this.authenticators[start + i] !== authenticator[i]) return false;
    return true;
  }

  private put(source: Source, id: number, authenticator: Buffer, expiry: number): void {
    const slot = (this.first + this.used++) % this.maxEntries;
    const origin = this.originOf(source.address);
    origin.requests++;
    this.origins[slot] = origin;
    this.requests[slot] = requestOf(source, id);
    const start = slot * authenticatorLength;
    for (let i = 0; i < authenticatorLength; i++) this.authenticators[start + i] = authenticator[i]!;
    this.expiries[slot] = expiry;
    this.slabs[slot] = null;
    let at = this.placeIn(slot);
    while (this.table[at] !== 0) at = (at + 1) & this.mask;
    this.table[at] = slot + 1;
  }

  /** Out of the table; the ring keeps the slot until its turn. */
  private remove(slot: number): void {
    const { table, mask } = this;
    let hole = this.placeIn(slot);
    while (table[hole] !== slot + 1) hole = (hole + 1) & mask;
    // What stands behind the hole only because its own place was taken moves up (Knuth, volume 3, section 6.4, algorithm R).
    for (let at = (hole + 1) & mask; table[at] !== 0; at = (at + 1) & mask) {
      const own = this.placeIn(table[at]! - 1);
      if (((at - own) & mask) < ((at - hole) & mask)) continue;
      table[hole] = table[at]!;
      hole = at;
    }
    table[hole] = 0;
    const origin = this.origins[slot]!;
    if (--origin.requests === 0) this.byAddress.delete(origin.address);
    this.origins[slot] = null;
    this.slabs[slot] = null;
  }

  /** What has expired, and the oldest when there is no room. */
  private evict(now: number): void {
    while (this.used > 0) {
      const slot = this.first;
      if (this.origins[slot] !== null) {
        if (this.expiries[slot]! > now && this.used < this.maxEntries) return;
        this.remove(slot);
      }
      this.first = (slot + 1) % this.maxEntries;
      this.used--;
    }
  }

  private keep(slot: number, reply: Buffer): void {
    if (this.slabUsed + reply.length > this.slab.length) {
      this.slab = Buffer.allocUnsafeSlow(slabLength);
      this.slabUsed = 0;
    }
    reply.copy(this.slab, this.slabUsed);
    this.slabs[slot] = this.slab;
    this.starts[slot] = this.slabUsed;
    this.lengths[slot] = reply.length;
    this.slabUsed += reply.length;
  }

  private replyIn(slot: number): Buffer | null {
    const start = this.starts[slot]!;
    return this.slabs[slot]?.subarray(start, start + this.lengths[slot]!) ?? null;
  }

  private originOf(address: string): Origin {
    let origin = this.byAddress.get(address);
    if (!origin) this.byAddress.set(address, (origin = { address, hash: fnv1a(address), requests: 0 }));
    return origin;
  }

  private placeIn(slot: number): number {
    return placeOf(this.origins[slot]!, this.requests[slot]!) & this.mask;
  }
}

/** What tells a request of one address from its others. */
const requestOf = ({ port, via = 0 }: Source, id: number): number => via * 2 ** 24 + port * 256 + id;

function placeOf({ hash }: Origin, request: number): number {
  const mixed = Math.imul(hash ^ request, 0x9e3779b1) ^ Math.imul(request / 2 ** 32, 0x85ebca6b);
  return mixed ^ (mixed >>> 15);
}
