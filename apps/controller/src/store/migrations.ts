import { Like, Table, TableIndex, type MigrationInterface, type QueryRunner, type TableColumnOptions } from 'typeorm';
import { Fingerprints1764000300000 } from './fingerprints-migration.js';
import { Candidates1764001400000 } from './candidates-migration.js';
import { Forges1764000900000 } from './forges-migration.js';
import { Gateways1764000400000 } from './gateways-migration.js';
import { counters } from './rows.js';
import { Handovers1764000800000 } from './handovers-migration.js';
import { History1764000100000 } from './history-migration.js';
import { NamedLists1764000700000 } from './named-lists-migration.js';
import { PolicyHistory1764001030000 } from './policy-history-migration.js';
import { Rollouts1764000500000 } from './rollouts-migration.js';
import { SeenFlows1764001000000 } from './seen-flows-migration.js';
import { Suspicions1764000200000 } from './suspicions-migration.js';
import { Webhooks1764000600000 } from './webhooks-migration.js';
import { Workloads1764000590000 } from './workloads-migration.js';

type Column = 'text' | 'text?' | 'integer' | 'key' | 'serial' | 'integer-key';

const definitions: Record<Column, Omit<TableColumnOptions, 'name'>> = {
  text: { type: 'text' },
  'text?': { type: 'text', isNullable: true },
  integer: { type: 'integer' },
  key: { type: 'text', isPrimary: true },
  serial: { type: 'integer', isPrimary: true, isGenerated: true, generationStrategy: 'increment' },
  'integer-key': { type: 'integer', isPrimary: true },
};

type Tables = Record<string, Record<string, Column>>;
type Indexes = readonly [table: string, columns: string[], unique: boolean][];

const tables: Tables = {
  device: {
    mac: 'key',
    class: 'text',
    posture: 'text',
    name: 'text',
    location: 'text',
    serial: 'text',
    notes: 'text',
    revision: 'integer',
    createdAt: 'text',
    updatedAt: 'text',
  },
  device_tombstone: { mac: 'key', revision: 'integer' },
  session: {
    id: 'key',
    bridge: 'text',
    state: 'text',
    mac: 'text',
    site: 'text',
    method: 'text',
    addresses: 'text',
    startedAt: 'text',
    updatedAt: 'text',
    document: 'text',
  },
  authentication: { id: 'serial', bridge: 'text', seq: 'integer', mac: 'text?', document: 'text' },
  policy_version: {
    id: 'serial',
    commit: 'text',
    author: 'text',
    committedAt: 'text',
    message: 'text',
    status: 'text',
    digest: 'text?',
    diagnostics: 'text',
    at: 'text',
  },
  active_policy: { id: 'integer-key', version: 'integer', snapshot: 'text', files: 'text' },
  audit: {
    id: 'serial',
    at: 'text',
    actor: 'text',
    action: 'text',
    target: 'text',
    reason: 'text?',
    before: 'text?',
    after: 'text?',
  },
  token: { id: 'key', name: 'text', role: 'text', hash: 'text', createdAt: 'text' },
  bridge: { id: 'key', lastSeq: 'integer', lastSeen: 'text' },
  counter: { name: 'key', value: 'integer' },
};

const indexes: Indexes = [
  ['device', ['revision'], true],
  ['device_tombstone', ['revision'], true],
  ['device', ['class'], false],
  ['session', ['state', 'startedAt'], false],
  ['session', ['mac'], false],
  ['authentication', ['bridge', 'seq'], true],
  ['authentication', ['mac', 'id'], false],
  ['token', ['name'], true],
  ['token', ['hash'], true],
  ['audit', ['target'], false],
];

async function createTables(runner: QueryRunner, named: Tables, indexed: Indexes): Promise<void> {
  for (const [name, columns] of Object.entries(named)) {
    await runner.createTable(
      new Table({
        name,
        columns: Object.entries(columns).map(([column, kind]) => ({ name: column, ...definitions[kind] })),
      }),
    );
  }
  for (const [table, columnNames, isUnique] of indexed) {
    const name = `${table}_${columnNames.join('_')}`;
    await runner.createIndex(table, new TableIndex({ name, columnNames, isUnique }));
  }
}

export class Initial1763900000000 implements MigrationInterface {
  readonly name = 'Initial1763900000000';

  async up(runner: QueryRunner): Promise<void> {
    await createTables(runner, tables, indexes);
    // What happened can't be edited away, not even by a bug of ours.
    for (const verb of ['UPDATE', 'DELETE']) {
      await runner.query(
        `CREATE TRIGGER audit_no_${verb.toLowerCase()} BEFORE ${verb} ON audit BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END`,
      );
    }
    // The feed's numbering starts at the clock: a bridge that knew another database is told apart by its number.
    const start = Date.now();
    await runner.query('INSERT INTO counter (name, value) VALUES (?, ?), (?, ?)', [
      'revision-start',
      start,
      'revision',
      start,
    ]);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const name of Object.keys(tables).reverse()) await runner.dropTable(name);
  }
}

/** Passwords of devices, and the numbering of their feed. */
export class Credentials1764000000000 implements MigrationInterface {
  readonly name = 'Credentials1764000000000';
  private readonly tables: Tables = {
    credential: {
      username: 'key',
      mac: 'text',
      passwordHash: 'text?',
      ntHash: 'text?',
      revision: 'integer',
      createdAt: 'text',
      updatedAt: 'text',
    },
    credential_tombstone: { username: 'key', revision: 'integer' },
  };

  async up(runner: QueryRunner): Promise<void> {
    await createTables(runner, this.tables, [
      ['credential', ['revision'], true],
      ['credential', ['mac'], false],
      ['credential_tombstone', ['revision'], true],
    ]);
    const value = Date.now();
    const names = ['credential-revision-start', 'credential-revision'];
    await runner.manager.insert(
      counters,
      names.map((name) => ({ name, value })),
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const name of Object.keys(this.tables).reverse()) await runner.dropTable(name);
    await runner.manager.delete(counters, { name: Like('credential-%') });
  }
}

export const migrations = [
  Initial1763900000000,
  Credentials1764000000000,
  History1764000100000,
  Suspicions1764000200000,
  Fingerprints1764000300000,
  Gateways1764000400000,
  Rollouts1764000500000,
  Workloads1764000590000,
  Webhooks1764000600000,
  NamedLists1764000700000,
  Handovers1764000800000,
  Forges1764000900000,
  SeenFlows1764001000000,
  PolicyHistory1764001030000,
  Candidates1764001400000,
];
