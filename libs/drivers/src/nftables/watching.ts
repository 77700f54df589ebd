import type { EnforcementRules, FlowEntry } from '#model';
import type { Family } from '#net';
import { candidateDifference } from '../candidate-difference.js';
import type { Json } from './commands.js';
import { inOrder } from './entry-order.js';
import type { NftStatement, NftTable } from './table.js';

/*
 * Rules that watch what a candidate would drop of what passes. New connections that no deny stopped come through here on their way to the
 * allows, each comes back, and the verdict is somebody else's.
 *
 *  audit_N            a deny of the candidate that is not in force ─▶ audit_denied_N      an allow that the candidate lacks ─▶ audit_withdrawn_N
 *  audit_denied_N     an allow in force ─▶ audit_log_N
 *  audit_withdrawn_N  an allow of the candidate: back │ audit_log_N
 *  audit_log_N        count `audit`, log, but not more than so many in a second
 *
 * `goto` all the way, so a packet is told once.
 */

export const auditPrefix = 'cordon-audit ';
export const auditCounter = 'audit';

export interface WatchChains {
  readonly entry: string;
  readonly denied: string;
  readonly withdrawn: string;
  readonly log: string;
}

export const watchChains = (family: Family): WatchChains => ({
  entry: `audit_${family}`,
  denied: `audit_denied_${family}`,
  withdrawn: `audit_withdrawn_${family}`,
  log: `audit_log_${family}`,
});

const watchNames: ReadonlySet<string> = new Set(
  ([4, 6] as const).flatMap((family) => Object.values<string>({ ...watchChains(family) })),
);

/** Whether a chain is one of these; one that has a hook is somebody else's. */
export const isWatching = (name: string, chain: { readonly hook: unknown }): boolean =>
  watchNames.has(name) && chain.hook === null;

/** What one gateway logs of this in a second, a family; all of it is counted. */
const logged: Json = { limit: { rate: 50, burst: 200, per: 'second' } };

/** Chain → bodies of its rules. `matches`: alternatives that together say what an entry does. */
export function renderWatching(
  rules: EnforcementRules,
  family: Family,
  matches: (entry: FlowEntry) => Json[][],
): readonly (readonly [chain: string, rules: readonly Json[]])[] {
  const { newDenies, allowedNow, withdrawn, stillAllowed } = candidateDifference(rules);
  const chains = watchChains(family);
  const all = (entries: readonly FlowEntry[], end: Json): Json[] =>
    inOrder(entries).flatMap((entry) =>
      matches(entry).map((match) => ({ comment: `audit:${entry.id}`, expr: [...match, end] })),
    );
  const to = (target: string): Json => ({ goto: { target } });
  return [
    [chains.entry, [...all(newDenies, to(chains.denied)), ...all(withdrawn, to(chains.withdrawn))]],
    [chains.denied, all(allowedNow, to(chains.log))],
    [
      chains.withdrawn,
      [...all(stillAllowed, { return: null }), ...(withdrawn.length > 0 ? [{ expr: [to(chains.log)] }] : [])],
    ],
    [chains.log, [{ expr: [{ counter: auditCounter }, logged, { log: { prefix: auditPrefix, group: 5 } }] }]],
  ];
}

/** The first statement in these chains that could change what becomes of a packet, as text; null: there is none. */
export function verdictAmongWatching({ chains }: NftTable): string | null {
  for (const [name, chain] of chains)
    if (isWatching(name, chain))
      for (const { statements } of chain.rules)
        for (const statement of statements)
          if (!isHarmless(statement, chains)) return `chain ${name}: ${JSON.stringify(plain(statement))}`;
  return null;
}

const plain = (statement: NftStatement): unknown =>
  JSON.parse(JSON.stringify(statement, (_, value: unknown) => (typeof value === 'bigint' ? `${value}` : value)));

const verdicts: ReadonlySet<NftStatement['kind']> = new Set(['accept', 'drop', 'unknown']);

function isHarmless(statement: NftStatement, chains: NftTable['chains']): boolean {
  if (statement.kind !== 'jump' && statement.kind !== 'goto') return !verdicts.has(statement.kind);
  const target = chains.get(statement.target);
  return target !== undefined && isWatching(statement.target, target);
}
