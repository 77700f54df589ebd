/** A weekly time window in a site's own time. A window whose end is not after its start runs past midnight. */
export interface Schedule {
  readonly name: string;
  /** 0 = Sunday … 6 = Saturday: the day on which the window starts. */
  readonly days: readonly number[];
  /** Minutes after midnight. */
  readonly from: number;
  readonly to: number;
  readonly timezone: string;
}

export type When =
  | { readonly kind: 'always' }
  | { readonly kind: 'schedule'; readonly name: string }
  /** In force through the end of that day, UTC. `end` is the first instant after it. */
  | { readonly kind: 'until'; readonly date: string; readonly end: Date };

const day = 86_400_000;
const minute = 60_000;

/** Reads `until 2027-03-31`; null when the text is none or names no real day. */
export function parseUntil(text: string): When | null {
  const match = /^until (\d{4}-\d{2}-\d{2})$/.exec(text);
  const date = match?.[1];
  if (!date) return null;
  const start = new Date(`${date}T00:00:00Z`);
  if (Number.isNaN(start.getTime()) || start.toISOString().slice(0, 10) !== date) return null;
  return { kind: 'until', date, end: new Date(start.getTime() + day) };
}

export function formatWhen(when: When): string {
  return when.kind === 'always' ? 'always' : when.kind === 'until' ? `until ${when.date}` : when.name;
}

export function isActive(when: When, schedules: ReadonlyMap<string, Schedule>, at: Date): boolean {
  if (when.kind === 'always') return true;
  if (when.kind === 'until') return at < when.end;
  const schedule = schedules.get(when.name);
  return schedule !== undefined && isInWindow(schedule, at);
}

/** The first instant after `at` at which `isActive` may answer differently; null when never. */
export function nextChange(when: When, schedules: ReadonlyMap<string, Schedule>, at: Date): Date | null {
  if (when.kind === 'always') return null;
  if (when.kind === 'until') return at < when.end ? when.end : null;
  const schedule = schedules.get(when.name);
  if (!schedule) return null;
  const now = isInWindow(schedule, at);
  const later = candidates(schedule, at).filter((instant) => instant > at.getTime());
  const found = later.sort((a, b) => a - b).find((instant) => isInWindow(schedule, new Date(instant)) !== now);
  return found === undefined ? null : new Date(found);
}

/** Every instant after `from`, up to and with `until`, at which `isActive` answers differently than before; in order. */
export function changesBetween(when: When, schedules: ReadonlyMap<string, Schedule>, from: Date, until: Date): Date[] {
  if (when.kind === 'always') return [];
  if (when.kind === 'until') return from < when.end && when.end <= until ? [when.end] : [];
  const schedule = schedules.get(when.name);
  if (!schedule) return [];
  const found: Date[] = [];
  let now = isInWindow(schedule, from);
  const days = Math.ceil((until.getTime() - from.getTime()) / day) + 1;
  for (const instant of [...new Set(candidates(schedule, from, days))].sort((a, b) => a - b)) {
    if (instant <= from.getTime() || instant > until.getTime()) continue;
    const at = new Date(instant);
    if (isInWindow(schedule, at) === now) continue;
    now = !now;
    found.push(at);
  }
  return found;
}

function isInWindow(schedule: Schedule, at: Date): boolean {
  const local = localTime(schedule.timezone, at);
  const { from, to, days } = schedule;
  if (from < to) return days.includes(local.weekday) && local.minutes >= from && local.minutes < to;
  const yesterday = (local.weekday + 6) % 7;
  return (days.includes(local.weekday) && local.minutes >= from) || (days.includes(yesterday) && local.minutes < to);
}

/**
 * Every instant from yesterday to `days` ahead at which the window may open or close: where clocks of its zone show its
 * start or end, twice on a day that repeats an hour, and where clocks change, since they may jump over either. 16 days
 * find the next change, because a change of the clocks can skip one of a weekly window's days.
 */
function candidates({ from, to, timezone }: Schedule, at: Date, days = 16): number[] {
  const offsets = new Map<number, number>();
  const offset = (instant: number): number => {
    const known = offsets.get(instant) ?? localTime(timezone, new Date(instant)).utcOffset;
    offsets.set(instant, known);
    return known;
  };
  const start = at.getTime();
  const midnight = Math.floor((start + offset(start)) / day) * day;
  const out: number[] = [];
  for (let ahead = -1; ahead <= days; ahead++) {
    const local = midnight + ahead * day;
    const before = offset(local - day);
    const after = offset(local + 2 * day);
    for (const utcOffset of new Set([before, after])) {
      out.push(local + from * minute - utcOffset, local + to * minute - utcOffset);
    }
    if (before !== after) out.push(clockChange(local - day, local + 2 * day, offset));
  }
  return out;
}

/** The first instant with the later offset. */
function clockChange(low: number, high: number, offset: (instant: number) => number): number {
  const before = offset(low);
  while (high - low > 1000) {
    const middle = Math.floor((low + high) / 2000) * 1000;
    if (offset(middle) === before) low = middle;
    else high = middle;
  }
  return high;
}

const formats = new Map<string, Intl.DateTimeFormat>();

function localTime(timezone: string, at: Date): { weekday: number; minutes: number; utcOffset: number } {
  let format = formats.get(timezone);
  if (!format) {
    const part = 'numeric';
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: timezone,
      hourCycle: 'h23',
      year: part,
      month: part,
      day: part,
      hour: part,
      minute: part,
      second: part,
    });
    formats.set(timezone, format);
  }
  const parts = new Map(format.formatToParts(at).map(({ type, value }) => [type, Number(value)]));
  const get = (type: Intl.DateTimeFormatPartTypes): number => parts.get(type) ?? 0;
  const local = Date.UTC(get('year'), get('month') - 1, get('day'), get('hour'), get('minute'), get('second'));
  return {
    weekday: new Date(local).getUTCDay(),
    minutes: get('hour') * 60 + get('minute'),
    utcOffset: local - Math.floor(at.getTime() / 1000) * 1000,
  };
}
