import type { FlowRule } from '../snapshot.js';
import { flowRuleColumns, type EncodedRules, type FlowRuleRow } from './encoded.js';
import { hashOf } from './hashes.js';

/*
 * Flow rules are hashed in parts, some hundred rules each, and the numbers of their lines beside them: whoever puts in a rule
 * moves all that follow, but changes one part only. A part ends where the id of a rule says so, so parts stay the same
 * whatever stands before them.
 */

/** Ids are hex digits of a hash: one of 256 ends a part. */
const endsPart = (id: string): boolean => id.endsWith('00');

function partsOf<T>(rules: readonly T[], idOf: (rule: T) => string): T[][] {
  const parts: T[][] = [];
  let part: T[] = [];
  for (const rule of rules) {
    part.push(rule);
    if (!endsPart(idOf(rule))) continue;
    parts.push(part);
    part = [];
  }
  return part.length > 0 ? [...parts, part] : parts;
}

export const encodeRules = (rules: readonly FlowRule[]): EncodedRules => ({
  rows: rules.map(rowOf),
  lines: rules.map(({ line }) => line),
});

const rowOf = (rule: FlowRule): FlowRuleRow => flowRuleColumns.map((column) => rule[column]);

export function hashOfRules({ rows, lines }: EncodedRules): string {
  const id = flowRuleColumns.indexOf('id');
  return hashOf([partsOf(rows, (row) => String(row[id])).map(hashOf), lines]);
}

/** Hashes the rules of one version after another: parts that stay the same once. */
export class RuleHashes {
  /** By the id of its first rule. */
  private known: ReadonlyMap<string, { readonly rules: readonly FlowRule[]; readonly hash: string }> = new Map();

  hashOf(rules: readonly FlowRule[]): string {
    const parts = partsOf(rules, ({ id }) => id).map((part) => {
      const before = this.known.get(part[0]!.id);
      const hash = before && isSame(before.rules, part) ? before.hash : hashOf(part.map(rowOf));
      return { rules: part, hash };
    });
    this.known = new Map(parts.map((part) => [part.rules[0]!.id, part]));
    return hashOf([parts.map(({ hash }) => hash), rules.map(({ line }) => line)]);
  }
}

/** All other columns are read from the text. */
const isSame = (a: readonly FlowRule[], b: readonly FlowRule[]): boolean =>
  a.length === b.length &&
  a.every(({ id, text, file, active }, i) => {
    const other = b[i]!;
    return id === other.id && text === other.text && file === other.file && active === other.active;
  });
