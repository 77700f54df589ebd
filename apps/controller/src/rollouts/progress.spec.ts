import type { Mac } from '#net';
import { coverageOf, type Snapshot } from '#policy';
import { policyFiles } from '#testkit';
import { describe, expect, it } from 'vitest';
import { evaluatePolicy } from '../policy/evaluate.js';
import { ProgressCount, type CountedSession } from './progress.js';

function snapshotOf(changes: Record<string, string>): Snapshot {
  const evaluated = evaluatePolicy(policyFiles(changes), new Date('2026-05-04T10:00:00Z'), {
    commit: null,
    author: null,
    committedAt: null,
  });
  if (!evaluated.ok) throw new Error(JSON.stringify(evaluated.diagnostics));
  return evaluated.value.snapshot;
}

const before = snapshotOf({});
/** Another port for pumps: their ACL changes, nothing else does. */
const after = snapshotOf({ 'catalog/applications.yaml': 'https: { ports: [tcp/443, tcp/8443] }\n' });

const session = (change: Partial<CountedSession>): CountedSession => ({
  mac: '00:1a:00:00:00:09' as Mac,
  site: 'main',
  method: 'mac',
  class: 'infusion-pump',
  posture: 'normal',
  snapshotDigest: before.digest,
  convergence: 'settled',
  ...change,
});
const sessions = (count: number, change: Partial<CountedSession> = {}): CountedSession[] =>
  Array.from({ length: count }, () => session(change));

const everywhere = coverageOf(after, [{ name: 'all', sites: ['everywhere'], devices: [], soakSeconds: 0 }]);
const count = (counted: readonly CountedSession[]) => new ProgressCount(before, after).of(counted, everywhere);

describe('progress of a rollout', () => {
  it.each<[string, Partial<CountedSession>, string]>([
    ['that has the policy before', {}, 'pending'],
    ['that is being told', { convergence: 'changing' }, 'pending'],
    ['that was told', { snapshotDigest: after.digest }, 'done'],
    ['that waits on purpose', { convergence: 'held' }, 'held'],
    ['whose switch refuses', { convergence: 'diverged' }, 'refused'],
  ])('counts a session %s', async (_, change, as) => {
    expect(await count(sessions(7, change))).toEqual({
      covered: 7,
      done: 0,
      pending: 0,
      held: 0,
      refused: 0,
      [as]: 7,
    });
  });

  it('does not count sessions whose switch would be told the same', async () => {
    expect(await count([session({ class: null }), session({ class: 'medical-device' })])).toMatchObject({
      covered: 2,
      pending: 0,
    });
  });

  it('counts as far as the rollout has got: sites with those below, and devices by name', async () => {
    const mac = '00:1a:00:00:00:01' as Mac;
    const canary = { sites: new Set<string>(), devices: new Set([mac]) } as unknown as typeof everywhere;
    const all = [...sessions(5), session({ mac }), ...sessions(2, { site: 'main-wifi' })];
    const progress = new ProgressCount(before, after);
    expect(await progress.of(all, canary)).toMatchObject({ covered: 1, pending: 1 });
    const main = coverageOf(after, [{ name: 'main', sites: ['main'], devices: [], soakSeconds: 0 }]);
    expect(await progress.of(all, main)).toMatchObject({ covered: 8, pending: 8 });
  });
});
