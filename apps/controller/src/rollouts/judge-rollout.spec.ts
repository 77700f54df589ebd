import type { RolloutGates } from '#policy';
import { describe, expect, it } from 'vitest';
import { judgeRollout, type RolloutFacts } from './judge-rollout.js';

const now = new Date('2026-11-30T12:00:00Z');
const gates: RolloutGates = {
  refused: 5,
  rejected: 5,
  missing: 5,
  missingSeconds: 600,
  denied: 5,
  least: 3,
  action: 'halt',
};
const stage = (name: string, soakSeconds: number) => ({ name, sites: [], devices: [], soakSeconds });
const none = { refused: 0, rejected: 0, missing: 0 };

function judge(
  facts: Partial<RolloutFacts['progress'] & RolloutFacts>,
  row: { stage?: number; since?: string; seen?: object } = {},
  own: Partial<RolloutGates> = {},
) {
  const { authenticated = 0, rejected = 0, missing = 0, denied = null, ...progress } = facts;
  const all = { covered: 100, done: 100, pending: 0, held: 0, refused: 0, ...progress };
  const rules = {
    stages: [stage('canary', 60), stage('everywhere', 0)],
    gates: { ...gates, ...own },
    limits: { changesPerSecond: null, perSwitch: 4, jitterSeconds: 0 },
    inUse: { waitSeconds: 0, quarantine: 'waits' as const },
    breakGlass: { mostSeconds: 0 },
    classes: [],
  };
  return judgeRollout(
    {
      stage: row.stage ?? 0,
      stageSince: row.since ?? '2026-11-30T11:58:00Z',
      rules,
      seen: { lastAuthentication: 0, denied: {}, acknowledged: { ...none, ...row.seen } },
    },
    { progress: all, authenticated, rejected, missing, denied },
    now,
  );
}

describe('a rollout', () => {
  it.each<[string, Parameters<typeof judge>, object]>([
    ['goes on when all is told and was watched long enough', [{}], { kind: 'next-stage' }],
    [
      'waits for sessions that have to be told yet',
      [{ pending: 2 }],
      { kind: 'stay', why: '2 sessions have to be told yet' },
    ],
    ['does not wait for those that are held back', [{ held: 50 }], { kind: 'next-stage' }],
    [
      'is watched as long as the stage says',
      [{}, { since: '2026-11-30T11:59:30Z' }],
      { kind: 'stay', why: 'stage `canary` is watched for another 30 s' },
    ],
    ['is over after the last stage', [{}, { stage: 1 }], { kind: 'finish' }],
    [
      'stops when switches refuse',
      [{ done: 94, refused: 6 }],
      { kind: 'stop', why: '6 of 100 changed sessions have a switch that refused, or did not answer: more than 5 %' },
    ],
    ['stops before anything else', [{ done: 90, refused: 10, pending: 900 }], { kind: 'stop' }],
    ['bears as many as the gate says', [{ done: 95, refused: 5 }], { kind: 'next-stage' }],
    ['does not judge by fewer devices than the gates say', [{ done: 1, refused: 1 }], { kind: 'next-stage' }],
    [
      'stops when devices are rejected',
      [{ authenticated: 10, rejected: 1 }],
      { kind: 'stop', why: '1 of 10 devices that authenticated were rejected: more than 5 %' },
    ],
    ['stops when devices do not come back', [{ done: 9, missing: 1 }], { kind: 'stop' }],
    [
      'stops when firewalls drop much more',
      [{ denied: { before: 2, now: 11 } }],
      { kind: 'stop', why: 'firewalls drop 11 packets per second, 2.0 before: more than 5 times as many' },
    ],
    ['bears a few drops where there were none', [{ denied: { before: 0, now: 4 } }], { kind: 'next-stage' }],
    [
      'does not look where the policy says null',
      [{ done: 0, refused: 100, denied: { before: 0, now: 1000 } }, {}, { refused: null, denied: null }],
      { kind: 'next-stage' },
    ],
    [
      'is not stopped again by what a person has seen',
      [{ done: 90, refused: 10 }, { seen: { refused: 8 } }],
      { kind: 'next-stage' },
    ],
    ['is stopped by more of it', [{ done: 90, refused: 16 }, { seen: { refused: 8 } }], { kind: 'stop' }],
  ])('%s', (_, given, expected) => {
    expect(judge(...given)).toMatchObject(expected);
  });
});
