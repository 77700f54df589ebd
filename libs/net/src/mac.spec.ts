import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatMacRadius, isLocallyAdministered, parseMac } from './mac.js';

describe('parseMac', () => {
  it.each(['001A2b3C4d5E', '00-1A-2B-3C-4D-5E', '00:1a:2b:3c:4d:5e', '001a.2b3c.4d5e', '001A-2B3C-4D5E'])(
    'reads %s',
    (text) => {
      expect(parseMac(text)).toBe('00:1a:2b:3c:4d:5e');
    },
  );

  it.each([
    ['nothing', ''],
    ['a digit missing', '001a2b3c4d5'],
    ['a digit too many', '001a2b3c4d5e0'],
    ['no hex', '00-1A-2B-3C-4D-5G'],
    ['mixed separators', '00-1a:2b-3c:4d-5e'],
    ['one digit per byte', '0:1a:2b:3c:4d:5e'],
    ['a separator at the end', '001a2b3c4d5e-'],
    ['blanks around it', ' 001a2b3c4d5e'],
    ['a line after it', '001a2b3c4d5e\n'],
    ['an SSID after it', '00-1A-2B-3C-4D-5E:WARD'],
    ['all zeros', '00:00:00:00:00:00'],
    ['broadcast', 'ff:ff:ff:ff:ff:ff'],
    ['a group address', '01:00:5e:00:00:01'],
    ['digits of another script', '٠٠1a2b3c4d5e'],
  ])('refuses %s', (_, text) => expect(parseMac(text)).toBeNull());

  it('reads what the regular expressions of the five forms read', () => {
    const forms = [
      /^[0-9a-f]{12}$/i,
      /^[0-9a-f]{2}(-[0-9a-f]{2}){5}$/i,
      /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i,
      /^[0-9a-f]{4}(\.[0-9a-f]{4}){2}$/i,
      /^[0-9a-f]{4}(-[0-9a-f]{4}){2}$/i,
    ];
    const naive = (text: string): string | null => {
      if (!forms.some((form) => form.test(text))) return null;
      const hex = text.replace(/[^0-9a-f]/gi, '').toLowerCase();
      if (/^0+$/.test(hex) || (Number.parseInt(hex.slice(0, 2), 16) & 1) === 1) return null;
      return hex.replace(/..(?!$)/g, '$&:');
    };
    const digits = fc.string({
      unit: fc.constantFrom(...'0123456789abcdefABCDEF'.split('')),
      minLength: 12,
      maxLength: 12,
    });
    const written = fc
      .tuple(digits, fc.constantFrom(2, 4, 6, 12), fc.constantFrom(':', '-', '.'))
      .map(([hex, group, separator]) => hex.match(new RegExp(`.{${group}}`, 'g'))!.join(separator));
    const damaged = fc
      .tuple(written, fc.nat(17), fc.constantFrom('', ':', '-', '.', '0', 'g', 'G', '@', '`', '\u0130'))
      .map(([text, at, piece]) => text.slice(0, at) + piece + text.slice(at + 1));
    fc.assert(
      fc.property(fc.oneof(written, damaged, fc.string({ maxLength: 18 })), (text) => {
        expect(parseMac(text)).toBe(naive(text));
      }),
      { numRuns: 5000 },
    );
  });

  it('writes the form of Calling-Station-Id, which it reads back', () => {
    const mac = parseMac('001a2b3c4d5e')!;
    expect(formatMacRadius(mac)).toBe('00-1A-2B-3C-4D-5E');
    expect(parseMac(formatMacRadius(mac))).toBe(mac);
  });

  it.each([
    ['02:00:00:00:00:01', true],
    ['da:a1:19:00:00:01', true],
    ['00:1a:2b:3c:4d:5e', false],
    ['fc:1a:2b:3c:4d:5e', false],
  ])('%s is made up: %s', (text, expected) => expect(isLocallyAdministered(parseMac(text)!)).toBe(expected));
});
