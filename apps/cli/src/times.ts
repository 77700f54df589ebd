import { UsageError } from './policy-files.js';

/*
 * People name times in the time of their clock; the controller stores UTC. What is printed is the clock's time, with its
 * offset where a line stands alone.
 */

const pad = (value: number, width = 2): string => String(value).padStart(width, '0');

/** `2026-11-24 03:12:07`, local time. */
export function formatTime(instant: string): string {
  const at = new Date(instant);
  return `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())} ${clockOf(at)}`;
}

/** `2026-11-24 03:12:07 +01:00`. */
export function formatTimeWithOffset(instant: string): string {
  const minutes = -new Date(instant).getTimezoneOffset();
  const offset = `${minutes < 0 ? '-' : '+'}${pad(Math.trunc(Math.abs(minutes) / 60))}:${pad(Math.abs(minutes) % 60)}`;
  return `${formatTime(instant)} ${offset}`;
}

function clockOf(at: Date): string {
  return `${pad(at.getHours())}:${pad(at.getMinutes())}:${pad(at.getSeconds())}`;
}

/**
 * `2026-11-24T03:12`, `03:12` (the last time that the clock showed it) or any ISO instant. A time without seconds means all of
 * its minute, so its end is meant: what happened at 03:12:40 is what somebody asks for who says 03:12.
 */
export function readTime(text: string, now: Date): Date {
  const clock = /^(\d{1,2}):(\d{2})(?::(\d{2}))?$/.exec(text);
  const at = clock ? lastTime(clock, now) : new Date(text);
  if (Number.isNaN(at.getTime()))
    throw new UsageError(`\`${text}\` is not a time; write 2026-11-24T03:12, 03:12 or 2026-11-24T02:12:00Z`);
  const isMinute = /(^|T| )\d{1,2}:\d{2}(Z|[+-]\d{2}:?\d{2})?$/.test(text);
  return isMinute ? new Date(at.getTime() + 59_999) : at;
}

function lastTime([, hour, minute, second]: RegExpExecArray, now: Date): Date {
  const at = new Date(now);
  at.setHours(Number(hour), Number(minute), Number(second ?? 0), 0);
  if (Number(hour) > 23 || Number(minute) > 59) return new Date(Number.NaN);
  if (at > now) at.setDate(at.getDate() - 1);
  return at;
}

const units: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** `24h`, `7d`, `30m`: so long before `to`; or a time. */
export function readSince(text: string, to: Date): Date {
  const span = /^(\d{1,6})([smhdw])$/.exec(text);
  return span ? new Date(to.getTime() - Number(span[1]) * units[span[2]!]!) : readTime(text, to);
}

/** `14d`, `12h`: so long after `from`; `2026-12-24`: to the end of that day; or a time. */
export function readUntil(text: string, from: Date): Date {
  const span = /^(\d{1,6})([smhdw])$/.exec(text);
  if (span) return new Date(from.getTime() + Number(span[1]) * units[span[2]!]!);
  return /^\d{4}-\d{2}-\d{2}$/.test(text) ? readTime(`${text}T23:59:59`, from) : readTime(text, from);
}
