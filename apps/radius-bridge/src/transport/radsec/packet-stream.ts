import { headerLength, maxPacketLength } from '#radius';

/**
 * RADIUS packets out of a stream: each says its own length in its third and fourth byte (RFC 6613 §2.3). Holds less than one packet.
 */
export class PacketStream {
  private rest: Buffer = Buffer.alloc(0);

  /** A packet has begun, and is not all here. */
  get isInside(): boolean {
    return this.rest.length > 0;
  }

  /** The packets that are whole now. Null: what comes is no RADIUS, and nothing that follows can be read. */
  push(chunk: Buffer): Buffer[] | null {
    const bytes = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk]);
    const packets: Buffer[] = [];
    let at = 0;
    while (bytes.length - at >= 4) {
      const length = bytes.readUInt16BE(at + 2);
      if (length < headerLength || length > maxPacketLength) return null;
      if (bytes.length - at < length) break;
      packets.push(bytes.subarray(at, at + length));
      at += length;
    }
    // A copy: a view would keep the whole chunk in memory.
    this.rest = at === bytes.length ? Buffer.alloc(0) : Buffer.from(bytes.subarray(at));
    return packets;
  }
}
