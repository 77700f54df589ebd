import { policyFiles } from '#testkit';
import { describe, expect, it } from 'vitest';
import { loadPolicy } from '../load/load.js';
import { sampleFiles } from '../spec/sample.js';
import { formatPolicy } from '../format/format-policy.js';
import { addToPolicy, type Addition } from './add.js';

const nothing: Addition = { entries: [], lines: [], file: null };

function added(files: ReadonlyMap<string, string>, addition: Partial<Addition>): ReadonlyMap<string, string> {
  const result = addToPolicy(files, { ...nothing, ...addition });
  if (!result.ok) throw new Error(JSON.stringify(result.diagnostics[0]));
  return result.value;
}

/** Lines that one text has more than the other, which has no others. */
function news(before: string, after: string): string[] {
  const old = before.split('\n');
  const lines = after.split('\n').filter((line) => !(line === old[0] && old.shift() !== undefined));
  expect(old).toEqual([]);
  return lines;
}

const scanner = {
  entries: [
    {
      kind: 'classes',
      name: 'bladder-scanner',
      fields: { description: 'Bladder scanner', criticality: 'high', owner: undefined },
    },
  ],
  lines: [{ type: 'g', words: ['bladder-scanner', 'point-of-care'] }],
} as const;

describe('adding', () => {
  it('a class changes two files by a line each, beside its like', () => {
    const files = sampleFiles();
    const changed = added(files, scanner);
    expect([...changed.keys()]).toEqual(['catalog/classes.yaml', 'rules/membership.csv']);
    const [entry, line] = [...changed].map(([file, text]) => news(files.get(file)!, text));
    expect(entry).toEqual(['bladder-scanner: { description: "Bladder scanner", criticality: high }']);
    expect(line).toEqual(['g, bladder-scanner, point-of-care']);
    const lines = changed.get('rules/membership.csv')!.split('\n');
    expect(lines[lines.indexOf(line![0]!) - 1]).toMatch(/^g, [a-z-]+, point-of-care$/);
    expect(formatPolicy(new Map([...files, ...changed])).changed.size).toBe(0);
  });

  it('a rule puts it behind the last one of its subject, else of its object', () => {
    const files = sampleFiles();
    const flow = (subject: string, object: string) =>
      added(files, { lines: [{ type: 'p', words: [subject, object, 'ssh', 'allow', 'always', 'a, "b"'] }] });
    const [[file, text] = ['', '']] = flow('slide-scanner', 'lis');
    expect(file).toBe('rules/flows-lab.csv');
    const rows = text.split('\n');
    const at = rows.indexOf('p, slide-scanner, lis, ssh, allow, always, "a, ""b"""');
    expect(rows[at - 1]).toMatch(/^p, slide-scanner, pacs/);
  });

  it('makes the files that are missing, and they are formatted', () => {
    const fields = { dedicatedTo: 'pump', sites: { main: { vlan: 7, prefixes: ['10.7.0.0/24', 'fd07::/64'] } } };
    const changed = added(new Map(), {
      entries: [
        { kind: 'classes', name: 'pump', fields: {} },
        { kind: 'sites', name: 'main', fields: { timezone: 'Europe/Berlin' } },
        { kind: 'segments', name: 'pumps', fields },
        { kind: 'endpoints', name: 'library', fields: { addresses: ['10.8.0.1', 'fd08::1'] } },
        { kind: 'schedules', name: 'night', fields: { days: ['mon'], from: '22:00', to: '05:00', timezone: 'UTC' } },
      ],
      lines: [{ type: 'p2', words: ['pump', 'main', 'verified', 'pumps', 'always', ''] }],
    });
    expect(Object.fromEntries(changed)).toEqual({
      'catalog/classes.yaml': 'pump: {}\n',
      'catalog/sites.yaml': 'main: { timezone: Europe/Berlin }\n',
      'catalog/segments.yaml':
        'pumps:\n  dedicatedTo: pump\n  sites:\n    main: { vlan: 7, prefixes: [10.7.0.0/24, "fd07::/64"] }\n',
      'catalog/endpoints.yaml': 'library: { addresses: [10.8.0.1, "fd08::1"] }\n',
      'catalog/schedules.yaml': 'night: { days: [mon], from: "22:00", to: "05:00", timezone: UTC }\n',
      'rules/access.csv': 'p2, pump, main, verified, pumps, always, ""\n',
    });
    expect(formatPolicy(changed).changed.size).toBe(0);
    expect(loadPolicy(changed).ok).toBe(true);
  });

  it('leaves the rest of a file that is not formatted as it is', () => {
    const files = policyFiles({
      'catalog/sites.yaml': 'main:   {}\nmain-wifi: {}',
      'rules/x.csv': 'g,library-1,all\n',
    });
    const changed = added(files, {
      entries: [{ kind: 'sites', name: 'north', fields: {} }],
      lines: [{ type: 'g', words: ['remediation', 'all'] }],
    });
    expect(changed.get('catalog/sites.yaml')).toBe('main:   {}\nmain-wifi: {}\nnorth: {}\n');
    expect(changed.get('rules/x.csv')).toBe('g,library-1,all\ng, remediation, all\n');
  });

  it('puts it into the file that is named', () => {
    const entries = [{ kind: 'sites', name: 'north', fields: {} }] as const;
    expect([...added(policyFiles(), { entries, file: 'catalog/sites-north.yaml' })]).toEqual([
      ['catalog/sites-north.yaml', 'north: {}\n'],
    ]);
  });

  it.each([
    ['what exists', { entries: [{ kind: 'sites', name: 'main', fields: {} }] }, ['duplicate-name']],
    [
      'a class that is an endpoint',
      { entries: [{ kind: 'classes', name: 'remediation', fields: {} }] },
      ['duplicate-name'],
    ],
    ['a rule that stands already', { lines: [{ type: 'g3', words: ['main-wifi', 'main'] }] }, ['duplicate-rule']],
    ['a parent that is unknown', { lines: [{ type: 'g', words: ['quarantined', 'medical'] }] }, ['unknown-name']],
    ['a name that is none', { entries: [{ kind: 'sites', name: 'No', fields: {} }] }, ['bad-name']],
    ['a file that nobody reads', { ...scanner, lines: [], file: 'catalog/x.yaml' }, ['unknown-file']],
    ['a line break in a note', { lines: [{ type: 'g3', words: ['main-wifi', 'x\ny'] }] }, ['csv-syntax']],
  ] as const)('refuses %s', (_, addition, codes) => {
    const result = addToPolicy(policyFiles(), { ...nothing, ...addition });
    expect(result.ok).toBe(false);
    expect(result.diagnostics.map(({ code }) => code)).toEqual(codes);
  });
});
