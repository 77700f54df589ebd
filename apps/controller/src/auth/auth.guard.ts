import {
  createParamDecorator,
  Inject,
  Injectable,
  SetMetadata,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { IncomingMessage } from 'node:http';
import { Refusal } from '../http/refusal.js';
import { Permissions, type Action, type Caller, type Permission, type Resource } from '../permissions/permissions.js';
import { TokenStore } from './tokens.js';

const permissionKey = 'cordon:permission';
const publicKey = 'cordon:public';

/** What the caller must be allowed to do. A handler without it is refused for everybody. */
export const Allow = (resource: Resource, action: Action) => SetMetadata(permissionKey, [resource, action]);

/** Answers without a token: health, and what proves itself in another way. */
export const Public = () => SetMetadata(publicKey, true);

type AuthenticatedRequest = IncomingMessage & { caller?: Caller };

/** The token that a request brings; null: none, or something that is no token. */
export const bearerOf = ({ headers }: IncomingMessage): string | null =>
  /^Bearer ([\w\-.~+/=]{1,512})$/i.exec(headers.authorization ?? '')?.[1] ?? null;

/** Name of the token that calls: the actor of the audit trail. */
export const Actor = createParamDecorator((_: unknown, context: ExecutionContext): string => {
  const { caller } = context.switchToHttp().getRequest<AuthenticatedRequest>();
  if (!caller) throw new Error('no caller on a request that reached its handler');
  return caller.name;
});

@Injectable()
export class AuthGuard implements CanActivate {
  constructor(
    @Inject(Reflector) private readonly reflector: Reflector,
    @Inject(TokenStore) private readonly tokens: TokenStore,
    @Inject(Permissions) private readonly permissions: Permissions,
  ) {}

  canActivate(context: ExecutionContext): boolean {
    const handler = context.getHandler();
    if (this.reflector.get<boolean | undefined>(publicKey, handler)) return true;
    const request = context.switchToHttp().getRequest<AuthenticatedRequest>();
    const token = bearerOf(request);
    if (token === null) throw new Refusal('unauthenticated', 'send `Authorization: Bearer <token>`');
    const caller = this.tokens.authenticate(token);
    if (!caller) throw new Refusal('unauthenticated', 'this token is not known, or was deleted');
    const permission = this.reflector.get<Permission | undefined>(permissionKey, handler);
    if (!permission || !this.permissions.isAllowed(caller, permission)) {
      const wanted = permission ? `${permission[1]} ${permission[0]}` : 'use this';
      throw new Refusal('forbidden', `a token with the role \`${caller.role}\` may not ${wanted}`);
    }
    request.caller = caller;
    return true;
  }
}
