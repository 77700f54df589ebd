import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PacketStream } from './packet-stream.js';

function packet(length: number, id = 1): Buffer {
  const bytes = Buffer.alloc(length, id);
  bytes.writeUInt16BE(length, 2);
  return bytes;
}

describe('packets out of a stream', () => {
  it('come out whole and in order, however the stream is cut', () => {
    const packets = fc.array(fc.integer({ min: 20, max: 4096 }), { minLength: 1, maxLength: 6 });
    const cuts = fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1 });
    fc.assert(
      fc.property(packets, cuts, (lengths, sizes) => {
        const sent = lengths.map((length, i) => packet(length, i));
        const bytes = Buffer.concat(sent);
        const stream = new PacketStream();
        const received: Buffer[] = [];
        for (let at = 0, i = 0; at < bytes.length; i++) {
          const size = sizes[i % sizes.length]!;
          received.push(...stream.push(bytes.subarray(at, at + size))!);
          at += size;
        }
        expect(received.map((one) => one.toString('hex'))).toEqual(sent.map((one) => one.toString('hex')));
        expect(stream.isInside).toBe(false);
      }),
      { numRuns: 200 },
    );
  });

  it.each([0, 19, 4097, 65_535])('are not there when the length is %i', (length) => {
    const stream = new PacketStream();
    const header = Buffer.from([1, 1, length >> 8, length & 255]);
    expect(stream.push(header)).toBeNull();
    expect(new PacketStream().push(Buffer.concat([packet(20), header]))).toBeNull();
  });

  it('are waited for, without holding more than one', () => {
    const stream = new PacketStream();
    expect(stream.push(packet(4096).subarray(0, 4095))).toEqual([]);
    expect(stream.isInside).toBe(true);
  });
});
