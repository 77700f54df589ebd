import { Successive } from '../version-memory.js';
import type { LineType, RawLine } from './rule-lines.js';

export interface LinesByKind {
  readonly flows: readonly RawLine[];
  readonly accesses: readonly RawLine[];
  /** The same list as long as no line in it changes. */
  readonly memberships: readonly RawLine[];
  /** Whether any two lines mean the same. */
  readonly hasDuplicates: boolean;
}

const kindCount = 3;
const kindOf = (type: LineType): number => (type === 'p' ? 0 : type === 'p2' ? 1 : 2);

/** Sorts the lines of one version after another; of those that stay it knows kind and meaning by one number. */
export class LineKinds {
  private codes = new Successive<RawLine, number>(({ content }) => content);
  /** What lines mean, numbered. */
  private numbers = new Map<string, number>();
  private memberships: readonly RawLine[] = [];

  sort(lines: readonly RawLine[]): LinesByKind {
    this.forget(lines.length);
    const codes = this.codes.map(lines, ({ type, meaning }) => this.codeOf(type, meaning));
    const sorted = { flows: [] as RawLine[], accesses: [] as RawLine[], memberships: [] as RawLine[] };
    const lists = [sorted.flows, sorted.accesses, sorted.memberships];
    const seen = new Uint8Array(this.numbers.size);
    let hasDuplicates = false;
    for (const [i, code] of codes.entries()) {
      const meaning = Math.floor(code / kindCount);
      lists[code % kindCount]!.push(lines[i]!);
      hasDuplicates ||= seen[meaning] === 1;
      seen[meaning] = 1;
    }
    const { memberships } = sorted;
    if (memberships.length !== this.memberships.length || memberships.some((line, i) => line !== this.memberships[i]))
      this.memberships = memberships;
    return { ...sorted, memberships: this.memberships, hasDuplicates };
  }

  private codeOf(type: LineType, meaning: string): number {
    let number = this.numbers.get(meaning);
    if (number === undefined) {
      number = this.numbers.size;
      this.numbers.set(meaning, number);
    }
    return number * kindCount + kindOf(type);
  }

  /** Meanings of lines that are gone, once they are the most. */
  private forget(lines: number): void {
    if (this.numbers.size <= lines * 2 + 1000) return;
    this.numbers = new Map();
    this.codes = new Successive(({ content }) => content);
  }
}
