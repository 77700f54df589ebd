import { policyFiles } from '#testkit';
import { describe, expect, it } from 'vitest';
import type { CheckSettings } from '../policy.js';
import { loadPolicy } from './load.js';
import { configurableCodes } from './settings.js';

const load = (text: string | null) => loadPolicy(policyFiles(text === null ? {} : { 'cordon.yaml': text }));
function settings(text: string | null): CheckSettings {
  const loaded = load(text);
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.diagnostics));
  return loaded.value.settings;
}
const ignore = (entry: string): string => `check:\n  ignore:\n    - ${entry}\n`;

describe('cordon.yaml', () => {
  it.each([null, '', '# nothing yet\n', 'check: {}'])('may be missing, empty or say nothing (%j)', (text) => {
    expect(settings(text)).toEqual({ severities: new Map(), expiresSoonDays: 30, ignore: [] });
  });

  it('sets severities, days and what is ignored', () => {
    const text = `check:
  severities: { name-unused: off, rule-redundant: error }
  expiresSoonDays: 7
  ignore:
    - { code: deny-without-effect, rule: "p, device, internet", reason: guard }
    - { code: name-unused, name: night, reason: soon, until: 2027-03-31 }
`;
    const { severities, expiresSoonDays, ignore: list } = settings(text);
    expect([...severities]).toEqual([
      ['name-unused', 'off'],
      ['rule-redundant', 'error'],
    ]);
    expect(expiresSoonDays).toBe(7);
    expect(list).toMatchObject([
      { code: 'deny-without-effect', about: { columns: ['p', 'device', 'internet'] }, until: null, span: { line: 5 } },
      { about: { name: 'night' }, reason: 'soon', until: { kind: 'until', date: '2027-03-31' }, span: { line: 6 } },
    ]);
  });

  it.each<[string, string, RegExp]>([
    ['a field that does not exist', 'check: { severity: {} }', /`severity` is not a field/],
    ['another top-level field', 'checks: {}', /`checks` is not a field|invalid/],
    ['a code that does not exist', 'check: { severities: { name-unusd: off } }', /name-unusd|invalid/],
    ['a lower severity for an error by nature', 'check: { severities: { access-tie: warning } }', /access-tie|invalid/],
    ['a severity that does not exist', 'check: { severities: { name-unused: fatal } }', /invalid/],
    ['no days', 'check: { expiresSoonDays: 0 }', /expiresSoonDays/],
    ['an ignore without a reason', ignore('{ code: name-unused, name: night }'), /reason/],
    ['an ignore with an empty reason', ignore('{ code: name-unused, name: night, reason: " " }'), /reason/],
    ['an ignore of an error', ignore('{ code: test-failed, name: x, reason: y }'), /code/],
    ['an ignore about nothing', ignore('{ code: name-unused, reason: y }'), /one rule or one name/],
    ['an ignore about both', ignore('{ code: name-unused, name: x, rule: "p, a, b", reason: y }'), /one rule or one/],
    ['a rule that is too short', ignore('{ code: rule-redundant, rule: "p, device", reason: y }'), /one rule or one/],
    ['a rule that is none', ignore('{ code: rule-redundant, rule: "g, a, b", reason: y }'), /one rule or one name/],
    ['a day that does not exist', ignore('{ code: name-unused, name: x, reason: y, until: 2027-02-30 }'), /not a day/],
    ['a list', '- check', /not a map/],
  ])('is refused for %s', (_, text, what) => {
    const { ok, diagnostics } = load(text);
    expect(ok).toBe(false);
    expect(diagnostics.map(({ summary }) => summary).join('\n')).toMatch(what);
    expect(diagnostics.every(({ code, span }) => code === 'schema' && span?.file === 'cordon.yaml')).toBe(true);
  });

  it('can configure every code that is no error', () => {
    for (const code of configurableCodes)
      expect(settings(`check: { severities: { ${code}: off } }`).severities.get(code)).toBe('off');
    expect(configurableCodes).toContain('expiring-deny');
    expect(configurableCodes).not.toContain('test-failed');
  });

  it('stands at the root only', () => {
    expect(loadPolicy(policyFiles({ 'rules/cordon.yaml': 'check: {}' })).ok).toBe(false);
    expect(loadPolicy(policyFiles({ 'other.yaml': 'check: {}' })).ok).toBe(false);
  });
});
