import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseInventory } from './parse-inventory.js';

const parse = (text: string) => parseInventory(text, 'devices.csv');
const devices = (text: string) => {
  const parsed = parse(text);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.diagnostics));
  return parsed.value.devices.map(({ id, class: device, site, nas, posture, count }) =>
    [id, device, site, nas, posture, count].join(' '),
  );
};

describe('an inventory', () => {
  it.each([
    ['mac,class,site\n00:1a:2b:3c:4d:5e,pump,main', ['00:1a:2b:3c:4d:5e pump main  unverified 1']],
    ['\uFEFFmac,class,site\r\n001A2B3C4D5E,pump,main\r\n', ['00:1a:2b:3c:4d:5e pump main  unverified 1']],
    ['id,class,nas,posture\nasset 7,pump,sw1,verified', ['asset 7 pump  sw1 verified 1']],
    ['class,site,count\npump,main,250', [' pump main  unverified 250']],
    [
      '# exported\nid,class,site,posture\n\na,pump,main,normal\nb,pump,main,at-risk',
      ['a pump main  unverified 1', 'b pump main  at-risk 1'],
    ],
    ['id,class,location,name\na,pump,main / B2 / ICU 1,"Plum ""360"", bed 1"', ['a pump main  unverified 1']],
    ['{"id":"a","class":"pump","site":"main","ip":["10.0.0.1","fd00::1"]}', ['a pump main  unverified 1']],
    [
      '{"class":"pump","site":"main","count":3}\n{"id":"b","class":"pump","nas":"sw1"}',
      [' pump main  unverified 3', 'b pump  sw1 unverified 1'],
    ],
  ])('%j is read', (text, expected) => expect(devices(text)).toEqual(expected));

  it.each([
    ['', 'inventory-header', 1],
    ['class,site,postrue\npump,main,verified', 'inventory-header', 1],
    ['class,class,site\n', 'inventory-header', 1],
    ['mac,site\n00:1a:2b:3c:4d:5e,main', 'inventory-header', 1],
    ['mac,class\n00:1a:2b:3c:4d:5e,pump', 'inventory-header', 1],
    ['id,class,site,posture\na,pump,main,verifed', 'inventory-field', 2],
    ['id,class,site\na,pump', 'inventory-field', 2],
    ['id,class,site\na,"pump,main', 'inventory-field', 2],
    ['id,class,site\na,,main', 'inventory-field', 2],
    ['id,class,site\na,pump,', 'inventory-field', 2],
    ['id,class,site\n,pump,main', 'inventory-field', 2],
    ['mac,class,site\nff:ff:ff:ff:ff:ff,pump,main', 'inventory-field', 2],
    ['id,class,site,ip\na,pump,main,10.0.0.256', 'inventory-field', 2],
    ['id,class,site,ip\na,pump,main,010.0.0.1', 'inventory-field', 2],
    ['class,site,count\npump,main,0', 'inventory-field', 2],
    ['class,site,count\npump,main,1.5', 'inventory-field', 2],
    ['mac,class,site\n00:1a:2b:3c:4d:5e,pump,main\n001a2b3c4d5e,pump,main', 'inventory-duplicate', 3],
    ['{"class":"pump","site":"main","count":1}\n{"class":', 'inventory-field', 2],
    ['{"class":"pump","site":"main","count":1,"postrue":"verified"}', 'inventory-field', 1],
  ])('%j is refused with its line', (text, code, line) => {
    const parsed = parse(text);
    expect(parsed.ok).toBe(false);
    expect(parsed.diagnostics.map((d) => [d.code, d.span?.file, d.span?.line])).toEqual([[code, 'devices.csv', line]]);
    expect(parsed.diagnostics[0]!.hint).toMatch(/\w{3}/);
  });

  it('reports all errors, up to twenty', () => {
    const rows = Array.from({ length: 30 }, (_, i) => `d${i},pump,main,bad`);
    const { diagnostics } = parse(['id,class,site,posture', ...rows].join('\n'));
    expect(diagnostics).toHaveLength(21);
    expect(diagnostics.at(-1)!.summary).toBe('10 more errors in this file');
  });

  it('gives an address that two devices claim to neither, and says so', () => {
    const parsed = parse(
      'id,class,site,ip\na,pump,main,10.0.0.1;fd00::1\nb,pump,main,10.0.0.1;fd00:0::1\nc,pump,main,10.0.0.2',
    );
    expect(parsed.ok && [...parsed.value.byAddress]).toEqual([[0x0a00_0002, 2]]);
    expect(parsed.ok && parsed.value.findings.map(({ code, span }) => [code, span?.line])).toEqual([
      ['address-of-two-devices', 3],
      ['address-of-two-devices', 3],
    ]);
  });

  it('of the sample hospital is read, with the site from the location', () => {
    const file = join(import.meta.dirname, '../../../../policies/inventory/devices.csv');
    const parsed = parse(readFileSync(file, 'utf8'));
    expect(parsed.ok && parsed.value.devices.length).toBe(40);
    expect(parsed.ok && new Set(parsed.value.devices.map(({ site }) => site))).toContain('main');
  });

  it('is the same however the file is cut into pieces', () => {
    const text = 'mac,class,site,ip\r\n00:1a:2b:3c:4d:5e,pump,main,10.0.0.1\r\n00:1a:2b:3c:4d:5f,"ä, b",main,fd00::1\n';
    const whole = parse(`\uFEFF${text}`);
    expect(whole.ok && whole.value.devices.map((device) => device.class)).toEqual(['pump', 'ä, b']);
    const bytes = Buffer.from(`\uFEFF${text}`);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: bytes.length }), { maxLength: 6 }), (cuts) => {
        const at = [0, ...cuts.sort((a, b) => a - b), bytes.length];
        const chunks = at.slice(1).map((end, i) => bytes.subarray(at[i], end));
        expect(parseInventory(chunks, 'devices.csv')).toEqual(whole);
      }),
    );
  });

  it('never throws', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void parse(text)));
    const row = fc.array(fc.constantFrom('a', 'pump', '"', ',', '\n', '{', '}', '10.0.0.1', ';', '1'), {
      maxLength: 40,
    });
    fc.assert(fc.property(row, (parts) => void parse(`id,class,site,ip,count\n${parts.join('')}`)));
  });
});
