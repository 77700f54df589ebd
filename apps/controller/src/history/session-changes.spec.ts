import { describe, expect, it } from 'vitest';
import type { CoaOutcome, Session } from '#model';
import type { Mac } from '#net';
import { changesBetween } from './session-changes.js';

const at = (minute: number): string => `2026-05-01T03:${String(minute).padStart(2, '0')}:00.000Z`;

const session: Session = {
  id: 's1',
  revision: 1,
  state: 'open',
  mac: '00:1a:00:00:00:01' as Mac,
  nas: 'sw1',
  nasAddress: '10.0.0.1',
  nasPort: '7',
  isWireless: false,
  acctSessionId: null,
  site: 'main',
  method: 'mac',
  class: 'infusion-pump',
  posture: 'unverified',
  segment: 'pumps',
  vlan: 210,
  role: 'infusion-pump',
  decisionId: 'd1',
  snapshotDigest: 'x',
  rule: 'rules/access.csv:3',
  addresses: [],
  startedAt: at(0),
  updatedAt: at(0),
  endedAt: null,
  endReason: null,
  inputOctets: 0,
  outputOctets: 0,
  lastCoa: null,
  earlierCoa: [],
  convergence: { state: 'settled', since: at(0), reason: null },
};

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
