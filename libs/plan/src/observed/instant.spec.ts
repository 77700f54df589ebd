import fc from 'fast-check';
import { expect, it } from 'vitest';
import { instantOf } from './instant.js';

const read = (text: string): number => instantOf(Buffer.from(`1${text}1`), 1, text.length + 1);

it('reads instants as the language does', () => {
  fc.assert(
    fc.property(fc.date({ min: new Date('0000-01-01'), max: new Date('9999-12-31'), noInvalidDate: true }), (date) => {
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
