import type { NftRule, NftStatement } from '#drivers';
import { addressAlgebra } from '#net';

/**
 * Neighbours that do the same and differ in the values of one match, as one rule about all of them: what becomes of a packet is the same. A rule for
 * each range is what the kernel needs; a proof takes as long as there are rules.
 */
export function mergeNeighbours(rules: readonly NftRule[]): readonly NftRule[] {
  const out: Known[] = [];
  for (const rule of rules) {
    out.push(known(rule));
    for (;;) {
      const [before, last] = out.slice(-2);
      const merged = before && last && merge(before, last);
      if (!merged) break;
      out.splice(-2, 2, merged);
    }
  }
  return out.map(({ rule }) => rule);
}

interface Known {
  readonly rule: NftRule;
  /** Of each statement. */
  readonly texts: readonly string[];
}

const known = (rule: NftRule): Known => ({ rule, texts: rule.statements.map(textOf) });

const textOf = (statement: NftStatement): string =>
  JSON.stringify(statement, (_, value: unknown) => (typeof value === 'bigint' ? `${value}` : value));

function merge(a: Known, b: Known): Known | null {
  if (a.texts.length !== b.texts.length) return null;
  const [at, ...more] = a.texts.flatMap((text, i) => (text === b.texts[i] ? [] : [i]));
  if (at === undefined || more.length > 0) return null;
  const [one, other] = [a.rule.statements[at]!, b.rule.statements[at]!];
  if (one.kind !== 'match' || other.kind !== 'match') return null;
  if (JSON.stringify(one.field) !== JSON.stringify(other.field)) return null;
  const both = { ...one, values: addressAlgebra.normalize([...one.values, ...other.values]) };
  return known({ ...a.rule, statements: a.rule.statements.with(at, both) });
}
