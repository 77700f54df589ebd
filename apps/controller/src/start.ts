import 'reflect-metadata';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { AppModule } from './app.module.js';
import { bearerOf } from './auth/auth.guard.js';
import { TokenStore } from './auth/tokens.js';
import type { Config } from './config.js';
import { serveOpenApi } from './http/openapi.js';
import type { Log } from './log.js';
import { Turns } from './turns.js';
import { firstAdminTokenKey } from './wiring.js';

export interface Controller {
  readonly app: NestExpressApplication;
  readonly url: string;
  /** Set at the very first start alone. */
  readonly firstAdminToken: string | null;
}

/** It changes something, and is not what bridges report by the thousand. */
const isUrgent = ({ method, url }: IncomingMessage): boolean =>
  method !== 'GET' && url?.startsWith('/api/v1/bridge/') === false;

const mediaTypeOf = ({ headers }: IncomingMessage): string =>
  (headers['content-type'] ?? '').split(';', 1)[0]!.trim().toLowerCase();

const isHook = ({ url }: IncomingMessage): boolean => url?.startsWith('/api/v1/hooks/') === true;

/** Builds the application and listens; port 0 takes a free one. */
export async function startController(config: Config, log: Log): Promise<Controller> {
  const app = await NestFactory.create<NestExpressApplication>(AppModule.with(config, log), {
    logger: log,
    bodyParser: false,
    abortOnError: false,
    forceCloseConnections: true,
  });
  app.disable('x-powered-by');
  // Signatures of forges are over the bytes; nothing of them is parsed.
  app.useBodyParser('raw', { type: isHook, limit: '1mb', inflate: false });
  const tokens = app.get(TokenStore);
  const isCaller = (request: IncomingMessage): boolean => {
    const token = bearerOf(request);
    return token !== null && tokens.authenticate(token) !== null;
  };
  // Of a stranger nothing is read: the main thread would parse it before anybody is asked who he is.
  const ofCaller =
    (type: string) =>
    (request: IncomingMessage): boolean =>
      mediaTypeOf(request) === type && isCaller(request);
  app.useBodyParser('json', { type: ofCaller('application/json'), limit: '8mb' });
  app.useBodyParser('text', { type: ofCaller('text/csv'), limit: '16mb' });
  app.useBodyParser('text', { type: ofCaller('application/x-ndjson'), limit: '1mb' });
  const turns = app.get(Turns);
  app.use((request: IncomingMessage, response: ServerResponse, next: () => void) => {
    if (isUrgent(request) && isCaller(request)) response.once('close', turns.urgent());
    next();
  });
  serveOpenApi(app);
  await app.listen(config.http.port, config.http.host);
  const opened = app.get<Awaited<ReturnType<typeof TokenStore.open>>>(firstAdminTokenKey);
  return { app, url: (await app.getUrl()).replace('[::1]', 'localhost'), firstAdminToken: opened.firstAdminToken };
}
