import { createHmac } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import request from 'supertest';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { loadConfig } from '../../apps/controller/src/config.js';
import { Log } from '../../apps/controller/src/log.js';
import { startController, type Controller } from '../../apps/controller/src/start.js';
import { PolicyRepository, tinyPolicy } from './tiny-policy.js';

const folder = mkdtempSync(join(tmpdir(), 'cordon-forges-'));
const repository = new PolicyRepository(join(folder, 'policy'));
const adminToken = 'admin-token-of-the-test';
const secret = 'secret-of-the-hook-of-the-test';
const waiting = { timeout: 20_000, interval: 50 };
const lines: string[] = [];
let controller: Controller;

beforeAll(async () => {
  repository.commit(tinyPolicy);
  writeFileSync(join(folder, 'hook-secret'), `${secret}\n`);
  const config = loadConfig({
    PATH: process.env.PATH,
    HOME: folder,
    CORDON_DATA: join(folder, 'data'),
    CORDON_HTTP: '127.0.0.1:0',
    CORDON_POLICY_REPOSITORY: repository.folder,
    CORDON_POLICY_POLL_SECONDS: '3600',
    CORDON_ADMIN_TOKEN: adminToken,
    CORDON_HOOK_SECRET_FILE: join(folder, 'hook-secret'),
  });
  controller = await startController(config, new Log((line) => lines.push(line)));
});

afterAll(async () => {
  await controller.app.close();
  rmSync(folder, { recursive: true, force: true });
});

const api = () => request(controller.url);
const asAdmin = { Authorization: `Bearer ${adminToken}` };
const signed = (body: string) => `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;

/** As GitHub sends it: its body has white space that a parser would lose. */
const push = (id: string, body = '{ "ref": "refs/heads/main" }', signature = signed(body)) =>
  api()
    .post('/api/v1/hooks/github')
    .set({ 'content-type': 'application/json', 'x-github-event': 'push', 'x-github-delivery': id })
    .set('x-hub-signature-256', signature)
    .send(body);

const activeCommit = async (): Promise<string> => {
  const { body } = await api().get('/api/v1/policy').set(asAdmin).expect(200);
  return (body as { active: { commit: string } }).active.commit;
};

describe('a hook', () => {
  it('brings a pushed commit into force long before the next look, and is taken once', async () => {
    const commit = repository.commit({ 'README.md': 'one' });
    await push('d1').expect(202, { status: 'accepted' });
    await vi.waitFor(async () => expect(await activeCommit()).toBe(commit), waiting);
    repository.commit({ 'README.md': 'two' });
    await push('d1').expect(200, { status: 'known' });
    expect(await activeCommit()).toBe(commit);
  });

  it('that is not genuine is told nothing', async () => {
    const refused = await push('d9', '{}', signed('{ }')).expect(401);
    expect(refused.body).toMatchObject({ status: 401, detail: 'not authenticated' });
    expect(refused.body).not.toHaveProperty('errors');
    await api().post('/api/v1/hooks/github').expect(401);
    await api().post('/api/v1/hooks/bitbucket').send('{}').expect(400);
  });

  it('is bounded before anything of it is read, and may not be compressed', async () => {
    const large = 'x'.repeat(1024 * 1024);
    await push('d2', large).expect(202);
    await push('d3', `${large}x`).expect(413);
    await push('d4').set('content-encoding', 'gzip').expect(415);
    // Nothing of it is parsed, so nothing of it can be malformed.
    await push('d5', '{').expect(202);
  });

  it('is counted', async () => {
    const { text } = await api().get('/metrics').set(asAdmin).expect(200);
    expect(text).toContain('cordon_controller_hooks_total{forge="github",outcome="known"} 1');
    expect(text).toContain('cordon_controller_hooks_total{forge="github",outcome="refused"} 2');
    expect(text).toContain('cordon_controller_hooks_total{forge="gitea",outcome="accepted"} 0');
    expect(lines.join('')).not.toContain(secret);
  });
});
