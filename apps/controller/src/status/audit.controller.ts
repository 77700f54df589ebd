import { Controller, Get, Inject, Query } from '@nestjs/common';
import { z } from 'zod';
import { Allow } from '../auth/auth.guard.js';
import { ApiRoute } from '../http/openapi.js';
import { pageOf, pageQuery, type Page } from '../http/paging.js';
import { ZodPipe } from '../http/zod.pipe.js';
import { Database } from '../store/database.js';
import { audits, type AuditRow } from '../store/rows.js';

const auditQuery = z.strictObject({
  target: z.string().max(200).optional(),
  actor: z.string().max(200).optional(),
  action: z.string().max(200).optional(),
  ...pageQuery,
  cursor: z.coerce.number().int().positive().optional(),
});

@Controller('api/v1/audit')
export class AuditController {
  constructor(@Inject(Database) private readonly database: Database) {}

  @Get()
  @Allow('audit', 'read')
  @ApiRoute({ summary: 'Who changed what, newest first', query: auditQuery })
  async list(@Query(new ZodPipe(auditQuery)) query: z.infer<typeof auditQuery>): Promise<Page<AuditRow>> {
    const rows = await this.database.read((db) => {
      const select = db
        .createQueryBuilder(audits, 'a')
        .orderBy('a.id', 'DESC')
        .take(query.limit + 1);
      for (const field of ['target', 'actor', 'action'] as const) {
        if (query[field] !== undefined) select.andWhere(`a.${field} = :${field}`, { [field]: query[field] });
      }
      if (query.cursor) select.andWhere('a.id < :cursor', { cursor: query.cursor });
      return select.getMany();
    });
    return pageOf(
      rows,
      query.limit,
      ({ id }) => String(id),
      (row) => row,
    );
  }
}
