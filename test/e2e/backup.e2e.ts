import { spawnSync } from 'node:child_process';
import { mkdtempSync, renameSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ControllerApi } from '../soak/controller-api.ts';
import { ControllerProcess } from '../soak/controller-process.ts';
import { PolicyRepository, tinyPolicy } from './tiny-policy.js';

const root = join(import.meta.dirname, '../..');
const folder = mkdtempSync(join(tmpdir(), 'cordon-backup-'));
const repository = new PolicyRepository(join(folder, 'policy'));
const adminToken = 'admin-token-of-the-test';
const controller = new ControllerProcess({
  folder,
  policy: repository.folder,
  adminToken,
  bridgeToken: 'bridge-token-of-the-test',
  onEnd: (reason) => {
    throw new Error(reason);
  },
});
const api = new ControllerApi(() => controller.url, adminToken);
const file = join(folder, 'backup.db');
const [early, late] = ['00:1a:00:00:00:01', '00:1a:00:00:00:02'];

const cordon = (...args: string[]) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, 'bin/cordon.js'), ...args], {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], CORDON_CONTROLLER_URL: controller.url, CORDON_TOKEN: adminToken },
  });
  return { status, text: stdout + stderr };
};

beforeAll(async () => {
  repository.commit(tinyPolicy);
  await controller.start();
});
afterAll(async () => {
  await controller.close();
  rmSync(folder, { recursive: true, force: true });
});

it('backs up a controller that works, and restores it after a disaster', async () => {
  await api.importDevices(`mac,class\n${early},infusion-pump`);
  const made = cordon('backup', file, '--json');
  expect(made).toMatchObject({ status: 0 });
  const { bytes, sha256 } = JSON.parse(made.text) as { bytes: number; sha256: string };
  expect([statSync(file).size, statSync(file).mode & 0o777]).toEqual([bytes, 0o600]);
  expect(sha256).toMatch(/^[0-9a-f]{64}$/);
  expect(cordon('backup', file)).toMatchObject({ status: 1, text: expect.stringContaining('--force') as string });
  await api.importDevices(`mac,class\n${late},infusion-pump`);
  const before = (await api.call('GET', '/devices')) as { items: { revision: number }[] };
  const heard = Math.max(...before.items.map(({ revision }) => revision));

  await controller.stop('SIGKILL');
  rmSync(join(folder, 'data/controller/cordon.db'));
  renameSync(file, join(folder, 'data/controller/restore.db'));
  await controller.start();
  const { items } = (await api.call('GET', '/devices')) as { items: { mac: string }[] };
  expect(items.map(({ mac }) => mac)).toEqual([early]);
  const audit = (await api.call('GET', '/audit')) as { items: { action: string }[] };
  expect(audit.items.map(({ action }) => action)).toContain('backup.restore');
  // What a bridge is told that has the number of the later change, and so all of them.
  const feed = await fetch(`${controller.url}/api/v1/bridge/feed?bridge=b&since=${heard}&credentials=0`, {
    headers: { authorization: 'Bearer bridge-token-of-the-test' },
  });
  let told = '';
  for await (const piece of feed.body!.pipeThrough(new TextDecoderStream())) {
    told += piece;
    if (told.includes('"type":"devices"') && told.endsWith('\n')) break;
  }
  const messages = told
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  const { reset, devices } = messages.find(({ type }) => type === 'devices')!;
  expect([reset, devices]).toMatchObject([true, [{ mac: early, class: 'infusion-pump' }]]);
});

it('is for admins alone', async () => {
  const { token } = (await api.call(
    'POST',
    '/tokens',
    JSON.stringify({ name: 'op', role: 'operator' }),
    'application/json',
  )) as { token: string };
  const answer = await fetch(`${controller.url}/api/v1/backup`, { headers: { authorization: `Bearer ${token}` } });
  expect(answer.status).toBe(403);
});
