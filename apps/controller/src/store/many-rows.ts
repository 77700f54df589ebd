import type { EntityManager, EntitySchema, ObjectLiteral } from 'typeorm';

type Write<Row> = (tx: EntityManager, rows: readonly Row[]) => Promise<void>;
type Parameter = readonly [column: string, options: { readonly type?: unknown } | undefined];
type Read<Row> = (db: EntityManager, keys: readonly string[]) => Promise<Row[]>;

/**
 * Writes rows of a table one by one, by a statement that is prepared once: a statement with a thousand parameters costs several times as much, and
 * the one thread for all of that time. `key`: a row that is there already is replaced.
 */
export function writerOf<Row extends ObjectLiteral>(schema: EntitySchema<Row>, key?: keyof Row & string): Write<Row> {
  const { name, columns } = schema.options;
  const written = Object.entries(columns).filter(([, column]) => !column!.generated);
  const names = written.map(([column]) => `"${column}"`);
  const replaced = names.filter((column) => column !== `"${key}"`).map((column) => `${column} = excluded.${column}`);
  const onConflict = key === undefined ? '' : ` ON CONFLICT ("${key}") DO UPDATE SET ${replaced.join(', ')}`;
  const marks = names.map(() => '?').join(', ');
  const statement = `INSERT INTO "${name}" (${names.join(', ')}) VALUES (${marks})${onConflict}`;
  return runnerOf(statement, written);
}

/**
 * Writes what rows that are there may have anew: all but the columns that are `kept`. An index of kept columns alone is not touched, where
 * replacing the row would take it out and put it in again, each on a page of its own.
 */
export function changerOf<Row extends ObjectLiteral>(
  schema: EntitySchema<Row>,
  key: keyof Row & string,
  kept: readonly (keyof Row & string)[],
): Write<Row> {
  const { name, columns } = schema.options;
  const written = Object.entries(columns).filter(([column]) => column !== key && !kept.includes(column));
  const set = written.map(([column]) => `"${column}" = ?`).join(', ');
  return runnerOf(`UPDATE "${name}" SET ${set} WHERE "${key}" = ?`, [...written, [key, columns[key]]]);
}

function runnerOf<Row extends ObjectLiteral>(statement: string, parameters: readonly Parameter[]): Write<Row> {
  const isJson = parameters.map(([, column]) => isJsonColumn(column));
  return async (tx, rows) => {
    for (const row of rows) {
      const values = parameters.map(([column], i) => {
        const value: unknown = row[column];
        return isJson[i] && value !== null ? JSON.stringify(value) : value;
      });
      await tx.query(statement, values);
    }
  };
}

/** Reads the rows of these keys: what TypeORM makes of a list of them costs several times as much as the answer. */
export function readerOf<Row extends ObjectLiteral>(schema: EntitySchema<Row>, key: keyof Row & string): Read<Row> {
  const { name, columns } = schema.options;
  const names = Object.keys(columns).map((column) => `"${column}"`);
  const statement = `SELECT ${names.join(', ')} FROM "${name}" WHERE "${key}" IN (SELECT value FROM json_each(?))`;
  const ofJson = Object.entries(columns).flatMap(([column, options]) => (isJsonColumn(options) ? [column] : []));
  return async (db, keys) => {
    const rows = await db.query<Record<string, unknown>[]>(statement, [JSON.stringify(keys)]);
    for (const row of rows)
      for (const column of ofJson) if (row[column] !== null) row[column] = JSON.parse(row[column] as string);
    return rows as Row[];
  };
}

const isJsonColumn = (column: { readonly type?: unknown } | undefined): boolean => column?.type === 'simple-json';
