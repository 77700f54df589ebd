import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { postures } from '#model';
import { parseInventory } from './parse-inventory.js';
import { renderInventoryHeader, renderInventoryRow, unknownSite, type InventoryRow } from './render-inventory.js';

const parse = (form: 'identified' | 'hashed' | 'counted', rows: readonly InventoryRow[]) => {
  const lines = [renderInventoryHeader(form), ...rows.map((row) => renderInventoryRow(form, row))];
  const parsed = parseInventory(`${lines.join('\n')}\n`, 'devices.csv');
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.diagnostics));
  return parsed.value;
};

const name = fc.string({ minLength: 1, unit: 'grapheme-ascii' }).filter((text) => text.trim() === text);
const row = fc.record({
  class: name,
  site: fc.option(name),
  nas: fc.option(name),
  posture: fc.constantFrom(...postures),
  count: fc.integer({ min: 1, max: 1000 }),
});

describe('a rendered inventory', () => {
  it.each(['identified', 'hashed', 'counted'] as const)('%s is read as the same devices', (form) => {
    fc.assert(
      fc.property(fc.array(row, { maxLength: 20 }), (rows) => {
        const devices = rows.map((each, i): InventoryRow => ({
          ...each,
          id: form === 'counted' ? null : `00:1a:2b:3c:4d:${i.toString(16).padStart(2, '0')}`,
          addresses: form === 'identified' ? [`10.0.0.${i}`, `fd00::${i + 1}`] : [],
          count: form === 'counted' ? each.count : 1,
        }));
        const { devices: read, byAddress } = parse(form, devices);
        expect(read.map(({ line: _, ...device }) => device)).toEqual(
          devices.map(({ addresses: _, ...device }) => ({
            ...device,
            site: device.site ?? (device.nas === null ? unknownSite : null),
          })),
        );
        expect(byAddress.size).toBe(form === 'identified' ? 2 * rows.length : 0);
      }),
    );
  });

  it('stays one line per device, whatever a name holds', () => {
    const device = { id: 'a', class: '#x\r\n"y",z', site: 'main', nas: null, addresses: [], count: 1 };
    const text = renderInventoryRow('counted', { ...device, posture: 'verified' });
    expect(text).toBe('"#x ""y"",z",main,,verified,1');
  });
});
