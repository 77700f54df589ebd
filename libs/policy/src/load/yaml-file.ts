import type { SourceSpan } from '#base';
import { isMap, isNode, isScalar, LineCounter, parseDocument, type Document } from 'yaml';
import type { z } from 'zod';
import type { Report } from '../codes.js';
import { didYouMean } from './suggest.js';

export type Path = readonly (string | number)[];

/** A YAML file whose values know where they stand. */
export class YamlFile {
  private constructor(
    readonly file: string,
    private readonly document: Document,
    private readonly lines: LineCounter,
  ) {}

  /** Null after a syntax error. Anchors are allowed, merge keys and custom tags are not. */
  static read(file: string, text: string, report: Report): YamlFile | null {
    const lines = new LineCounter();
    const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, strict: true, uniqueKeys: true });
    const read = new YamlFile(file, document, lines);
    for (const error of [...document.errors, ...document.warnings]) {
      const code = error.code === 'DUPLICATE_KEY' ? 'duplicate-name' : 'yaml-syntax';
      report.add(
        code,
        read.at(error.pos[0]),
        error.message.toLowerCase(),
        'check indentation, quotes and colons of this entry',
      );
    }
    return document.errors.length > 0 ? null : read;
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
    return contents.items.map(({ key }) => ({
      name: isScalar(key) ? String(key.value) : String(key),
      span: isNode(key) ? this.at(key.range?.[0] ?? 0) : this.at(0),
    }));
  }

  /** The value at a path, checked; null after errors, each with its own place. */
  value<T>(path: Path, schema: z.ZodType<T>, report: Report): T | null {
    const node = path.length === 0 ? this.document.contents : this.document.getIn(path, true);
    const parsed = schema.safeParse(isNode(node) ? node.toJS(this.document, { maxAliasCount: 100 }) : (node ?? null));
    if (parsed.success) return parsed.data;
    for (const issue of parsed.error.issues) this.reportIssue(path, issue, report);
    return null;
  }

  /** Where the value at a path starts; the nearest enclosing value when the path leads nowhere. */
  span(path: Path): SourceSpan {
    for (let length = path.length; length > 0; length--) {
      const node = this.document.getIn(path.slice(0, length), true);
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
