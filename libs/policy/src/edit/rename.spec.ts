import { canonicalJson } from '#base';
import { policyFiles } from '#testkit';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { analysePolicy } from '../analyse/analyse.js';
import { compilePolicy } from '../compile/compile.js';
import { loadPolicy } from '../load/load.js';
import type { Snapshot } from '../snapshot.js';
import { sampleFiles, sampleInstant } from '../spec/sample.js';
import { namePlaces, nameSpaces } from './name-places.js';
import { renameInPolicy, spacesOf, type Renaming } from './rename.js';

const sample = sampleFiles();

function renamed(files: ReadonlyMap<string, string>, renaming: Renaming) {
  const result = renameInPolicy(files, renaming);
  if (!result.ok) throw new Error(JSON.stringify(result.diagnostics[0]));
  return { ...result.value, files: new Map([...files, ...result.value.changed]) };
}

function compiled(files: ReadonlyMap<string, string>): Snapshot {
  const loaded = loadPolicy(files);
  const result = loaded.ok ? compilePolicy(loaded.value, sampleInstant) : loaded;
  if (!result.ok) throw new Error(JSON.stringify(result.diagnostics[0]));
  return result.value;
}

/** What devices get and may do, without the lines that say so, as if a name were another. */
function effectOf({ accessTable, flows, portAcls }: Snapshot, from: string, to: string): string[] {
  const text = (value: unknown): string =>
    JSON.stringify(value, (key, inner: unknown) =>
      ['rule', 'rules', 'id'].includes(key) ? undefined : typeof inner === 'bigint' ? `${inner}n` : inner,
    ).replaceAll(JSON.stringify(from), JSON.stringify(to));
  const parts = [...accessTable, ...Object.entries(portAcls)].map((part) => canonicalJson(JSON.parse(text(part))));
  return [...parts, ...Object.entries(flows).map((part) => canonicalJson(unordered(JSON.parse(text(part)))))].sort();
}

/** Classes stand in order of their names. */
function unordered(value: unknown): unknown {
  if (Array.isArray(value)) {
    const items = value.map(unordered);
    return items.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  }
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, unordered(inner)]));
}

/** All names of the sample hospital that can be others. */
const all = [...Map.groupBy(namePlaces(sample), ({ space, name }) => `${space} ${name}`).values()]
  .map(([place]) => place!)
  .filter(({ space, name }) => spacesOf(sample, name).includes(space));

describe('renaming', () => {
  it('takes every name of the sample hospital there and back, to the letter', { timeout: 300_000 }, () => {
    expect(all.length).toBeGreaterThan(150);
    expect(new Set(all.map(({ space }) => space))).toEqual(new Set(nameSpaces));
    const some = fc.sample(fc.shuffledSubarray(all, { minLength: 8, maxLength: 8 }), 1)[0]!;
    for (const { space, name } of some) {
      const there = renamed(sample, { space, from: name, to: 'quite-another' });
      expect(there.changed.size).toBeGreaterThan(0);
      expect(spacesOf(there.files, name)).not.toContain(space);
      const back = renamed(there.files, { space, from: 'quite-another', to: name });
      expect(back.files).toEqual(sample);
    }
  });

  it.each([
    ['principal', 'infusion-pump', 'pump-of-any-make'],
    ['principal', 'drug-library', 'pharmacy'],
    ['application', 'https', 'web-tls'],
    ['site', 'north', 'day-clinic'],
    ['schedule', 'vendor-window', 'service-visit'],
  ] as const)(
    'of the %s %s changes nothing but the name in what is compiled',
    { timeout: 120_000 },
    (space, from, to) => {
      const there = renamed(sample, { space, from, to });
      const [before, after] = [compiled(sample), compiled(there.files)];
      expect(after.digest).not.toBe(before.digest);
      expect(effectOf(after, to, from)).toEqual(effectOf(before, to, from));
      const back = renamed(there.files, { space, from: to, to: from });
      expect(compiled(back.files).digest).toBe(before.digest);
    },
  );

  it('follows ignores of cordon.yaml', () => {
    const { files } = renamed(sample, { space: 'principal', from: 'medical-device', to: 'md' });
    const findings = (of: ReadonlyMap<string, string>): string[] => {
      const loaded = loadPolicy(of);
      if (!loaded.ok) throw new Error('refused');
      return analysePolicy(loaded.value, sampleInstant).map(({ code }) => code);
    };
    expect(files.get('cordon.yaml')).toContain('"p, md, *, any, deny"');
    expect(findings(files)).not.toContain('ignore-unused');
  });

  it('keeps quotes, alignment, comments and what else is called so', () => {
    const files = policyFiles({
      'rules/x.csv': '# infusion-pump\np, "infusion-pump",  remediation, https, allow, always, "infusion-pump"\n',
      'tests/x.yaml':
        "tests:\n  - { name: infusion-pump, from: &x 'infusion-pump',   to: library-1, app: https, expect: allow }\n  - { name: b, from: *x, to: library-1, app: tcp/443, expect: allow }\n",
    });
    const { changed, mentions, places } = renamed(files, { space: 'principal', from: 'infusion-pump', to: 'pump' });
    expect(changed.get('rules/x.csv')).toBe(
      '# infusion-pump\np, "pump",  remediation, https, allow, always, "infusion-pump"\n',
    );
    expect(changed.get('tests/x.yaml')).toContain("name: infusion-pump, from: &x 'pump',   to: library-1");
    expect(places).toBeGreaterThan(8);
    expect(mentions.map(({ file, line }) => `${file}:${line}`)).toContain('rules/x.csv:1');
  });

  it('keeps a formatted block below each other', () => {
    const block = (name: string, blanks: string): string =>
      `g, x,${' '.repeat(name.length)}${blanks}y\ng, ${name}, y\n`;
    const files = policyFiles({ 'rules/x.csv': block('abc', ''), 'catalog/classes-x.yaml': 'x: {}\ny: {}\nabc: {}\n' });
    const { changed } = renamed(files, { space: 'principal', from: 'abc', to: 'abcdef' });
    expect(changed.get('rules/x.csv')).toBe(block('abcdef', ''));
  });

  it('puts a name into quotes that would be read as something else', () => {
    const { changed } = renamed(policyFiles(), { space: 'site', from: 'main', to: '10' });
    expect(changed.get('catalog/sites.yaml')).toContain('"10": {');
    expect(changed.get('network/nas.yaml')).toContain('site: "10"');
  });

  it.each([
    ['principal', 'infusion-pmp', 'x', 'unknown-name'],
    ['principal', 'device', 'x', 'unknown-name'],
    ['site', 'infusion-pump', 'x', 'unknown-name'],
    ['principal', 'infusion-pump', 'Pump', 'bad-name'],
    ['principal', 'infusion-pump', 'drug-library', 'duplicate-name'],
    ['principal', 'infusion-pump', 'unknown', 'duplicate-name'],
  ] as const)('refuses %s %s → %s: %s', (space, from, to, code) => {
    const result = renameInPolicy(policyFiles(), { space, from, to });
    expect(result.ok).toBe(false);
    expect(result.diagnostics.map((finding) => finding.code)).toEqual([code]);
  });

  it('refuses a policy that does not load', () => {
    const files = policyFiles({ 'rules/x.csv': 'p, a' });
    const result = renameInPolicy(files, { space: 'site', from: 'main', to: 'centre' });
    expect(result.diagnostics.map(({ code }) => code)).toEqual(['column-count']);
  });
});
