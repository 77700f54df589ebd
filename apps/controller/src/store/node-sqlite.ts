import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';

/**
 * The part of better-sqlite3's interface that TypeORM's driver uses, over Node's own SQLite: no native module to build.
 * It only translates values; when to run what is decided by `Database`.
 */
export class NodeSqlite {
  private readonly connection: DatabaseSync;

  constructor(path: string, options: { timeout?: number }) {
    this.connection = new DatabaseSync(path, { timeout: options.timeout ?? 0 });
  }

  prepare(sql: string): NodeSqliteStatement {
    return new NodeSqliteStatement(this.connection.prepare(sql));
  }

  pragma(text: string): unknown[] {
    return this.connection.prepare(`PRAGMA ${text}`).all();
  }

  close(): void {
    this.connection.close();
  }
}

class NodeSqliteStatement {
  /** Answers with rows (SELECT, PRAGMA, RETURNING), so that TypeORM must call `all`. */
  readonly reader: boolean;

  constructor(private readonly statement: StatementSync) {
    this.reader = statement.columns().length > 0;
  }

  all(...parameters: unknown[]): Record<string, unknown>[] {
    return this.statement.all(...parameters.map(toSql)).map(fromSql);
  }

  run(...parameters: unknown[]): { changes: number; lastInsertRowid: number } {
    const { changes, lastInsertRowid } = this.statement.run(...parameters.map(toSql));
    return { changes: Number(changes), lastInsertRowid: Number(lastInsertRowid) };
  }
}

/** node:sqlite would take a plain object as named parameters and bind nothing, without a word. */
function toSql(value: unknown): SQLInputValue {
  if (value === undefined || value === null) return null;
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (value instanceof Date) return value.toISOString();
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint') return value;
  if (value instanceof Uint8Array) return value;
  throw new TypeError(`can't store a value of type ${typeof value} in SQLite`);
}

function fromSql(row: Record<string, unknown>): Record<string, unknown> {
  for (const [name, value] of Object.entries(row)) {
    if (value instanceof Uint8Array) row[name] = Buffer.from(value);
  }
  return row;
}
