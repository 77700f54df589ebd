import fc from 'fast-check';
import { createOpenvswitchDriver, type Driver } from '#drivers';
import { stateOf, type EnforcementRules } from '#model';
import { enforcementRules } from '#policy';
import { describe, expect, it } from 'vitest';
import { samplePolicy, sampleSnapshot } from '../../../policy/src/spec/sample.js';
import { proveMembers, type ProvedRules } from '../nftables/prove.js';
import { anyRules, rules } from '../spec/flow-rules.js';
import { proveFlows } from './prove.js';

const driver = createOpenvswitchDriver({ bridge: 'br0' });
const prove = (text: (rendered: string) => string, of: EnforcementRules = rules) => {
  const damaged: Pick<Driver, 'render' | 'parse'> = {
    ...driver,
    render: (state) => text(driver.render(state)),
  };
  return proveFlows(damaged, of);
};
const isProved = (result: ReturnType<typeof prove>): result is ProvedRules => 'rulesFingerprint' in result;

describe('flows of a bridge', () => {
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
    const lines = text.split('\n');
    const kept = lines.filter((each) => !pattern.test(each));
    expect(kept.length).toBeLessThan(lines.length);
    return kept.join('\n');
  };
  const replace = (from: RegExp, to: string) => (text: string) => {
    expect(text).toMatch(from);
    return text.replaceAll(from, to);
  };
  /** A line of a policy goes with all its clauses. */
  const removeLine = (id: string) => (text: string) => {
    const ids = [...text.matchAll(new RegExp(`^cookie=0xc0d0${id.padStart(12, '0')}.*conj_id=(\\d+)`, 'gm'))].map(
      ([, number]) => number,
    );
    expect(ids).not.toEqual([]);
    const clause = new RegExp(`conjunction\\((${ids.join('|')}),\\d/3\\),?`, 'g');
    return text
      .split('\n')
      .filter((each) => !ids.some((number) => each.includes(`conj_id=${number},`)))
      .map((each) => each.replaceAll(clause, '').replace(/,$/, ''))
      .filter((each) => !each.endsWith('actions='))
      .join('\n');
  };

  it.each<[string, (text: string) => string, RegExp]>([
    ['an allowing line missing', removeLine('1'), /policy passes it, the flows do not/],
    ['a denying line missing', removeLine('2'), /the flows pass it, policy does not/],
    ['a denying line that allows', replace(/REG11\[\]/g, 'REG12[]'), /the flows pass it/],
    [
      'lines that deny behind those that allow',
      replace(/table=204,priority=2/g, 'table=204,priority=0'),
      /not understood|the flows pass it/,
    ],
    [
      'a clause missing',
      remove(/conjunction.*ct_nw_dst|ct_nw_dst=10\.10\.4\.20,.*conjunction/),
      /not the flows|the flows do not|not understood/,
    ],
    ['IPv6 not judged', remove(/table=200,priority=1.*ipv6/), /though it is ours/],
    ['IPv4 entries missing', remove(/table=0,.*nw_src/), /though it is ours/],
    [
      'an entry that is too wide',
      replace(/nw_src=10\.21\.0\.0\/20,reg15/g, 'nw_src=10.21.0.0/19,reg15'),
      /none of ours/,
    ],
    [
      'neighbour discovery of everybody',
      replace(/icmp_type=135,nw_ttl=255/g, 'icmp_type=135'),
      /leave it alone, though it is ours/,
    ],
    ['neighbour discovery that is judged', remove(/icmp_type=135/), /though it is none of ours/],
    ['DHCP answers of everybody', replace(/,nw_src=10\.21\.0\.0\/20,tp_dst=68/g, ',tp_dst=68'), /though it is ours/],
    [
      'invalid packets let through',
      replace(/(ct_state=\+inv\+trk,actions=)drop/g, '$1load:0x1->NXM_NX_REG15[],resubmit(,0)'),
      /belongs to no connection/,
    ],
    ['helpers’ connections let through', remove(/ct_state=\+new\+rel/), /opens what a helper expects/],
    ['later packets dropped', remove(/table=205,priority=1,/), /the opener’s, later.*the flows do not/],
    ['openings forgotten', remove(/table=205,priority=2,.*ipv6/), /pass it and don’t remember its connection/],
    ['openings remembered elsewhere', replace(/ct\(commit,zone=51966\)/g, 'ct(commit,zone=7)'), /zones 51966 and 7/],
    ['denials that another class undoes', remove(/table=205,priority=3,/), /one line denies and another allows/],
    [
      'what no line names let through',
      replace(/(table=205,priority=0,actions=)drop/g, '$1resubmit(,0)'),
      /not understood|flows pass it/,
    ],
    ['a port changed', replace(/ct_tp_dst=3613/g, 'ct_tp_dst=3614'), /3613|3614/],
    ['a wider prefix', replace(/ct_nw_dst=10\.10\.4\.0\/24/g, 'ct_nw_dst=10.10.4.0/23'), /tcp\/23/],
    ['the ends exchanged', replace(/ct_nw_dst=10\.10\.4\.20/g, 'ct_nw_src=10.10.4.20'), /flows/],
    [
      'a class of another number',
      replace(/load:0x[0-9a-f]+->NXM_NX_REG13/, 'load:0x5->NXM_NX_REG13'),
      /differ|not understood|flows/,
    ],
    ['everybody of a class', replace(/load:0->NXM_NX_REG13/g, 'load:0x5->NXM_NX_REG13'), /something else than members/],
    [
      'members that skip the answerer',
      replace(/(priority=0,actions=load:0->NXM_NX_REG13\[\],resubmit\(,)203/g, '$1204'),
      /something else than members/,
    ],
    ['a foreign flow', (text) => `${text}cookie=0x7,table=204,priority=9,ip,actions=NORMAL\n`, /not understood/],
    ['no text at all', () => '', /no flows of ours/],
  ])('are refuted with %s', (_, damage, why) => {
    const found = prove(damage);
    expect(isProved(found) ? 'proved' : found.summary).toMatch(why);
  });

  it('is refuted by members that are in a set without being of its classes, or not in it though they are', () => {
    const proved = prove((text) => text);
    if (!isProved(proved)) throw new Error(proved.summary);
    const membership = new Map([['pump', new Set(['10.21.0.5'])]]);
    const honest = driver.expect(stateOf(rules, membership));
    const [pumps] = [...honest.membership].find(([name, members]) => name.startsWith('opener') && members.size > 0)!;
    const lying = (change: (members: Set<string>) => void) => {
      const members = new Set(honest.membership.get(pumps));
      change(members);
      return { ...honest, membership: new Map([...honest.membership, [pumps, members]]) };
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
