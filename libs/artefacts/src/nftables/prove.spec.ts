import fc from 'fast-check';
import { createNftablesDriver, type Driver } from '#drivers';
import { stateOf, type EnforcementRules } from '#model';
import { enforcementRules } from '#policy';
import { describe, expect, it } from 'vitest';
import { samplePolicy, sampleSnapshot } from '../../../policy/src/spec/sample.js';
import { anyRules, rules } from '../spec/flow-rules.js';
import { proveMembers, proveRules, type ProvedRules } from './prove.js';

const driver = createNftablesDriver();
const prove = (text: (rendered: string) => string, of: EnforcementRules = rules) => {
  const damaged: Pick<Driver, 'render' | 'parse'> = {
    ...driver,
    render: (state) => text(driver.render(state)),
  };
  return proveRules(damaged, of);
};
const isProved = (result: ReturnType<typeof prove>): result is ProvedRules => 'rulesFingerprint' in result;

describe('an nftables table', () => {
  it('is proved for the rules it was made from, whoever the members are', () => {
    const proved = prove((text) => text);
    expect(isProved(proved) ? '' : proved.summary).toBe('');
    if (!isProved(proved)) return;
    const membership = new Map([
      ['pump', new Set(['10.21.0.5', 'fd21::5'])],
      ['scanner', new Set(['10.21.0.6'])],
    ]);
    for (const members of [membership, new Map<string, Set<string>>()])
      expect(proveMembers(proved, driver.expect(stateOf(rules, members)), members)).toBeNull();
  });

  it('is proved for every site of the sample hospital', () => {
    const snapshot = sampleSnapshot(samplePolicy());
    for (const { site } of snapshot.enforcementPoints) {
      const proved = prove((text) => text, enforcementRules(snapshot, site));
      expect({ site, why: isProved(proved) ? '' : proved.summary }).toEqual({ site, why: '' });
    }
  });

  const remove = (pattern: RegExp) => (text: string) => {
    const root = JSON.parse(text) as { nftables: unknown[] };
    const kept = root.nftables.filter((item) => !pattern.test(JSON.stringify(item)));
    expect(kept.length).toBeLessThan(root.nftables.length);
    return JSON.stringify({ nftables: kept });
  };

  it.each<[string, (text: string) => string, RegExp]>([
    ['an allowing rule missing', remove(/"rule".*cordon:000000000001/), /policy passes it, the table does not/],
    ['a denying rule missing', remove(/"rule".*cordon:000000000002/), /the table passes it, policy does not/],
    ['the IPv6 half missing', remove(/"rule".*"judge_6"/), /IPv6|fd|::/],
    ['replies not let through', remove(/"direction"/), /is a reply/],
    ['invalid packets not dropped', remove(/"invalid"/), /belongs to no connection/],
    ['a port changed', (text) => text.replaceAll('3613', '3614'), /3613|3614/],
    ['a wider prefix', (text) => text.replaceAll('"10.10.4.0","len":24', '"10.10.4.0","len":23'), /tcp\/23/],
    ['accept and drop swapped', (text) => text.replaceAll('"drop":null', '"accept":null'), /the table passes it/],
    ['a set that holds too much', (text) => text.replaceAll('"0.0.0.1"', '"0.0.0.1","0.0.0.9"'), /members of no class/],
    ['a foreign statement', (text) => text.replace('"drop":null', '"reject":null'), /not understood/],
    ['a table of another name', (text) => text.replaceAll('"cordon"', '"other"'), /no table/],
    ['no text at all', () => '', /not understood/],
  ])('is refuted with %s', (_, damage, why) => {
    const found = prove(damage);
    expect(isProved(found) ? 'proved' : found.summary).toMatch(why);
  });

  it.each<[string, (text: string) => string, RegExp]>([
    [
      'leaves packets alone that are its own',
      remove(/"rule".*"forward".*"saddr"/),
      /leaves it alone, though it is ours/,
    ],
    ['drops what is none of its own', (text) => text.replace('"policy":"accept"', '"policy":"drop"'), /none of ours/],
  ])('that closes everything is refuted when it %s', (_, damage, why) => {
    const found = prove(damage, { ...rules, entries: [] });
    expect(isProved(found) ? 'proved' : found.summary).toMatch(why);
  });

  it('is refuted by members that are in a set without being of its classes, or not in it though they are', () => {
    const proved = prove((text) => text);
    if (!isProved(proved)) throw new Error(proved.summary);
    const membership = new Map([['pump', new Set(['10.21.0.5'])]]);
    const honest = driver.expect(stateOf(rules, membership));
    const lying = (change: (members: Set<string>) => void) => {
      const members = new Set(honest.membership.get('pump_4'));
      change(members);
      return { ...honest, membership: new Map([...honest.membership, ['pump_4', members]]) };
    };
    const why = (read: typeof honest) => proveMembers(proved, read, membership)?.summary;
    expect(why(lying((set) => set.add('10.21.0.9')))).toContain('other classes');
    expect(why(lying((set) => set.delete('10.21.0.5')))).toContain('lacks 10.21.0.5');
    const others: EnforcementRules = { ...rules, entries: rules.entries.slice(1) };
    expect(why(driver.expect(stateOf(others, membership)))).toContain('not those that were proved');
  });

  it('is proved for any rules', () => {
    fc.assert(
      fc.property(anyRules, (any) => {
        const proved = prove((text) => text, any);
        expect(isProved(proved) ? '' : proved.summary).toBe('');
      }),
      { numRuns: 60 },
    );
  });
});
