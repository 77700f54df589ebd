import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Port ACLs that switches were to have by name. */
export class NamedLists1764000700000 implements MigrationInterface {
  readonly name = 'NamedLists1764000700000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('CREATE TABLE named_list (name TEXT PRIMARY KEY, entries TEXT NOT NULL)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.dropTable('named_list');
  }
}
