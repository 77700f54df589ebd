import { sha256, type SourceSpan } from '#base';
import type { Report } from '../codes.js';

/** One column of a rule line and where it starts. */
export interface Field {
  readonly text: string;
  readonly span: SourceSpan;
}

/** What a line says, wherever it stands: the same object wherever it moves. */
export interface Words {
  readonly type: LineType;
  /** Without the line type. */
  readonly words: readonly string[];
  /** Where each column starts, that of the type first: from 0. */
  readonly starts: readonly number[];
  readonly raw: string;
  /** Two lines of the same meaning are one rule: all words but the note. */
  readonly meaning: string;
  id?: string;
}

/** A well-formed rule line. */
export class RawLine {
  constructor(
    readonly content: Words,
    readonly file: string,
    readonly line: number,
  ) {}

  get type(): LineType {
    return this.content.type;
  }

  get words(): readonly string[] {
    return this.content.words;
  }

  /** As it stands in the file. */
  get raw(): string {
    return this.content.raw;
  }

  get text(): string {
    return this.raw.trim();
  }

  /** Hash of the words: 12 hex digits. */
  get id(): string {
    this.content.id ??= sha256(JSON.stringify([this.type, ...this.words])).slice(0, 12);
    return this.content.id;
  }

  get meaning(): string {
    return this.content.meaning;
  }

  get span(): SourceSpan {
    return this.at(0);
  }

  /** The columns after the type, with their places. */
  get fields(): readonly Field[] {
    return this.words.map((text, i) => ({ text, span: this.at(i + 1) }));
  }

  /** The same words on another line. */
  movedTo(line: number): RawLine {
    return new RawLine(this.content, this.file, line);
  }

  private at(column: number): SourceSpan {
    return { file: this.file, line: this.line, column: this.content.starts[column]! + 1 };
  }
}

/** Columns that follow each line type, as in the Casbin model's definitions. */
export const columns = {
  p: ['subject', 'object', 'application', 'effect', 'when', 'note'],
  p2: ['class', 'site', 'posture', 'segment', 'when', 'note'],
  g: ['member', 'group'],
  g2: ['application', 'group'],
  g3: ['site', 'parent site'],
} as const;
export type LineType = keyof typeof columns;

/** All but the tab; blanks that Casbin does not trim; those that turn the direction of text, with which a line can show other words than it has. */
const controlCharacter =
  // oxlint-disable-next-line no-control-regex
  /[\0-\x08\x0a-\x1f\x7f-\xa0\u1680\u2000-\u200a\u200e\u200f\u2028-\u202f\u205f\u2066-\u2069\u3000\ufeff]/;

/** A file of rule lines as it was read. */
export interface RuleFile {
  readonly text: string;
  readonly lines: readonly RawLine[];
}

/**
 * Reads a file of Casbin rule lines with the place of each column. Casbin's own reader skips what it does not know and
 * takes a trailing comment as part of the last column; here each of these is an error. `before`: an earlier version of the
 * file, without errors; what stands before and behind all changes is not read again, and a line is the same object if it
 * did not move.
 */
export function readRuleLines(file: string, text: string, report: Report, before: RuleFile | null = null): RawLine[] {
  if (!before) return readLines(file, text, 0, report);
  const start = sameStart(before.text, text);
  const end = sameEnd(before.text, text, start);
  const first = linesIn(text.slice(0, start));
  const [was, is] = [before.text, text].map((one) => one.slice(start, one.length - end)) as [string, string];
  const behind = first + linesIn(was);
  const moved = linesIn(is) - linesIn(was);
  const { lines } = before;
  const tail = end === 0 ? [] : lines.slice(placeOfLine(lines, behind + 1));
  const head = lines.slice(0, placeOfLine(lines, first + 1));
  return head.concat(
    readLines(file, is, first, report),
    moved === 0 ? tail : tail.map((line) => line.movedTo(line.line + moved)),
  );
}

/** `above`: how many lines stand above the text in its file. */
function readLines(file: string, text: string, above: number, report: Report): RawLine[] {
  const out: RawLine[] = [];
  for (const [index, ended] of text.split('\n').entries()) {
    const number = above + index + 1;
    const raw = ended.endsWith('\r') ? ended.slice(0, -1) : ended;
    const control = controlCharacter.exec(raw);
    if (control) {
      const code = control[0].charCodeAt(0).toString(16).padStart(4, '0');
      const span = { file, line: number, column: control.index + 1 };
      const hint = 'remove it, and end lines with LF or CRLF: a lone CR would hide what follows it';
      report.add('csv-syntax', span, `the line has the invisible character U+${code.toUpperCase()}`, hint);
      continue;
    }
    if (/^\s*(#|$)/.test(raw)) continue;
    const line = readLine(file, number, raw, report);
    if (line) out.push(line);
  }
  return out;
}

/** Texts are compared by pieces of this many characters first. */
const piece = 4096;

/** How many characters whole lines have with which both texts begin. */
function sameStart(a: string, b: string): number {
  const most = Math.min(a.length, b.length);
  let at = 0;
  while (at + piece <= most && b.startsWith(a.slice(at, at + piece), at)) at += piece;
  while (at < most && a.charCodeAt(at) === b.charCodeAt(at)) at++;
  return at === 0 ? 0 : a.lastIndexOf('\n', at - 1) + 1;
}

/** How many characters whole lines have with which both texts end, behind their common start. */
function sameEnd(a: string, b: string, start: number): number {
  const most = Math.min(a.length, b.length) - start;
  const tail = (text: string, length: number): number => text.length - length;
  let length = 0;
  while (length + piece <= most && b.endsWith(a.slice(tail(a, length + piece), tail(a, length)), tail(b, length)))
    length += piece;
  while (length < most && a.charCodeAt(tail(a, length + 1)) === b.charCodeAt(tail(b, length + 1))) length++;
  // The first line of what is the same may be the rest of one.
  const from = a.indexOf('\n', tail(a, length));
  return from < 0 ? 0 : tail(a, from + 1);
}

function linesIn(text: string): number {
  let count = 0;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) count++;
  return count;
}

/** The place of the first line that has this number or a greater one. */
function placeOfLine(lines: readonly RawLine[], number: number): number {
  let low = 0;
  let high = lines.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (lines[middle]!.line < number) low = middle + 1;
    else high = middle;
  }
  return low;
}

function readLine(file: string, number: number, raw: string, report: Report): RawLine | null {
  const fields = splitFields(file, number, raw, report);
  const head = fields?.[0];
  if (!fields || !head) return null;
  const type = head.text;
  if (!isLineType(type)) {
    const hint = 'start the line with p (flow), p2 (access), g, g2 or g3 (membership), or with # for a comment';
    report.add('unknown-line-type', head.span, `\`${type}\` is not a type of rule line`, hint);
    return null;
  }
  const rest = fields.slice(1);
  const expected = columns[type];
  if (rest.length !== expected.length) {
    const hint = `write \`${type}, ${expected.join(', ')}\`; put a note that has commas into "double quotes"`;
    const summary = `a \`${type}\` line has ${expected.length} columns after its type, this one has ${rest.length}`;
    report.add('column-count', head.span, summary, hint);
    return null;
  }
  const empty = rest.find((field, i) => field.text === '' && expected[i] !== 'note');
  if (empty) {
    report.add('column-count', empty.span, 'a column is empty', `write \`${type}, ${expected.join(', ')}\``);
    return null;
  }
  const bracket = rest.find(({ text }) => text.split('(').length !== text.split(')').length);
  if (bracket) {
    const hint = 'close each ( in its column: Casbin joins the columns that follow an open one';
    report.add('csv-syntax', bracket.span, `\`${bracket.text}\` has a bracket without its partner`, hint);
    return null;
  }
  const words = rest.map(({ text }) => text);
  const meaning = [type, ...(type.startsWith('p') ? words.slice(0, -1) : words)].join(', ');
  return new RawLine({ type, words, starts: fields.map(({ span }) => span.column - 1), raw, meaning }, file, number);
}

function isLineType(text: string): text is LineType {
  return Object.hasOwn(columns, text);
}

/** Comma-separated, blanks around a column dropped, `"…"` with `""` for a quote inside. Null after an error. */
function splitFields(file: string, line: number, raw: string, report: Report): Field[] | null {
  const at = (column: number): SourceSpan => ({ file, line, column: column + 1 });
  const fields: Field[] = [];
  for (let i = 0; i <= raw.length;) {
    while (/\s/.test(raw[i] ?? '')) i++;
    const start = i;
    let text = '';
    if (raw[i] === '"') {
      const end = closingQuote(raw, i);
      if (end < 0) {
        report.add('csv-syntax', at(start), 'a quoted column has no end', 'close it with " on the same line');
        return null;
      }
      text = raw
        .slice(i + 1, end)
        .replaceAll('""', '"')
        .trim();
      i = end + 1;
      const tail = /^[^,]*/.exec(raw.slice(i))![0];
      if (tail.trim() !== '') {
        const [code, hint] = explainTail(tail);
        report.add(code, at(i + tail.search(/\S/)), `\`${tail.trim()}\` follows a quoted column`, hint);
        return null;
      }
      i += tail.length;
    } else {
      const end = raw.indexOf(',', i);
      text = raw.slice(i, end < 0 ? raw.length : end).trim();
      i = end < 0 ? raw.length : end;
      const comment = /\s#|^#/.exec(text);
      if (comment) {
        const column = start + comment.index + comment[0].length - 1;
        report.add(
          'trailing-comment',
          at(column),
          `\`${text.slice(comment.index).trim()}\` is read as part of the rule`,
          onOwnLine,
        );
        return null;
      }
      if (text.includes('"')) {
        report.add(
          'csv-syntax',
          at(start),
          'a quote stands inside a column',
          'put the whole column into "double quotes"',
        );
        return null;
      }
    }
    fields.push({ text, span: at(start) });
    if (raw[i] !== ',') break;
    i++;
  }
  return fields;
}

const onOwnLine = 'put the comment on a line of its own: Casbin has no trailing comments, the rule would be broken';

function explainTail(tail: string): ['trailing-comment' | 'csv-syntax', string] {
  return tail.trim().startsWith('#') ? ['trailing-comment', onOwnLine] : ['csv-syntax', 'put a comma between columns'];
}

function closingQuote(raw: string, open: number): number {
  for (let i = open + 1; i < raw.length; i++) {
    if (raw[i] !== '"') continue;
    if (raw[i + 1] === '"') i++;
    else return i;
  }
  return -1;
}
