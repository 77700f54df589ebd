import { flowKey, type Flow } from './flow.js';
import { readActions, readConditions, type Action, type Condition } from './conditions.js';

/** A flow that is understood. */
export interface KnownFlow {
  readonly key: string;
  readonly flow: Flow;
  readonly conditions: readonly Condition[];
  readonly actions: readonly Action[];
}

/** The flows of one priority. */
export interface Level {
  /** Those that match by their conditions alone. */
  readonly plain: readonly KnownFlow[];
  /** Clauses of conjunctions: each flow with its part in one of them. */
  readonly clauses: readonly { readonly flow: KnownFlow; readonly id: number; readonly clause: number }[];
  /** Conjunction → how many clauses it has, and what happens when all of them hold. */
  readonly conjunctions: ReadonlyMap<number, { readonly of: number; readonly verdict: KnownFlow }>;
}

/** Table → its flows by falling priority. */
export type KnownTables = ReadonlyMap<number, readonly Level[]>;

/**
 * The flows in the order in which a switch looks at them. Throws on whatever is not understood, and on conjunctions that are not whole: a
 * guess would make a proof worthless.
 */
export function readTables(flows: Iterable<Flow>): KnownTables {
  const known = [...flows].map((flow): KnownFlow => {
    const { extras, fields, actions } = flow;
    if (extras.length > 0) throw new Error(`no evaluation for \`${extras[0]}\``);
    return { key: flowKey(flow), flow, conditions: readConditions(fields), actions: readActions(actions) };
  });
  const byTable = Map.groupBy(known, ({ flow }) => flow.table);
  return new Map([...byTable].map(([table, of]) => [table, levelsOf(of)]));
}

function levelsOf(flows: readonly KnownFlow[]): Level[] {
  const byPriority = [...Map.groupBy(flows, ({ flow }) => flow.priority)].sort(([a], [b]) => b - a);
  return byPriority.map(([, of]) => levelOf(of));
}

function levelOf(flows: readonly KnownFlow[]): Level {
  const plain: KnownFlow[] = [];
  const clauses: { flow: KnownFlow; id: number; clause: number; of: number }[] = [];
  const verdicts = new Map<number, KnownFlow>();
  for (const flow of flows) {
    const own = flow.actions.filter((action) => action.kind === 'clause');
    const conjunction = flow.conditions.find((condition) => condition.kind === 'conjunction');
    if (own.length > 0 && (own.length < flow.actions.length || conjunction))
      throw new Error(`a flow is clause and more: ${flow.key}`);
    // Open vSwitch takes a conjunction only if at least as many flows match as it has clauses.
    if (new Set(own.map(({ id }) => id)).size < own.length)
      throw new Error(`a flow is two clauses of one conjunction: ${flow.key}`);
    for (const { id, clause, of } of own) clauses.push({ flow, id, clause, of });
    if (conjunction) verdicts.set(conjunction.id, flow);
    else if (own.length === 0) plain.push(flow);
  }
  const conjunctions = new Map<number, { of: number; verdict: KnownFlow }>();
  for (const { id, clause, of } of clauses) {
    const verdict = verdicts.get(id);
    if (!verdict) throw new Error(`conjunction ${id} has clauses, and no flow for when they hold`);
    const known = conjunctions.get(id) ?? { of, verdict };
    if (known.of !== of || clause < 1 || clause > of) throw new Error(`conjunction ${id} contradicts itself`);
    conjunctions.set(id, known);
  }
  for (const id of verdicts.keys()) if (!conjunctions.has(id)) throw new Error(`conjunction ${id} has no clauses`);
  return { plain, clauses, conjunctions };
}
