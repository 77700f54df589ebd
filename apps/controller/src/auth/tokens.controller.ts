import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Post } from '@nestjs/common';
import { z } from 'zod';
import { ApiRoute } from '../http/openapi.js';
import { ZodPipe } from '../http/zod.pipe.js';
import { tokenRoles } from '../store/rows.js';
import { Actor, Allow } from './auth.guard.js';
import { TokenStore, type TokenView } from './tokens.js';

/** The audit trail calls by these names what nobody's token did. */
const reserved = /^(system|bridge)$/i;

const newToken = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z0-9][a-z0-9._@-]{0,63}$/i, 'use letters, digits and ._@- (at most 64)')
    .refine((name) => !reserved.test(name), 'the audit trail has this name for what Cordon does by itself'),
  role: z.enum(tokenRoles),
});

@Controller('api/v1/tokens')
export class TokensController {
  constructor(@Inject(TokenStore) private readonly tokens: TokenStore) {}

  @Get()
  @Allow('tokens', 'read')
  @ApiRoute({ summary: 'API tokens, without the tokens themselves' })
  list(): { items: TokenView[] } {
    return { items: this.tokens.list() };
  }

  @Post()
  @Allow('tokens', 'write')
  @ApiRoute({ summary: 'Make a token; `token` is shown in this answer only', body: newToken, status: 201 })
  create(
    @Actor() actor: string,
    @Body(new ZodPipe(newToken)) body: z.infer<typeof newToken>,
  ): Promise<TokenView & { token: string }> {
    return this.tokens.create(actor, body.name, body.role);
  }

  @Delete(':id')
  @HttpCode(204)
  @Allow('tokens', 'write')
  @ApiRoute({ summary: 'Delete a token: it stops working at once', status: 204 })
  remove(@Actor() actor: string, @Param('id') id: string): Promise<void> {
    return this.tokens.remove(actor, id);
  }
}
