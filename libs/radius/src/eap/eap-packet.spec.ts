import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeEap, eapCodes, encodeEap } from './eap-packet.js';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

describe('EAP packets', () => {
  it.each([
    ['a request', '01 07 0006 0d 20', { code: 1, id: 7, type: 13, data: hex('20') }],
    ['a response without data', '02 07 0005 0d', { code: 2, id: 7, type: 13, data: hex('') }],
    ['Success', '03 07 0004', { code: 3, id: 7, type: null, data: hex('') }],
    [
      'one with padding after its end, which is ignored',
      '02 07 0006 01 61 0000',
      { code: 2, id: 7, type: 1, data: hex('61') },
    ],
  ])('decodes %s', (_, bytes, expected) => {
    expect(decodeEap(hex(bytes))).toEqual(expected);
  });

  it.each([
    ['nothing', '', 'eap-too-short'],
    ['half a header', '02 07 00', 'eap-too-short'],
    ['less than its length', '02 07 0007 01 61', 'eap-truncated'],
    ['a response without a type', '02 07 0004', 'eap-bad-length'],
    ['a length within the header', '02 07 0003 01', 'eap-bad-length'],
    ['Success with data', '03 07 0005 00', 'eap-bad-length'],
    ['an unknown code', '05 07 0005 01', 'eap-unknown-code'],
  ])('refuses %s', (_, bytes, reason) => {
    expect(decodeEap(hex(bytes))).toBe(reason);
  });

  it('gives back what was encoded', () => {
    const code = fc.constantFrom(eapCodes.request, eapCodes.response);
    fc.assert(
      fc.property(code, fc.nat(255), fc.nat(255), fc.uint8Array({ maxLength: 2000 }), (code, id, type, data) => {
        expect(decodeEap(encodeEap(code, id, type, Buffer.from(data)))).toEqual({
          code,
          id,
          type,
          data: Buffer.from(data),
        });
      }),
    );
  });

  it('never reads beyond the bytes, whatever they are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        const packet = decodeEap(Buffer.from(bytes));
        if (typeof packet !== 'string') expect(packet.data.length).toBeLessThanOrEqual(Math.max(0, bytes.length - 4));
      }),
    );
  });
});
