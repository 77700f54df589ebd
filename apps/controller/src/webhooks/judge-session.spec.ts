import type { Session } from '#model';
import { describe, expect, it } from 'vitest';
import { sampleSession } from '../../test/sample-session.js';
import { judgeSession } from './judge-session.js';

const at = '2026-11-23T11:00:00.000Z';
const minutes = (count: number): Date => new Date(Date.parse(at) + count * 60_000);
const convergence = (state: Session['convergence']['state']) => ({ state, since: at, reason: 'why' });
const delivery = (state: Session['delivery']['state']) => ({ state, since: at, reason: 'why' });

describe('a session, by what its own reports say', () => {
  it.each<[string, Partial<Session>, number, object]>([
    ['settled', {}, 0, { state: 'settled' }],
    ['settled', { delivery: delivery('waiting') }, 0, { state: 'settled' }],
    ['diverged', { convergence: convergence('diverged') }, 0, { state: 'diverged', reason: 'why', since: at }],
    ['refused', { delivery: delivery('looping') }, 0, { state: 'refused', reason: 'why', since: at }],
    ['unsettled', { convergence: convergence('changing') }, 0, { state: 'unsettled' }],
    ['unsettled', { convergence: convergence('held'), strayAddresses: ['10.0.0.9'] }, 9, { state: 'unsettled' }],
    ['doubtful', { strayAddresses: ['10.0.0.9'] }, 2, { state: 'doubtful', due: minutes(3).toISOString() }],
    ['diverged', { strayAddresses: ['10.0.0.9'] }, 3, { state: 'diverged', since: at }],
    ['ended', { state: 'closed', convergence: convergence('diverged') }, 0, { state: 'ended' }],
  ])('is %s: %j after %i minutes', (_, change, after, expected) => {
    expect(judgeSession(sampleSession(at, change), minutes(after))).toMatchObject(expected);
  });
});
