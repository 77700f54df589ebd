import { describe, expect, it } from 'vitest';
import { disturbanceKinds, planDisturbances } from './disturbances.ts';

const seeds = Array.from({ length: 50 }, (_, seed) => seed);

describe('the plan of disturbances', () => {
  it('is the same for the same seed, and another for another', () => {
    expect(planDisturbances(20, 7)).toEqual(planDisturbances(20, 7));
    expect(planDisturbances(20, 7)).not.toEqual(planDisturbances(20, 8));
  });

  it.each([3, 20, 60])('of %i minutes: one after the other, within the time, each kind', (minutes) => {
    for (const seed of seeds) {
      const plan = planDisturbances(minutes, seed);
      for (const [i, { at, seconds }] of plan.entries()) {
        const next = plan[i + 1]?.at ?? minutes * 60;
        expect(at + seconds + 15).toBeLessThanOrEqual(next);
      }
      const kinds = new Set(plan.map(({ kind }) => kind));
      if (minutes >= 20) expect([...kinds].sort()).toEqual([...disturbanceKinds].sort());
      else expect(kinds.size).toBeGreaterThanOrEqual(3);
    }
  });

  it('leaves the process of the controller alone in the second and in the last quarter', () => {
    for (const plan of seeds.map((seed) => planDisturbances(20, seed))) {
      for (const { kind, at, seconds } of plan) {
        if (kind === 'cut' || kind === 'stall') continue;
        expect([0, 2]).toContain(Math.floor(at / 300));
        expect(Math.floor((at + seconds) / 300)).toBe(Math.floor(at / 300));
      }
    }
  });

  it('has one outage of three minutes from 15 minutes on, and none before', () => {
    for (const seed of seeds) {
      const long = (minutes: number) => planDisturbances(minutes, seed).filter(({ seconds }) => seconds === 180);
      expect([long(14).length, long(15).length, long(20).length]).toEqual([0, 1, 1]);
    }
  });
});
