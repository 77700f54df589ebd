import { describe, expect, it } from 'vitest';
import { problemsOf } from './status.js';

type Status = Parameters<typeof problemsOf>[0];

const active = { commit: 'c0ffee', author: 'Ada', digest: 'd', activatedAt: '2026-11-24T20:44:16Z' };
const well: Status = {
  installation: { name: 'production', sites: null },
  policy: { active, refused: null, rolledBack: null, source: { state: 'reached', problem: null } },
  bridges: { connected: 1, known: [{ id: 'bridge-1' }] },
  enforcementPoints: [],
  rollout: null,
  breakGlass: [],
  webhooks: { waiting: 3, late: null },
  commitStatuses: { waiting: 1, late: null },
  approvals: { waiting: 1, late: null },
  threeWays: {
    source: { head: 'c0ffee', commit: 'c0ffee', digest: 'd' },
    running: { commit: 'c0ffee', digest: 'd', bridges: [] },
    applied: [],
    disagreements: [],
  },
};

describe('what a person has to look at', () => {
  it('is nothing when all is well, webhooks on their way included', () => {
    expect(problemsOf(well, [])).toEqual([]);
    expect(problemsOf({ ...well, webhooks: null }, [])).toEqual([]);
  });

  it('are webhooks that are not delivered: how many, since when, and why', () => {
    const late = { since: '2026-11-24T20:44:16Z', problem: 'the receiver answered 503' };
    const [problem] = problemsOf({ ...well, webhooks: { waiting: 2, late } }, []);
    expect(problem).toMatch(
      /^2 webhooks not delivered, the oldest since 2026-11-24 \d\d:44:16: the receiver answered 503$/,
    );
  });

  it('are commit statuses that the forge does not take', () => {
    const late = { since: '2026-11-24T20:44:16Z', problem: 'the forge answered 401' };
    const [problem] = problemsOf({ ...well, commitStatuses: { waiting: 1, late } }, []);
    expect(problem).toMatch(/^1 message to the forge not delivered, .*: the forge answered 401$/);
  });

  it('are a rollback that the branch does not follow, and who else writes to a point; not what is on its way', () => {
    const rolledBack = {
      summary: 'rolled back to beef by ada because x; the branch still says c0ffee',
      hint: 'revert it',
    };
    const one = { between: 'point', name: 'fw1', isExpected: false, hint: 'find out who' } as const;
    const disagreements = [
      { ...one, kind: 'second-writer', summary: 'fw1 was brought there by somebody else' },
      { ...one, kind: 'on-its-way', isExpected: true, summary: 'its rules are on their way' },
      { ...one, kind: 'rolled-back', summary: 'is said above' },
    ];
    const policy = { ...well.policy, rolledBack };
    expect(problemsOf({ ...well, policy, threeWays: { ...well.threeWays, disagreements } }, [])).toEqual([
      `${rolledBack.summary}: revert it`,
      'fw1 was brought there by somebody else: find out who',
    ]);
  });
});
