/**
 * Whether a text is what a pattern of the policy says, without regard to case; `*` is any text, also none. The text may be an
 * attacker's: each part between two `*` is looked for once, from where the part before it ended, and nothing is ever tried again.
 */
export function matchesPattern(pattern: string, text: string): boolean {
  const [first = '', ...parts] = pattern.toLowerCase().split('*');
  const said = text.toLowerCase();
  const last = parts.pop();
  if (last === undefined) return said === first;
  if (!said.startsWith(first)) return false;
  let from = first.length;
  for (const part of parts) {
    const found = said.indexOf(part, from);
    if (found < 0) return false;
    from = found + part.length;
  }
  return said.length - last.length >= from && said.endsWith(last);
}
