import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Sessions that a switch went on with at another bridge. */
export class Handovers1764000800000 implements MigrationInterface {
  readonly name = 'Handovers1764000800000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE session ADD COLUMN successor TEXT');
    await runner.query('CREATE INDEX session_successor ON session (bridge) WHERE successor IS NOT NULL');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX session_successor');
    await runner.query('ALTER TABLE session DROP COLUMN successor');
  }
}
