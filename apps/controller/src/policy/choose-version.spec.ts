import { describe, expect, it } from 'vitest';
import { Refusal } from '../http/refusal.js';
import type { PolicyHoldRow } from '../store/rows.js';
import { chooseVersion, type KnownPolicies } from './choose-version.js';
import type { StoredVersion } from './policy-store.js';

const version = (id: number, commit: string, status: StoredVersion['status'] = 'superseded'): StoredVersion => ({
  id,
  commit,
  status,
  author: 'Ada',
  committedAt: '',
  message: `change ${id}`,
  digest: null,
  diagnostics: [],
  at: '',
  approvals: [],
  asked: null,
});
const [a, b, c] = [version(1, 'aaaaaaa1'), version(2, 'bbbbbbb1'), version(3, 'bbbbbbb2')];
const former = (digests: string[], of: StoredVersion) => ({ version: of, digests });
const known: KnownPolicies = {
  former: [former(['d3d3d3d'], c), former(['d2d2d2d', 'aaaaaaa'], b), former(['d1d1d1d'], a)],
  inForce: c,
  staged: null,
  hold: null,
  judged: [],
};
const hold: PolicyHoldRow = {
  id: 1,
  version: 2,
  toCommit: b.commit,
  fromCommit: c.commit,
  held: [c.commit],
  actor: 'ada',
  reason: 'x',
  at: '',
};

function refusal(said: string, change: Partial<KnownPolicies> = {}): string {
  try {
    return `chose ${chooseVersion(said, { ...known, ...change }).commit}`;
  } catch (error) {
    if (error instanceof Refusal) return `${error.code}: ${error.message}`;
    throw error;
  }
}

describe('which policy of before is meant', () => {
  it.each<[string, string, Partial<KnownPolicies>, StoredVersion]>([
    ['by a commit', 'bbbbbbb1', {}, b],
    ['by a digest that it had once', 'd2d2d2d', {}, b],
    ['the one before', 'previous', {}, b],
    ['the one before that, where an older one is in force', 'previous', { inForce: b }, a],
    ['of a rollout, the one that it began from', 'previous', { staged: version(4, 'ddddddd1') }, c],
    ['the one in force ends a rollout', 'bbbbbbb2', { staged: version(4, 'ddddddd1') }, c],
  ])('%s', (_, said, change, meant) => {
    expect(chooseVersion(said, { ...known, ...change })).toBe(meant);
  });

  it.each<[string, string, Partial<KnownPolicies>, RegExp]>([
    [
      'two begin so',
      'bbbbbbb',
      {},
      /^conflict: `bbbbbbb` begins bbbbbbb2 \(change 3\), bbbbbbb1 \(change 2\): give more/,
    ],
    ['a commit and a digest begin so', 'aaaaaaa', {}, /^conflict: `aaaaaaa` begins bbbbbbb1 .*aaaaaaa1/],
    ['it is in force', 'd3d3d3d', {}, /^conflict: bbbbbbb2 \(change 3\) is in force already/],
    ['nobody knows it', 'fffffff', {}, /^not-found: no policy .*there were bbbbbbb1 \(change 2\), aaaaaaa1/],
    [
      'it was refused',
      'fffffff',
      { judged: [version(9, 'fffffff', 'refused')] },
      /^conflict: fffffff \(change 9\) was refused/,
    ],
    [
      'it was taken back before it was in force everywhere',
      'fffffff',
      { judged: [version(9, 'fffffff', 'withdrawn')] },
      /^conflict: .* was never in force everywhere/,
    ],
    [
      'it is being rolled out',
      'fffffff',
      { judged: [version(9, 'fffffff', 'staged')], staged: version(9, 'fffffff', 'staged') },
      /^conflict: .* is being rolled out/,
    ],
    [
      'there is none before',
      'previous',
      { inForce: a, former: [former([], a)] },
      /^conflict: there is no policy before/,
    ],
    [
      'somebody asks twice for the one before',
      'previous',
      { inForce: b, hold },
      /^conflict: it was rolled back already, to bbbbbbb1 by ada/,
    ],
  ])('is not known where %s', (_, said, change, why) => {
    expect(refusal(said, change)).toMatch(why);
  });
});
