import type { AccessGrant } from '#policy';
import { describe, expect, it } from 'vitest';
import { sampleSession } from '../../test/sample-session.js';
import { evidenceOf, verdictOf } from './verdict.js';

const at = '2026-11-30T11:00:00.000Z';
const now = new Date('2026-11-30T12:00:00.000Z');
const desired = { segment: 'pumps', vlan: 210, role: 'infusion-pump' } as AccessGrant;
const nak = { at, step: 'coa', request: 'CoA-Request', outcome: 'nak', errorCause: 501, reason: 'x' } as const;
const delivery = (
  state: 'waiting' | 'confirmed' | 'unknown' | 'ignored' | 'looping',
  reason: string | null = null,
) => ({
  delivery: { state, since: at, reason },
});
const convergence = (
  state: 'settled' | 'held' | 'changing' | 'diverged',
  reason: string | null = null,
  since = at,
) => ({
  convergence: { state, since, reason },
});

type Given = Parameters<typeof sampleSession>[1] & { readBack?: number; desired?: AccessGrant | null };

describe('the verdict on a session', () => {
  it.each<[string, Given, string, RegExp | null]>([
    ['has accounting', delivery('confirmed'), 'enforced', null],
    ['was read back', { ...delivery('unknown'), readBack: 210 }, 'enforced', null],
    ['has nothing that could show it', delivery('unknown'), 'unknown', /no accounting/],
    ['was told a moment ago', delivery('waiting'), 'pending', /nothing was heard/],
    ['is ignored', delivery('ignored', 'why'), 'refused', /why/],
    ['is asked for again and again', delivery('looping', 'why'), 'refused', /why/],
    ['waits on purpose', { ...convergence('held', 'in use'), ...delivery('confirmed') }, 'pending', /in use/],
    ['is being changed', { ...convergence('changing', 'a to b'), ...delivery('confirmed') }, 'pending', /a to b/],
    ['was refused', { ...convergence('diverged', 'no'), ...delivery('confirmed'), lastCoa: nak }, 'refused', /no/],
    ['got no answer', { ...convergence('diverged', 'silence'), ...delivery('confirmed') }, 'diverged', /silence/],
    [
      'has another VLAN on the switch',
      { ...delivery('confirmed'), readBack: 666 },
      'diverged',
      /told VLAN 210, and its port has 666/,
    ],
    [
      'was told another VLAN this moment',
      {
        ...delivery('confirmed'),
        ...convergence('settled', null, '2026-11-30T11:59:55.000Z'),
        readBack: 666,
      },
      'pending',
      /its port has 666/,
    ],
    [
      'has another address',
      { ...delivery('confirmed'), strayAddresses: ['10.66.0.5'] },
      'diverged',
      /10\.66\.0\.5, which is not of `pumps`/,
    ],
    [
      'has its old address for now',
      {
        ...delivery('confirmed'),
        ...convergence('settled', null, '2026-11-30T11:59:00.000Z'),
        strayAddresses: ['10.66.0.5'],
      },
      'pending',
      /10\.66\.0\.5/,
    ],
    ['is to be elsewhere', { ...delivery('confirmed'), desired: { ...desired, vlan: 666 } }, 'pending', /not told/],
    ['is to be nowhere', { ...delivery('confirmed'), desired: null }, 'pending', /not told/],
  ])('%s', (_, { readBack = null, desired: wanted = desired, ...change }, state, reason) => {
    const verdict = verdictOf(evidenceOf(sampleSession(at, change)), wanted, readBack, now);
    expect(verdict).toMatchObject({
      state,
      reason: reason === null ? null : (expect.stringMatching(reason) as string),
    });
  });
});
