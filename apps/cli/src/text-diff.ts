import { green, red } from './output.js';

/** Comparisons of lines; a longer change is shown as one whole that goes and one that comes. */
const mostCompared = 4_000_000;

/** Lines that go (`-`, numbered as before) and come (`+`, numbered as after), in order of the text. */
export function diffText(before: string, after: string): string[] {
  const [a, b] = [before, after].map((text) => text.split('\n')) as [string[], string[]];
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a.at(-1 - end) === b.at(-1 - end)) end++;
  const gone = a.slice(start, a.length - end);
  const come = b.slice(start, b.length - end);
  const out: string[] = [];
  const common = gone.length * come.length > mostCompared ? () => 0 : longestCommon(gone, come);
  for (let i = 0, j = 0; i < gone.length || j < come.length;) {
    if (i < gone.length && gone[i] === come[j]) {
      i++;
      j++;
    } else if (j >= come.length || (i < gone.length && common(i + 1, j) >= common(i, j + 1)))
      out.push(red(shownLine('-', start + ++i, gone[i - 1]!)));
    else out.push(green(shownLine('+', start + ++j, come[j - 1]!)));
  }
  return out;
}

/** Blanks at the end and CR are what differs, often: they are shown. */
const shownLine = (sign: string, number: number, text: string): string =>
  `${sign}${`${number}`.padStart(5)}  ${text.replaceAll('\r', '␍').replace(/ +$/, (blanks) => '·'.repeat(blanks.length))}`;

/** Length of the longest common subsequence of `a` from i and `b` from j. */
function longestCommon(a: readonly string[], b: readonly string[]): (i: number, j: number) => number {
  const width = b.length + 1;
  const table = new Uint32Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      const longest = Math.max(table[(i + 1) * width + j]!, table[i * width + j + 1]!);
      table[i * width + j] = a[i] === b[j] ? table[(i + 1) * width + j + 1]! + 1 : longest;
    }
  }
  return (i, j) => table[i * width + j]!;
}
