import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What is asked of the history: by device, by port, by switch, by outcome and segment; each newest first. */
export class History1764000100000 implements MigrationInterface {
  readonly name = 'History1764000100000';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of history) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.dropTable('session_change');
    for (const [table, columns] of Object.entries(added)) {
      const indexesOf = historyIndexes.filter(([name]) => name === table);
      for (const [, ...names] of indexesOf) await runner.dropIndex(table, [table, ...names].join('_'));
      for (const column of Object.keys(columns)) await runner.query(`ALTER TABLE ${table} DROP COLUMN ${column}`);
    }
    await runner.query('DROP INDEX audit_action');
    await runner.query('CREATE INDEX session_mac ON session (mac)');
    await runner.query('CREATE INDEX authentication_mac_id ON authentication (mac, id)');
  }
}

const added: Record<string, Record<string, string>> = {
  authentication: {
    at: "TEXT NOT NULL DEFAULT ''",
    nas: "TEXT NOT NULL DEFAULT ''",
    nasPort: 'TEXT',
    outcome: "TEXT NOT NULL DEFAULT ''",
    segment: 'TEXT',
  },
  session: {
    nas: "TEXT NOT NULL DEFAULT ''",
    nasPort: 'TEXT',
    class: "TEXT NOT NULL DEFAULT ''",
    segment: "TEXT NOT NULL DEFAULT ''",
    endedAt: 'TEXT',
  },
};

/** SQLite has the rowid, which is `id`, behind the columns of each index: `at` and `id` are in order together. */
const historyIndexes: readonly (readonly [table: string, ...columns: string[]])[] = [
  ['authentication', 'at'],
  ['authentication', 'mac', 'at'],
  ['authentication', 'nas', 'at', 'outcome', 'segment'],
  ['authentication', 'nas', 'nasPort', 'at'],
  ['authentication', 'outcome', 'segment', 'at'],
  ['session', 'mac', 'startedAt'],
  ['session', 'nas', 'nasPort', 'startedAt'],
  ['session_change', 'at'],
  ['session_change', 'session', 'at'],
  ['session_change', 'mac', 'at'],
  ['session_change', 'nas', 'nasPort', 'at'],
  ['audit', 'action'],
];

const history: readonly string[] = [
  ...Object.entries(added).flatMap(([table, columns]) => [
    ...Object.entries(columns).map(([column, type]) => `ALTER TABLE ${table} ADD COLUMN ${column} ${type}`),
    `UPDATE ${table} SET ${Object.keys(columns)
      .map((column) => `${column} = json_extract(document, '$.${column}')`)
      .join(', ')}`,
  ]),
  `CREATE TABLE session_change (id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, session TEXT NOT NULL, at TEXT NOT NULL,
     mac TEXT NOT NULL, nas TEXT NOT NULL, nasPort TEXT, document TEXT NOT NULL)`,
  'DROP INDEX session_mac',
  'DROP INDEX authentication_mac_id',
  ...historyIndexes.map(
    ([table, ...columns]) => `CREATE INDEX ${[table, ...columns].join('_')} ON ${table} (${columns.join(', ')})`,
  ),
];
