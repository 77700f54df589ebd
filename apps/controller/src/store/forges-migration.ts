import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Deliveries of forges that came in the last day, and commit statuses that wait for a forge. */
export class Forges1764000900000 implements MigrationInterface {
  readonly name = 'Forges1764000900000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('CREATE TABLE hook_delivery (id TEXT PRIMARY KEY NOT NULL, at TEXT NOT NULL)');
    await runner.query('CREATE INDEX hook_delivery_at ON hook_delivery (at)');
    await runner.query(
      'CREATE TABLE forge_message (id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, at TEXT NOT NULL, body TEXT NOT NULL)',
    );
    await runner.query(`INSERT INTO counter (name, value) VALUES ('forge', 0), ('forge-dropped', 0)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of ['forge_message', 'hook_delivery']) await runner.dropTable(table);
    await runner.query(`DELETE FROM counter WHERE name IN ('forge', 'forge-dropped')`);
  }
}
