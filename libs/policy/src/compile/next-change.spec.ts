import { policyFiles } from '#testkit';
import { describe, expect, it } from 'vitest';
import { loadPolicy } from '../load/load.js';
import { compilePolicy } from './compile.js';

describe('a snapshot is good until the first instant at which any of its rules begins or ends to hold', () => {
  // A Monday at 12:00 in Berlin; a rule of the small policy holds in office hours, 07:00 to 19:00.
  it.each<[string, string, string, string | null]>([
    ['a window closes', '2026-11-23T11:00:00Z', '', '2026-11-23T18:00:00.000Z'],
    ['a window opens', '2026-11-23T19:00:00Z', '', '2026-11-24T06:00:00.000Z'],
    [
      'a flow rule ends before',
      '2026-11-22T11:00:00Z',
      'p, infusion-pump, remediation, https, allow, until 2026-11-22, note',
      '2026-11-23T00:00:00.000Z',
    ],
    [
      'a flow rule ends later',
      '2026-11-23T11:00:00Z',
      'p, infusion-pump, remediation, https, allow, until 2026-12-31, note',
      '2026-11-23T18:00:00.000Z',
    ],
    [
      'an access rule ends before',
      '2026-11-22T11:00:00Z',
      'p2, infusion-pump, main, verified, pumps, until 2026-11-22, note',
      '2026-11-23T00:00:00.000Z',
    ],
    ['nothing ever changes', '2026-11-23T11:00:00Z', 'no schedule', null],
  ])('%s', (_, at, rule, expected) => {
    const flows = 'p, infusion-pump, drug-library, https, allow, always, note\n';
    const parts = rule === 'no schedule' ? { 'rules/flows.csv': flows } : { 'rules/x.csv': rule };
    const policy = loadPolicy(policyFiles(parts));
    const compiled = policy.ok && compilePolicy(policy.value, new Date(at));
    if (!compiled || !compiled.ok) throw new Error(JSON.stringify((compiled || policy).diagnostics));
    expect(compiled.value.nextChangeAt).toBe(expected);
  });
});
