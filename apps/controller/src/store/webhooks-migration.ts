import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Messages that wait for a receiver, and what it was told of things that get wrong and right again. */
export class Webhooks1764000600000 implements MigrationInterface {
  readonly name = 'Webhooks1764000600000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      'CREATE TABLE webhook_message (id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, at TEXT NOT NULL, body TEXT NOT NULL)',
    );
    await runner.query(
      'CREATE TABLE webhook_subject (subject TEXT PRIMARY KEY NOT NULL, state TEXT NOT NULL, due TEXT)',
    );
    await runner.query('CREATE INDEX webhook_subject_due ON webhook_subject (due)');
    await runner.query(`INSERT INTO counter (name, value) VALUES ('webhook', 0), ('webhook-dropped', 0)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of ['webhook_subject', 'webhook_message']) await runner.dropTable(table);
    await runner.query(`DELETE FROM counter WHERE name IN ('webhook', 'webhook-dropped')`);
  }
}
