import { postures } from '#model';
import { describe, expect, it } from 'vitest';
import { Report } from '../codes.js';
import { compileAccess } from '../compile/access.js';
import { samplePolicy } from '../spec/sample.js';
import { Placement } from './placement.js';
import { momentsOf, periodAt, periodsAhead } from './timeline.js';

const policy = samplePolicy();
const placement = new Placement(policy);
const questions = placement.questions(policy.classes.keys(), null);

describe('placement', () => {
  it.each(['2026-11-23T11:00:00Z', '2026-11-22T11:00:00Z', '2027-04-01T00:00:00Z', '2027-03-31T23:59:59Z'])(
    'is the access table that compiling at %s gives',
    (text) => {
      const at = new Date(text);
      const table = compileAccess(policy, at, new Report());
      expect(placement.placed(questions, periodAt(policy, at)).map(({ grant }) => grant)).toEqual(table);
      expect(table.length).toBeGreaterThan(500);
    },
  );

  it('of several periods is what any of them gives', () => {
    const { periods, whole } = momentsOf(periodsAhead(policy, new Date('2026-11-23T11:00:00Z'), 365));
    expect(periods.length).toBeGreaterThan(4);
    for (const question of questions) {
      const possible = placement.answers(question, whole);
      for (const period of periods) {
        const answers = placement.answers(question, period);
        expect(answers).toHaveLength(1);
        expect(possible).toContainEqual(answers[0]);
      }
    }
  });

  it('asks at every site below those that are named, in the postures that are named', () => {
    const asked = placement.questions(['ip-phone'], { sites: ['main'], postures: ['at-risk'] });
    expect(asked.map(({ site, posture }) => `${site} ${posture}`).sort()).toEqual([
      'main at-risk',
      'main-wifi-clinical at-risk',
      'main-wifi-legacy at-risk',
    ]);
    expect(placement.questions(['ip-phone'], null)).toHaveLength(placement.sites.length * postures.length);
  });
});
