import type { FlowRule } from '../snapshot.js';
import { flowRuleColumns, type EncodedRules, type FlowRuleRow } from './encoded.js';
import { Successive } from '../version-memory.js';
import { hashOf } from './hashes.js';

/*
 * Flow rules are hashed in parts, some hundred rules each, and the numbers of their lines beside them: whoever puts in a rule
 * moves all that follow, but changes one part only. A part ends where the id of a rule says so, so parts stay the same
 * whatever stands before them.
 */

/** Ids are hex digits of a hash: one of 256 ends a part. */
const endsPart = (id: string): boolean => id.endsWith('00');

function partsOf<T>(rules: readonly T[], isEnd: (place: number) => boolean): T[][] {
  const parts: T[][] = [];
  for (let from = 0; from < rules.length;) {
    let to = from + 1;
    while (to < rules.length && !isEnd(to - 1)) to++;
    parts.push(rules.slice(from, to));
    from = to;
  }
  return parts;
}

export const encodeRules = (rules: readonly FlowRule[]): EncodedRules => ({
  rows: rules.map(rowOf),
  lines: rules.map(({ line }) => line),
});

const rowOf = (rule: FlowRule): FlowRuleRow => flowRuleColumns.map((column) => rule[column]);

export function hashOfRules({ rows, lines }: EncodedRules): string {
  const id = flowRuleColumns.indexOf('id');
  return hashOf([partsOf(rows, (place) => endsPart(String(rows[place]![id]))).map(hashOf), lines]);
}

/** Hashes the rules of one version after another: parts that stay the same once. */
export class RuleHashes {
  /** By the id of its first rule. */
  private known: ReadonlyMap<string, Part> = new Map();
  private readonly ends = new Successive<FlowRule, boolean>(({ id }) => id);

  hashOf(rules: readonly FlowRule[]): string {
    const ends = this.ends.map(rules, ({ id }) => endsPart(id));
    const parts = partsOf(rules, (place) => ends[place]!).map((part) => this.partOf(part));
    this.known = new Map(parts.map((part) => [part.rules[0]!.id, part]));
    return hashOf([parts.map(({ hash }) => hash), rules.map(({ line }) => line)]);
  }

  private partOf(rules: readonly FlowRule[]): Part {
    const before = this.known.get(rules[0]!.id);
    return { rules, hash: before && isSame(before.rules, rules) ? before.hash : hashOf(rules.map(rowOf)) };
  }
}

interface Part {
  readonly rules: readonly FlowRule[];
  readonly hash: string;
}

/** All other columns are read from the text. */
const isSame = (a: readonly FlowRule[], b: readonly FlowRule[]): boolean =>
  a.length === b.length &&
  a.every((rule, i) => {
    const other = b[i]!;
    if (rule === other) return true;
    const { id, text, file, active } = rule;
    return id === other.id && text === other.text && file === other.file && active === other.active;
  });
