import type { SourceSpan } from '#base';
import { isCollection, isMap, isNode, isScalar, LineCounter, parseDocument, visit, type Document } from 'yaml';
import type { z } from 'zod';
import type { Report } from '../codes.js';
import { didYouMean } from './suggest.js';

/** Characters of one file. */
const maxLength = 1 << 20;
/** How often one file may repeat what has an anchor: bounds what a few lines can grow to. */
const maxAliases = 100;

export type Path = readonly (string | number)[];

const writeOut = 'write the values out, or use fewer aliases';

/** A YAML file whose values know where they stand. */
export class YamlFile {
  private constructor(
    readonly file: string,
    private readonly document: Document,
    private readonly lines: LineCounter,
  ) {}

  /** Null after a syntax error. Anchors are allowed, merge keys and custom tags are not. */
  static read(file: string, text: string, report: Report): YamlFile | null {
    const start = { file, line: 1, column: 1 };
    if (text.length > maxLength) {
      report.add('yaml-syntax', start, `the file has more than ${maxLength} characters`, 'split it into several files');
      return null;
    }
    let document: Document;
    try {
      document = parseYaml(text);
    } catch (error) {
      // Nested deeper than the stack reaches.
      if (!(error instanceof RangeError)) throw error;
      report.add('yaml-syntax', start, 'the file is nested too deep', 'no file needs more than a few levels');
      return null;
    }
    const read = new YamlFile(file, document, lineStarts(text));
    for (const error of [...document.errors, ...document.warnings]) {
      report.add(
        'yaml-syntax',
        read.at(error.pos[0]),
        error.message.toLowerCase(),
        'check indentation, quotes and colons of this entry',
      );
    }
    return document.errors.length === 0 && read.checkNodes(report) ? read : null;
  }

  /** Few aliases, no key twice in a map. The YAML library's own check of keys takes the square of their number. */
  private checkNodes(report: Report): boolean {
    let aliases = 0;
    let good = true;
    visit(this.document, {
      Alias: (_, { range }) => {
        aliases++;
        if (aliases <= maxAliases) return undefined;
        const summary = `the file has more than ${maxAliases} aliases`;
        report.add('yaml-syntax', this.at(range?.[0] ?? 0), summary, writeOut);
        good = false;
        return visit.BREAK;
      },
      Map: (_, { items }) => {
        const keys = new Set<unknown>();
        for (const { key } of items) {
          if (!isScalar(key)) continue;
          if (keys.has(key.value)) {
            const summary = `\`${String(key.value)}\` stands twice in this map`;
            report.add('duplicate-name', this.at(key.range?.[0] ?? 0), summary, 'remove or rename one of the two');
            good = false;
          }
          keys.add(key.value);
        }
      },
    });
    return good;
  }

  /** By name, so that reading all entries takes no longer than reading the file. */
  private readonly topLevel = new Map<unknown, unknown>();

  private node(path: Path): unknown {
    const [name, ...inside] = path;
    const { contents } = this.document;
    if (name === undefined || !isMap(contents)) return contents;
    if (this.topLevel.size === 0)
      for (const { key, value } of contents.items) this.topLevel.set(isScalar(key) ? key.value : key, value);
    const top = this.topLevel.get(name);
    return inside.length === 0 ? top : isCollection(top) ? top.getIn(inside, true) : undefined;
  }

  /** Top-level entries: name, place of the name. Null (after an error) when the file is not a map. */
  entries(report: Report): { name: string; span: SourceSpan }[] | null {
    const { contents } = this.document;
    if (contents === null || (isScalar(contents) && contents.value === null)) return [];
    if (!isMap(contents)) {
      report.add(
        'schema',
        this.at(0),
        'the file is not a map of names',
        'write `name: { … }` entries at the top level',
      );
      return null;
    }
    return contents.items.flatMap(({ key }) => {
      const span = this.at(isNode(key) ? (key.range?.[0] ?? 0) : 0);
      if (isScalar(key) && typeof key.value === 'string') return [{ name: key.value, span }];
      report.add('bad-name', span, 'this name is read as something other than text', 'put it into "quotes"');
      return [];
    });
  }

  /** The value at a path, checked; null after errors, each with its own place. */
  value<T>(path: Path, schema: z.ZodType<T>, report: Report): T | null {
    const node = this.node(path);
    let plain: unknown;
    try {
      plain = isNode(node) ? node.toJS(this.document, { maxAliasCount: maxAliases }) : (node ?? null);
    } catch (error) {
      // An alias without its anchor, or aliases of aliases that would grow without end.
      if (!(error instanceof ReferenceError)) throw error;
      report.add('yaml-syntax', this.span(path), error.message.toLowerCase(), writeOut);
      return null;
    }
    const parsed = schema.safeParse(plain);
    if (parsed.success) return parsed.data;
    for (const issue of parsed.error.issues) this.reportIssue(path, issue, report);
    return null;
  }

  /** Where the value at a path starts; the nearest enclosing value when the path leads nowhere. */
  span(path: Path): SourceSpan {
    for (let length = path.length; length > 0; length--) {
      const node = this.node(path.slice(0, length));
      if (isNode(node) && node.range) return this.at(node.range[0]);
    }
    return this.at(0);
  }

  private reportIssue(path: Path, issue: z.core.$ZodIssue, report: Report): void {
    const inside = issue.path.filter((step) => typeof step !== 'symbol');
    const where = [...path, ...inside];
    if (issue.code === 'unrecognized_keys') {
      for (const key of issue.keys) {
        report.add(
          'schema',
          this.span([...where, key]),
          `\`${key}\` is not a field here`,
          'remove it or correct its name',
        );
      }
      return;
    }
    const field = inside.length > 0 ? `\`${inside.join('.')}\`: ` : '';
    const hint =
      issue.code === 'invalid_value' && issue.values.length > 0
        ? didYouMean(
            String(this.document.getIn(where)),
            issue.values.map(String),
            `use one of ${issue.values.join(', ')}`,
          )
        : 'see docs/policy-language.md for the fields of this file';
    report.add('schema', this.span(where), `${field}${issue.message.toLowerCase()}`, hint);
  }

  private at(offset: number): SourceSpan {
    const { line, col } = this.lines.linePos(offset);
    return { file: this.file, line: line || 1, column: col || 1 };
  }
}

/** As every reader of the policy parses it. Throws a RangeError when it is nested too deep. */
export function parseYaml(text: string): Document.Parsed {
  return parseDocument(text, { prettyErrors: false, strict: true, uniqueKeys: false });
}

/** Of the text itself: the parser's own count misses the lines inside a quote that is never closed. */
function lineStarts(text: string): LineCounter {
  const lines = new LineCounter();
  lines.addNewLine(0);
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) lines.addNewLine(at + 1);
  return lines;
}
