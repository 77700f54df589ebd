/** The declared name nearest to a misspelt one (at most two edits, or a third of its length), for "did you mean". */
export function suggest(name: string, known: Iterable<string>): string | null {
  const limit = Math.max(2, Math.floor(name.length / 3));
  let best: string | null = null;
  let least = limit + 1;
  for (const candidate of known) {
    // One more than the best so far, so that giving up never looks like a tie.
    const edits = distance(name, candidate, least + 1);
    if (edits < least || (edits === least && best !== null && candidate < best)) {
      least = edits;
      best = candidate;
    }
  }
  return best;
}

export function didYouMean(name: string, known: Iterable<string>, otherwise: string): string {
  const nearest = suggest(name, known);
  return nearest ? `did you mean \`${nearest}\`? Otherwise ${otherwise}` : otherwise;
}

/** Edits (insert, remove, replace, swap of neighbours); gives up at `limit`. */
function distance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replace = above[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      let edits = Math.min(replace, above[j]! + 1, row[j - 1]! + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) edits = Math.min(edits, before[j - 2]! + 1);
      row.push(edits);
    }
    before = above;
    above = row;
  }
  return above[b.length]!;
}
