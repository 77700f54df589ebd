import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BrokenFraming, frame, MessageReader } from './framing.js';

const read = (...chunks: (string | Buffer)[]): string[] => {
  const reader = new MessageReader();
  return chunks.flatMap((chunk) => reader.push(Buffer.from(chunk as string)));
};

describe('a stream of messages', () => {
  it('is the same wherever it is cut', () => {
    const messages = fc.array(fc.string({ unit: 'binary', maxLength: 20 }), { maxLength: 5 });
    fc.assert(
      fc.property(messages, fc.array(fc.nat(200), { maxLength: 8 }), (texts, cuts) => {
        const bytes = Buffer.from(texts.map(frame).join(''));
        const reader = new MessageReader();
        const places = [...cuts.map((cut) => Math.min(cut, bytes.length)).sort((a, b) => a - b), bytes.length];
        let from = 0;
        const found = places.flatMap((to) => {
          const some = reader.push(bytes.subarray(from, to));
          from = to;
          return some;
        });
        expect(found.map((text) => JSON.parse(text) as unknown)).toEqual(texts);
      }),
    );
  });

  it.each([
    ['counts bytes, not characters', 'Content-Length: 6\r\n\r\n"äö"', ['"äö"']],
    ['has other headers, too', 'Content-Type: x; charset=utf-8\r\ncontent-length: 2\r\n\r\n{}', ['{}']],
    ['may be empty', 'Content-Length: 0\r\n\r\n', ['']],
    ['waits for the rest', 'Content-Length: 3\r\n\r\n{}', []],
  ])('%s', (_, text, messages) => {
    expect(read(text)).toEqual(messages);
  });

  it.each([
    ['has no length', 'Content-Type: x\r\n\r\n{}'],
    ['has two lengths', 'Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}'],
    ['has a length below zero', 'Content-Length: -1\r\n\r\n'],
    ['has a length that is none', 'Content-Length: 0x10\r\n\r\n'],
    ['has a length that nobody can hold', 'Content-Length: 99999999999999999999\r\n\r\n'],
    ['is longer than anything that an editor sends', 'Content-Length: 999999999\r\n\r\n'],
    ['has a header without end', 'x'.repeat(5000)],
  ])('ends when a message %s', (_, text) => {
    expect(() => read(text)).toThrow(BrokenFraming);
  });

  it('never throws anything else', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 50 })), fc.string(), (chunks, text) => {
        const reader = new MessageReader();
        try {
          for (const chunk of [Buffer.from(`Content-Length: 3\r\n${text}`), ...chunks]) reader.push(Buffer.from(chunk));
        } catch (error) {
          expect(error).toBeInstanceOf(BrokenFraming);
        }
      }),
    );
  });
});
