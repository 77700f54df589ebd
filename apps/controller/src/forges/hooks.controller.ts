import { Controller, HttpStatus, Inject, Param, Post, Req, Res } from '@nestjs/common';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import { Public } from '../auth/auth.guard.js';
import { ApiRoute } from '../http/openapi.js';
import { Refusal } from '../http/refusal.js';
import { ZodPipe } from '../http/zod.pipe.js';
import { forgeKinds, type ForgeKind } from './hook-schemes.js';
import { Hooks, type HookOutcome } from './hooks.js';

const forgeName = z.enum(forgeKinds);

/** `body`: the bytes themselves (start.ts). */
type RawRequest = IncomingMessage & { readonly body?: unknown };

@Controller('api/v1/hooks')
export class HooksController {
  constructor(@Inject(Hooks) private readonly hooks: Hooks) {}

  @Post(':forge')
  // Forges have no token of ours: what they send is signed.
  @Public()
  @ApiRoute({
    summary:
      'A push, told by GitHub, GitLab, or Gitea and Forgejo: look at the repository now. 202: it is looked at; 200: it came before, or is of no interest',
    status: 202,
  })
  async take(
    @Param('forge', new ZodPipe(forgeName)) forge: ForgeKind,
    @Req() { headers, body, socket }: RawRequest,
    @Res({ passthrough: true }) response: ServerResponse,
  ): Promise<{ status: HookOutcome }> {
    if (!Buffer.isBuffer(body)) throw new Refusal('malformed', 'the delivery has no body');
    const status = await this.hooks.take(forge, socket.remoteAddress ?? '', { headers, body });
    response.statusCode = status === 'accepted' ? HttpStatus.ACCEPTED : HttpStatus.OK;
    return { status };
  }
}
