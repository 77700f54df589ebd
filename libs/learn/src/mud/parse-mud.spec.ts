import fc from 'fast-check';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { mudFile, mudText } from '../spec/mud-text.js';
import { mudCodes } from './codes.js';
import { readJson } from './json-text.js';
import { parseMud } from './parse-mud.js';

const told = (text: string): string[] =>
  parseMud(text, 'f.json').diagnostics.map(
    ({ severity, code, span }) => `${severity} ${code} ${span!.line}:${span!.column}`,
  );

const drops = (key: string): string => {
  const file = mudFile({ from: [{}] });
  delete (file['ietf-mud:mud'] as Record<string, unknown>)[key];
  return JSON.stringify(file);
};

describe('a MUD file', () => {
  it('is read without a finding when it is as RFC 8520 has it', () => {
    const parsed = parseMud(mudText({ from: [{ name: 'x' }] }), 'f.json');
    expect(parsed.diagnostics).toEqual([]);
    expect(parsed.ok && parsed.value).toMatchObject({
      url: 'https://maker.example.com/thing.json',
      systemInfo: 'The Thing 2000',
      manufacturer: null,
      entries: { 'from-device': [{ list: 'from', name: 'x', family: 4, accepts: true }], 'to-device': [] },
    });
  });

  it.each<[string, string]>([
    ['no JSON', 'x'],
    ['no JSON at its end', '{"a": 1} 2'],
    ['a key twice', '{"a": 1, "a": 2}'],
    ['a key of the prototype', '{"__proto__": 1}'],
    ['a text without end', '{"a": "b'],
    ['a list without end', '[1'],
    ['too deep', '['.repeat(100_000)],
    ['a number that is none', '[01]'],
  ])('is refused, with its place: %s', (_, text) => {
    expect(told(text)).toEqual([expect.stringMatching(/^error mud-syntax \d+:\d+$/)]);
  });

  it.each([
    [{ 'mud-version': 2 }, 'mud-version'],
    [{ 'mud-url': 'http://maker.example.com/thing.json' }, 'mud-schema'],
    [{ 'mud-url': 'thing' }, 'mud-schema'],
    [{ 'last-update': 'yesterday' }, 'mud-schema'],
    [{ 'is-supported': 'yes' }, 'mud-schema'],
    [{ 'cache-validity': 0 }, 'mud-schema'],
    [{ 'from-device-policy': { 'access-lists': { 'access-list': [{ name: 'who' }] } } }, 'mud-list-missing'],
    [{ 'from-device-policy': {} }, 'mud-schema'],
  ])('is refused with %j', (about, code) => {
    const parsed = parseMud(mudText({ from: [{}] }, about), 'f.json');
    expect(parsed.ok).toBe(false);
    expect(parsed.diagnostics.map((one) => one.code)).toContain(code);
    expect(parsed.diagnostics[0]!.span!.line).toBeGreaterThan(1);
  });

  it.each(['mud-version', 'mud-url', 'last-update', 'is-supported'])('is refused without %s', (key) => {
    expect(told(drops(key))).toEqual([expect.stringMatching(/^error mud-schema/)]);
  });

  it('is refused when a name stands twice', () => {
    expect(told(mudText({ from: [{ name: 'a' }, { name: 'a' }] }))).toEqual(['error mud-duplicate 49:16']);
  });

  it('is refused when an action is none of MUD', () => {
    expect(told(mudText({ from: [{ forwarding: 'mirror' }] }))).toEqual([expect.stringMatching(/^error mud-schema/)]);
  });

  it.each([
    [{ 'is-supported': false }, 'warning mud-unsupported'],
    [{ 'ex:extra': 1 }, 'info mud-ignored'],
    [{ 'to-device-policy': undefined }, 'info mud-list-unused'],
  ])('is read with a finding: %j', (about, finding) => {
    expect(told(mudText({}, about))[0]).toContain(finding);
    expect(parseMud(mudText({}, about), 'f.json').ok).toBe(true);
  });

  it('keeps a list that is not about IP as entries that can not be carried', () => {
    const text = mudText({ from: [{}] }).replace('ipv4-acl-type', 'eth-acl-type');
    const parsed = parseMud(text, 'f.json');
    expect(parsed.ok && parsed.value.entries['from-device'][0]).toMatchObject({
      family: null,
      matches: null,
      problem: { code: 'mud-not-ip' },
    });
  });

  it('never throws, whatever is done to a real file', () => {
    const folder = join(import.meta.dirname, 'testdata');
    const texts = readdirSync(folder)
      .filter((name) => name.endsWith('.json'))
      .map((name) => readFileSync(join(folder, name), 'utf8'));
    const edit = fc.record({
      at: fc.nat(),
      length: fc.nat({ max: 30 }),
      by: fc.string({ maxLength: 6, unit: 'binary' }),
    });
    fc.assert(
      fc.property(fc.constantFrom(...texts), fc.array(edit, { minLength: 1, maxLength: 4 }), (text, edits) => {
        const bad = edits.reduce(
          (now, { at, length, by }) => now.slice(0, at % now.length) + by + now.slice((at % now.length) + length),
          text,
        );
        const parsed = parseMud(bad, 'f.json');
        expect(parsed.ok || parsed.diagnostics.length > 0).toBe(true);
      }),
    );
  });
});

describe('JSON with places', () => {
  it('is what JSON.parse reads, whatever blanks stand in it', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 5, noUnicodeString: false }), fc.constantFrom(0, 1, '\t'), (text, blanks) => {
        const value: unknown = JSON.parse(text);
        fc.pre(!text.includes('__proto__'));
        const read = readJson(JSON.stringify(value, null, blanks));
        expect('value' in read && read.value).toEqual(value);
      }),
    );
  });

  it('knows the line and column of each value', () => {
    const read = readJson('{\n  "a": [1,\n    {"b": 2}]\n}');
    if (!('placeOf' in read)) throw new Error(read.what);
    expect(read.placeOf(['a', 1, 'b'])).toEqual({ line: 3, column: 11 });
    expect(read.placeOf(['a', 1, 'c'])).toEqual({ line: 3, column: 5 });
    expect(read.placeOf([])).toEqual({ line: 1, column: 1 });
  });
});

describe('docs/mud.md', () => {
  const docs = readFileSync(join(import.meta.dirname, '../../../../docs/mud.md'), 'utf8');

  it('lists exactly the codes that an import gives, with their severity', () => {
    const rows = [...docs.matchAll(/^\| `([a-z-]+)` +\| (error|warning|info) +\| (.+?) +\| (.+?) +\|$/gm)];
    expect(rows.map(([, code, severity]) => `${code} ${severity}`)).toEqual(
      Object.entries(mudCodes)
        .map(([code, [severity]]) => `${code} ${severity}`)
        .sort(),
    );
  });
});
