/** Where a value of a JSON text starts; both count from 1. */
export interface JsonPlace {
  readonly line: number;
  readonly column: number;
}

/** A JSON text that was read: its value, and where each part of it stands. */
export interface JsonText {
  readonly value: unknown;
  /** The nearest enclosing value when the path leads nowhere. */
  readonly placeOf: (path: readonly PropertyKey[]) => JsonPlace;
}

export interface JsonFault extends JsonPlace {
  readonly what: string;
}

/** Characters of one text. */
export const maxJsonLength = 1 << 20;
const maxDepth = 64;

/**
 * Strict JSON (RFC 8259), with places. Unlike `JSON.parse` it takes no key twice in one object: of two conditions under one
 * key the parser would lose one in silence.
 */
export function readJson(text: string): JsonText | JsonFault {
  const source = text.startsWith('\uFEFF') ? text.slice(1) : text;
  const place = placesOf(source);
  if (source.length > maxJsonLength)
    return { what: `the file has more than ${maxJsonLength} characters`, line: 1, column: 1 };
  try {
    const root = new JsonReader(source).readAll();
    return { value: root.value, placeOf: (path) => place(nodeAt(root, path).at) };
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return { what: error.message, ...place(error.at) };
  }
}

interface Node {
  readonly value: unknown;
  readonly at: number;
  readonly inside?: ReadonlyMap<PropertyKey, Node>;
}

class Fault extends Error {
  constructor(
    message: string,
    readonly at: number,
  ) {
    super(message);
  }
}

function nodeAt(root: Node, path: readonly PropertyKey[]): Node {
  let node = root;
  for (const step of path) {
    const next = node.inside?.get(step);
    if (!next) return node;
    node = next;
  }
  return node;
}

class JsonReader {
  private at = 0;

  constructor(private readonly text: string) {}

  readAll(): Node {
    const node = this.value(0);
    this.blanks();
    if (this.at < this.text.length) throw new Fault('something follows the end of the value', this.at);
    return node;
  }

  private value(depth: number): Node {
    if (depth > maxDepth) throw new Fault(`the file is nested deeper than ${maxDepth} levels`, this.at);
    this.blanks();
    const at = this.at;
    const first = this.text[at];
    if (first === '{') return this.object(at, depth);
    if (first === '[') return this.list(at, depth);
    return { value: first === '"' ? this.string() : this.word(), at };
  }

  private object(at: number, depth: number): Node {
    const value: Record<string, unknown> = {};
    const inside = new Map<string, Node>();
    this.each('}', () => {
      const from = this.at;
      if (this.text[from] !== '"') throw new Fault('a key in "quotes" is missing', from);
      const key = this.string();
      if (inside.has(key)) throw new Fault(`\`${key}\` stands twice in this object`, from);
      if (key === '__proto__') throw new Fault('`__proto__` is no key', from);
      this.blanks();
      if (this.text[this.at++] !== ':') throw new Fault('a colon is missing after the key', this.at - 1);
      const node = this.value(depth + 1);
      inside.set(key, node);
      value[key] = node.value;
    });
    return { value, at, inside };
  }

  private list(at: number, depth: number): Node {
    const nodes: Node[] = [];
    this.each(']', () => nodes.push(this.value(depth + 1)));
    return { value: nodes.map(({ value }) => value), at, inside: new Map(nodes.map((node, i) => [i, node])) };
  }

  /** What stands between the bracket here and its partner, with commas between. */
  private each(end: string, read: () => void): void {
    this.at++;
    this.blanks();
    if (this.text[this.at] === end) {
      this.at++;
      return;
    }
    for (;;) {
      this.blanks();
      read();
      this.blanks();
      const next = this.text[this.at++];
      if (next === end) return;
      if (next !== ',') throw new Fault(`a comma or \`${end}\` is missing`, this.at - 1);
    }
  }

  private string(): string {
    const match = matchAt(/"(?:[^"\\]|\\.)*"/sy, this.text, this.at);
    if (match === null) throw new Fault('a text in quotes has no end', this.at);
    return this.parsed(match) as string;
  }

  private word(): unknown {
    const match = matchAt(/[-+.\w]+/y, this.text, this.at);
    if (match === null) throw new Fault('a value is missing', this.at);
    return this.parsed(match);
  }

  private parsed(token: string): unknown {
    try {
      const value: unknown = JSON.parse(token);
      this.at += token.length;
      return value;
    } catch {
      throw new Fault(`\`${token.slice(0, 40)}\` is no JSON value`, this.at);
    }
  }

  private blanks(): void {
    this.at += matchAt(/[ \t\r\n]*/y, this.text, this.at)?.length ?? 0;
  }
}

function matchAt(pattern: RegExp, text: string, at: number): string | null {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0] ?? null;
}

function placesOf(text: string): (at: number) => JsonPlace {
  const starts = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return (at) => {
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (starts[middle]! <= at) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: at - starts[low]! + 1 };
  };
}
