const [dash, colon, dot, plus, blank, zero] = [0x2d, 0x3a, 0x2e, 0x2b, 0x20, 0x30];
const [T, Z] = [0x54, 0x5a];

/** The digit at a place; far below zero for anything else, so that what is computed with it is below zero too. */
const digit = (text: Uint8Array, at: number): number => {
  const value = text[at]! - zero;
  return value >= 0 && value <= 9 ? value : -1_000_000;
};
const two = (text: Uint8Array, at: number): number => digit(text, at) * 10 + digit(text, at + 1);

/**
 * `2026-11-20T08:00:00.123Z` between two places of a text, as milliseconds; NaN for anything else. A blank may stand for `T`.
 * Without a zone it counts as UTC.
 */
export function instantOf(text: Uint8Array, from: number, to: number): number {
  if (to - from < 19 || text[from + 4] !== dash || text[from + 7] !== dash) return Number.NaN;
  if (text[from + 13] !== colon || text[from + 16] !== colon) return Number.NaN;
  const separator = text[from + 10];
  if (separator !== T && separator !== blank) return Number.NaN;
  const year = two(text, from) * 100 + two(text, from + 2);
  const [month, day] = [two(text, from + 5), two(text, from + 8)];
  const [hour, minute, second] = [two(text, from + 11), two(text, from + 14), two(text, from + 17)];
  if (!(year >= 0 && month >= 1 && month <= 12 && day >= 1 && day <= 31)) return Number.NaN;
  if (!(hour >= 0 && hour <= 24 && minute >= 0 && minute <= 59 && second >= 0 && second <= 60)) return Number.NaN;
  let at = from + 19;
  let milliseconds = 0;
  if (at < to && text[at] === dot) {
    let scale = 100;
    for (at++; at < to && digit(text, at) >= 0; at++, scale /= 10) milliseconds += digit(text, at) * scale;
  }
  const seconds = ((daysBefore(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
  const utc = seconds * 1000 + Math.floor(milliseconds);
  if (at === to || (at === to - 1 && text[at] === Z)) return utc;
  const sign = text[at] === plus ? -1 : text[at] === dash ? 1 : Number.NaN;
  if (at !== to - 6 || text[at + 3] !== colon) return Number.NaN;
  const offset = two(text, at + 1) * 60 + two(text, at + 4);
  return offset >= 0 ? utc + sign * offset * 60_000 : Number.NaN;
}

/** Days from 1970-01-01 to a date of the Gregorian calendar. A year is counted from March: its leap day is its last. */
function daysBefore(year: number, month: number, day: number): number {
  const years = month > 2 ? year : year - 1;
  const months = month > 2 ? month - 3 : month + 9;
  const leapDays = Math.floor(years / 4) - Math.floor(years / 100) + Math.floor(years / 400);
  return 365 * years + leapDays + Math.floor((153 * months + 2) / 5) + day - 719_469;
}
