import type { Diagnostic } from '#base';
import { policyFiles } from '#testkit';
import { describe, expect, it } from 'vitest';
import { loadPolicy } from '../load/load.js';
import { buildSnapshot } from '../verify/check.js';
import { reviewPolicy } from './analyse.js';
import { applySettings } from './apply-settings.js';

const now = new Date('2026-11-23T12:00:00Z');
/** An unused schedule, and a deny that guards. */
const files = (settings: string): Map<string, string> =>
  policyFiles({
    'catalog/schedules-x.yaml': 'night: { days: [mon], from: "22:00", to: "23:00", timezone: UTC }\n',
    'network/nas-x.yaml':
      'wlc: { address: 10.0.9.9, site: main, profile: rfc, secret: "env:X", ssidSites: { CLINICAL: main-wifi } }',
    'cordon.yaml': `check:\n  ${settings}\n`,
  });
function found(settings: string): string[] {
  const loaded = loadPolicy(files(settings));
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.diagnostics));
  return reviewPolicy(loaded.value, [], now).map(({ severity, code }) => `${severity} ${code}`);
}
const ignoring = (code: string, about: string, more = ''): string =>
  `ignore: [{ code: ${code}, ${about}, reason: known${more} }]`;

describe('what cordon.yaml says about findings', () => {
  it.each<[string, string, string[]]>([
    ['nothing: severities by nature', 'ignore: []', ['warning name-unused', 'info deny-without-effect']],
    [
      'another severity',
      'severities: { name-unused: info, deny-without-effect: error }',
      ['info name-unused', 'error deny-without-effect'],
    ],
    ['off', 'severities: { name-unused: off }', ['info deny-without-effect']],
    ['a name is known', ignoring('name-unused', 'name: night'), ['info deny-without-effect']],
    [
      'a rule is known, by its first columns',
      ignoring('deny-without-effect', 'rule: "p, medical-device, internet"'),
      ['warning name-unused'],
    ],
    [
      'a rule is known, by all its columns',
      ignoring('deny-without-effect', 'rule: "p,medical-device,internet,any,deny,always"'),
      ['warning name-unused'],
    ],
    [
      'rules are known, whoever their subject is',
      ignoring('deny-without-effect', 'rule: "p, *, internet, any, deny"'),
      ['warning name-unused'],
    ],
    ['known until today', ignoring('name-unused', 'name: night', ', until: 2026-11-23'), ['info deny-without-effect']],
    [
      'known until yesterday: found again, and told',
      ignoring('name-unused', 'name: night', ', until: 2026-11-22'),
      ['warning name-unused', 'warning ignore-unused', 'info deny-without-effect'],
    ],
    [
      'an ignore of another rule is told',
      ignoring('deny-without-effect', 'rule: "p, medical-device, internal"'),
      ['warning name-unused', 'warning ignore-unused', 'info deny-without-effect'],
    ],
    [
      'an ignore of another code is told',
      ignoring('rule-redundant', 'rule: "p, medical-device, internet"'),
      ['warning name-unused', 'warning ignore-unused', 'info deny-without-effect'],
    ],
    [
      'that too can be off',
      `severities: { ignore-unused: off }\n  ${ignoring('name-unused', 'name: day')}`,
      ['warning name-unused', 'info deny-without-effect'],
    ],
  ])('%s', (_, settings, findings) => {
    expect(found(settings).sort()).toEqual(findings.sort());
  });

  it('never lowers or hides an error', () => {
    const loaded = loadPolicy(files('severities: { name-unused: off }'));
    const span = { file: 'catalog/schedules-x.yaml', line: 1, column: 1 };
    const errors: Diagnostic[] = [
      { severity: 'error', code: 'test-failed', summary: 'x', hint: 'y', span },
      { severity: 'error', code: 'of-another-lib', summary: 'x', hint: 'y', span },
    ];
    if (!loaded.ok) throw new Error('refused');
    expect(applySettings(loaded.value, errors, now)).toEqual(errors.toSorted((a, b) => (a.code < b.code ? -1 : 1)));
  });

  it('stops a policy only by a finding that it makes an error', () => {
    expect(buildSnapshot(files('severities: { name-unused: warning }'), now, () => []).ok).toBe(true);
    const refused = buildSnapshot(files('severities: { name-unused: error }'), now, () => []);
    expect(refused.ok).toBe(false);
    expect(refused.diagnostics.filter(({ severity }) => severity === 'error').map(({ code }) => code)).toEqual([
      'name-unused',
    ]);
  });
});
