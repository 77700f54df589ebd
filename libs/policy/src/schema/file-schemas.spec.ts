import { matchesGlob } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { sampleFiles } from '../spec/sample.js';
import { describedFields } from './descriptions.js';
import { fileSchemas } from './file-schemas.js';

const schemas = fileSchemas();

/** zod reads JSON Schema too: a second way to the same answer, by what is written to disk alone. */
const validators = new Map(
  schemas.map(({ kind, schema }) => [
    kind,
    z.fromJSONSchema(JSON.parse(JSON.stringify(schema)) as z.core.JSONSchema.JSONSchema),
  ]),
);
const schemaOf = (file: string) => schemas.filter(({ globs }) => globs.some((glob) => matchesGlob(file, glob)));

const yamlFiles = [...sampleFiles()].filter(([file]) => file.endsWith('.yaml'));

describe('the schemas of YAML files', () => {
  it.each(yamlFiles)('take %s of the sample hospital, by one schema', (file, text) => {
    const [own, ...others] = schemaOf(file);
    expect(others).toEqual([]);
    expect(validators.get(own!.kind)!.safeParse(parse(text)).error).toBeUndefined();
  });

  it.each([
    ['classes', { pump: { criticality: 'high' } }, { pump: { critcality: 'high' } }],
    ['classes', { pump: {} }, { Pump: {} }],
    ['endpoints', { a: { addresses: ['10.0.0.1'] } }, { a: { adresses: ['10.0.0.1'] } }],
    ['applications', { a: { ports: ['tcp/1'] } }, { a: { port: ['tcp/1'] } }],
    [
      'segments',
      { a: { sites: { main: { vlan: 1, prefixes: [] } } } },
      { a: { sites: { main: { vlan: 5000, prefixes: [] } } } },
    ],
    ['sites', { a: { timezone: 'UTC' } }, { a: { timezome: 'UTC' } }],
    ['nas', { a: { address: '10.0.0.1', site: 'm', profile: 'rfc' } }, { a: { address: '10.0.0.1', site: 'm' } }],
    ['rollout', { gates: { refused: null } }, { gates: { refusd: 5 } }],
    ['suspicions', { vendor: 'alarm' }, { vendor: 'alarms' }],
    ['server-down', { sites: { main: 'none' } }, { sites: { main: 'nothing' } }],
    ['cordon', { check: { expiresSoonDays: 3 } }, { check: { expireSoonDays: 3 } }],
    [
      'tests',
      { tests: [{ name: 'a', from: 'b', to: 'c', app: 'd', expect: 'deny' }] },
      { tests: [{ name: 'a', form: 'b', to: 'c', app: 'd', expect: 'deny' }] },
    ],
    [
      'tests',
      { invariants: [{ name: 'a', never: { from: 'b', to: ['c'] } }] },
      { invariants: [{ name: 'a', nevr: { from: 'b', to: ['c'] } }] },
    ],
    [
      'tests',
      { invariants: [{ name: 'a', only: { class: 'b', segment: 'c' } }] },
      { invariants: [{ name: 'a', only: { class: 'b', segments: 'c' } }] },
    ],
    [
      'tests',
      { invariants: [{ name: 'a', never: { from: 'b', to: 'c', posture: 'at-risk' } }] },
      { invariants: [{ name: 'a', never: { from: 'b', to: 'c', posture: 'risky' } }] },
    ],
  ])('of %s take %j and not %j', (kind, good, bad) => {
    const validator = validators.get(kind)!;
    expect(validator.safeParse(good).error).toBeUndefined();
    expect(validator.safeParse(bad).success).toBe(false);
  });

  it('say of every field what it is, and of none that is gone', () => {
    const seen = new Set<string>();
    const undescribed: string[] = [];
    const walk = (kind: string, value: unknown, path: string): void => {
      if (Array.isArray(value)) return value.forEach((item) => walk(kind, item, path));
      if (value === null || typeof value !== 'object') return;
      const { properties = {}, additionalProperties, items, anyOf, oneOf, allOf } = value as Record<string, object>;
      for (const [field, inner] of Object.entries(properties)) {
        seen.add(`${kind} ${path}${field}`);
        if (!('description' in inner)) undescribed.push(`${kind} ${path}${field}`);
        walk(kind, inner, `${path}${field}.`);
      }
      for (const inner of [additionalProperties, items]) walk(kind, inner, `${path}*.`);
      for (const inner of [anyOf, oneOf, allOf]) walk(kind, inner, path);
    };
    for (const { kind, schema } of schemas) walk(kind, schema, '');
    expect(undescribed).toEqual([]);
    const isSeen = (kind: string, path: string): boolean =>
      seen.has(`${kind} ${path}`) || seen.has(`${kind} *.${path}`);
    expect(describedFields.filter(([kind, path]) => !isSeen(kind, path))).toEqual([]);
  });
});
