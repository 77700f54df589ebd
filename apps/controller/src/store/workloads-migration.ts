import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Where services of clusters are. */
export class Workloads1764000590000 implements MigrationInterface {
  readonly name = 'Workloads1764000590000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('CREATE TABLE workload (key TEXT PRIMARY KEY NOT NULL, addresses TEXT NOT NULL)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.dropTable('workload');
  }
}
