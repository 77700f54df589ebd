import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { describe, expect, it } from 'vitest';
import { compareClauses, statementOf, tableOf, titlesHere, titlesIn } from './statements.js';

const readme = join(import.meta.dirname, 'README.md');
const heading = '## Statements';
const pitfalls = 22;

describe('the suite of RADIUS conformance', () => {
  const titles = titlesHere();
  const statements = [...titles].flatMap(([file, own]) => own.flatMap((title) => statementOf(title, file) ?? []));

  it('has tests in each of its files, and no two say the same', () => {
    expect(titles.size).toBeGreaterThanOrEqual(12);
    for (const [file, own] of titles) expect({ file, tests: own.length }).not.toEqual({ file, tests: 0 });
    const all = statements.map(({ title }) => title);
    expect(all.filter((title, i) => all.indexOf(title) !== i)).toEqual([]);
  });

  it('quotes the clause and the statement in each title', () => {
    const without = [...titles].flatMap(([file, own]) => own.filter((title) => !statementOf(title, file)));
    expect(without).toEqual([]);
  });

  it('has a test of each thing that newcomers get wrong', () => {
    const found = new Set(statements.map(({ clause }) => clause));
    const missing = Array.from({ length: pitfalls }, (_, i) => `Pitfall ${i + 1}`).filter(
      (clause) => !found.has(clause),
    );
    expect(missing).toEqual([]);
  });

  it('is told in README.md as it is: `vitest run --project unit test/conformance -u` brings that up to date', async () => {
    const [before] = readFileSync(readme, 'utf8').split(heading);
    const table = tableOf(statements.toSorted(compareClauses));
    const text = `${before}${heading}\n\n${statements.length} statements.\n\n${table}\n`;
    const options = await resolveConfig(readme);
    await expect(await format(text, { ...options, parser: 'markdown' })).toMatchFileSnapshot(readme);
  });
});

describe('titles', () => {
  it('are read from `it` and `it.each`, and from nothing else', () => {
    const text = `
      describe('a', () => {
        it('one', () => expect(it2('no')).toBe('no'));
        it.each([['no']])('two %s', () => undefined);
        it.skipIf(true)(\`three\`, () => undefined);
      });`;
    expect(titlesIn(text)).toEqual(['one', 'two %s', 'three']);
  });

  it.each([
    ['RFC 2865 §5: a thing of Length %i is invalid', 'RFC 2865 §5', 'a thing of Length … is invalid'],
    ['RFC 9190 §2.5: it comes (TLS %s)', 'RFC 9190 §2.5', 'it comes'],
    ['Pitfall 3: anything else is rejected: %s', 'Pitfall 3', 'anything else is rejected'],
  ])('become statements: %s', (title, clause, text) => {
    expect(statementOf(title, 'file')).toEqual({ clause, text, file: 'file', title });
  });

  it('without a clause are none', () => {
    for (const title of ['it works', 'RFC 2865: no clause', 'Pitfall: no number'])
      expect(statementOf(title, 'f')).toBeNull();
  });

  it('are in the order of documents, then of clauses by number', () => {
    const order = [
      'RFC 2865 §3',
      'RFC 2865 §5.2',
      'RFC 2865 §5.24',
      'RFC 9190 §2',
      'CVE-2024-3596',
      'Pitfall 2',
      'Pitfall 10',
    ];
    const shuffled = order.toReversed().map((clause) => statementOf(`${clause}: x`, 'f')!);
    expect(shuffled.sort(compareClauses).map(({ clause }) => clause)).toEqual(order);
  });
});
