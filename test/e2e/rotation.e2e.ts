import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { BridgeProcess } from '../../apps/radius-bridge/test/bridge-process.js';
import { freePair } from './serve-process.js';
import { PolicyRepository, tinyPolicy } from './tiny-policy.js';

/* What docs/operations.md promises of each secret that is replaced: who notices, and that nothing is lost meanwhile. */

const root = join(import.meta.dirname, '../..');
const folder = mkdtempSync(join(tmpdir(), 'cordon-rotation-'));
const repository = new PolicyRepository(join(folder, 'policy'));
const adminToken = 'admin-token-of-the-test';
const waiting = { timeout: 30_000, interval: 50 };
const [pump, second, third] = ['00:1a:00:00:00:01', '00:1a:00:00:00:02', '00:1a:00:00:00:03'];
const whsec = (letter: string): string => `whsec_${Buffer.alloc(32, letter).toString('base64')}`;

interface Delivered {
  readonly type: string;
  /** Letters of the secrets by which the receiver could believe it. */
  readonly by: string;
}

const delivered: Delivered[] = [];
const receiver = createServer((request, response) => {
  void text(request).then((body) => {
    const { 'webhook-id': id, 'webhook-timestamp': at, 'webhook-signature': signatures } = request.headers;
    const isBy = (letter: string): boolean => {
      const signed = createHmac('sha256', Buffer.alloc(32, letter)).update(`${String(id)}.${String(at)}.${body}`);
      return String(signatures)
        .split(' ')
        .includes(`v1,${signed.digest('base64')}`);
    };
    const { type } = JSON.parse(body) as { type: string };
    delivered.push({ type, by: ['o', 'n'].filter(isBy).join('') });
    response.writeHead(204).end();
  });
});

let controller: ChildProcess | null = null;
let url = '';
const file = (name: string, content?: string): string => {
  const path = join(folder, name);
  if (content !== undefined) writeFileSync(path, `${content}\n`);
  return path;
};

async function start(bridgeToken: string): Promise<void> {
  const child = spawn(process.execPath, [join(root, 'dist/apps/controller/src/main.js')], {
    env: {
      PATH: process.env['PATH'] ?? '',
      HOME: folder,
      CORDON_DATA: join(folder, 'data'),
      CORDON_HTTP: new URL(url).host,
      CORDON_POLICY_REPOSITORY: repository.folder,
      CORDON_POLICY_POLL_SECONDS: '3600',
      CORDON_ADMIN_TOKEN: adminToken,
      CORDON_BRIDGE_TOKEN: bridgeToken,
      CORDON_HOOK_SECRET_FILE: file('hook-secret'),
      CORDON_WEBHOOK_URL: `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`,
      CORDON_WEBHOOK_SECRET_FILE: file('webhook-secret'),
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  controller = child;
  await once(createInterface({ input: child.stdout }), 'line');
}

async function stop(): Promise<void> {
  if (!controller || controller.exitCode !== null) return;
  const gone = once(controller, 'exit');
  controller.kill('SIGTERM');
  await gone;
}

async function restart(bridgeToken = oldToken): Promise<void> {
  await stop();
  await start(bridgeToken);
}

async function api(method: string, path: string, body?: string, type = 'application/json', token = adminToken) {
  const headers = { authorization: `Bearer ${token}`, 'content-type': type, connection: 'close' };
  const answer = await fetch(`${url}/api/v1${path}`, { method, headers, ...(body !== undefined && { body }) });
  const said = await answer.text();
  return { status: answer.status, value: said === '' ? null : (JSON.parse(said) as Record<string, unknown>) };
}

const [oldToken, newToken] = ['the-old-token-of-bridges', 'the-new-token-of-bridges'];

beforeAll(async () => {
  repository.commit(tinyPolicy);
  file('hook-secret', oldHook);
  file('webhook-secret', whsec('o'));
  receiver.listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  url = `http://127.0.0.1:${await freePair()}`;
  await start(oldToken);
  await api(
    'POST',
    '/devices/import',
    ['mac,class', ...[pump, second, third].map((mac) => `${mac},infusion-pump`)].join('\n'),
    'text/csv',
  );
});
afterAll(async () => {
  await stop();
  receiver.closeAllConnections();
  receiver.close();
  rmSync(folder, { recursive: true, force: true });
});

const [oldHook, newHook] = ['the-old-secret-of-hooks', 'the-new-secret-of-hooks'];

it('the secret of hooks: both are taken while the forge is changed, and none is lost', async () => {
  let deliveries = 0;
  const push = async (secret: string): Promise<number> => {
    const body = '{}';
    const answer = await fetch(`${url}/api/v1/hooks/github`, {
      method: 'POST',
      headers: {
        'x-github-event': 'push',
        'x-github-delivery': `delivery-${++deliveries}`,
        'x-hub-signature-256': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
        connection: 'close',
      },
      body,
    });
    return answer.status;
  };
  expect([await push(oldHook), await push(newHook)]).toEqual([202, 401]);
  file('hook-secret', `${newHook}\n${oldHook}`);
  await restart();
  expect([await push(oldHook), await push(newHook)]).toEqual([202, 202]);
  file('hook-secret', newHook);
  await restart();
  expect([await push(oldHook), await push(newHook)]).toEqual([401, 202]);
});

it('the secret of webhooks: each message is believed by who has the old one, then both, then the new one', async () => {
  const refused = (): Delivered[] => delivered.filter(({ type }) => type === 'policy.refused');
  let commits = 0;
  const refuseOne = async (by: string): Promise<void> => {
    const line = `p, nobody-${++commits}, drug-library, https, allow, always, x\n`;
    repository.commit({ 'rules/bad.csv': line });
    expect(await api('POST', '/policy/sync')).toMatchObject({ value: { status: 'refused' } });
    await vi.waitFor(() => expect(refused()).toHaveLength(commits), waiting);
    expect(refused().at(-1)?.by).toBe(by);
  };
  await refuseOne('o');
  file('webhook-secret', `${whsec('n')} ${whsec('o')}`);
  await restart();
  await refuseOne('on');
  file('webhook-secret', whsec('n'));
  await restart();
  await refuseOne('n');
});

describe('the token of the bridges', () => {
  const secret = 'secret-of-the-switch';
  const data = join(folder, 'bridge-data');
  let bridge: BridgeProcess;

  beforeAll(async () => {
    mkdirSync(data, { recursive: true });
    file('bridge-data/bridge-token', oldToken);
    bridge = await BridgeProcess.start({
      dataFolder: data,
      controllerUrl: url,
      token: '',
      env: { TEST_RADIUS_SECRET: secret },
    });
    await vi.waitFor(async () => expect(await health()).toMatchObject({ ready: true, devices: 3 }), waiting);
  });
  afterAll(() => bridge.end('SIGTERM'));

  const health = async (): Promise<Record<string, unknown>> =>
    (await (await fetch(`${bridge.http}/healthz`)).json()) as Record<string, unknown>;
  const isLinked = async (): Promise<unknown> =>
    ((await health())['controller'] as Record<string, unknown>)['connected'];
  /** VLAN that a switch is told for a device. */
  const vlan = (mac: string): unknown => {
    const server = `127.0.0.1:${bridge.authenticationPort}`;
    const args = [join(root, 'bin/cordon.js'), 'radtest', mac, '--server', server, '--secret', secret, '--json'];
    const { stdout } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    return (JSON.parse(stdout) as Record<string, unknown>)['vlan'];
  };
  const decisions = async (): Promise<number> =>
    ((await api('GET', '/authentications?limit=100')).value!['items'] as unknown[]).length;

  it('may be another one at the controller first: bridges decide as before, and keep what they have to tell', async () => {
    expect(vlan(pump)).toBe(210);
    await vi.waitFor(async () => expect(await decisions()).toBe(1), waiting);
    await restart(newToken);
    expect((await api('GET', '/bridge/feed', undefined, 'text/plain', oldToken)).status).toBe(401);
    await vi.waitFor(async () => expect(await isLinked()).toBe(false), waiting);
    expect([vlan(second), vlan(third)]).toEqual([210, 210]);
    expect(await decisions()).toBe(1);
  });

  it('is taken from its file without a restart of the bridge, and nothing is lost', async () => {
    file('bridge-data/bridge-token', newToken);
    await vi.waitFor(async () => expect(await isLinked()).toBe(true), waiting);
    await vi.waitFor(async () => expect(await decisions()).toBe(3), waiting);
    await api('PUT', `/devices/${pump}/posture`, JSON.stringify({ posture: 'quarantined', reason: 'x' }));
    await vi.waitFor(() => expect(vlan(pump)).toBe(666), waiting);
  });
});

it('the token of a person: the new one works before the old one ends', async () => {
  const make = async (name: string): Promise<{ id: string; token: string }> =>
    (await api('POST', '/tokens', JSON.stringify({ name, role: 'operator' }))).value as { id: string; token: string };
  const [before, after] = [await make('ada-2026'), await make('ada-2027')];
  const statusOf = async (token: string): Promise<number> =>
    (await api('GET', '/status', undefined, 'text/plain', token)).status;
  expect([await statusOf(before.token), await statusOf(after.token)]).toEqual([200, 200]);
  expect((await api('DELETE', `/tokens/${before.id}`)).status).toBe(204);
  expect([await statusOf(before.token), await statusOf(after.token)]).toEqual([401, 200]);
});
