import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TerminalFault } from '../driver.js';
import { frame, MessageDecoder, type Framing } from './framing.js';

function decodeAll(framing: Framing, pieces: readonly Uint8Array[], mostBytes?: number): string[] {
  const decoder = new MessageDecoder(mostBytes);
  decoder.framing = framing;
  const out: string[] = [];
  for (const piece of pieces) {
    decoder.push(Buffer.from(piece));
    for (let message = decoder.next(); message !== null; message = decoder.next()) out.push(message);
  }
  return out;
}

describe('framing', () => {
  it('reads the chunks of RFC 6242 §4.2', () => {
    const example =
      '\n#4\n<rpc\n#18\n message-id="102"\n\n#79\n     xmlns="urn:ietf:params:xml:ns:netconf:base:1.0">\n  <close-session/>\n</rpc>\n##\n';
    expect(decodeAll('1.1', [Buffer.from(example)])).toEqual([
      '<rpc message-id="102"\n     xmlns="urn:ietf:params:xml:ns:netconf:base:1.0">\n  <close-session/>\n</rpc>',
    ]);
  });

  it('changes between two messages', () => {
    const decoder = new MessageDecoder();
    decoder.push(Buffer.concat([frame('<hello/>', '1.0'), frame('<rpc/>', '1.1')]));
    expect(decoder.next()).toBe('<hello/>');
    decoder.framing = '1.1';
    expect(decoder.next()).toBe('<rpc/>');
    expect(decoder.next()).toBeNull();
  });

  it.each(['1.0', '1.1'] as const)('gives the same messages whatever pieces the bytes come in (%s)', (framing) => {
    const message = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 40 })
      .filter((text) => text.isWellFormed() && !text.includes(']'));
    fc.assert(
      fc.property(fc.array(message, { maxLength: 4 }), fc.array(fc.nat(300), { maxLength: 12 }), (messages, cuts) => {
        const bytes = Buffer.concat(messages.map((text) => frame(text, framing)));
        const at = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)).sort((a, b) => a - b), bytes.length];
        const pieces = at.slice(1).map((end, i) => bytes.subarray(at[i], end));
        expect(decodeAll(framing, pieces)).toEqual(messages);
      }),
    );
  });

  it.each([
    ['no size', '\n#\nx'],
    ['a size of nothing', '\n#0\n'],
    ['a size with a zero before it', '\n#04\nabcd'],
    ['a size that is too long', '\n#12345678901\n'],
    ['no line feed before it', '#4\nabcd'],
    ['a carriage return', '\r\n#4\nabcd'],
    ['an end without a message', '\n##\n'],
    ['bytes behind a message', '\n#1\na\n##\nx'],
    ['the end of the older framing', '\n#1\na]]>]]>'],
    ['a message that is not UTF-8', Buffer.from('\n#1\n\u00ff\n##\n', 'latin1')],
  ])('refuses a chunk with %s', (_, bytes) => {
    expect(() => decodeAll('1.1', [Buffer.from(bytes)])).toThrow(TerminalFault);
  });

  it.each(['1.0', '1.1'] as const)('takes no more than its bound (%s)', (framing) => {
    const message = 'x'.repeat(1000);
    expect(decodeAll(framing, [frame(message, framing)], 1000)).toEqual([message]);
    expect(() => decodeAll(framing, [frame(`${message}${message}`, framing)], 1000)).toThrow(/more than 1000 bytes/);
    const chunks = Buffer.from(`\n#600\n${'x'.repeat(600)}`.repeat(2));
    expect(() => decodeAll('1.1', [chunks.subarray(0, 640), chunks.subarray(640)], 1000)).toThrow(TerminalFault);
    expect(() => decodeAll('1.1', [Buffer.from('\n#4294967295\n')], 1000)).toThrow(/more than 1000 bytes/);
  });

  it('puts a large message together from small pieces in little time', () => {
    const bytes = frame('x'.repeat(4_000_000), '1.1');
    const pieces = Array.from({ length: Math.ceil(bytes.length / 1000) }, (_, i) =>
      bytes.subarray(1000 * i, 1000 * (i + 1)),
    );
    const begun = performance.now();
    expect(decodeAll('1.1', pieces)).toHaveLength(1);
    expect(performance.now() - begun).toBeLessThan(2000);
  });

  it('throws nothing but TerminalFault, whatever the bytes', () => {
    const words = fc
      .constantFrom('\n#', '4\n', '##\n', '\n', '<a/>', ']]>]]>', '9999999999\n')
      .map((text) => Buffer.from(text));
    fc.assert(
      fc.property(
        fc.constantFrom('1.0' as const, '1.1' as const),
        fc.array(fc.oneof(words, fc.uint8Array({ maxLength: 8 })), { maxLength: 20 }),
        (framing, pieces) => {
          try {
            decodeAll(framing, pieces, 64);
          } catch (error) {
            expect(error).toBeInstanceOf(TerminalFault);
          }
        },
      ),
      { numRuns: 1000 },
    );
  });
});
