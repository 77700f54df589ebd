import { describe, expect, it } from 'vitest';
import type { CoaOutcome, Session } from '#model';
import { sampleSession } from '../../test/sample-session.js';
import { changesBetween } from './session-changes.js';

const at = (minute: number): string => `2026-05-01T03:${String(minute).padStart(2, '0')}:00.000Z`;

const session = sampleSession(at(0));

const coa = (minute: number): CoaOutcome => ({
  at: at(minute),
  step: 'coa',
  request: 'CoA-Request',
  outcome: 'ack',
  errorCause: null,
  reason: 'because',
});

const kinds = (before: Session | null, change: Partial<Session>): string[] =>
  changesBetween(before, { ...session, ...change }).map(
    (each) => `${new Date(each.at).getUTCMinutes()} ${each.change.kind}`,
  );

describe('what happened between two reports of a session', () => {
  it.each<[string, Session | null, Partial<Session>, string[]]>([
    ['it began', null, {}, ['0 began']],
    [
      'it began, was told and ended, all before the first report',
      null,
      { lastCoa: coa(2), state: 'closed', endedAt: at(4) },
      ['0 began', '2 told', '4 ended'],
    ],
    [
      'nothing, when the device only asked again',
      session,
      { decisionId: 'd2', snapshotDigest: 'y', updatedAt: at(3) },
      [],
    ],
    ['nothing, when accounting counted', session, { inputOctets: 5, addresses: ['10.21.0.5'], updatedAt: at(3) }, []],
    ['it moved', session, { segment: 'quarantine', vlan: 666, updatedAt: at(3) }, ['3 moved']],
    [
      'it was told and moved',
      session,
      { lastCoa: coa(2), segment: 'quarantine', updatedAt: at(3) },
      ['2 told', '3 moved'],
    ],
    ['nothing, for an attempt that is known', { ...session, lastCoa: coa(2) }, { lastCoa: coa(2) }, []],
    [
      'one more attempt',
      { ...session, lastCoa: coa(2) },
      { lastCoa: coa(5), earlierCoa: [coa(2), coa(1)] },
      ['5 told'],
    ],
    [
      'attempts of which no report came',
      { ...session, lastCoa: coa(2) },
      { lastCoa: coa(5), earlierCoa: [coa(4), coa(3), coa(2)] },
      ['3 told', '4 told', '5 told'],
    ],
    ['it ended', session, { state: 'closed', endedAt: at(4), endReason: 'x' }, ['4 ended']],
    ['nothing, when it had ended before', { ...session, state: 'closed' }, { state: 'closed', endedAt: at(4) }, []],
  ])('%s', (_, before, change, expected) => {
    expect(kinds(before, change)).toEqual(expected);
  });
});
