import { policyFiles } from '#testkit';
import { describe, expect, it } from 'vitest';
import { loadPolicy } from '../load/load.js';
import { compilePolicy } from './compile.js';

/** A Monday noon: the pump and the quarantined device may open to one server each, in both families. */
const at = new Date('2026-11-23T12:00:00Z');

function findings(...budgets: (number | null)[]): string[] {
  const nas = budgets.map((entries, i) => {
    const budget = entries === null ? '' : `, aclEntries: ${entries}`;
    return `sw${i}: { address: 10.0.3.${11 + i}, site: main, profile: rfc, secret: "env:X"${budget} }`;
  });
  const loaded = loadPolicy(policyFiles({ 'network/nas.yaml': nas.join('\n') }));
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.diagnostics));
  return compilePolicy(loaded.value, at).diagnostics.map(({ code, span }) => `${code} ${span!.line}`);
}

describe('a port ACL of four entries, final denies included', () => {
  it.each<[string, (number | null)[], string[]]>([
    ['is near a budget of four', [4], ['acl-near-budget 1']],
    ['is not near a budget of five', [5], []],
    ['is told once for switches of one kind', [4, 4], ['acl-near-budget 1']],
    ['has no budget where the switch has none', [null], []],
  ])('%s', (_, budgets, expected) => {
    expect(findings(...budgets)).toEqual(expected);
  });

  it('is over a budget of three, and not near it as well', () => {
    expect(new Set(findings(3))).toEqual(new Set(['acl-over-budget 1']));
  });
});
