import { describe, expect, it } from 'vitest';
import { actKinds, planBursts, type Burst } from './acts.ts';

const first = (seed: number, count: number): Burst[] => planBursts(seed).take(count).toArray();

describe('the plan', () => {
  it('is the same for the same seed, and another for the next', () => {
    expect(first(7, 20)).toEqual(first(7, 20));
    expect(first(7, 20)).not.toEqual(first(8, 20));
  });

  it('has every kind of act, numbered one by one', () => {
    const acts = first(1, 60).flatMap((burst) => burst.acts);
    expect(new Set(acts.map(({ kind }) => kind))).toEqual(new Set(Object.keys(actKinds)));
    expect(acts.map(({ number }) => number)).toEqual(acts.map((_, i) => i + 1));
  });
});
