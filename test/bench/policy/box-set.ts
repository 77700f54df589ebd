import { addressAlgebra, IntervalAlgebra, type Interval } from '#net';

/**
 * A set of packets of one family as a list of disjoint boxes, the plain alternative to decision diagrams: what it costs is
 * measured beside them. Fields: service, source port, established, destination, source.
 */
export interface Box {
  readonly service: Interval<number>;
  readonly sourcePort: Interval<number>;
  readonly established: Interval<number>;
  readonly destination: Interval<bigint>;
  readonly source: Interval<bigint>;
}

const numbers = new IntervalAlgebra<number>(1);
const fields = ['service', 'sourcePort', 'established', 'destination', 'source'] as const;

const meet = (box: Box, other: Box, field: (typeof fields)[number]): boolean =>
  box[field].first <= other[field].last && other[field].first <= box[field].last;

/** What is left of a box: up to two pieces for each field. */
function cut(box: Box, other: Box): Box[] {
  if (!fields.every((field) => meet(box, other, field))) return [box];
  const out: Box[] = [];
  let rest = box;
  for (const field of fields) {
    const pieces =
      field === 'destination' || field === 'source'
        ? addressAlgebra.subtract([rest[field]], [other[field]])
        : numbers.subtract([rest[field]], [other[field]]);
    for (const piece of pieces) out.push({ ...rest, [field]: piece });
    const inside =
      field === 'destination' || field === 'source'
        ? addressAlgebra.intersect([rest[field]], [other[field]])
        : numbers.intersect([rest[field]], [other[field]]);
    rest = { ...rest, [field]: inside[0]! };
  }
  return out;
}

export const subtractBoxes = (a: readonly Box[], b: readonly Box[]): Box[] =>
  b.reduce<Box[]>((left, other) => left.flatMap((box) => cut(box, other)), [...a]);

/** What a first-match list permits, from the bottom up. */
export function permittedBoxes(lines: readonly { readonly permits: boolean; readonly box: Box }[]): Box[] {
  let set: Box[] = [];
  for (const { permits, box } of lines.toReversed()) {
    set = subtractBoxes(set, [box]);
    if (permits) set.push(box);
  }
  return set;
}

export const areEqualBoxes = (a: readonly Box[], b: readonly Box[]): boolean =>
  subtractBoxes(a, b).length === 0 && subtractBoxes(b, a).length === 0;
