import { describe, expect, it } from 'vitest';
import { parseMac } from '#net';
import type { Findings } from './findings.ts';
import { judge } from './judge.ts';
import type { Reading, Sample } from './resources.ts';

const mac = parseMac('00:1a:2b:00:00:01')!;
const octets = { input: 10, output: 10 };

const reading = (megabytes: number, files = 30): Reading => ({ megabytes, files });
/** One for each of sixteen instants. */
const samplesOf = (change: (n: number) => Partial<Sample>): Sample[] =>
  Array.from({ length: 16 }, (_, n) => ({
    bridge: reading(200),
    'EAP workers': reading(80),
    controller: reading(200),
    ...change(n),
  }));

const good: Findings = {
  mac: { replies: 100_000, lost: 0, wrong: 0, problems: [] },
  eap: { succeeded: 100, unanswered: 0, problems: [] },
  accounting: {
    records: 5000,
    retransmissions: 0,
    unanswered: 0,
    problems: [],
    ledger: [{ mac, id: 'soak-1', sent: octets, acknowledged: octets, stop: 'not sent' }],
    stored: [{ mac, acctSessionId: 'soak-1', state: 'open', inputOctets: 10, outputOctets: 10, endReason: null }],
  },
  posture: { asked: 1000, lost: 0, problems: [] },
  disturbances: { done: 4, problems: [] },
  totals: { 'authentication.requests': 100_000, 'events.failures': 12, 'controller.disconnects': 4, faults: 0 },
  coaViolations: 0,
  spool: 0,
  samples: samplesOf(() => ({})),
  isMemoryJudged: true,
  faults: [],
};

describe('a soak', () => {
  it.each<[string, Partial<Findings>]>([
    ['with everything right', {}],
    ['with a loss within its bound', { mac: { ...good.mac, lost: 10 } }],
    [
      'whose memory grows in the first quarter only',
      { samples: samplesOf((n) => ({ bridge: reading(n < 4 ? 100 : 300) })) },
    ],
    ['that was too short to judge memory', { isMemoryJudged: false, samples: [] }],
    ['whose bridge had no time for a conversation', { totals: { 'authentication.dropped.overload': 1 } }],
    ['whose controller is away now and then', { samples: samplesOf((n) => (n % 3 === 0 ? { controller: null } : {})) }],
  ])('%s passes', (_, change) => {
    expect(judge({ ...good, ...change })).toEqual([]);
  });

  it.each<[string, Partial<Findings>, string]>([
    ['a wrong answer', { mac: { ...good.mac, wrong: 1 } }, 'MAC authentication: 1 wrong answers'],
    [
      'more lost than the bound',
      { mac: { ...good.mac, lost: 12 } },
      'MAC authentication without an answer: 12 of 100012',
    ],
    ['no answers at all', { mac: { ...good.mac, replies: 0 } }, 'there were none at all'],
    ['a failed conversation', { eap: { ...good.eap, problems: ['keys differ'] } }, 'EAP-TLS: keys differ'],
    ['a posture that is not reflected', { posture: { ...good.posture, problems: ['late'] } }, 'posture: late'],
    ['no disturbance', { disturbances: { done: 0, problems: [] } }, 'there was none at all'],
    [
      'a lost record',
      { accounting: { ...good.accounting, stored: [] } },
      'session soak-1 of 00:1a:2b:00:00:01 is lost',
    ],
    [
      'a record without an answer',
      { accounting: { ...good.accounting, unanswered: 1 } },
      '1 records were never acknowledged',
    ],
    [
      'many retransmissions',
      { accounting: { ...good.accounting, retransmissions: 6 } },
      'records sent again: 6 of 5000',
    ],
    ['events left on disk', { spool: 3 }, '3 events are still'],
    ['a fault of the bridge', { totals: { ...good.totals, faults: 1 } }, 'the bridge counts faults: 1'],
    ['a drop', { totals: { 'accounting.dropped.overload': 2 } }, 'accounting.dropped.overload: 2'],
    [
      'events that were dropped',
      { totals: { 'events.authentication.dropped': 2 } },
      'events.authentication.dropped: 2',
    ],
    ['a record that was ignored', { totals: { 'accounting.ignored.after-stop': 1 } }, 'accounting.ignored.after-stop'],
    ['a CoA that is not in order', { coaViolations: 1 }, '1 CoA requests'],
    ['a process that ended', { faults: ['the bridge ended by itself: 1'] }, 'fault: the bridge ended'],
    [
      'a bridge that grows',
      { samples: samplesOf((n) => ({ bridge: reading(200 + 5 * n) })) },
      'memory, MB of bridge grew',
    ],
    [
      'workers that grow',
      { samples: samplesOf((n) => ({ 'EAP workers': reading(80 + 5 * n) })) },
      'MB of EAP workers grew',
    ],
    [
      'a controller that grows',
      { samples: samplesOf((n) => ({ controller: reading(200 + 8 * n) })) },
      'MB of controller grew',
    ],
    [
      'descriptors that stay open',
      { samples: samplesOf((n) => ({ bridge: reading(200, 30 + n) })) },
      'open files of bridge grew',
    ],
    [
      'a controller that never came back',
      { samples: samplesOf((n) => (n > 8 ? { controller: null } : {})) },
      'of controller',
    ],
    ['no samples', { samples: [] }, 'memory, MB of bridge'],
  ])('with %s fails', (_, change, problem) => {
    expect(judge({ ...good, ...change }).join('\n')).toContain(problem);
  });

  it('lists the first of many problems, and says how many there are', () => {
    const problems = Array.from({ length: 12 }, (_, n) => `problem ${n}`);
    const found = judge({ ...good, posture: { ...good.posture, problems } });
    expect([found.length, found.at(-1)]).toEqual([11, 'posture: and 2 more']);
  });
});
