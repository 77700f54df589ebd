import {
  isAlias,
  isCollection,
  isNode,
  isPair,
  isScalar,
  isSeq,
  Lexer,
  Scalar,
  visit,
  type Document,
  type Node,
} from 'yaml';
import { Report } from '../codes.js';
import { parseYaml, YamlFile } from '../load/yaml-file.js';

/** Characters of a line, where a text that stands on several lines is filled into lines anew. */
const lineWidth = 120;
const stringTag = 'tag:yaml.org,2002:str';

/**
 * A YAML file in its one form: two blanks per level, `{ a: b }` and `[a, b]`, one blank line at most, comments and order as
 * they were. What stands on one line stays on one, however long; what stands on several stays on several. After an error,
 * which the report has, the text as it was.
 */
export function formatYamlFile(file: string, text: string, report: Report): string {
  const own = new Report();
  const read = YamlFile.read(file, text.replace(/^\uFEFF/, ''), own);
  report.addAll(own.diagnostics);
  if (!read) return text;
  const clean = text.replace(/^\uFEFF/, '').replaceAll('\r\n', '\n');
  const written = settle(trimComments(clean));
  if (written !== null && isSame(clean, written)) return written;
  const summary = 'the file is left as it is: its form can not be changed without moving a comment or a value';
  const hint = 'put comments on lines of their own, and write maps and lists in the usual way';
  report.add('not-formatted', { file, line: 1, column: 1 }, summary, hint);
  return text;
}

/** How often a text is formatted until it stays the same: the first time may bring about what the next one sees. */
const mostRounds = 4;

/** Null when it does not settle, or is nested deeper than the writer's stack reaches. */
function settle(text: string): string | null {
  let now = text;
  try {
    for (let round = 0; round < mostRounds; round++) {
      const next = writeOnce(now);
      if (next === now) return now;
      now = next;
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  return null;
}

function writeOnce(text: string): string {
  const document = parseYaml(text);
  if (document.contents === null || isEmptyScalar(document.contents)) return endOnce(text);
  const broken = markBroken(document, text);
  fillOnlyBroken(document, text);
  const written = document.toString({ lineWidth: 0, flowCollectionPadding: true, verifyAliasOrder: false });
  return endOnce(tightenLists(withoutMarks(written, broken)));
}

const isEmptyScalar = (node: Node): boolean => isScalar(node) && node.value === null && node.source === '';

function endOnce(text: string): string {
  const whole = text.replace(/\n+$/, '');
  return whole === '' ? '' : `${whole}\n`;
}

/**
 * Flow collections that stand on several lines get a mark, which keeps their items on lines of their own: the library
 * breaks lines by width or before comments, and does not remember where they were.
 */
function markBroken(document: Document, text: string): string {
  let mark = 'broken';
  while (text.includes(mark)) mark += '-';
  visit(document, {
    Collection: (_, collection) => {
      if (!collection.flow || !collection.range || collection.items.length === 0) return;
      if (!text.slice(collection.range[0], collection.range[1]).includes('\n')) return;
      const [item] = collection.items;
      const first = isPair(item) ? item.key : item;
      if (isNode(first)) first.commentBefore ??= mark;
    },
  });
  return mark;
}

const withoutMarks = (text: string, mark: string): string =>
  text
    .split('\n')
    .filter((line) => line.trim() !== `#${mark}`)
    .join('\n');

/** Texts in quotes or without, on one line, are left on one. The schema is this document's own. */
function fillOnlyBroken(document: Document, text: string): void {
  const isBroken = ({ range, type }: Scalar): boolean =>
    type === Scalar.BLOCK_FOLDED || (!!range && text.slice(range[0], range[1]).includes('\n'));
  const { schema } = document;
  schema.tags = schema.tags.map((tag) => {
    if (tag.tag !== stringTag || tag.collection) return tag;
    return {
      ...tag,
      stringify: (item, context, onComment, onChompKeep) => {
        const width = isBroken(item) ? lineWidth : 0;
        const own = { ...context, options: { ...context.options, lineWidth: width } };
        return tag.stringify!(item, own, onComment, onChompKeep);
      },
    };
  });
}

/** `[ a, b ]` → `[a, b]`: the library knows one padding for maps and lists. */
function tightenLists(text: string): string {
  const cuts = new Set<number>();
  visit(parseYaml(text), {
    Seq: (_, { flow, range }) => {
      if (!flow || !range) return;
      const [open, end] = range;
      if (/^\[ (?! *\n)/.test(text.slice(open, open + 3))) cuts.add(open + 1);
      if (text[end - 2] === ' ' && /\S *$/.test(text.slice(text.lastIndexOf('\n', end - 2) + 1, end - 1)))
        cuts.add(end - 2);
    },
  });
  const ends = [-1, ...[...cuts].sort((a, b) => a - b), text.length];
  return ends
    .slice(1)
    .map((end, i) => text.slice(ends[i]! + 1, end))
    .join('');
}

/** The same values in the same order, and the same comments. */
const isSame = (before: string, after: string): boolean =>
  sameLists(valuesOf(before), valuesOf(after)) && sameLists(commentsOf(before), commentsOf(after));

const sameLists = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((text, i) => text === b[i]);

/** Every node in order, with all that bears on its meaning. */
function valuesOf(text: string): string[] {
  const document = parseYaml(text);
  if (document.errors.length > 0) return ['malformed'];
  const values: string[] = [];
  visit(document, {
    Node: (_, node) => {
      const anchor = isAlias(node) ? node.source : node.anchor;
      const value = isScalar(node) ? `${typeof node.value} ${String(node.value)}` : '';
      const size = isCollection(node) ? `${isSeq(node) ? 'list' : 'map'} of ${node.items.length}` : '';
      values.push(JSON.stringify([anchor, node.tag, size, value]));
    },
  });
  return values;
}

/** What the lexer tells beside the pieces of the text: begin of a document, of one in flow style, of a scalar. */
const signals: ReadonlySet<string> = new Set(['\u0002', '\u0018', '\u001F']);

/** The pieces of a text, and which of them are comments: one that begins with # behind the sign of a scalar is none. */
function piecesOf(text: string): { piece: string; isComment: boolean }[] {
  const tokens = [...new Lexer().lex(text)];
  return tokens
    .map((piece, i) => ({ piece, isComment: piece.startsWith('#') && tokens[i - 1] !== '\u001F' }))
    .filter(({ piece }) => !signals.has(piece));
}

const commentsOf = (text: string): string[] =>
  piecesOf(text).flatMap(({ piece, isComment }) => (isComment ? [piece.trimEnd()] : []));

const trimComments = (text: string): string =>
  piecesOf(text)
    .map(({ piece, isComment }) => (isComment ? piece.trimEnd() : piece))
    .join('');
