import { describe, expect, it } from 'vitest';
import { PostureExpectation, reflectedWithin } from './posture.ts';

const changed = (): PostureExpectation => {
  const expectation = new PostureExpectation('pumps');
  expectation.change('quarantine');
  return expectation;
};

describe('the answers to a device whose posture changes', () => {
  it('are right as they were until the change is due, however long that takes', () => {
    const expectation = changed();
    expect(expectation.saw('pumps', 1_000_000, 1_000_001)).toBeNull();
    expectation.due(1_000_002);
    expect(expectation.saw('pumps', 1_000_002 + reflectedWithin, 0)).toBeNull();
    expect(expectation.isReflected).toBe(false);
  });

  it('are wrong as they were when the change has been due for too long', () => {
    const expectation = changed();
    expectation.due(1000);
    expect(expectation.saw('pumps', 1001 + reflectedWithin, 0)).toContain('still pumps 20 s after');
  });

  it('never go back', () => {
    const expectation = changed();
    expectation.due(1000);
    expect(expectation.saw('quarantine', 1400, 1500)).toBeNull();
    expect([expectation.isReflected, expectation.delays]).toEqual([true, [500]]);
    expect(expectation.saw('pumps', 1600, 1700)).toBe('pumps instead of quarantine');
  });

  it('are wrong when they are neither the old nor the new one', () => {
    expect(changed().saw('Access-Reject', 1, 2)).toBe('Access-Reject instead of quarantine');
  });
});
