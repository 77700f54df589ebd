import { compareText } from '#base';

/** A name of the policy and the set that it stands for. */
export interface NamedSet<S> {
  readonly name: string;
  readonly set: S;
}

export interface SetAlgebra<S> {
  subtract(a: S, b: S): S;
  isEmpty(set: S): boolean;
  /** Anything that grows with the set. */
  size(set: S): bigint | number;
  /** How many words it takes to write the set without a name. */
  pieces(set: S): number;
}

/** `names` together, `except` taken out (then one name stands in `names`), and what no name covers. */
export interface SetDescription<S> {
  readonly names: readonly string[];
  readonly except: readonly string[];
  readonly rest: S;
}

/**
 * A set in as few names as can be found: names that lie wholly inside it, greedily from the largest, without those that the
 * others cover already; or one larger name less some others, where that is shorter. Exact in both forms; fewest by greed, not
 * by proof. `preferred` wins between names for the same set: what the responsible lines say is what people know it by.
 */
export function describeSet<S>(
  target: S,
  known: readonly NamedSet<S>[],
  algebra: SetAlgebra<S>,
  preferred: ReadonlySet<string> = new Set(),
): SetDescription<S> {
  const plain = cover(target, known, algebra, preferred);
  const cost = plain.names.length + algebra.pieces(plain.rest);
  if (cost <= 2) return { ...plain, except: [] };
  const larger = known
    .filter(({ set }) => algebra.isEmpty(algebra.subtract(target, set)))
    .sort((a, b) => compareSizes(algebra, a.set, b.set) || compareText(a.name, b.name))[0];
  if (!larger) return { ...plain, except: [] };
  const missing = cover(algebra.subtract(larger.set, target), known, algebra, preferred);
  if (!algebra.isEmpty(missing.rest) || missing.names.length + 1 >= cost) return { ...plain, except: [] };
  return { names: [larger.name], except: missing.names, rest: missing.rest };
}

function cover<S>(
  target: S,
  known: readonly NamedSet<S>[],
  algebra: SetAlgebra<S>,
  preferred: ReadonlySet<string>,
): { names: string[]; rest: S } {
  const inside = known
    .filter(({ set }) => !algebra.isEmpty(set) && algebra.isEmpty(algebra.subtract(set, target)))
    .sort(
      (a, b) =>
        compareSizes(algebra, b.set, a.set) ||
        Number(preferred.has(b.name)) - Number(preferred.has(a.name)) ||
        compareText(a.name, b.name),
    );
  const chosen: NamedSet<S>[] = [];
  let rest = target;
  for (const candidate of inside) {
    if (algebra.isEmpty(rest)) break;
    const less = algebra.subtract(rest, candidate.set);
    if (compareSizes(algebra, less, rest) === 0) continue;
    chosen.push(candidate);
    rest = less;
  }
  const needed = withoutCovered(chosen, algebra);
  return { names: needed.map(({ name }) => name).sort(compareText), rest };
}

/** Drops, smallest first, each set that the others cover together. */
function withoutCovered<S>(chosen: readonly NamedSet<S>[], algebra: SetAlgebra<S>): readonly NamedSet<S>[] {
  let kept = chosen;
  for (const candidate of [...chosen].reverse()) {
    const others = kept.filter((other) => other !== candidate);
    const alone = others.reduce((left, { set }) => algebra.subtract(left, set), candidate.set);
    if (algebra.isEmpty(alone)) kept = others;
  }
  return kept;
}

function compareSizes<S>(algebra: SetAlgebra<S>, a: S, b: S): number {
  const [x, y] = [algebra.size(a), algebra.size(b)];
  return x < y ? -1 : x > y ? 1 : 0;
}
