import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { IdentityRule } from '#policy/snapshot';
import type { Mac } from '#net';
import { deviceOf, whyOther } from './named-device.js';

const pump = '00:1a:2b:3c:4d:5e' as Mac;
const other = '00:1a:2b:3c:4d:60' as Mac;

const byPattern = (pattern: string, ...names: string[]) => deviceOf(() => names, [{ from: 'common-name', pattern }]);
const serialBy = (pattern: string, name: string): string | null => {
  const found = byPattern(pattern, name);
  return 'reason' in found ? null : found.serial;
};

describe('a serial number in a name', () => {
  it.each<[pattern: string, name: string, serial: string | null]>([
    ['{serial}', 'AB-17', 'AB-17'],
    ['{serial}', '  AB 17\t', 'AB 17'],
    ['{serial}', '00:1a:2b:3c:4d:5e', '00:1a:2b:3c:4d:5e'],
    ['{serial}', 'x'.repeat(200), 'x'.repeat(200)],
    ['{serial}', `  ${'x'.repeat(200)}  `, 'x'.repeat(200)],
    ['{serial}', 'x'.repeat(201), null],
    ['{serial}', '', null],
    ['{serial}', '   ', null],
    ['{serial}', '{serial}', '{serial}'],
    ['SN:{serial}', 'sn:AB-17', 'AB-17'],
    ['SN:{serial}', 'SN:', null],
    ['SN:{serial}', 'SN: ', null],
    ['SN:{serial}', 'AB-17', null],
    ['SN:{serial}', 'PID:7 SN:AB-17', null],
    ['{serial}.maker.test', 'AB-17.Maker.Test', 'AB-17'],
    ['{serial}.maker.test', 'AB-17.maker.test.evil.test', null],
    ['{serial}.maker.test', 'a.b.maker.test', 'a.b'],
    ['aba{serial}aba', 'abaaba', null],
    ['aba{serial}aba', 'ababa', null],
    ['$&{serial}.*', '$&7.*', '7'],
    ['{serial}', 'Größe 7', 'Größe 7'],
  ])('%s of %j is %j', (pattern, name, serial) => {
    expect(serialBy(pattern, name)).toBe(serial);
  });

  it('is found again wherever it was put, in upper or lower case around it, and nothing else is', () => {
    const text = fc.string({ maxLength: 12 }).filter((part) => !/[{}]/.test(part));
    fc.assert(
      fc.property(
        text,
        text,
        fc.string({ maxLength: 12 }),
        fc.string({ maxLength: 30 }),
        (before, after, serial, any) => {
          const pattern = `${before}{serial}${after}`;
          const wanted = serial.trim() === '' ? null : serial.trim();
          for (const around of [before, before.toUpperCase(), before.toLowerCase()])
            expect(serialBy(pattern, `${around}${serial}${after}`)).toBe(wanted);
          const found = serialBy(pattern, any);
          const isOfForm =
            any.length >= before.length + after.length &&
            any.toLowerCase().startsWith(before.toLowerCase()) &&
            any.toLowerCase().endsWith(after.toLowerCase());
          const inside = isOfForm ? any.slice(before.length, any.length - after.length).trim() : '';
          expect(found).toBe(inside === '' ? null : inside);
        },
      ),
    );
  });
});

describe('what a certificate names', () => {
  const rules: IdentityRule[] = [
    { from: 'dns-name', pattern: '{mac}.devices.test' },
    { from: 'serial-number', pattern: '{serial}' },
    { from: 'common-name', pattern: 'SN-{serial}' },
  ];
  type Names = Partial<Record<IdentityRule['from'], string[]>>;
  const named = (names: Names) => deviceOf((from) => names[from] ?? [], rules);
  const macName = '001a2b3c4d5e.devices.test';

  it.each<[what: string, names: Names, mac: Mac | null, serial: string | null]>([
    ['an address', { 'dns-name': [macName] }, pump, null],
    ['a serial number', { 'serial-number': ['A-1'] }, null, 'A-1'],
    ['both', { 'dns-name': [macName], 'serial-number': ['A-1'] }, pump, 'A-1'],
    ['the same twice', { 'serial-number': ['A-1', 'a-1'], 'common-name': ['sn-A-1', 'pump'] }, null, 'A-1'],
  ])('is %s', (_, names, mac, serial) => {
    expect(named(names)).toEqual({
      mac,
      serial: expect.toSatisfy((text) => text?.toLowerCase() === serial?.toLowerCase()),
    });
  });

  it.each<[what: string, names: Names, reason: RegExp]>([
    ['nothing', { 'common-name': ['pump'], email: ['A-1'] }, /no name in the certificate/],
    ['two serial numbers', { 'serial-number': ['A-1', 'A-2'] }, /more than one device/],
    ['two in two fields', { 'serial-number': ['A-1'], 'common-name': ['SN-A-2'] }, /more than one device/],
    ['two addresses', { 'dns-name': [macName, '001a2b3c4d60.devices.test'] }, /more than one device/],
  ])('is refused when it is %s', (_, names, reason) => {
    expect(named(names)).toEqual({ reason: expect.stringMatching(reason) });
  });
});

describe('the device on the port', () => {
  it.each<[what: string, mac: Mac | null, serial: string | null, recorded: string | null]>([
    ['its address', pump, null, null],
    ['its address, whatever its record has', pump, null, 'A-1'],
    ['its serial number', null, 'A-1', 'A-1'],
    ['its serial number in another case', null, 'a-1é', 'A-1É'],
    ['both', pump, 'A-1', 'A-1'],
  ])('is the one of the certificate by %s', (_, mac, serial, recorded) => {
    expect(whyOther({ mac, serial }, pump, recorded)).toBe(null);
  });

  const of = 'the certificate is that of';
  it.each<[mac: Mac | null, serial: string | null, recorded: string | null, reason: string]>([
    [other, null, null, `${of} ${other}, which is not the device on this port`],
    [other, 'A-1', 'A-1', `${of} ${other}, which is not the device on this port`],
    [
      pump,
      'A-1',
      '',
      `${of} serial number \`A-1\`, and the inventory has no serial number for ${pump}, the device on this port`,
    ],
    [
      null,
      'A-1',
      'A-2',
      `${of} serial number \`A-1\`, and the inventory has \`A-2\` for ${pump}, the device on this port`,
    ],
    [
      null,
      'A-1',
      'A-1 2',
      `${of} serial number \`A-1\`, and the inventory has \`A-1 2\` for ${pump}, the device on this port`,
    ],
    [
      null,
      'A-1',
      null,
      `${of} serial number \`A-1\`, and the inventory has no record of ${pump}, the device on this port`,
    ],
  ])('is not that of %s, %s where the inventory has %j', (mac, serial, recorded, reason) => {
    expect(whyOther({ mac, serial }, pump, recorded)).toBe(reason);
  });

  it('is never told by an empty serial number', () => {
    expect(whyOther({ mac: null, serial: '' }, pump, '')).not.toBe(null);
  });
});
