import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Flows that were seen to pass. Those that were denied get the same columns. */
export class SeenFlows1764001000000 implements MigrationInterface {
  readonly name = 'SeenFlows1764001000000';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of statements) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const statement of undone) await runner.query(statement);
  }
}

/** What is asked for: one flow over hours, what is in an hour, what is old. */
const key = 'point, role, destination, protocol, port, answered, at';
const places = 'at, point, role, answered';

const statements: readonly string[] = [
  `CREATE TABLE seen_flow (id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, at TEXT NOT NULL, point TEXT NOT NULL,
     role TEXT NOT NULL, destination TEXT NOT NULL, protocol INTEGER NOT NULL, port INTEGER NOT NULL, answered TEXT NOT NULL,
     firstAt TEXT NOT NULL, lastAt TEXT NOT NULL, packets INTEGER NOT NULL, connections INTEGER NOT NULL, sources TEXT NOT NULL)`,
  `CREATE UNIQUE INDEX seen_flow_key ON seen_flow (${key})`,
  `CREATE INDEX seen_flow_at ON seen_flow (${places})`,
  `ALTER TABLE denied_flow ADD COLUMN answered TEXT NOT NULL DEFAULT 'no'`,
  'ALTER TABLE denied_flow ADD COLUMN connections INTEGER NOT NULL DEFAULT 0',
  // Until now, only packets were counted, and not by source.
  `UPDATE denied_flow SET connections = packets, sources = (SELECT json_group_array(json_object(
     'address', value ->> 'address', 'mac', value ->> 'mac', 'connections', 1)) FROM json_each(sources))`,
  'DROP INDEX denied_flow_key',
  `CREATE UNIQUE INDEX denied_flow_key ON denied_flow (${key})`,
  `CREATE INDEX denied_flow_at ON denied_flow (${places})`,
];

const undone: readonly string[] = [
  'DROP TABLE seen_flow',
  'DROP INDEX denied_flow_key',
  'DROP INDEX denied_flow_at',
  'ALTER TABLE denied_flow DROP COLUMN answered',
  'ALTER TABLE denied_flow DROP COLUMN connections',
  'CREATE UNIQUE INDEX denied_flow_key ON denied_flow (at, point, role, destination, protocol, port)',
];
