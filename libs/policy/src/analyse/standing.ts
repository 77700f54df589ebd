import type { FlowRuleSource } from '../policy.js';
import { formatWhen } from '../when.js';
import type { Cell, PacketExample } from './cells.js';
import { coverOf } from './cover.js';
import { holdsWhenever, whenRank } from './when-order.js';

/** What a flow rule does among the others. `by`: the rules that make it so, each of them needed. */
export type Standing =
  /** There is no packet that it speaks of. */
  | { readonly kind: 'never-matches' }
  /** `contradicted`: an allow of exactly the packets that one deny closes. `shadowed`: an allow that denies close wholly. */
  | ({ readonly kind: 'contradicted' | 'shadowed' } & Reason)
  /** Other allows give all that it gives, or other denies close all that it closes. */
  | ({ readonly kind: 'redundant' } & Reason)
  /** A deny under which no allow is (`reason` null), or only allows that others close too. */
  | { readonly kind: 'without-effect'; readonly reason: Reason | null }
  /** `decides`: a packet whose verdict is by this rule. `cut`: the denies that close a part of it. */
  | { readonly kind: 'effective'; readonly decides: PacketExample; readonly cut: Reason | null };

export interface Reason {
  readonly by: readonly FlowRuleSource[];
  readonly example: PacketExample;
}

/**
 * The standing of each rule, in the order given; `cells` are those of `cellsOf`. All rules are taken to be in force now or
 * later, and a rule counts against another only if it is in force whenever the other is.
 *
 * INVARIANT: every rule but the effective ones taken out, alone or all at once, no verdict changes. The rules of one effect
 * so reduced, each effective one of them taken out changes one. Therefore rules are judged one after the other, narrow
 * before wide and later before earlier, and what is found removable counts no longer for the next.
 */
export function standingsOf(rules: readonly FlowRuleSource[], cells: readonly Cell[]): Standing[] {
  return new Judgement(rules, cells).standings();
}

class Judgement {
  private readonly isDeny: readonly boolean[];
  private readonly inForceWhenever: (wider: number, narrower: number) => boolean;
  /** By rule: the cells that it speaks of. */
  private readonly within: readonly Cell[][];
  /** Of these, for an allow, those where it is not closed for good. */
  private readonly open: readonly (readonly Cell[])[];
  /** Rules left when those that do nothing are out. Denies stay in the first though nothing is open under them. */
  private readonly needed: Set<number>;
  private readonly effective: Set<number>;

  constructor(
    private readonly rules: readonly FlowRuleSource[],
    cells: readonly Cell[],
  ) {
    this.isDeny = rules.map(({ effect }) => effect === 'deny');
    this.inForceWhenever = timeOrder(rules);
    this.within = rules.map(() => []);
    for (const cell of cells) for (const rule of cell.rules) this.within[rule]!.push(cell);
    this.open = this.within.map((own, rule) =>
      this.isDeny[rule] ? own : own.filter((cell) => isEmpty(this.closers(cell, rule, null))),
    );
    const order = this.narrowFirst();
    this.needed = this.leaveOutRedundant(order);
    this.effective = this.leaveOutIdle(order);
  }

  standings(): Standing[] {
    return this.rules.map((_, rule): Standing => {
      if (this.within[rule]!.length === 0) return { kind: 'never-matches' };
      if (this.open[rule]!.length === 0) return this.closed(rule);
      if (!this.needed.has(rule)) return this.redundant(rule);
      if (!this.effective.has(rule)) return { kind: 'without-effect', reason: this.othersThatClose(rule) };
      const decides = this.open[rule]!.find((cell) => this.decides(cell, rule))!.example();
      return { kind: 'effective', decides, cut: this.isDeny[rule] ? null : this.cut(rule) };
    });
  }

  /** Of two rules, the one whose packets (or times) are all among the other's comes first. */
  private narrowFirst(): number[] {
    const order = [...this.rules.keys()].filter((rule) => this.open[rule]!.length > 0);
    const rank = this.rules.map(({ when }) => whenRank(when));
    return order.sort(
      (a, b) => this.within[a]!.length - this.within[b]!.length || compareNumbers(rank[a]!, rank[b]!) || b - a,
    );
  }

  private leaveOutRedundant(order: readonly number[]): Set<number> {
    const needed = new Set(order);
    for (const rule of order) {
      if (this.open[rule]!.every((cell) => !isEmpty(this.twins(cell, rule, needed)))) needed.delete(rule);
    }
    return needed;
  }

  private leaveOutIdle(order: readonly number[]): Set<number> {
    const effective = new Set(this.needed);
    for (const rule of order) {
      if (!this.isDeny[rule] || !effective.has(rule)) continue;
      if (!this.within[rule]!.some((cell) => this.overrides(cell, rule, effective))) effective.delete(rule);
    }
    return effective;
  }

  /** Other rules of the same effect that hold here whenever this one does. */
  private *twins(cell: Cell, rule: number, among: ReadonlySet<number>): Generator<number, undefined> {
    for (const other of cell.rules) {
      if (other === rule || this.isDeny[other] !== this.isDeny[rule] || !among.has(other)) continue;
      if (this.inForceWhenever(other, rule)) yield other;
    }
  }

  private *closers(cell: Cell, allow: number, among: ReadonlySet<number> | null): Generator<number, undefined> {
    for (const other of cell.rules) {
      if (!this.isDeny[other] || (among && !among.has(other))) continue;
      if (this.inForceWhenever(other, allow)) yield other;
    }
  }

  private allowsIn(cell: Cell): number[] {
    return cell.rules.filter((rule) => !this.isDeny[rule]);
  }

  /** Other denies that hold here whenever both this one and the allow do. */
  private rivals(cell: Cell, deny: number, allow: number, among: ReadonlySet<number>): number[] {
    return cell.rules.filter(
      (other) =>
        other !== deny &&
        this.isDeny[other] &&
        among.has(other) &&
        (this.inForceWhenever(other, allow) || this.inForceWhenever(other, deny)),
    );
  }

  private overrides(cell: Cell, deny: number, among: ReadonlySet<number>): boolean {
    return this.allowsIn(cell).some((allow) => this.rivals(cell, deny, allow, among).length === 0);
  }

  private decides(cell: Cell, rule: number): boolean {
    if (this.isDeny[rule]) return this.overrides(cell, rule, this.effective);
    return isEmpty(this.twins(cell, rule, this.effective));
  }

  private closed(rule: number): Standing {
    const cells = this.within[rule]!;
    const example = cells[0]!.example();
    const same = [...this.closers(cells[0]!, rule, null)].find(
      (deny) => this.within[deny]!.length === cells.length && cells.every((cell) => cell.rules.includes(deny)),
    );
    if (same !== undefined) return { kind: 'contradicted', by: [this.rules[same]!], example };
    return {
      kind: 'shadowed',
      by: this.named(cells.map((cell) => [...this.closers(cell, rule, this.effective)])),
      example,
    };
  }

  private redundant(rule: number): Standing {
    const cells = this.open[rule]!;
    const by = this.named(cells.map((cell) => [...this.twins(cell, rule, this.needed)]));
    return { kind: 'redundant', by, example: cells[0]!.example() };
  }

  private othersThatClose(deny: number): Reason | null {
    const over = this.within[deny]!.flatMap((cell) => this.allowsIn(cell).map((allow) => ({ cell, allow })));
    const by = this.named(over.map(({ cell, allow }) => this.rivals(cell, deny, allow, this.effective)));
    return over.length === 0 ? null : { by, example: over[0]!.cell.example() };
  }

  private cut(allow: number): Reason | null {
    const denies = (cell: Cell): number[] =>
      cell.rules.filter((other) => this.isDeny[other] && this.effective.has(other));
    const cells = this.within[allow]!.filter((cell) => denies(cell).length > 0);
    return cells.length === 0 ? null : { by: this.named(cells.map(denies)), example: cells[0]!.example() };
  }

  private named(lists: readonly (readonly number[])[]): FlowRuleSource[] {
    return coverOf(lists).map((rule) => this.rules[rule]!);
  }
}

/** Whether one rule is in force whenever another is. Rules have few different conditions: each pair is compared once. */
function timeOrder(rules: readonly FlowRuleSource[]): (wider: number, narrower: number) => boolean {
  const whens = new Map(rules.map(({ when }) => [formatWhen(when), when]));
  const numbers = new Map([...whens.keys()].map((text, i) => [text, i]));
  const table = [...whens.values()].map((wider) =>
    [...whens.values()].map((narrower) => holdsWhenever(wider, narrower)),
  );
  const ofRule = rules.map(({ when }) => numbers.get(formatWhen(when))!);
  return (wider, narrower) => table[ofRule[wider]!]![ofRule[narrower]!]!;
}

const isEmpty = (numbers: Generator<number, undefined>): boolean => numbers.next().done === true;
const compareNumbers = (a: number, b: number): number => (a < b ? -1 : a > b ? 1 : 0);
