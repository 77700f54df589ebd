import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Policies in stages, what people ordered beside the policy, and devices in clinical use. */
export class Rollouts1764000500000 implements MigrationInterface {
  readonly name = 'Rollouts1764000500000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      'CREATE TABLE kept_policy (name TEXT PRIMARY KEY, version INTEGER NOT NULL, snapshot TEXT NOT NULL, files TEXT NOT NULL)',
    );
    await runner.query(
      `CREATE TABLE rollout (id INTEGER PRIMARY KEY AUTOINCREMENT, version INTEGER NOT NULL, status TEXT NOT NULL, stage INTEGER NOT NULL,
         stageSince TEXT NOT NULL, startedAt TEXT NOT NULL, endedAt TEXT, "fromDigest" TEXT NOT NULL, "toDigest" TEXT NOT NULL,
         reason TEXT, rules TEXT NOT NULL, seen TEXT NOT NULL)`,
    );
    await runner.query('CREATE INDEX rollout_status ON rollout (status)');
    await runner.query(
      `CREATE TABLE release_order (id INTEGER PRIMARY KEY AUTOINCREMENT, digest TEXT NOT NULL, mac TEXT, class TEXT, at TEXT NOT NULL)`,
    );
    await runner.query(
      `CREATE TABLE break_glass (id INTEGER PRIMARY KEY AUTOINCREMENT, mac TEXT, class TEXT, opens TEXT NOT NULL, openedBy TEXT NOT NULL,
         actor TEXT NOT NULL, reason TEXT NOT NULL, openedAt TEXT NOT NULL, until TEXT NOT NULL, closedAt TEXT, closedBy TEXT)`,
    );
    await runner.query('CREATE INDEX break_glass_until ON break_glass (until)');
    await runner.query('ALTER TABLE device ADD COLUMN inUse TEXT');
    await runner.query(
      `UPDATE session SET document = json_set(document, '$.strayAddresses', json('[]'),
         '$.delivery', json_object('state', 'unknown', 'since', updatedAt, 'reason', NULL))`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`UPDATE session SET document = json_remove(document, '$.delivery', '$.strayAddresses')`);
    await runner.query('ALTER TABLE device DROP COLUMN inUse');
    for (const name of ['break_glass', 'release_order', 'rollout', 'kept_policy']) await runner.dropTable(name);
  }
}
