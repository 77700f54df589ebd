import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What bridges of an earlier release did not report, as `sessionSchema` has it. */
const unsaid = `'$.succeeds', json('[]'), '$.told', NULL, '$.toldAt', NULL, '$.heardAt', NULL, '$.addressesAt', NULL, '$.strayAddresses', json('[]'),
  '$.delivery', json_object('state', 'unknown', 'since', '1970-01-01T00:00:00.000Z', 'reason', NULL)`;

/** Sessions that a switch went on with at another bridge. */
export class Handovers1764000800000 implements MigrationInterface {
  readonly name = 'Handovers1764000800000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE session ADD COLUMN successor TEXT');
    await runner.query('CREATE INDEX session_successor ON session (bridge) WHERE successor IS NOT NULL');
    await runner.query(`UPDATE session SET document = json_insert(document, ${unsaid})`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX session_successor');
    await runner.query('ALTER TABLE session DROP COLUMN successor');
  }
}
