import type { DiffLine } from '../plan.js';

/** Cisco numbers the lines of a list: one that is inserted renumbers all below it, which changes nothing about them. */
export const withoutNumber = (line: string): string => line.replace(/^(\S+ = ip(?:v6)?:inacl#)\d+=/, '$1=');

export interface LineDiff {
  readonly lines: readonly DiffLine[];
  /** Lines that both lists have, at another place. */
  readonly moved: number;
}

/** What goes and what comes between two lists of lines, by their longest common subsequence. */
export function diffLines(before: readonly string[], after: readonly string[]): LineDiff {
  const [a, b] = [before.map(withoutNumber), after.map(withoutNumber)];
  const longest = longestCommon(a, b);
  const gone: number[] = [];
  const come: number[] = [];
  for (let i = 0, j = 0; i < a.length || j < b.length;) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      i++;
      j++;
    } else if (j >= b.length || (i < a.length && longest(i + 1, j) >= longest(i, j + 1))) gone.push(i++);
    else come.push(j++);
  }
  const moved = movedLines(
    gone.map((i) => a[i]!),
    come.map((j) => b[j]!),
  );
  const lines = [
    ...without(
      gone.map((i) => before[i]!),
      moved,
    ).map((text): DiffLine => ({ sign: '-', text })),
    ...without(
      come.map((j) => after[j]!),
      moved,
    ).map((text): DiffLine => ({ sign: '+', text })),
  ];
  return { lines, moved: moved.length };
}

/** Length of the longest common subsequence of `a` from i and `b` from j. */
function longestCommon(a: readonly string[], b: readonly string[]): (i: number, j: number) => number {
  const width = b.length + 1;
  const table = new Uint32Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      const [down, right] = [table[(i + 1) * width + j]!, table[i * width + j + 1]!];
      table[i * width + j] = a[i] === b[j] ? table[(i + 1) * width + j + 1]! + 1 : Math.max(down, right);
    }
  }
  return (i, j) => table[i * width + j]!;
}

/** Texts that stand in both lists, as often as they do in both. */
function movedLines(gone: readonly string[], come: readonly string[]): string[] {
  const left = [...come];
  return gone.filter((text) => {
    const at = left.indexOf(text);
    if (at >= 0) left.splice(at, 1);
    return at >= 0;
  });
}

function without(lines: readonly string[], moved: readonly string[]): string[] {
  const left = [...moved];
  return lines.filter((line) => {
    const at = left.indexOf(withoutNumber(line));
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
}
