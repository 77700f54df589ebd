import { describe, expect, it } from 'vitest';
import { codes, integerAttribute, taggedTextAttribute, textAttribute, types, type Attribute } from '#radius';
import { describePlacement, placementIn, placementOf, refused } from './placement.ts';
import { grant, placement } from './grant.ts';

const rules = ['permit in tcp from any to 10.10.4.20 443', 'deny in ip from any to any'];
const accept = (vlan: string, acl: readonly string[], more: readonly Attribute[] = []) => ({
  code: codes.accessAccept,
  attributes: [
    textAttribute(types.nasFilterRule, acl.join('\0')),
    taggedTextAttribute(types.tunnelPrivateGroupId, 0, vlan),
    integerAttribute(types.tunnelType, 13),
    integerAttribute(types.tunnelMediumType, 6),
    ...more,
  ],
});

describe('the placement that a reply tells', () => {
  it('is the same in any order of the attributes, whatever else is told', () => {
    const reply = accept('210', rules, [
      textAttribute(types.class, 'cordon:1'),
      integerAttribute(types.sessionTimeout, 60),
    ]);
    expect(placementOf(reply)).toBe(placementIn(210, rules));
  });

  it.each([
    ['another VLAN', accept('211', rules)],
    ['a rule less', accept('210', rules.slice(1))],
    ['rules in another order', accept('210', [...rules].reverse())],
    ['a second VLAN', accept('210', rules, [taggedTextAttribute(types.tunnelPrivateGroupId, 0, '211')])],
    ['an Access-Reject', { ...accept('210', rules), code: codes.accessReject }],
    ['an Access-Challenge', { ...accept('210', rules), code: codes.accessChallenge }],
  ])('is another with %s', (_, reply) => {
    expect(placementOf(reply)).not.toBe(placementIn(210, rules));
  });

  it('of a reject is one of its own', () => {
    expect(placementOf({ code: codes.accessReject, attributes: [] })).toBe(refused);
  });

  it('is told to people in words', () => {
    const words = describePlacement(placementIn(210, rules));
    expect(words).toContain(
      'Tunnel-Private-Group-Id 210, NAS-Filter-Rule permit in tcp from any to 10.10.4.20 443 | deny',
    );
    expect(describePlacement(refused)).toBe(refused);
  });

  it('of the benchmark is made of the words that FreeRADIUS is given', () => {
    const words = grant.flatMap(([name, , value]) => (name === 'NAS-Filter-Rule' ? [value] : []));
    expect(placement).toBe(placementIn(210, words));
    expect(words).toHaveLength(5);
  });
});
