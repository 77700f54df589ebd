import { describe, expect, it } from 'vitest';
import { noRules, type EnforcementState } from '#model';
import { addressSet, families } from '#net';
import type { Packet } from '../invariant.js';
import { top } from '../random-states.js';
import { describeRandomStates } from '../spec/random-states.js';
import { judgeByTable } from './evaluate.js';
import { createNftablesDriver } from './index.js';

const driver = createNftablesDriver();

describe('nftables semantics', () => {
  describeRandomStates(driver, judgeByTable);

  const connection = {
    source: { family: 4, value: 0x0a14_0001n },
    destination: { family: 4, value: 0x0a14_0002n },
  } as const;
  const open: EnforcementState = {
    rules: {
      ...noRules,
      scope: addressSet([{ family: 4, first: 0x0a14_0000n, last: 0x0a14_00ffn }]),
    },
    membership: new Map(),
    ports: new Map(),
  };
  it.each<[string, Partial<Packet>, string]>([
    ['a reply of an established connection', { isReply: true, state: 'established' }, 'passed'],
    ['the opener’s packet of an established connection', { state: 'established' }, 'dropped'],
    ['an ICMP error about a connection', { isReply: true, state: 'related', protocol: 1, port: 3 }, 'passed'],
    ['a related connection that is opened', { state: 'related' }, 'dropped'],
    ['what conntrack finds invalid', { state: 'invalid', isReply: true }, 'dropped'],
  ])('treats %s by its connection', (_, change, verdict) => {
    const packet: Packet = { ...connection, protocol: 6, port: 443, ...change };
    expect(judgeByTable(driver.render(open))(packet)).toBe(verdict);
  });

  it.each(families)('filters every address of IPv%i when all are in scope', (of) => {
    const scope = addressSet([{ family: of, first: 0n, last: top[of] }]);
    const judge = judgeByTable(driver.render({ ...open, rules: { ...open.rules, scope } }));
    const middle = top[of] >> 1n;
    for (const value of [0n, middle, middle + 1n, top[of]]) {
      const address = { family: of, value };
      expect(judge({ source: address, destination: address, protocol: 6, port: 443 })).toBe('dropped');
    }
  });
});
