import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { webhookEvents, type WebhookEvent } from '../../apps/controller/src/webhooks/events.js';
import { sampleSession } from '../../apps/controller/test/sample-session.js';
import { freePair } from './serve-process.js';
import { PolicyRepository, tinyPolicy } from './tiny-policy.js';

const root = join(import.meta.dirname, '../..');
const folder = mkdtempSync(join(tmpdir(), 'cordon-webhooks-'));
const repository = new PolicyRepository(join(folder, 'policy'));
const adminToken = 'admin-token-of-the-test';
const bridgeToken = 'bridge-token-of-the-test';
const key = Buffer.alloc(32, 9);
const waiting = { timeout: 30_000, interval: 50 };

/** What people run: it stores what it got, and forgets what it has seen. */
class Receiver {
  readonly seen = new Map<string, WebhookEvent>();
  /** Also what came twice. */
  readonly attempts: string[] = [];
  mode: 'takes' | 'refuses' | 'hangs' = 'takes';
  private server: Server | null = null;
  port = 0;

  async start(): Promise<void> {
    this.server = createServer((request, response) => {
      void this.take(request).then((status) => status > 0 && response.writeHead(status).end());
    }).listen(this.port, '127.0.0.1');
    await once(this.server, 'listening');
    this.port = (this.server.address() as AddressInfo).port;
  }

  stop(): void {
    this.server?.closeAllConnections();
    this.server?.close();
  }

  private async take(request: IncomingMessage): Promise<number> {
    const body = await text(request);
    const { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signature } = request.headers;
    const expected = createHmac('sha256', key)
      .update(`${String(id)}.${String(timestamp)}.${body}`)
      .digest('base64');
    if (signature !== `v1,${expected}`) return 401;
    this.attempts.push(String(id));
    if (this.mode !== 'takes') return this.mode === 'refuses' ? 503 : 0;
    const { type, data } = JSON.parse(body) as WebhookEvent;
    webhookEvents[type].data.parse(data);
    if (!this.seen.has(String(id))) this.seen.set(String(id), { type, data } as WebhookEvent);
    return 204;
  }

  get events(): WebhookEvent[] {
    return [...this.seen.values()];
  }

  get types(): string[] {
    return this.events.map(({ type }) => type);
  }
}

const receiver = new Receiver();
let url = '';
let child: ChildProcess | null = null;

async function startController(): Promise<void> {
  const process_ = spawn(process.execPath, [join(root, 'dist/apps/controller/src/main.js')], {
    env: {
      PATH: process.env['PATH'] ?? '',
      HOME: folder,
      CORDON_DATA: join(folder, 'data'),
      CORDON_HTTP: new URL(url).host,
      CORDON_POLICY_REPOSITORY: repository.folder,
      CORDON_POLICY_POLL_SECONDS: '3600',
      CORDON_RESYNC_SECONDS: '0.5',
      CORDON_ADMIN_TOKEN: adminToken,
      CORDON_BRIDGE_TOKEN: bridgeToken,
      CORDON_WEBHOOK_URL: `http://127.0.0.1:${receiver.port}/hook`,
      CORDON_WEBHOOK_SECRET_FILE: join(folder, 'webhook-secret'),
    },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  child = process_;
  await once(createInterface({ input: process_.stdout }), 'line');
}

async function end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  if (!child || child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill(signal);
  await gone;
}

async function api(method: string, path: string, body?: unknown, token = adminToken): Promise<unknown> {
  const answer = await fetch(url + path, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const said = await answer.text();
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${said}`);
  return said === '' ? null : JSON.parse(said);
}

let seq = 0;
/** The switch does not do what it was told for these sessions, or does. */
async function report(ids: readonly string[], isWrong: boolean): Promise<void> {
  const at = new Date().toISOString();
  const convergence = { state: isWrong ? 'diverged' : 'settled', since: at, reason: isWrong ? 'no' : null } as const;
  const events = ids.map((id) => {
    const session = sampleSession(at, { id, convergence, revision: ++seq });
    return { type: 'session', seq: ++seq, session };
  });
  await api('POST', '/api/v1/bridge/events', { bridge: 'bridge-1', events }, bridgeToken);
}

const wrong = (): string[] =>
  receiver.events.flatMap(({ type, data }) => (type === 'session.diverged' && 'session' in data ? data.session : []));

const badPolicy = { 'rules/bad.csv': 'p, nobody, drug-library, https, allow, always, x\n' };

beforeAll(async () => {
  writeFileSync(join(folder, 'webhook-secret'), `whsec_${key.toString('base64')}\n`);
  repository.commit({
    ...tinyPolicy,
    'catalog/classes-open.yaml': 'pump-open: { description: break-glass for pumps }\n',
    'rules/access-open.csv': 'p2, pump-open, everywhere, unverified, quarantine, always, "break-glass"\n',
    'network/rollout.yaml': `stages: [{ name: first, sites: [main], soakMinutes: 60 }]
classes: { infusion-pump: { breakGlass: pump-open } }
`,
  });
  await receiver.start();
  url = `http://127.0.0.1:${await freePair()}`;
  await startController();
}, 120_000);

afterAll(async () => {
  await end('SIGTERM');
  receiver.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe('webhooks', () => {
  it('tell what people must hear of, signed, as their schemas say', async () => {
    await api('POST', '/api/v1/devices', { mac: '00:1a:00:00:00:01', class: 'infusion-pump' });
    await report(['s1'], true);
    const { id } = (await api('POST', '/api/v1/break-glass', {
      mac: '00:1a:00:00:00:01',
      hours: 1,
      by: 'Dr. Ada',
      reason: 'alarm',
    })) as { id: number };
    await api('DELETE', `/api/v1/break-glass/${id}`);
    repository.commit(badPolicy);
    await api('POST', '/api/v1/policy/sync');
    repository.commit({ 'rules/bad.csv': null });
    await api('POST', '/api/v1/policy/sync');
    await report(['s1'], false);
    await vi.waitFor(
      () =>
        expect(receiver.types).toEqual([
          'session.diverged',
          'break-glass.opened',
          'break-glass.closed',
          'policy.refused',
          'session.recovered',
        ]),
      waiting,
    );
    expect(receiver.events[3]?.data).toMatchObject({ errors: 1, author: 'Ada <ada@example.org>' });
    expect(JSON.stringify(receiver.events)).not.toContain(adminToken);
  });

  it('tell of a rollout, and that it is taken back', async () => {
    repository.commit({
      'catalog/applications.yaml': tinyPolicy['catalog/applications.yaml']!.replace('tcp/443', 'tcp/443, tcp/8443'),
    });
    await api('POST', '/api/v1/policy/sync');
    await api('POST', '/api/v1/rollouts/current/abort', { reason: 'wrong port' });
    await vi.waitFor(() => expect(receiver.types.slice(-2)).toEqual(['rollout.started', 'rollout.withdrawn']), waiting);
    expect(receiver.events.at(-1)?.data).toMatchObject({ reason: 'wrong port', actor: 'admin' });
  });

  it('come in order and complete over a receiver that refuses, hangs and is away, and a controller that is killed', async () => {
    const ids = Array.from({ length: 40 }, (_, n) => `many-${n}`);
    const before = wrong().length;
    receiver.mode = 'refuses';
    for (const some of [ids.slice(0, 10), ids.slice(10, 20)]) await report(some, true);
    await vi.waitFor(() => expect(receiver.attempts.length).toBeGreaterThan(before + 1), waiting);
    await end('SIGKILL');
    receiver.mode = 'hangs';
    await startController();
    const attempts = receiver.attempts.length;
    await vi.waitFor(() => expect(receiver.attempts.length).toBeGreaterThan(attempts), waiting);
    // The receiver has it, and its answer does not come: whatever is stored meanwhile is not held up.
    const begun = Date.now();
    await report(ids.slice(20, 30), true);
    expect(Date.now() - begun).toBeLessThan(2000);
    await end('SIGKILL');
    receiver.stop();
    await startController();
    await report(ids.slice(30), true);
    const state = (await api('GET', '/api/v1/status')) as { webhooks: { waiting: number; late: unknown } };
    expect(state.webhooks).toMatchObject({ waiting: 40, late: null });
    receiver.mode = 'takes';
    await receiver.start();
    // Killed while they go out: what was taken and not yet forgotten comes again, under its id.
    await vi.waitFor(() => expect(wrong().length).toBeGreaterThan(before), waiting);
    await end('SIGKILL');
    await startController();
    await vi.waitFor(() => expect(wrong().slice(before)).toEqual(ids), waiting);
    const page = await (await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${adminToken}` } })).text();
    expect(page).toMatch(/^cordon_controller_webhooks_dropped_total 0$/m);
    await vi.waitFor(async () => {
      const { webhooks } = (await api('GET', '/api/v1/status')) as { webhooks: { waiting: number } };
      expect(webhooks.waiting).toBe(0);
    }, waiting);
  });

  it('tell that an enforcement point fails, and that it is in sync again, over a kill in between', async () => {
    const point = (transport: string) => ({
      'network/enforcement-points.yaml': `fw1: { driver: nftables, site: main, transport: ${transport} }\n`,
      'network/rollout.yaml': 'classes: { infusion-pump: { breakGlass: pump-open } }\n',
    });
    const known = receiver.seen.size;
    // No machine answers there; the key does not matter.
    repository.commit(
      point(
        `{ kind: ssh, host: 127.0.0.1, port: 1, user: cordon, identity: 'file:/none', hostKey: 'ssh-ed25519 AAAA' }`,
      ),
    );
    await api('POST', '/api/v1/policy/sync');
    await api('POST', '/api/v1/rollouts/current/advance', { reason: 'test' }).catch(() => undefined);
    await api('POST', '/api/v1/rollouts/current/advance', { reason: 'test' }).catch(() => undefined);
    const fresh = (): WebhookEvent[] => receiver.events.slice(known);
    await vi.waitFor(
      () => expect(fresh().map(({ type }) => type)).toEqual(['rollout.started', 'rollout.done', 'enforcement.failed']),
      waiting,
    );
    await end('SIGKILL');
    await startController();
    await sleep(1500);
    repository.commit(point('{ kind: simulated }'));
    await api('POST', '/api/v1/policy/sync');
    await vi.waitFor(() => expect(fresh().at(-1)?.type).toBe('enforcement.recovered'), waiting);
    expect(fresh().filter(({ type }) => type === 'enforcement.failed')).toHaveLength(1);
  });

  it('are named by `cordon status` only when they are late', () => {
    const done = spawnSync(process.execPath, [join(root, 'bin/cordon.js'), 'status', '--json'], {
      env: { ...process.env, CORDON_CONTROLLER_URL: url, CORDON_TOKEN: adminToken },
      encoding: 'utf8',
    });
    const { webhooks, problems } = JSON.parse(done.stdout) as { webhooks: object; problems: string[] };
    expect(webhooks).toMatchObject({ waiting: 0, dropped: 0, late: null });
    expect(problems.join()).not.toContain('webhook');
  });
});
