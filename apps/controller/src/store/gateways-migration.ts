import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What gateways tell of traffic: packets by policy line, and what they denied. */
export class Gateways1764000400000 implements MigrationInterface {
  readonly name = 'Gateways1764000400000';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of statements) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of ['rule_count', 'denied_flow']) await runner.dropTable(table);
  }
}

const statements: readonly string[] = [
  `CREATE TABLE rule_count (point TEXT NOT NULL, line TEXT NOT NULL, since TEXT NOT NULL, packets INTEGER NOT NULL,
     bytes INTEGER NOT NULL, devicePackets INTEGER NOT NULL, deviceBytes INTEGER NOT NULL, PRIMARY KEY (point, line))`,
  `CREATE TABLE denied_flow (id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, at TEXT NOT NULL, point TEXT NOT NULL,
     role TEXT NOT NULL, destination TEXT NOT NULL, protocol INTEGER NOT NULL, port INTEGER NOT NULL, firstAt TEXT NOT NULL,
     lastAt TEXT NOT NULL, packets INTEGER NOT NULL, sources TEXT NOT NULL)`,
  'CREATE UNIQUE INDEX denied_flow_key ON denied_flow (at, point, role, destination, protocol, port)',
];
