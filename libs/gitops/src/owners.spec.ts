import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isOwner, Owners } from './owners.js';
import { SourceFault } from './source-fault.js';

const ownersOf = (text: string, path: string): readonly string[] => Owners.parse(text, 'owners').of(path)?.owners ?? [];

describe('owners of a path', () => {
  it.each<[string, string, boolean]>([
    ['rules/pumps.csv', 'rules/pumps.csv', true],
    ['/rules/pumps.csv', 'rules/pumps.csv', true],
    ['rules/pumps.csv', 'old/rules/pumps.csv', false],
    ['rules/pumps.csv', 'rules/pumpsXcsv', false],
    ['pumps.csv', 'rules/a/pumps.csv', true],
    ['pumps.csv', 'rules/a/my-pumps.csv', false],
    ['rules/*.csv', 'rules/a.csv', true],
    ['rules/*.csv', 'rules/a/b.csv', false],
    ['rules/**/b.csv', 'rules/b.csv', true],
    ['rules/**/b.csv', 'rules/x/y/b.csv', true],
    ['rules/', 'rules/x/y.csv', true],
    ['rules', 'rules/x/y.csv', true],
    ['rules/**', 'rulesets/x.csv', false],
    ['rules/?.csv', 'rules/ab.csv', false],
    ['*', 'network/sites.yaml', true],
  ])('%s and %s: %s', (pattern, path, fits) => {
    expect(ownersOf(`${pattern} ada`, path)).toEqual(fits ? ['ada'] : []);
  });

  it('are those of the last line that fits', () => {
    const text = '# who\n* ada bob # all\n\nrules/** cyd\r\n';
    expect(ownersOf(text, 'rules/a.csv')).toEqual(['cyd']);
    expect(ownersOf(text, 'tests/a.yaml')).toEqual(['ada', 'bob']);
  });

  it.each([
    ['a pattern without owners', 'rules/** ada\nrules/x.csv\n', 'owners:2: `rules/x.csv` has no owner'],
    ['a class of characters', 'rules/[ab].csv ada', 'owners:1: `rules/[ab].csv` has characters'],
    ['a path that leads out', '../x ada', 'owners:1: `../x` leads out of the policy folder'],
    ['an exception', '!rules/x.csv ada', 'owners:1: `!rules/x.csv` has characters'],
  ])('%s is refused with its line', (_, text, expected) => {
    expect(() => Owners.parse(text, 'owners')).toThrow(SourceFault);
    expect(() => Owners.parse(text, 'owners')).toThrow(expected);
  });

  it('a path that is written as it is fits itself and no other', () => {
    const path = fc
      .array(fc.stringMatching(/^[a-z.+-]{1,6}$/), { minLength: 2, maxLength: 5 })
      .map((parts) => parts.join('/'));
    fc.assert(
      fc.property(path, path, (one, other) => {
        fc.pre(!one.split('/').includes('..'));
        const isBelow = other === one || other.startsWith(`${one}/`);
        expect(ownersOf(`${one} ada`, one)).toEqual(['ada']);
        expect(ownersOf(`${one} ada`, other)).toEqual(isBelow ? ['ada'] : []);
      }),
    );
  });

  it('are known by any of their names', () => {
    const owned = Owners.parse('* SHA256:abc', 'owners').of('x')!;
    expect(isOwner(owned, ['ada@example.org', 'SHA256:abc'])).toBe(true);
    expect(isOwner(owned, ['SHA256:ab'])).toBe(false);
  });
});
