import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Since when and until when which policy was wanted where; who approved it; the rollback that the branch does not know of; what
 * enforcement points were left with; and by which policy bridges answer.
 */
export class PolicyHistory1764001030000 implements MigrationInterface {
  readonly name = 'PolicyHistory1764001030000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      `CREATE TABLE policy_period (id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, scope TEXT NOT NULL, how TEXT NOT NULL,
         version INTEGER NOT NULL, digest TEXT NOT NULL, since TEXT NOT NULL, until TEXT, actor TEXT NOT NULL, reason TEXT,
         rollout INTEGER, follows INTEGER, change TEXT)`,
    );
    await runner.query('CREATE INDEX policy_period_until ON policy_period (until, scope)');
    await runner.query('CREATE INDEX policy_period_version ON policy_period (version)');
    await runner.query(
      `CREATE TABLE policy_hold (id INTEGER PRIMARY KEY NOT NULL, version INTEGER NOT NULL, toCommit TEXT NOT NULL,
         fromCommit TEXT NOT NULL, held TEXT NOT NULL, actor TEXT NOT NULL, reason TEXT NOT NULL, at TEXT NOT NULL)`,
    );
    await runner.query(`ALTER TABLE policy_version ADD COLUMN approvals TEXT NOT NULL DEFAULT '[]'`);
    await runner.query('ALTER TABLE policy_version ADD COLUMN asked TEXT');
    await runner.query(
      'CREATE TABLE approval_message (id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, at TEXT NOT NULL, body TEXT NOT NULL)',
    );
    await runner.query(`INSERT INTO counter (name, value) VALUES ('approval', 0), ('approval-dropped', 0)`);
    await runner.query(
      `CREATE TABLE point_rules (point TEXT PRIMARY KEY NOT NULL, target TEXT NOT NULL, fingerprint TEXT, digest TEXT,
         confirmedAt TEXT, begunAt TEXT)`,
    );
    await runner.query('ALTER TABLE bridge ADD COLUMN digest TEXT');
    for (const { how, version, digest, since, until, actor, reason } of periodsOf(await pastOf(runner)))
      await runner.query(
        `INSERT INTO policy_period (scope, how, version, digest, since, until, actor, reason, change)
         VALUES ('everywhere', ?, ?, ?, ?, ?, ?, ?, ?)`,
        [how, version, digest, since, until, actor, reason, JSON.stringify({ problem: beforeThis })],
      );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE bridge DROP COLUMN digest');
    await runner.query(`DELETE FROM counter WHERE name IN ('approval', 'approval-dropped')`);
    for (const column of ['asked', 'approvals']) await runner.query(`ALTER TABLE policy_version DROP COLUMN ${column}`);
    for (const table of ['point_rules', 'approval_message', 'policy_hold', 'policy_period'])
      await runner.dropTable(table);
  }
}

const beforeThis = 'it was before changes were noted';

interface Past {
  readonly at: string;
  readonly actor: string;
  readonly action: string;
  readonly reason: string | null;
  readonly digest: string;
  readonly version: number;
}

/** What the audit trail knows of policies that came into force everywhere, oldest first. */
const pastOf = (runner: QueryRunner): Promise<Past[]> =>
  runner.query(
    `SELECT a.at, a.actor, a.action, a.reason, json_extract(a."after", '$.digest') AS digest,
       (SELECT max(v.id) FROM policy_version v WHERE v."commit" = a.target AND v.status <> 'refused') AS version
     FROM audit a WHERE a.action IN ('policy.activate', 'policy.recompile', 'policy.roll-back')
       AND json_extract(a."after", '$.digest') IS NOT NULL
     ORDER BY a.id`,
  ) as Promise<Past[]>;

interface OldPeriod extends Omit<Past, 'at' | 'action'> {
  readonly how: 'activate' | 'recompile' | 'roll-back';
  readonly since: string;
  readonly until: string | null;
}

function periodsOf(past: readonly Past[]): OldPeriod[] {
  let version: number | null = null;
  const come = past.filter((one) => {
    // One that is being rolled out was recompiled: it was not in force.
    if (one.version === null || (one.action === 'policy.recompile' && one.version !== version)) return false;
    version = one.version;
    return true;
  });
  return come.map(({ at, action, ...rest }, i) => ({
    ...rest,
    how: action.slice('policy.'.length) as OldPeriod['how'],
    since: at,
    until: come[i + 1]?.at ?? null,
  }));
}
