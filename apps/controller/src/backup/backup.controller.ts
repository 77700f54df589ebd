import { Controller, Get, Inject, Res } from '@nestjs/common';
import { createReadStream } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import type { Clock } from '#base';
import { Actor, Allow } from '../auth/auth.guard.js';
import { ApiRoute } from '../http/openapi.js';
import { recordAudit } from '../store/audit.js';
import { Database } from '../store/database.js';
import { clockToken } from '../wiring.js';

@Controller('api/v1/backup')
export class BackupController {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(clockToken) private readonly clock: Clock,
  ) {}

  /** Work goes on meanwhile. */
  @Get()
  @Allow('backup', 'read')
  @ApiRoute({ summary: 'The whole database, as of one moment (application/vnd.sqlite3); holds hashes of passwords' })
  async get(@Res() response: ServerResponse, @Actor() actor: string): Promise<void> {
    const now = this.clock.now();
    const copy = await this.database.copy();
    try {
      const { size } = await stat(copy);
      await this.database.transaction((tx) =>
        recordAudit(tx, now, [{ actor, action: 'backup.read', target: 'database', after: { bytes: size } }]),
      );
      response.writeHead(200, { 'Content-Type': 'application/vnd.sqlite3', 'Content-Length': size });
      await pipeline(createReadStream(copy), response);
    } finally {
      await rm(copy, { force: true });
    }
  }
}
