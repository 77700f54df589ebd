import type { DiffLine } from '../plan.js';

/** Cisco numbers the lines of a list: one that is inserted renumbers all below it, which changes nothing about them. */
const sameText = (line: string): string => line.replace(/^(\S+ = ip(?:v6)?:inacl#)\d+=/, '$1=');

/** What stays, goes and comes between two lists of lines, by their longest common subsequence. */
export function diffLines(before: readonly string[], after: readonly string[]): DiffLine[] {
  const [a, b] = [before.map(sameText), after.map(sameText)];
  const width = b.length + 1;
  const longest = new Uint32Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      longest[i * width + j] =
        a[i] === b[j]
          ? longest[(i + 1) * width + j + 1]! + 1
          : Math.max(longest[(i + 1) * width + j]!, longest[i * width + j + 1]!);
    }
  }
  const out: DiffLine[] = [];
  for (let i = 0, j = 0; i < a.length || j < b.length;) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      out.push({ sign: ' ', text: after[j]! });
      i++;
      j++;
    } else if (j >= b.length || (i < a.length && longest[(i + 1) * width + j]! >= longest[i * width + j + 1]!))
      out.push({ sign: '-', text: before[i++]! });
    else out.push({ sign: '+', text: after[j++]! });
  }
  return out;
}
