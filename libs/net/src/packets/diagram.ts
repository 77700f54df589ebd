import { maxima } from './fields.js';

/**
 * A node of an interval decision diagram: the values of its field, split into consecutive intervals, each leading to the
 * node that decides the rest. `lasts[i]` is the last value of interval `i`; the last of them is the field's maximum.
 *
 * INVARIANT (canonical form): neighbouring intervals lead to different nodes, a node has at least two intervals, fields grow
 * from the root down, and no two nodes of a diagram are alike. So equal sets are one and the same node.
 */
export interface Node {
  readonly id: number;
  readonly level: number;
  readonly lasts: readonly number[];
  readonly next: readonly Node[];
}

const terminal = (id: number): Node => ({ id, level: maxima.length, lasts: [], next: [] });

export type Operation = 'union' | 'intersect' | 'subtract';
const operations: readonly Operation[] = ['union', 'intersect', 'subtract'];

/** Ids stay below this, so that two of them make one exact number. */
const maxNodes = 2 ** 26;

/**
 * All nodes of the sets that are compared with one another: makes each node once, and remembers what was combined.
 * (Strehl, Thiele, "Interval Diagrams for Efficient Symbolic Verification of Process Networks", 2000; Gouda, Liu, "Structured
 * Firewall Design", 2007.) Grows until it is dropped: make one for each task.
 */
export class Diagram {
  readonly empty = terminal(0);
  readonly full = terminal(1);

  private readonly unique = new Map<number, Node[]>();
  private readonly known = new Map(operations.map((operation) => [operation, new Map<number, Node>()]));
  private count = 2;

  /** Nodes made so far. */
  get nodes(): number {
    return this.count;
  }

  /** The node that leads to `next[i]` for the values after `lasts[i - 1]` up to `lasts[i]`, in canonical form. */
  make(level: number, lasts: readonly number[], next: readonly Node[]): Node {
    const ends: number[] = [];
    const nodes: Node[] = [];
    for (let i = 0; i < lasts.length; i++) {
      if (nodes.at(-1) === next[i]) ends[ends.length - 1] = lasts[i]!;
      else {
        ends.push(lasts[i]!);
        nodes.push(next[i]!);
      }
    }
    return nodes.length === 1 ? nodes[0]! : this.once(level, ends, nodes);
  }

  /** Leads to `inside` for these values (a canonical list), to the empty set for all others. */
  choose(level: number, values: readonly { first: number; last: number }[], inside: Node): Node {
    const lasts: number[] = [];
    const next: Node[] = [];
    let from = 0;
    for (const { first, last } of values) {
      if (first > from) {
        lasts.push(first - 1);
        next.push(this.empty);
      }
      lasts.push(last);
      next.push(inside);
      from = last + 1;
    }
    if (from <= maxima[level]!) {
      lasts.push(maxima[level]!);
      next.push(this.empty);
    }
    return this.make(level, lasts, next);
  }

  combine(operation: Operation, a: Node, b: Node): Node {
    const quick = this.shortcut(operation, a, b);
    if (quick) return quick;
    const known = this.known.get(operation)!;
    const key = operation === 'subtract' || a.id < b.id ? a.id * maxNodes + b.id : b.id * maxNodes + a.id;
    const before = known.get(key);
    if (before) return before;
    const made = this.walk(operation, a, b);
    known.set(key, made);
    return made;
  }

  /** Whether some packet is in both: like an intersection, but makes no nodes and stops at the first. */
  meets(a: Node, b: Node): boolean {
    if (a === this.empty || b === this.empty) return false;
    if (a === this.full || b === this.full || a === b) return true;
    const known = this.known.get('intersect')!;
    const before = known.get(a.id < b.id ? a.id * maxNodes + b.id : b.id * maxNodes + a.id);
    if (before) return before !== this.empty;
    if (a.level !== b.level) {
      const [upper, lower] = a.level < b.level ? [a, b] : [b, a];
      return upper.next.some((node) => this.meets(node, lower));
    }
    for (let i = 0, j = 0; i < a.lasts.length;) {
      if (this.meets(a.next[i]!, b.next[j]!)) return true;
      const [x, y] = [a.lasts[i]!, b.lasts[j]!];
      if (x <= y) i++;
      if (y <= x) j++;
    }
    return false;
  }

  private shortcut(operation: Operation, a: Node, b: Node): Node | null {
    const { empty, full } = this;
    switch (operation) {
      case 'union':
        if (a === b || b === empty || a === full) return a;
        return a === empty || b === full ? b : null;
      case 'intersect':
        if (a === b || a === empty || b === full) return a;
        return b === empty || a === full ? b : null;
      case 'subtract':
        if (a === b || a === empty || b === full) return empty;
        return b === empty ? a : null;
      default:
        return operation;
    }
  }

  private walk(operation: Operation, a: Node, b: Node): Node {
    if (a.level < b.level)
      return this.make(
        a.level,
        a.lasts,
        a.next.map((node) => this.combine(operation, node, b)),
      );
    if (b.level < a.level)
      return this.make(
        b.level,
        b.lasts,
        b.next.map((node) => this.combine(operation, a, node)),
      );
    const lasts: number[] = [];
    const next: Node[] = [];
    for (let i = 0, j = 0; i < a.lasts.length;) {
      const [x, y] = [a.lasts[i]!, b.lasts[j]!];
      lasts.push(x < y ? x : y);
      next.push(this.combine(operation, a.next[i]!, b.next[j]!));
      if (x <= y) i++;
      if (y <= x) j++;
    }
    return this.make(a.level, lasts, next);
  }

  private once(level: number, lasts: readonly number[], next: readonly Node[]): Node {
    let hash = level;
    for (let i = 0; i < lasts.length; i++)
      hash = Math.imul(Math.imul(hash ^ lasts[i]!, 0x9e37_79b1) ^ next[i]!.id, 0x85eb_ca6b) | 0;
    const alike = this.unique.get(hash);
    const before = alike?.find((node) => isAlike(node, level, lasts, next));
    if (before) return before;
    if (this.count === maxNodes) throw new RangeError(`a packet set has more than ${maxNodes} nodes`);
    const node: Node = { id: this.count++, level, lasts, next };
    if (alike) alike.push(node);
    else this.unique.set(hash, [node]);
    return node;
  }
}

function isAlike(node: Node, level: number, lasts: readonly number[], next: readonly Node[]): boolean {
  if (node.level !== level || node.lasts.length !== lasts.length) return false;
  for (let i = 0; i < lasts.length; i++) if (node.lasts[i] !== lasts[i] || node.next[i] !== next[i]) return false;
  return true;
}
