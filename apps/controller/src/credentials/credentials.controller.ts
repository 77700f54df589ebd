import { Body, Controller, Delete, Get, Header, HttpCode, Inject, Param, Put, Query } from '@nestjs/common';
import { macSchema, usernameSchema } from '#model';
import { z } from 'zod';
import { Actor, Allow } from '../auth/auth.guard.js';
import { ApiRoute } from '../http/openapi.js';
import { pageQuery, type Page } from '../http/paging.js';
import { ZodPipe } from '../http/zod.pipe.js';
import {
  credentialPage,
  newCredential,
  setAnswer,
  type CredentialView,
  type NewCredential,
  type SetAnswer,
} from './credential-fields.js';
import { CredentialStore } from './credential-store.js';
import { drawPassword, hashPassword } from './new-password.js';

const listQuery = z.strictObject({
  mac: macSchema.optional(),
  search: z.string().max(200).optional(),
  ...pageQuery,
  cursor: usernameSchema.optional(),
});
const usernamePipe = new ZodPipe(usernameSchema);

@Controller('api/v1/credentials')
export class CredentialsController {
  constructor(@Inject(CredentialStore) private readonly store: CredentialStore) {}

  @Get()
  @Allow('credentials', 'read')
  @ApiRoute({
    summary: 'User names of devices that authenticate by password; never what proves them',
    query: listQuery,
    answer: credentialPage,
  })
  list(@Query(new ZodPipe(listQuery)) query: z.infer<typeof listQuery>): Promise<Page<CredentialView>> {
    return this.store.list(query);
  }

  @Put(':username')
  @HttpCode(200)
  @Header('Cache-Control', 'no-store')
  @Allow('credentials', 'write')
  @ApiRoute({
    summary:
      'Give a device a password, or another one. `methods`: `pap` (EAP-TTLS; the default), `mschapv2` (PEAP, EAP-TTLS; its hash is as good as the password). A password that was generated is shown in this answer only',
    body: newCredential,
    answer: setAnswer,
  })
  async set(
    @Actor() actor: string,
    @Param('username', usernamePipe) username: string,
    @Body(new ZodPipe(newCredential)) { mac, password, methods }: NewCredential,
  ): Promise<SetAnswer> {
    await this.store.check(username, mac);
    const drawn = password === undefined ? { password: drawPassword() } : {};
    const hashes = await hashPassword(password ?? drawn.password!, methods);
    return { ...(await this.store.set(username, mac, hashes, actor)), ...drawn };
  }

  @Delete(':username')
  @HttpCode(204)
  @Allow('credentials', 'write')
  @ApiRoute({ summary: 'Remove a credential: its name lets nobody in any more', status: 204 })
  remove(@Actor() actor: string, @Param('username', usernamePipe) username: string): Promise<void> {
    return this.store.remove(username, actor);
  }
}
