import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { noRules, type EnforcementState } from '#model';
import { addressSet, families } from '#net';
import { judgeByInvariant, type Packet } from '../invariant.js';
import { membership, packet, state, top } from '../random-states.js';
import { judgeByTable } from './evaluate.js';
import { createNftablesDriver } from './index.js';

const driver = createNftablesDriver();

describe('nftables semantics', () => {
  it('judges any packet by any state as the invariant says', () => {
    fc.assert(
      fc.property(state, fc.array(packet, { minLength: 30, maxLength: 30 }), (state, packets) => {
        const judge = judgeByTable(driver.render(state));
        for (const packet of packets)
          expect({ packet, verdict: judge(packet) }).toEqual({ packet, verdict: judgeByInvariant(state, packet) });
      }),
      { numRuns: 400 },
    );
  });

  it('expects of any state what its artefact says, whatever was asked for the same rules before', () => {
    fc.assert(
      fc.property(state, membership, (state, members) => {
        for (const each of [state, { ...state, membership: members }])
          expect(driver.expect(each)).toEqual(driver.parse(driver.render(each)));
      }),
      { numRuns: 100 },
    );
  });

  it('brings a simulated device from any state to any other, and finds nothing left to do', async () => {
    const session = driver.connect({ kind: 'simulated', name: 'random walk' });
    await fc.assert(
      fc.asyncProperty(state, membership, async (state, members) => {
        for (const desired of [state, { ...state, membership: members }]) {
          const text = await session.read();
          await session.apply(driver.plan(desired, text === null ? null : driver.parse(text)));
          expect(driver.plan(desired, driver.parse((await session.read()) ?? '')).kind).toBe('none');
        }
      }),
      { numRuns: 150 },
    );
  });

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
