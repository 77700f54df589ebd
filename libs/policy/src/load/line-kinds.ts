import { Latest, Successive } from '../version-memory.js';
import type { LineType, RawLine } from './rule-lines.js';

/** Each the same list as long as no line in it changes or moves. */
interface LineLists {
  readonly flows: readonly RawLine[];
  readonly accesses: readonly RawLine[];
  readonly memberships: readonly RawLine[];
}

export interface LinesByKind extends LineLists {
  /** Whether any two lines mean the same. */
  readonly hasDuplicates: boolean;
}

type Kind = keyof LineLists;
const kinds = ['flows', 'accesses', 'memberships'] as const satisfies readonly Kind[];
const kindOf = (type: LineType): number =>
  kinds.indexOf(type === 'p' ? 'flows' : type === 'p2' ? 'accesses' : 'memberships');

/** Sorts the lines of one version after another; of those that stay it knows kind and meaning by one number. */
export class LineKinds {
  private files = new Map<string, FileKinds>();
  /** What lines mean, numbered. */
  private numbers = new Map<string, number>();
  private readonly joined: Readonly<Record<Kind, Latest<readonly RawLine[]>>> = {
    flows: new Latest(),
    accesses: new Latest(),
    memberships: new Latest(),
  };

  /** By file. */
  sort(files: ReadonlyMap<string, readonly RawLine[]>): LinesByKind {
    this.forget(files);
    const found = [...files].map(([name, lines]) => {
      const file = this.files.get(name) ?? new FileKinds((line) => this.codeOf(line));
      this.files.set(name, file);
      file.turn(lines);
      return file;
    });
    const [flows, accesses, memberships] = kinds.map((kind) => {
      const lists = found.map(({ lists: own }) => own[kind]).filter(({ length }) => length > 0);
      return this.joined[kind].get(lists, () => (lists.length === 1 ? lists[0]! : ([] as RawLine[]).concat(...lists)));
    });
    return { flows: flows!, accesses: accesses!, memberships: memberships!, hasDuplicates: this.hasDuplicates(found) };
  }

  private codeOf({ type, meaning }: RawLine): number {
    let number = this.numbers.get(meaning);
    if (number === undefined) {
      number = this.numbers.size;
      this.numbers.set(meaning, number);
    }
    return number * kinds.length + kindOf(type);
  }

  private hasDuplicates(files: readonly FileKinds[]): boolean {
    const seen = new Uint8Array(this.numbers.size);
    for (const { codes } of files) {
      for (const code of codes) {
        const meaning = Math.floor(code / kinds.length);
        if (seen[meaning] === 1) return true;
        seen[meaning] = 1;
      }
    }
    return false;
  }

  /** Files that are gone; meanings of lines that are gone, once they are the most. */
  private forget(files: ReadonlyMap<string, readonly RawLine[]>): void {
    for (const name of this.files.keys()) if (!files.has(name)) this.files.delete(name);
    const lines = [...files.values()].reduce((sum, { length }) => sum + length, 0);
    if (this.numbers.size <= lines * 2 + 1000) return;
    this.numbers = new Map();
    this.files = new Map();
  }
}

const noLists: LineLists = { flows: [], accesses: [], memberships: [] };

/** The same of one file. */
class FileKinds {
  codes: readonly number[] = [];
  lists: LineLists = noLists;
  private lines: readonly RawLine[] = [];
  private readonly known = new Successive<RawLine, number>(({ content }) => content);

  constructor(private readonly codeOf: (line: RawLine) => number) {}

  turn(lines: readonly RawLine[]): void {
    if (lines === this.lines) return;
    this.lines = lines;
    const codes = this.known.map(lines, this.codeOf);
    this.codes = codes;
    const present = new Set(codes.map((code) => code % kinds.length));
    const lists = kinds.map((_, kind): readonly RawLine[] => {
      if (!present.has(kind)) return [];
      return present.size === 1 ? lines : lines.filter((_line, i) => codes[i]! % kinds.length === kind);
    });
    this.lists = { flows: lists[0]!, accesses: lists[1]!, memberships: lists[2]! };
  }
}
