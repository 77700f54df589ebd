import fc from 'fast-check';
import { compareText } from '#base';
import { describe, expect, it } from 'vitest';
import { policyFiles } from '#testkit';
import type { PolicyPlan } from '../plan.js';
import { planOf } from '../spec/planned.js';
import { formatPlan, formatRefusal, planFormats } from './format-plan.js';
import { escape } from './markdown.js';
import { grouped, visible } from './words.js';

const hostileNote = `"</details> | \`code\` <script>alert(1)</script> @everyone #1 **x** [l](http://h) ]]> &amp; ""q"" 'a'"`;
const tiny = policyFiles();
const opened = policyFiles({
  'rules/plan.csv': `p, medical-device, remediation, any, allow, always, ${hostileNote}`,
  'rules/flows.csv': tiny.get('rules/flows.csv')!.replace('p, infusion-pump, drug-library', '# p'),
  'tests/more.yaml': `tests:\n  - { name: "<b>|\`hostile\`&</b>", from: unknown, to: library-1, app: https, expect: allow }`,
});
const inventory = `id,class,site,nas,posture,ip
"</code>|<img src=x>",infusion-pump,main,sw1,verified,10.21.0.1
"p\u202E2\u0007",infusion-pump,main,sw1,verified,10.21.0.2`;
const flows = `first,last,source,destination,protocol,port,packets,bytes
2026-11-01T00:00:00Z,2026-11-20T00:00:01Z,10.21.0.1,10.10.4.20,tcp,443,1,1
2026-11-01T00:00:00Z,2026-11-20T00:00:01Z,10.21.0.1,10.10.4.20,tcp,22,1,1`;
const plan = planOf(tiny, opened, { inventory, flows });
const same = planOf(tiny, tiny);
const fenced = /^ {2}```diff\n(?: {2}.*\n)*? {2}```$/gm;

/** Folded parts that begin and end. */
function countFolds(text: string): readonly [number, number] {
  const outside = text.replaceAll(fenced, '');
  return [outside.split('<details').length - 1, outside.split('</details>').length - 1];
}

/** A plan with as many flows and findings as wanted. */
const large = (count: number): PolicyPlan => ({
  ...plan,
  flows: Array.from({ length: count }, () => plan.flows).flat(),
  findings: Array.from({ length: count }, (_, i) => ({
    severity: 'warning',
    code: 'a',
    summary: `finding ${i}`,
    hint: 'h',
  })),
});

describe('every format', () => {
  it.each(planFormats)(
    '%s is the same text for the same plan, ends its last line, and has no control characters',
    (format) => {
      for (const one of [plan, same, large(3)]) {
        const text = formatPlan(one, format);
        expect(formatPlan(structuredClone(one), format)).toBe(text);
        expect(text.endsWith('\n')).toBe(true);
        // JSON is for machines, and escapes what a terminal would obey.
        expect(
          text.replaceAll(/[\n\u202E]/g, (found) => (format === 'json' || found === '\n' ? '' : found)),
        ).not.toMatch(/[\p{Cc}\p{Cf}]/u);
      }
    },
  );

  it.each(planFormats)('%s says why there is no plan', (format) => {
    const finding = {
      severity: 'error' as const,
      code: 'bad-effect',
      summary: 'effect `alow` <x>',
      hint: 'write `allow`',
      span: { file: 'rules/a.csv', line: 3, column: 4 },
    };
    const text = formatRefusal('HEAD', [finding], format);
    expect(text).toContain('bad-effect');
    expect(text).toMatch(/rules\/a\.csv/);
    expect(text.endsWith('\n')).toBe(true);
  });
});

describe('the human format', () => {
  it('fits 100 columns, unless a word does not', () => {
    for (const line of formatPlan(large(2), 'human').split('\n')) expect(line.length).toBeLessThanOrEqual(100);
  });

  it('has the summary on the first screen, and colour only when asked', () => {
    const text = formatPlan(plan, 'human');
    expect(text.split('\n').slice(0, 14).join('\n')).toMatch(/flows opened +1 high/);
    const paint = (text: string): string => `<${text}>`;
    const painted = formatPlan(plan, 'human', { paint: { bad: paint, good: paint, warn: paint, strong: paint } });
    expect(painted).toContain('<BROKEN by this change');
  });

  it('ends long lists with how many more there are', () => {
    expect(formatPlan(large(30), 'human', { limit: 5 })).toContain('and 25 more');
  });

  it('of no change says so', () =>
    expect(formatPlan(same, 'human')).toContain('no difference: both are the same policy'));
});

describe('the markdown format', () => {
  const text = formatPlan(plan, 'markdown');

  it('begins with the outcome and a table, details folded behind it', () => {
    const [title, , ...rest] = text.split('\n');
    expect(title).toBe('### Policy plan: 2 tests of the policy broken');
    expect(rest[0]).toMatch(/^\| <code>[0-9a-f]{12}<\/code> → /);
    expect(text.indexOf('| flows opened | **1 high')).toBeLessThan(text.indexOf('<details'));
    const [begun, ended] = countFolds(text);
    expect(begun).toBeGreaterThan(3);
    expect(ended).toBe(begun);
  });

  it('lets no text of the policy or the inventory be markup', () => {
    const outside = text.replaceAll(fenced, '');
    for (const hostile of ['<script', '<img', '<b>', '@everyone', '`hostile`', '](http', '\u202E'])
      expect(outside).not.toContain(hostile);
    // Inside a fence nothing is markup, and every line has a sign before it.
    for (const [block] of text.matchAll(fenced)) {
      const lines = block.split('\n').slice(1, -1);
      expect(lines.every((line) => /^ {2}[-+~= ] /.test(line))).toBe(true);
    }
    const tags = new Set([...outside.matchAll(/<\/?([a-z]+)/g)].map(([, tag]) => tag!));
    expect([...tags].sort(compareText)).toEqual(['br', 'code', 'details', 'summary']);
  });

  it.each([2000, 5000, 20_000, 60_000])('fits %i bytes, never cuts the summary, and says what it cut', (maxBytes) => {
    const text = formatPlan(large(200), 'markdown', { maxBytes });
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(maxBytes);
    expect(text).toContain('| messages |');
    expect(text).toContain('Cut to fit');
    const [begun, ended] = countFolds(text);
    expect(ended).toBe(begun);
    expect((text.match(/```diff/g) ?? []).length * 2).toBe((text.match(/```/g) ?? []).length);
  });

  it('is not cut when it fits', () => expect(text).not.toContain('Cut to fit'));
});

describe('the SARIF format', () => {
  it('is SARIF 2.1.0 with results at lines of the new files', () => {
    const log = JSON.parse(formatPlan(plan, 'sarif', { root: 'policies/' }));
    expect(log).toMatchObject({ version: '2.1.0', $schema: expect.stringContaining('sarif-2.1.0') });
    const [run] = log.runs;
    expect(run.tool.driver.name).toBe('cordon');
    const known = run.tool.driver.rules.map(({ id }: { id: string }) => id);
    for (const { ruleId, level, message, locations } of run.results) {
      expect(known).toContain(ruleId);
      expect(['error', 'warning', 'note']).toContain(level);
      expect(message.text.length).toBeGreaterThan(0);
      for (const { physicalLocation } of locations) {
        expect(physicalLocation.artifactLocation.uri).toMatch(/^policies\/[\w/.-]+$/);
        if (physicalLocation.region) expect(physicalLocation.region.startLine).toBeGreaterThan(0);
      }
    }
    const opens = run.results.find(({ ruleId }: { ruleId: string }) => ruleId === 'plan-opens-high-risk');
    expect(opens.locations[0].physicalLocation).toEqual({
      artifactLocation: { uri: 'policies/rules/plan.csv' },
      region: { startLine: 1 },
    });
    expect(new Set(run.results.map(({ ruleId }: { ruleId: string }) => ruleId))).toEqual(
      new Set(['plan-opens-high-risk', 'plan-breaks-test', 'plan-breaks-seen-flow']),
    );
  });

  it('points at no line of the new files for what a removed line opens', () => {
    const deny = policyFiles({
      'rules/plan.csv':
        'p, infusion-pump, remediation, https, allow, always, x\np, infusion-pump, remediation, any, deny, always, x',
    });
    const allow = policyFiles({ 'rules/plan.csv': 'p, infusion-pump, remediation, https, allow, always, x' });
    const [result] = JSON.parse(formatPlan(planOf(deny, allow), 'sarif')).runs[0].results;
    expect(result.message.text).toContain('by removing rules/plan.csv:2');
    expect(result.locations).toEqual([{ physicalLocation: { artifactLocation: { uri: 'rules/plan.csv' } } }]);
  });
});

describe('the JUnit format', () => {
  /** Strict enough: one root, tags nest, attributes are quoted, entities are known. */
  function checkXml(text: string): string[] {
    const open: string[] = [];
    const seen: string[] = [];
    const body = text.replace(/^<\?xml version="1\.0" encoding="UTF-8"\?>\n/, '');
    const rest = body.replaceAll(
      /<(\/?)([a-z]+)((?: [a-z]+="[^"<]*")*)(\/?)>/g,
      (_, close, name, _attributes, empty) => {
        seen.push(close + name);
        if (close) expect(open.pop()).toBe(name);
        else if (!empty) open.push(name);
        return '';
      },
    );
    expect(open).toEqual([]);
    expect(rest).not.toMatch(/[<>]/);
    expect(body.replaceAll(/&(amp|lt|gt|quot|apos);/g, '')).not.toContain('&');
    return seen;
  }

  it('is well-formed, with a case per test and per seen flow that breaks', () => {
    const text = formatPlan(plan, 'junit');
    const cases = checkXml(text).filter((tag) => tag === 'testcase').length;
    expect(cases).toBe(plan.tests.total + 1);
    expect(text).toContain(`tests="${cases}" failures="3"`);
    expect(checkXml(formatPlan(same, 'junit'))).not.toContain('failure');
    expect(formatPlan({ ...plan, observed: { ...plan.observed!, broken: [] } }, 'junit')).toContain(
      'no seen flow breaks',
    );
  });

  it('is well-formed whatever a test is called', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (name) => {
        const odd = {
          ...same,
          tests: { ...same.tests, passed: [{ kind: 'test' as const, name, file: name, line: 1, failures: [name] }] },
        };
        checkXml(formatPlan(odd, 'junit'));
      }),
      { numRuns: 30 },
    );
  });
});

describe('words', () => {
  it.each([
    ['a\u001B[31mb', 'a\\u001B[31mb'],
    ['a\u202Eb\u200B', 'a\\u202Eb\\u200B'],
    ['grün 中 😀', 'grün 中 😀'],
  ])('%j is shown as %j', (text, expected) => expect(visible(text)).toBe(expected));

  it('are no markup once escaped', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(escape(text).replaceAll(/&#\d+;/g, '')).not.toMatch(/[<>|`*_~[\]\\@!"$&#]/);
      }),
    );
  });

  it.each([
    [0, '0'],
    [999, '999'],
    [1000, '1,000'],
    [1_234_567, '1,234,567'],
  ])('%i is written %s', (count, text) => expect(grouped(count)).toBe(text));
});
