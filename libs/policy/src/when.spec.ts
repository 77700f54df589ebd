import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { changesBetween, formatWhen, isActive, nextChange, parseUntil, type Schedule, type When } from './when.js';

const minute = 60_000;
const schedule = (days: number[], from: string, to: string, timezone: string): Schedule => {
  const minutes = (text: string): number => Number(text.slice(0, 2)) * 60 + Number(text.slice(3));
  return { name: 's', days, from: minutes(from), to: minutes(to), timezone };
};
const when: When = { kind: 'schedule', name: 's' };
const active = (one: Schedule, at: string): boolean => isActive(when, new Map([['s', one]]), new Date(at));
const everyDay = [0, 1, 2, 3, 4, 5, 6];

describe('until', () => {
  const until = parseUntil('until 2027-03-31')!;

  it('holds through the last instant of its day, UTC', () => {
    expect(isActive(until, new Map(), new Date('2027-03-31T23:59:59.999Z'))).toBe(true);
    expect(isActive(until, new Map(), new Date('2027-04-01T00:00:00Z'))).toBe(false);
  });

  it('changes once', () => {
    expect(nextChange(until, new Map(), new Date('2027-01-01T00:00:00Z'))?.toISOString()).toBe(
      '2027-04-01T00:00:00.000Z',
    );
    expect(nextChange(until, new Map(), new Date('2027-04-01T00:00:00Z'))).toBeNull();
    expect(formatWhen(until)).toBe('until 2027-03-31');
  });

  it.each([
    'until 2027-02-29',
    'until 2027-13-01',
    'until 2027-3-1',
    'until  2027-03-01',
    'Until 2027-03-01',
    '2027-03-01',
    'until 2027-03-01T10:00',
  ])('refuses `%s`', (text) => expect(parseUntil(text)).toBeNull());

  it('takes the leap day', () => expect(parseUntil('until 2028-02-29')).not.toBeNull());
});

describe('a schedule', () => {
  it.each([
    ['starts with its first minute', schedule([1], '07:00', '19:00', 'Europe/Berlin'), '2026-11-23T06:00:00Z', true],
    ['not before', schedule([1], '07:00', '19:00', 'Europe/Berlin'), '2026-11-23T05:59:59Z', false],
    ['ends with its last', schedule([1], '07:00', '19:00', 'Europe/Berlin'), '2026-11-23T17:59:59Z', true],
    ['not after', schedule([1], '07:00', '19:00', 'Europe/Berlin'), '2026-11-23T18:00:00Z', false],
    ['rests on other days', schedule([1], '07:00', '19:00', 'Europe/Berlin'), '2026-11-24T10:00:00Z', false],
    [
      'runs past midnight into the next day',
      schedule([0], '22:00', '06:00', 'Europe/Berlin'),
      '2026-11-23T04:59:00Z',
      true,
    ],
    [
      'belongs to the day it starts on',
      schedule([0], '22:00', '06:00', 'Europe/Berlin'),
      '2026-11-22T04:00:00Z',
      false,
    ],
    [
      'lasts a day where start and end are the same',
      schedule([1], '08:00', '08:00', 'UTC'),
      '2026-11-24T07:59:00Z',
      true,
    ],
    ['may end at midnight', schedule([1], '20:00', '24:00', 'UTC'), '2026-11-23T23:59:00Z', true],
    [
      'and then does not reach into the next day',
      schedule([1], '20:00', '24:00', 'UTC'),
      '2026-11-24T00:00:00Z',
      false,
    ],
    [
      'moves with the clocks of its zone',
      schedule([1], '07:00', '19:00', 'America/New_York'),
      '2026-07-06T11:00:00Z',
      true,
    ],
  ] as const)('%s', (_, one, at, expected) => expect(active(one, at)).toBe(expected));

  it('that nobody declared is not in force', () => {
    expect(isActive(when, new Map(), new Date())).toBe(false);
    expect(nextChange(when, new Map(), new Date())).toBeNull();
  });
});

/** The first whole minute after `at` at which the answer is another one. */
function stepByMinutes(one: Schedule, at: Date, days: number): Date | null {
  const schedules = new Map([['s', one]]);
  const before = isActive(when, schedules, at);
  const first = Math.floor(at.getTime() / minute) + 1;
  for (let i = first; i < first + days * 1440; i++)
    if (isActive(when, schedules, new Date(i * minute)) !== before) return new Date(i * minute);
  return null;
}

function expectSame(one: Schedule, at: Date, days: number): void {
  const next = nextChange(when, new Map([['s', one]]), at);
  const stepped = stepByMinutes(one, at, days);
  const about = { one, at };
  if (stepped) expect({ ...about, next }).toEqual({ ...about, next: stepped });
  else if (next) expect(next.getTime()).toBeGreaterThanOrEqual(at.getTime() + days * 1440 * minute - minute);
}

describe('the next change is the one that a step by step search finds', () => {
  it.each([
    ['clocks go forward in Berlin', 'Europe/Berlin', '2027-03-28T00:00:00Z'],
    ['clocks go back in Berlin', 'Europe/Berlin', '2026-10-24T22:00:00Z'],
    ['clocks go forward in New York', 'America/New_York', '2027-03-14T05:00:00Z'],
    ['clocks go back in New York', 'America/New_York', '2026-11-01T04:00:00Z'],
    ['clocks move by half an hour on Lord Howe Island', 'Australia/Lord_Howe', '2027-04-03T13:00:00Z'],
  ])('when %s', (_, zone, start) => {
    const windows = [
      ['02:30', '04:00'],
      ['01:30', '02:30'],
      ['02:00', '03:00'],
      ['02:15', '02:45'],
      ['22:00', '02:30'],
      ['00:00', '24:00'],
      ['02:30', '02:30'],
    ];
    for (const [from, to] of windows) {
      for (const days of [everyDay, [0], [6]]) {
        const one = schedule(days, from!, to!, zone);
        for (let step = 0; step < 3; step++)
          expectSame(one, new Date(new Date(start).getTime() + step * 45 * minute), 1);
      }
    }
  });

  it('whatever the window', () => {
    const minutes = fc.integer({ min: 0, max: 1440 });
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: 0, max: 6 }), { minLength: 1 }),
        minutes,
        minutes,
        fc.constantFrom('Europe/Berlin', 'America/New_York', 'UTC', 'Asia/Kathmandu'),
        fc.date({ min: new Date('2026-01-01'), max: new Date('2028-01-01'), noInvalidDate: true }),
        (days, from, to, timezone, at) => expectSame({ name: 's', days, from, to, timezone }, at, 1),
      ),
      { numRuns: 60 },
    );
  });

  it('over a week in which the clocks skip the whole window', () => {
    const one = schedule([0], '02:10', '02:50', 'Europe/Berlin');
    const next = nextChange(when, new Map([['s', one]]), new Date('2027-03-22T00:00:00Z'));
    expect(next?.toISOString()).toBe('2027-04-04T00:10:00.000Z');
  });

  it('is none for a window that is always open', () => {
    expect(nextChange(when, new Map([['s', schedule(everyDay, '00:00', '24:00', 'UTC')]]), new Date())).toBeNull();
    expect(nextChange({ kind: 'always' }, new Map(), new Date())).toBeNull();
  });
});

describe('all changes of a period', () => {
  const start = new Date('2026-11-23T11:00:00Z');
  const year = new Date(start.getTime() + 365 * 86_400_000);
  const one = (condition: When, known?: Schedule): string[] =>
    changesBetween(condition, new Map(known ? [['s', known]] : []), start, year).map((at) => at.toISOString());

  it.each(['Europe/Berlin', 'America/New_York', 'UTC', 'Australia/Lord_Howe'])(
    'are what asking for the next one again and again finds, in %s',
    (zone) => {
      for (const [days, from, to] of [
        [everyDay, '22:00', '02:30'],
        [[0], '02:10', '02:50'],
        [[1, 2, 3, 4, 5], '07:00', '17:00'],
        [everyDay, '00:00', '24:00'],
      ] as const) {
        const schedules = new Map([['s', schedule([...days], from, to, zone)]]);
        const expected: string[] = [];
        for (
          let at = nextChange(when, schedules, start);
          at && at.getTime() <= year.getTime();
          at = nextChange(when, schedules, at)
        )
          expected.push(at.toISOString());
        expect(one(when, schedules.get('s'))).toEqual(expected);
      }
    },
  );

  it('are the end of a date that lies in it, the last instant included', () => {
    expect(one(parseUntil('until 2027-03-31')!)).toEqual(['2027-04-01T00:00:00.000Z']);
    expect(one(parseUntil('until 2026-11-22')!)).toEqual([]);
    expect(one(parseUntil('until 2027-11-23')!)).toEqual([]);
    const end = new Date('2027-04-01T00:00:00Z');
    expect(changesBetween(parseUntil('until 2027-03-31')!, new Map(), start, end)).toEqual([end]);
  });

  it('are none of what is always, or was never declared', () => {
    expect(one({ kind: 'always' })).toEqual([]);
    expect(one(when)).toEqual([]);
  });
});
