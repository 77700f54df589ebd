import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Line, linesOf, type TextChunks } from './lines.js';

const read = (chunks: TextChunks): string[] => Array.from(linesOf(chunks), (line) => line.text());

it.each([
  ['', []],
  ['a', ['a']],
  ['a\n', ['a']],
  ['a\n\nb', ['a', '', 'b']],
  ['a\r\nb\r\n', ['a', 'b']],
  ['a\r', ['a']],
  ['a\rb\n', ['a\rb']],
  ['\uFEFFa\n\uFEFFb', ['a', '\uFEFFb']],
])('%j has the lines %j', (text, lines) => expect(read(text)).toEqual(lines));

it('are the same however the file is cut, and when its pieces come in one buffer', () => {
  const part = fc.constantFrom('\n', '\r', '\r\n', 'a', 'ä', '€', '\uFEFF', ',', 'a long part of a line');
  fc.assert(
    fc.property(fc.array(part, { maxLength: 40 }), fc.integer({ min: 1, max: 7 }), (parts, size) => {
      const text = parts.join('');
      const buffer = Buffer.alloc(size);
      function* pieces(): Generator<Uint8Array> {
        const bytes = Buffer.from(text);
        for (let at = 0; at < bytes.length; at += size) yield buffer.subarray(0, bytes.copy(buffer, 0, at, at + size));
      }
      expect(read(pieces())).toEqual(read(text));
    }),
  );
});

it('a line is asked for what it begins with and what it has', () => {
  const line = new Line(Buffer.from('Summary'));
  expect(['', 'Sum', 'Summary', 'sum', 'Summary,'].map((text) => line.startsWith(text))).toEqual([
    true,
    true,
    true,
    false,
    false,
  ]);
  expect([line.includes(0x6d), line.includes(0x22)]).toEqual([true, false]);
});
