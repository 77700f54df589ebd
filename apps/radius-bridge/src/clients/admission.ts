import { codes, types, type Packet } from '#radius';
import type { Client } from './client-table.js';

export type Refusal = 'rate-limited' | 'overload';

interface Bucket {
  tokens: number;
  filledAt: number;
}

/** Seconds of its rate that a client may use at once. */
const burst = 2;

/**
 * How much a client may ask. Each has a token bucket, which only what was verified empties: a flood under its name does
 * not silence it.
 *
 * What comes first when it is too much (RFC 5080 §2.2.1): Status-Server is always answered, since a switch that thinks us dead would move
 * all its ports. EAP conversations under way go on to their end, on credit. New ones and MAC authentication wait for tokens. When the whole
 * process can't keep up, new EAP conversations are refused, which cost a hundred times what a MAC does.
 */
export class Admission {
  /** By client of one snapshot: the next snapshot fills them all. */
  private readonly buckets = new WeakMap<Client, Bucket>();

  constructor(private readonly isOverloaded: () => boolean) {}

  /** Null: it is admitted. */
  refusal(packet: Packet, client: Client, now: number): Refusal | null {
    const bucket = this.bucketOf(client, now);
    const isConversation = packet.code === codes.accessRequest && has(packet, types.eapMessage);
    const isUnderWay = isConversation && has(packet, types.state);
    if (isConversation && !isUnderWay && this.isOverloaded()) return 'overload';
    const credit = isUnderWay ? burst * client.nas.requestsPerSecond : 0;
    if (packet.code !== codes.statusServer && bucket.tokens < 1 - credit) return 'rate-limited';
    bucket.tokens--;
    return null;
  }

  private bucketOf(client: Client, now: number): Bucket {
    const { requestsPerSecond } = client.nas;
    const full = burst * requestsPerSecond;
    let bucket = this.buckets.get(client);
    if (!bucket) {
      bucket = { tokens: full, filledAt: now };
      this.buckets.set(client, bucket);
    }
    // A clock that was set back gives nothing and takes nothing.
    const seconds = Math.max(0, now - bucket.filledAt) / 1000;
    bucket.tokens = Math.max(-full, Math.min(full, bucket.tokens + seconds * requestsPerSecond));
    bucket.filledAt = now;
    return bucket;
  }
}

const has = ({ attributes }: Packet, wanted: number): boolean => attributes.some(({ type }) => type === wanted);
