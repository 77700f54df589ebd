import { describe, expect, it } from 'vitest';
import { mutate, Random } from './inputs.ts';
import { targets } from './targets.ts';

const inputs = 2000;

describe('what reads bytes of strangers', () => {
  it.each(targets.map((target) => [target.name, target] as const))(
    'reads its good inputs, and survives bad ones: %s',
    async (_, target) => {
      for (const good of target.seeds) await target.run(good);
      const random = new Random(7);
      for (let i = 0; i < inputs; i++) await target.run(mutate(random.pick(target.seeds), random));
    },
  );

  it('is given the same inputs for the same seed, nearly all of them bad', () => {
    const good = targets[0]!.seeds;
    const made = (seed: number): string[] => {
      const random = new Random(seed);
      return Array.from({ length: 200 }, () => mutate(random.pick(good), random).toString('hex'));
    };
    expect(made(1)).toEqual(made(1));
    expect(made(1)).not.toEqual(made(2));
    expect(new Set(made(1)).size).toBeGreaterThan(180);
  });
});
