import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What devices say of themselves: sessions have it, and what of it made a device suspect. */
export class Fingerprints1764000300000 implements MigrationInterface {
  readonly name = 'Fingerprints1764000300000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE suspicion ADD COLUMN said TEXT');
    await runner.query(`UPDATE session SET document = json_set(document, '$.fingerprint', NULL)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`UPDATE session SET document = json_remove(document, '$.fingerprint')`);
    await runner.query('ALTER TABLE suspicion DROP COLUMN said');
  }
}
