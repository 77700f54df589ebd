import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { driverFacts } from '#model';
import { driverNamed, drivers } from './registry.js';

describe('registry', () => {
  it('knows each driver by its own name, and no other', () => {
    expect([...drivers.keys()].sort()).toEqual(Object.keys(driverFacts).sort());
    for (const name of drivers.keys()) expect(driverNamed(name, {})?.name).toBe(name);
    expect(driverNamed('iptables', {})).toBeNull();
    expect(driverNamed('constructor', {})).toBeNull();
  });

  it.each([...drivers.keys()])('has a spec in which %s passes the conformance kit', (name) => {
    const specs = globSync('*.spec.ts', { cwd: path.join(import.meta.dirname, name) });
    const texts = specs.map((file) => readFileSync(path.join(import.meta.dirname, name, file), 'utf8'));
    expect(texts.some((text) => text.includes('describeConformance({'))).toBe(true);
  });
});
