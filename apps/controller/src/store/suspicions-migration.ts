import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What devices are suspected of, and what is remembered to find it. */
export class Suspicions1764000200000 implements MigrationInterface {
  readonly name = 'Suspicions1764000200000';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of statements) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of ['suspicion', 'contest', 'shown_certificate']) await runner.dropTable(table);
  }
}

const statements: readonly string[] = [
  'CREATE TABLE shown_certificate (mac TEXT PRIMARY KEY NOT NULL, at TEXT NOT NULL, nas TEXT NOT NULL, nasPort TEXT)',
  // Sessions that are there already tell which devices have one.
  `INSERT INTO shown_certificate (mac, at, nas, nasPort)
     SELECT mac, max(startedAt), nas, nasPort FROM session WHERE method = 'certificate' GROUP BY mac`,
  'CREATE TABLE contest (mac TEXT PRIMARY KEY NOT NULL, document TEXT NOT NULL)',
  `CREATE TABLE suspicion (id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, mac TEXT NOT NULL, kind TEXT NOT NULL,
     state TEXT NOT NULL, "action" TEXT NOT NULL, class TEXT NOT NULL, reason TEXT NOT NULL, nas TEXT NOT NULL,
     nasPort TEXT, raisedAt TEXT NOT NULL, lastSeenAt TEXT NOT NULL, count INTEGER NOT NULL, closedAt TEXT,
     closedBy TEXT, closedBecause TEXT)`,
  `CREATE UNIQUE INDEX suspicion_open ON suspicion (mac, kind) WHERE state = 'open'`,
  'CREATE INDEX suspicion_mac ON suspicion (mac, raisedAt)',
  'CREATE INDEX suspicion_nas ON suspicion (nas, nasPort, raisedAt)',
  'CREATE INDEX suspicion_state ON suspicion (state, kind)',
];
