import type { Node } from './diagram.js';
import { level, maxima } from './fields.js';

export interface Edge {
  readonly first: number;
  readonly last: number;
  readonly next: Node;
}

/** The edges of a node at a field; a node further down is reached by every value. */
export function edges(node: Node, at: number): Edge[] {
  if (node.level !== at) return [{ first: 0, last: maxima[at]!, next: node }];
  return node.lasts.map((last, i) => ({ first: i === 0 ? 0 : node.lasts[i - 1]! + 1, last, next: node.next[i]! }));
}

/** The part of a set that is of one family. */
export function below(root: Node, family: number): Node {
  return root.level === level.family ? root.next[family]! : root;
}
