/** An expression, statement or command of nft's JSON grammar (libnftables-json(5)). */
export type Json = Readonly<Record<string, unknown>>;

/** Ours alone: every object that Cordon makes is in this table, and nothing else is touched. */
export const tableId = { family: 'inet', table: 'cordon' } as const;

/** `add` first, because the `delete` of a table that isn't there would fail the transaction. */
export const dropTable: readonly Json[] = [
  { add: { table: { family: tableId.family, name: tableId.table } } },
  { delete: { table: { family: tableId.family, name: tableId.table } } },
];

export const equals = (left: Json, right: unknown): Json => ({ match: { op: '==', left, right } });

/**
 * Whether a match of several values may be one set. What denies, and what is in scope, must do without: a set of ranges is filled a moment after
 * the rules that look into it are in force (seen with Linux 6.18), and what it should catch passes meanwhile.
 */
export type Grouping = 'together' | 'apart';

/** The right sides of the matches that together say these values. */
export function groups(values: readonly unknown[], how: Grouping): unknown[] {
  return how === 'apart' || values.length < 2 ? [...values] : [{ set: values }];
}

/** One command a line, so that people and `diff` can read it; nft takes all of them or none. */
export function formatTransaction(commands: readonly Json[]): string {
  return `{"nftables":[\n${commands.map((command) => JSON.stringify(command)).join(',\n')}\n]}\n`;
}
