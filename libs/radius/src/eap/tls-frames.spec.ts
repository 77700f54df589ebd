import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeTlsFrame, IncomingMessage, mostIncoming, OutgoingMessage } from './tls-frames.js';

const frame = (text: string) => decodeTlsFrame(Buffer.from(text.replaceAll(' ', ''), 'hex'))!;

describe('TLS in EAP', () => {
  it('comes out of its fragments as it went in, and each is as long as was asked for', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 5000 }),
        fc.integer({ min: 6, max: 1500 }),
        (bytes, most) => {
          const outgoing = new OutgoingMessage(Buffer.from(bytes), most);
          const incoming = new IncomingMessage();
          for (let round = 0; ; round++) {
            const typeData = outgoing.next();
            expect(typeData.length).toBeLessThanOrEqual(most);
            const decoded = decodeTlsFrame(typeData)!;
            // The length stands in the first of several fragments, and nowhere else.
            expect(decoded.length).toBe(round === 0 && !outgoing.isDone ? bytes.length : null);
            const whole = incoming.add(decoded);
            if (outgoing.isDone) {
              expect(whole).toEqual(Buffer.from(bytes));
              return;
            }
            expect(whole).toBe('more');
          }
        },
      ),
    );
  });

  it.each([
    ['no flags at all', ''],
    ['a length that is cut off', '80 000010'],
  ])('is no frame with %s', (_, text) => {
    expect(decodeTlsFrame(Buffer.from(text.replaceAll(' ', ''), 'hex'))).toBeNull();
  });

  it.each([
    ['announces more than a flight can be', ['c0 00010001 61']],
    ['brings more than was announced', ['c0 00000002 61', '00 616161']],
    ['brings less than was announced', ['c0 00000009 61', '00 61']],
    ['changes its length on the way', ['c0 00000009 61', 'c0 00000008 61']],
    ['goes on without data', ['40']],
  ])('is refused when it %s', (_, frames) => {
    const incoming = new IncomingMessage();
    expect(frames.map((text) => incoming.add(frame(text))).at(-1)).toBe('refused');
  });

  it('is refused when fragments without a length never end', () => {
    const incoming = new IncomingMessage();
    const fragment = { length: null, more: true, start: false, data: Buffer.alloc(1000) };
    const results = Array.from({ length: mostIncoming / 1000 + 1 }, () => incoming.add(fragment));
    expect(results.at(-1)).toBe('refused');
  });
});
