const digit = (text: string, at: number): number => {
  const code = text.charCodeAt(at) - 0x30;
  return code >= 0 && code <= 9 ? code : Number.NaN;
};
const two = (text: string, at: number): number => digit(text, at) * 10 + digit(text, at + 1);

/**
 * `2026-11-20T08:00:00.123Z` between two places of a text, as milliseconds; NaN for anything else. A blank may stand for `T`.
 * Without a zone it counts as UTC.
 */
export function instantOf(text: string, from: number, to: number): number {
  if (to - from < 19 || text[from + 4] !== '-' || text[from + 7] !== '-') return Number.NaN;
  if (text[from + 13] !== ':' || text[from + 16] !== ':') return Number.NaN;
  const separator = text[from + 10];
  if (separator !== 'T' && separator !== ' ') return Number.NaN;
  const [month, day] = [two(text, from + 5), two(text, from + 8)];
  const [hour, minute, second] = [two(text, from + 11), two(text, from + 14), two(text, from + 17)];
  if (!(month >= 1 && month <= 12 && day >= 1 && day <= 31 && hour <= 24 && minute <= 59 && second <= 60))
    return Number.NaN;
  let at = from + 19;
  let milliseconds = 0;
  if (text[at] === '.') {
    let scale = 100;
    for (at++; at < to && !Number.isNaN(digit(text, at)); at++, scale /= 10) milliseconds += digit(text, at) * scale;
  }
  const year = two(text, from) * 100 + two(text, from + 2);
  const utc = Date.UTC(year, month - 1, day, hour, minute, second, Math.floor(milliseconds));
  if (at === to || (at === to - 1 && text[at] === 'Z')) return utc;
  const sign = text[at] === '+' ? -1 : text[at] === '-' ? 1 : Number.NaN;
  if (at !== to - 6 || text[at + 3] !== ':') return Number.NaN;
  return utc + sign * (two(text, at + 1) * 60 + two(text, at + 4)) * 60_000;
}
