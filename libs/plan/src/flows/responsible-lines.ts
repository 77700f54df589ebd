import { compareText } from '#base';
import { formatServices } from '#net';
import type { FlowRule, Snapshot } from '#policy';
import type { LineChange } from '../plan.js';
import { rangeTexts } from './names.js';

/** What a line says, whatever its note and wherever it stands. */
export const meaningOf = ({ subject, object, application, effect, when }: FlowRule): string =>
  [subject, object, application, effect, when].join();

/**
 * Which lines make a change of one packet. Opened: the lines that allow it now and did not stand (or were not in force)
 * before, and the denies that are gone. Closed: the same the other way round. When no line came or went, the lines that
 * allow are shown as `~` with the name whose meaning changed: catalog, membership or schedule did it.
 */
export class ResponsibleLines {
  private readonly rules: Readonly<Record<Side, ReadonlyMap<string, FlowRule>>>;
  private readonly active: Readonly<Record<Side, ReadonlySet<string>>>;
  private readonly all: Readonly<Record<Side, ReadonlySet<string>>>;
  private readonly meanings: Readonly<Record<Side, ReadonlyMap<string, string>>>;

  constructor(before: Snapshot, after: Snapshot) {
    const both = <T>(of: (snapshot: Snapshot) => T): Record<Side, T> => ({ before: of(before), after: of(after) });
    this.rules = both(({ flowRules }) => new Map(flowRules.map((rule) => [rule.id, rule])));
    this.active = both(({ flowRules }) => new Set(flowRules.filter(({ active }) => active).map(meaningOf)));
    this.all = both(({ flowRules }) => new Set(flowRules.map(meaningOf)));
    this.meanings = both(meaningsOf);
  }

  /** `allowedBy`: rules of the side that allows it; `deniedBy`: rules of the side that denies it, none for the default deny. */
  of(change: 'opened' | 'closed', allowedBy: readonly string[], deniedBy: readonly string[]): LineChange[] {
    const [allows, denies]: [Side, Side] = change === 'opened' ? ['after', 'before'] : ['before', 'after'];
    const lines = [
      ...this.onlyIn(allows, allowedBy),
      ...this.onlyIn(denies, deniedBy),
      // Where a deny decided, an unchanged allow may have matched all along; where none did, it can't have.
      ...(deniedBy.length === 0 ? this.otherMeaning(allows, allowedBy) : this.otherMeaning(denies, deniedBy)),
    ];
    return (lines.length > 0 ? lines : this.otherMeaning(allows, allowedBy)).sort(compareLines);
  }

  /** Names of the policy that these rules use. */
  namesIn(change: 'opened' | 'closed', allowedBy: readonly string[]): ReadonlySet<string> {
    const rules = this.rules[change === 'opened' ? 'after' : 'before'];
    const found = allowedBy.flatMap((id) => rules.get(id) ?? []);
    return new Set(found.flatMap(({ subject, object, application }) => [subject, object, application]));
  }

  private onlyIn(side: Side, ids: readonly string[]): LineChange[] {
    const sign = side === 'after' ? '+' : '-';
    const other = this.all[opposite(side)];
    return this.find(side, ids)
      .filter((rule) => !other.has(meaningOf(rule)))
      .map((rule) => lineOf(sign, rule, null));
  }

  private otherMeaning(side: Side, ids: readonly string[]): LineChange[] {
    const other = opposite(side);
    return this.find(side, ids)
      .filter((rule) => this.all[other].has(meaningOf(rule)))
      .map((rule) => lineOf('~', rule, this.because(other, rule)));
  }

  private because(other: Side, rule: FlowRule): string {
    if (!this.active[other].has(meaningOf(rule))) return `\`${rule.when}\` has other hours`;
    const names = [rule.subject, rule.object, rule.application].filter(
      (name) => this.meanings.before.get(name) !== this.meanings.after.get(name),
    );
    return names.length === 0
      ? 'a name of the far side stands for something else'
      : `${names.map((name) => `\`${name}\``).join(' and ')} stands for something else`;
  }

  private find(side: Side, ids: readonly string[]): FlowRule[] {
    return ids.flatMap((id) => this.rules[side].get(id) ?? []);
  }
}

type Side = 'before' | 'after';
const opposite = (side: Side): Side => (side === 'before' ? 'after' : 'before');

/** Each name as text of what it stands for: equal texts, equal meaning. */
export function meaningsOf(snapshot: Snapshot): ReadonlyMap<string, string> {
  const below = new Map(snapshot.classes.map(({ name }) => [name, [name]]));
  for (const { name, ancestors } of snapshot.classes) for (const ancestor of ancestors) below.get(ancestor)?.push(name);
  return new Map([
    ...[...below].map(([name, classes]): [string, string] => [name, classes.sort(compareText).join()]),
    ...snapshot.endpoints.map(({ name, addresses }): [string, string] => [name, rangeTexts(addresses).join()]),
    ...snapshot.applications.map(({ name, services }): [string, string] => [name, formatServices(services)]),
  ]);
}

export function lineOf(
  sign: LineChange['sign'],
  { file, line, text }: { file: string; line: number; text: string },
  because: string | null,
): LineChange {
  return { sign, file, line, text, because };
}

const order = { '+': 0, '-': 1, '~': 2, '=': 3 } as const;

export function compareLines(a: LineChange, b: LineChange): number {
  return order[a.sign] - order[b.sign] || compareText(a.file, b.file) || a.line - b.line || compareText(a.text, b.text);
}
