import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { faults } from './faults.ts';

const root = join(import.meta.dirname, '../..');

describe('the list of seeded faults', () => {
  it('has at least fifty, each with a name of its own', () => {
    expect(faults.length).toBeGreaterThanOrEqual(50);
    expect(new Set(faults.map(({ name }) => name)).size).toBe(faults.length);
  });

  it.each(faults.map((fault) => [fault.name, fault] as const))('fits the code: %s', (_, fault) => {
    const text = readFileSync(join(root, fault.file), 'utf8');
    expect({ file: fault.file, places: text.split(fault.find).length - 1 }).toEqual({ file: fault.file, places: 1 });
    expect(fault.replace).not.toBe(fault.find);
    expect(fault.caughtBy).not.toEqual([]);
    expect(fault.caughtBy.filter((spec) => !existsSync(join(root, spec)))).toEqual([]);
  });
});
