import { describe, expect, it } from 'vitest';
import { noRulesRead, type PointState } from '../enforcement/enforcement-point.js';
import type { PolicyHoldRow } from '../store/rows.js';
import { compareThreeWays, type DisagreementKind, type ThreeWayFacts } from './three-ways.js';

const now = new Date('2026-11-24T12:00:00Z');
const digest = (letter: string): string => letter.repeat(64);
const point: PointState = {
  name: 'fw1',
  driver: 'nftables',
  site: 'main',
  state: 'in-sync',
  members: 3,
  rulesDigest: digest('a'),
  lastSuccess: now.toISOString(),
  lastError: null,
  lastDrift: null,
  lastSecondWriter: null,
  rules: { left: 'f1', leftAt: '2026-11-24T10:00:00Z', read: 'f1', verdict: 'in-sync' },
};
const bridge = { id: 'bridge-1/x', lastSeq: 1, lastSeen: '', digest: digest('a'), isListening: true };
const facts: ThreeWayFacts = {
  source: { state: 'reached', lastSuccess: now.toISOString(), problem: null },
  head: { commit: 'aaaaaaaaaaaa', digest: digest('9'), status: 'active' },
  inForce: { commit: 'aaaaaaaaaaaa', digest: digest('a'), since: '2026-11-24T10:00:00Z' },
  staged: null,
  hold: null,
  bridges: [bridge],
  points: [point],
  wantedAt: () => digest('a'),
  now,
};
const hold: PolicyHoldRow = {
  id: 1,
  version: 1,
  toCommit: 'aaaaaaaaaaaa',
  fromCommit: 'bbbbbbbbbbbb',
  held: ['bbbbbbbbbbbb'],
  actor: 'ada',
  reason: 'pumps fail',
  at: '',
};
const head = (status: NonNullable<ThreeWayFacts['head']>['status']) => ({
  head: { commit: 'bbbbbbbbbbbb', digest: digest('b'), status },
});
const failing = { at: now.toISOString(), message: 'it does not answer' };
const of = (change: Partial<PointState>): Partial<ThreeWayFacts> => ({ points: [{ ...point, ...change }] });
const at = '2026-11-24T11:00:00.000Z';

describe('source, running and applied', () => {
  it('agree, and say by which digest: that in force is of now, not of when it came', () => {
    const { source, running, applied, disagreements } = compareThreeWays(facts);
    expect(source).toEqual({ head: 'aaaaaaaaaaaa', commit: 'aaaaaaaaaaaa', digest: digest('a') });
    expect(running).toMatchObject({ digest: digest('a'), bridges: [{ id: 'bridge-1/x', digest: digest('a') }] });
    expect(applied).toMatchObject([{ name: 'fw1', wanted: digest('a'), digest: digest('a'), left: 'f1', read: 'f1' }]);
    expect(disagreements).toEqual([]);
  });

  it.each<[string, Partial<ThreeWayFacts>, DisagreementKind, boolean, RegExp]>([
    [
      'a refused commit',
      head('refused'),
      'refused',
      false,
      /^commit bbbbbbbbbbbb is refused, and aaaaaaaaaaaa stays in force$/,
    ],
    ['one that waits', head('waiting'), 'waiting', true, /waits for the rollout/],
    ['one that was taken back', head('withdrawn'), 'withdrawn', false, /was taken back/],
    [
      'one that is being rolled out',
      { ...head('staged'), staged: { commit: 'bbbbbbbbbbbb', digest: digest('b') } },
      'staged',
      true,
      /is being rolled out/,
    ],
    [
      'one that was rolled back from',
      { ...head('withdrawn'), hold },
      'rolled-back',
      false,
      /^rolled back to aaaaaaaaaaaa by ada because pumps fail; the branch still says bbbbbbbbbbbb$/,
    ],
    ['nobody knows the repository', { head: null }, 'source-unknown', false, /is not known/],
    [
      'a bridge that answers by another policy',
      { bridges: [{ ...bridge, digest: digest('c') }] },
      'bridge',
      false,
      /^bridge bridge-1\/x says that it answers by cccccccccccc, and aaaaaaaaaaaa is in force$/,
    ],
    [
      'rules that are on their way',
      of({ state: 'applying', rules: { ...point.rules, verdict: 'ours' } }),
      'on-its-way',
      true,
      /^fw1 holds what we left there before: its rules are on their way$/,
    ],
    [
      'a point whose turn it is not yet',
      { wantedAt: () => digest('b') },
      'on-its-way',
      true,
      /others are wanted since/,
    ],
    [
      'a point that is away',
      of({ state: 'unreachable', lastError: failing }),
      'unfinished',
      false,
      /^fw1 holds what we left there before, and is unreachable: it does not answer$/,
    ],
    [
      'a point that never was left with rules, and fails',
      of({ state: 'failed', lastError: failing, rules: noRulesRead }),
      'unfinished',
      false,
      /never left with rules/,
    ],
    [
      'a hand that could not be undone',
      of({ state: 'drifted' }),
      'unfinished',
      false,
      /changed by hand, and could not be put right/,
    ],
    ['a hand', of({ lastDrift: { at, steps: [] } }), 'drift', false, /changed by hand, and put right 2026-11-24T11/],
    [
      'a second writer',
      of({ lastSecondWriter: { at } }),
      'second-writer',
      false,
      /brought to what policy wants by somebody else/,
    ],
  ])('disagree by %s, in one sentence and with what to do', (_, change, kind, isExpected, sentence) => {
    const { disagreements } = compareThreeWays({ ...facts, ...change });
    expect(disagreements).toHaveLength(1);
    expect(disagreements[0]).toMatchObject({ kind, isExpected });
    expect(disagreements[0]!.summary).toMatch(sentence);
    expect(disagreements[0]!.hint).not.toBe('');
  });

  it('are not held against a bridge that is away, of an older release, or was just told', () => {
    const other = { ...bridge, digest: digest('c') };
    for (const bridges of [[{ ...other, isListening: false }], [{ ...other, digest: null }]])
      expect(compareThreeWays({ ...facts, bridges }).disagreements).toEqual([]);
    const since = new Date(now.getTime() - 5000).toISOString();
    expect(
      compareThreeWays({ ...facts, bridges: [other], inForce: { ...facts.inForce!, since } }).disagreements,
    ).toEqual([]);
  });

  it('forget hands and writers after a day', () => {
    const old = { at: '2026-11-23T11:00:00Z' };
    const change = of({ lastDrift: { ...old, steps: [] }, lastSecondWriter: old });
    expect(compareThreeWays({ ...facts, ...change }).disagreements).toEqual([]);
  });
});
