import { Controller, Get, Inject, Query } from '@nestjs/common';
import { z } from 'zod';
import { Allow } from '../auth/auth.guard.js';
import { ApiRoute } from '../http/openapi.js';
import { pageQuery, type Page } from '../http/paging.js';
import { ZodPipe } from '../http/zod.pipe.js';
import { PolicyLoop } from '../policy/policy-loop.js';
import { Database } from '../store/database.js';
import { listInventory, type InventoryItem } from './inventory.js';

const listQuery = z.strictObject(pageQuery);

@Controller('api/v1/inventory')
export class InventoryController {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(PolicyLoop) private readonly policy: PolicyLoop,
  ) {}

  @Get()
  @Allow('inventory', 'read')
  @ApiRoute({ summary: 'What a plan has to know of registered devices, by MAC', query: listQuery })
  list(@Query(new ZodPipe(listQuery)) query: z.infer<typeof listQuery>): Promise<Page<InventoryItem>> {
    return listInventory(this.database, this.policy.active?.snapshot ?? null, query);
  }
}
