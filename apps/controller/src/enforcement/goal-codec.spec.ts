import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { noRules, stateOf, type EnforcementState } from '#model';
import { GoalDecoder, GoalEncoder, type GoalMessage } from './goal-codec.js';

/** As a thread gets it. */
const sent = (message: GoalMessage): GoalMessage => structuredClone(message);

describe('a goal on its way to the thread', () => {
  const rules = ['a', 'b'].map((digest) => ({ ...noRules, snapshotDigest: digest }));
  const sets = ['10.0.0.1', '10.0.0.2', 'fd00::1'].map((address) => new Set([address]));
  const state = fc.record({
    rules: fc.constantFrom(...rules),
    membership: fc.dictionary(fc.constantFrom('pump', 'scanner', 'monitor'), fc.constantFrom(...sets)),
    ports: fc.constantFrom(new Map<string, number>(), new Map([['p1', 210]])),
  });

  it('comes out as it went in, whatever went before', () => {
    fc.assert(
      fc.property(fc.array(state, { maxLength: 12 }), (states) => {
        const [encoder, decoder] = [new GoalEncoder(), new GoalDecoder()];
        for (const { rules: of, membership, ports } of states) {
          const goal = stateOf(of, new Map(Object.entries(membership)), ports);
          expect(decoder.decode(sent(encoder.encode(goal)))).toEqual(goal);
        }
      }),
    );
  });

  it('has nothing in it that is as before, and is the same object when nothing changed', () => {
    const [encoder, decoder] = [new GoalEncoder(), new GoalDecoder()];
    const first: EnforcementState = stateOf(
      rules[0]!,
      new Map([
        ['pump', sets[0]!],
        ['scanner', sets[1]!],
      ]),
    );
    const there = decoder.decode(sent(encoder.encode(first)));
    const same = encoder.encode({ ...first });
    expect(same).toEqual({ rules: null, sets: [], gone: [], ports: null });
    expect(decoder.decode(sent(same))).toBe(there);
    const changed = encoder.encode({ ...first, membership: new Map([['pump', sets[2]!]]) });
    expect(changed).toEqual({ rules: null, sets: [['pump', sets[2]]], gone: ['scanner'], ports: null });
    const after = decoder.decode(sent(changed));
    expect([after.rules, after.membership]).toEqual([first.rules, new Map([['pump', sets[2]]])]);
    expect(after.rules).toBe(there.rules);
  });
});
