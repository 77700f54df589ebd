import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ipv4Number } from '../text/ipv4.js';
import { parseAddress } from '#net';
import { instantOf } from './instant.js';

const read = (text: string): number => instantOf(`x${text}y`, 1, text.length + 1);

it('reads instants as the language does', () => {
  fc.assert(
    fc.property(fc.date({ min: new Date('1970-01-01'), max: new Date('2099-12-31'), noInvalidDate: true }), (date) => {
      const text = date.toISOString();
      expect(read(text)).toBe(date.getTime());
      expect(read(text.replace('T', ' ').replace('Z', ''))).toBe(date.getTime());
      expect(read(text.replace('Z', '+05:30'))).toBe(Date.parse(text.replace('Z', '+05:30')));
      expect(read(text.replace(/\.\d+Z/, '-08:00'))).toBe(Date.parse(text.replace(/\.\d+Z/, '-08:00')));
    }),
  );
});

it.each([
  '',
  '2026',
  '2026-13-01T00:00:00Z',
  '2026-01-32T00:00:00Z',
  '2026-01-01T25:00:00Z',
  '2026-01-01T00:60:00Z',
  '2026/01/01T00:00:00Z',
  '2026-01-01T00:00:00X',
  '2026-01-01T00:00:00+5',
  '2o26-01-01T00:00:00Z',
  '1764000000',
])('refuses %j', (text) => expect(read(text)).toBeNaN());

it('reads IPv4 addresses as the strict parser does', () => {
  const octet = fc.oneof(fc.integer({ min: 0, max: 300 }).map(String), fc.constantFrom('', '01', '-1', 'a', ' 1'));
  fc.assert(
    fc.property(fc.array(octet, { minLength: 3, maxLength: 5 }), (octets) => {
      const text = octets.join('.');
      const strict = parseAddress(text);
      expect(ipv4Number(text)).toBe(strict?.family === 4 ? Number(strict.value) : -1);
    }),
    { numRuns: 1000 },
  );
});
