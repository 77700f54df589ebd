import type { SourceSpan } from '#base';
import type { Position, Range } from './protocol.js';

/** A text by lines, with places as editors count them. */
export class TextDocument {
  private readonly starts: readonly number[];

  constructor(readonly text: string) {
    const starts = [0];
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
    this.starts = starts;
  }

  /** Without its end. Empty behind the last one. */
  line(number: number): string {
    const start = this.starts[number];
    if (start === undefined) return '';
    return this.text.slice(start, this.starts[number + 1] ?? this.text.length).replace(/\r?\n$/, '');
  }

  offsetAt({ line, character }: Position): number {
    const start = this.starts[line];
    if (start === undefined) return this.text.length;
    return start + Math.min(character, this.line(line).length);
  }

  positionAt(offset: number): Position {
    let low = 0;
    let high = this.starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.starts[middle]! <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low, character: offset - this.starts[low]! };
  }

  range(start: number, end: number): Range {
    return { start: this.positionAt(start), end: this.positionAt(end) };
  }

  get whole(): Range {
    return this.range(0, this.text.length);
  }

  /** What a finding is about: the line, where it stands at its begin; else the column of a rule, or the word of YAML. */
  rangeOf({ file, line, column }: SourceSpan): Range {
    const text = this.line(line - 1);
    const start = Math.min(column - 1, text.length);
    const indent = text.length - text.trimStart().length;
    const end = start <= indent ? text.trimEnd().length : start + lengthAt(text.slice(start), file.endsWith('.csv'));
    return { start: { line: line - 1, character: start }, end: { line: line - 1, character: Math.max(end, start) } };
  }
}

function lengthAt(rest: string, isRule: boolean): number {
  const quoted = /^"(?:[^"]|"")*"|^'[^']*'/.exec(rest)?.[0];
  if (quoted !== undefined) return quoted.length;
  const word = (isRule ? /^[^,]*/ : /^[^\s,:{}[\]#]+/).exec(rest)?.[0] ?? '';
  return word.trimEnd().length || Math.min(rest.length, 1);
}
