import { Report } from '../codes.js';
import { columns, readRuleLines, type LineType, type RawLine } from '../load/rule-lines.js';

/**
 * A file of rule lines in its one form. After an error, which the report has, the text as it was.
 *
 * Lines are never moved: line n is line n, whatever comes before it. A note stands in quotes, other columns only where they
 * need them. Decides nothing about what lines mean.
 */
export function formatRuleFile(file: string, text: string, report: Report): string {
  const own = new Report();
  const lines = readRuleLines(file, text.replace(/^\uFEFF/, ''), own);
  report.addAll(own.diagnostics);
  if (own.hasErrors) return text;
  const rows = text.split('\n').map((row) => row.trim());
  for (const block of blocksOf(lines)) {
    const cells = block.map(cellsOf);
    const widths = block.some(isPadded) ? widthsOf(cells) : [];
    for (const [i, line] of block.entries()) rows[line.line - 1] = joinCells(cells[i]!, widths);
  }
  const whole = rows.join('\n').trimEnd();
  return whole === '' ? '' : `${whole}\n`;
}

/** Lines of one type that follow each other: what ends a block is a blank line, a comment or a line of another type. */
function blocksOf(lines: readonly RawLine[]): RawLine[][] {
  const blocks: RawLine[][] = [];
  for (const line of lines) {
    const last = blocks.at(-1)?.at(-1);
    if (last?.type === line.type && last.line === line.line - 1) blocks.at(-1)!.push(line);
    else blocks.push([line]);
  }
  return blocks;
}

/** One line of it is enough: then somebody wants the columns of its block below each other. */
function isPadded({ raw, content: { starts } }: RawLine): boolean {
  return starts.slice(1).some((start) => {
    const [, before = '', after = ''] = /(\s*),(\s*)$/.exec(raw.slice(0, start)) ?? [];
    return before.length > 1 || after.length > 1;
  });
}

const cellsOf = ({ type, words }: RawLine): string[] => writeCells(type, words);

/** The columns of a line, its type first, as they stand in a file. */
function writeCells(type: LineType, words: readonly string[]): string[] {
  return [type, ...words.map((word, i) => (columns[type][i] === 'note' || mustBeQuoted(word) ? quote(word) : word))];
}

/** One rule line as `formatRuleFile` leaves it. */
export function writeRuleLine(type: LineType, words: readonly string[]): string {
  return joinCells(writeCells(type, words), []);
}

const mustBeQuoted = (word: string): boolean => /[,"]|\s#|^#/.test(word);
const quote = (word: string): string => `"${word.replaceAll('"', '""')}"`;

const widthsOf = (rows: readonly (readonly string[])[]): number[] =>
  rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));

/** Blanks that fill a column stand behind its comma. */
function joinCells(cells: readonly string[], widths: readonly number[]): string {
  const last = cells.length - 1;
  return cells.map((cell, i) => (i === last ? cell : `${cell},`.padEnd((widths[i] ?? 0) + 1))).join(' ');
}
