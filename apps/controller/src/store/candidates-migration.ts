import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Branches in audit, and what the newest candidate compiled to. */
export class Candidates1764001400000 implements MigrationInterface {
  readonly name = 'Candidates1764001400000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      `CREATE TABLE candidate (id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, branch TEXT NOT NULL, until TEXT, reason TEXT,
         startedAt TEXT NOT NULL, startedBy TEXT NOT NULL, state TEXT NOT NULL, endedAt TEXT, "commit" TEXT NOT NULL,
         author TEXT NOT NULL, committedAt TEXT NOT NULL, files TEXT)`,
    );
    await runner.query(
      'CREATE TABLE candidate_snapshot (id INTEGER PRIMARY KEY NOT NULL, source TEXT NOT NULL, snapshot TEXT NOT NULL)',
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of ['candidate_snapshot', 'candidate']) await runner.dropTable(table);
  }
}
