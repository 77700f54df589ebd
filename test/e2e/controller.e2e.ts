import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import request from 'supertest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../../apps/controller/src/config.js';
import { Log } from '../../apps/controller/src/log.js';
import { startController, type Controller } from '../../apps/controller/src/start.js';
import { PolicyRepository, tinyPolicy } from './tiny-policy.js';

const folder = mkdtempSync(join(tmpdir(), 'cordon-e2e-'));
const repository = new PolicyRepository(join(folder, 'policy'));
const bridgeToken = 'bridge-token-of-the-test';
const logLines: string[] = [];
let controller: Controller;
let admin = '';

async function start(): Promise<void> {
  const config = loadConfig({
    PATH: process.env.PATH,
    HOME: folder,
    CORDON_DATA: join(folder, 'data'),
    CORDON_HTTP: '127.0.0.1:0',
    CORDON_POLICY_REPOSITORY: repository.folder,
    CORDON_POLICY_POLL_SECONDS: '3600',
    CORDON_RESYNC_SECONDS: '0.2',
    CORDON_BRIDGE_TOKEN: bridgeToken,
  });
  controller = await startController(config, new Log((line) => (process.env.CORDON_TEST_LOG ? console.log(line) : undefined, logLines.push(line))));
  if (controller.firstAdminToken) admin = controller.firstAdminToken;
}

const api = () => request(controller.url);
const as = (token: string) => ({ Authorization: `Bearer ${token}` });
const asAdmin = () => as(admin);

async function makeToken(name: string, role: string): Promise<string> {
  const made = await api().post('/api/v1/tokens').set(asAdmin()).send({ name, role }).expect(201);
  return (made.body as { token: string }).token;
}

beforeAll(async () => {
  repository.commit(tinyPolicy);
  await start();
});

afterAll(async () => {
  await controller.app.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('access', () => {
  it('answers /healthz and the interface description without a token, and nothing else', async () => {
    await api().get('/healthz').expect(200, { status: 'ok' });
    const openapi = await api().get('/api/v1/openapi.json').expect(200);
    const { paths } = openapi.body as { paths: Record<string, unknown> };
    expect(Object.keys(paths).length).toBeGreaterThan(15);
    for (const [path, methods] of Object.entries(paths)) {
      if (path === '/healthz') continue;
      for (const method of Object.keys(methods as object)) {
        const answer = await request(controller.url)[method as 'get'](path.replaceAll(/\{\w+\}/g, '00:1a:2b:3c:4d:5e'));
        expect([path, method, answer.status]).toEqual([path, method, 401]);
        expect(answer.type).toBe('application/problem+json');
      }
    }
  });

  it('knows its own tokens only, and refuses what a role may not', async () => {
    await api().get('/api/v1/devices').set(as('not-a-token')).expect(401);
    const viewer = await makeToken('wall-display', 'viewer');
    await api().get('/api/v1/devices').set(as(viewer)).expect(200);
    const refused = await api().post('/api/v1/policy/sync').set(as(viewer)).expect(403);
    expect(refused.body).toMatchObject({ status: 403, type: 'urn:cordon:problem:forbidden' });
    await api().get('/api/v1/tokens').set(as(viewer)).expect(403);
    await api().get('/api/v1/devices').set(as(bridgeToken)).expect(403);
    await api().get('/api/v1/bridge/feed').set(asAdmin()).expect(403);
  });

  it('a deleted token stops working at once, and the last admin token stays', async () => {
    const operator = await makeToken('night-shift', 'operator');
    const { body } = await api().get('/api/v1/tokens').set(asAdmin()).expect(200);
    const items = (body as { items: { id: string; name: string }[] }).items;
    expect(JSON.stringify(items)).not.toMatch(/hash|token"/);
    const idOf = (name: string) => items.find((item) => item.name === name)?.id ?? '';
    await api().delete(`/api/v1/tokens/${idOf('night-shift')}`).set(asAdmin()).expect(204);
    await api().get('/api/v1/devices').set(as(operator)).expect(401);
    await api().delete(`/api/v1/tokens/${idOf('admin')}`).set(asAdmin()).expect(409);
  });

  it('writes no token to the log', () => {
    expect(logLines.join('')).not.toContain(admin);
    expect(logLines.join('')).not.toContain(bridgeToken);
  });
});
