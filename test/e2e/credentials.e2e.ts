import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { text } from 'node:stream/consumers';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import request from 'supertest';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Credential, FeedMessage } from '#model';
import { ntHash, verifyScrypt } from '#radius';
import { loadConfig } from '../../apps/controller/src/config.js';
import { Log } from '../../apps/controller/src/log.js';
import { startController, type Controller } from '../../apps/controller/src/start.js';
import { BridgeProcess } from '../../apps/radius-bridge/test/bridge-process.js';
import { PolicyRepository, tinyPolicy } from './tiny-policy.js';

const root = join(import.meta.dirname, '../..');
const folder = mkdtempSync(join(tmpdir(), 'cordon-credentials-'));
const data = join(folder, 'data');
const bridgeToken = 'bridge-token-of-the-test';
const password = 'correct horse "battery" ключ';
const [pump, scanner] = ['00:1a:2b:3c:4d:01', '00:1a:2b:3c:4d:02'];
const logLines: string[] = [];
/** All that came out of the controller's API but the feed. */
const answers: string[] = [];
let controller: Controller;
let port = 0;
let admin = '';

async function start(): Promise<void> {
  const config = loadConfig({
    PATH: process.env.PATH,
    HOME: folder,
    CORDON_DATA: data,
    CORDON_HTTP: `127.0.0.1:${port}`,
    CORDON_POLICY_REPOSITORY: join(folder, 'policy'),
    CORDON_POLICY_POLL_SECONDS: '3600',
    CORDON_BRIDGE_TOKEN: bridgeToken,
  });
  controller = await startController(config, new Log((line) => logLines.push(line)));
  port = Number(new URL(controller.url).port);
  if (controller.firstAdminToken) admin = controller.firstAdminToken;
}

type Method = 'get' | 'put' | 'post' | 'delete';

// oxlint-disable-next-line typescript/no-explicit-any -- the answers of the API, looked into by each test
async function ask(method: Method, path: string, status: number, body?: object, token = admin): Promise<any> {
  const agent = request(controller.url);
  const call = agent[method](`/api/v1${path}`).set({ Authorization: `Bearer ${token}` });
  const answer = await (body ? call.send(body) : call);
  answers.push(answer.text);
  expect([path, answer.status, answer.text]).toEqual([path, status, answer.text]);
  if (status >= 400) expect(answer.type).toBe('application/problem+json');
  return answer.body;
}

const set = (username: string, body: object, status = 200) =>
  ask('put', `/credentials/${encodeURIComponent(username)}`, status, body);
const remove = (username: string, status = 204) =>
  ask('delete', `/credentials/${encodeURIComponent(username)}`, status);
const namesOf = async (query = ''): Promise<string[]> =>
  ((await ask('get', `/credentials${query}`, 200)) as { items: { username: string }[] }).items.map(
    ({ username }) => username,
  );

/** What a bridge without anything is told. */
async function fed(): Promise<Credential[]> {
  const stop = new AbortController();
  const answer = await fetch(`${controller.url}/api/v1/bridge/feed`, {
    headers: { authorization: `Bearer ${bridgeToken}` },
    signal: stop.signal,
  });
  let seen = '';
  for await (const chunk of answer.body!.pipeThrough(new TextDecoderStream()) as unknown as AsyncIterable<string>) {
    seen += chunk;
    const messages = seen.split('\n').slice(0, -1);
    const line = messages.find((each) => each.startsWith('{"type":"credentials"'));
    if (!line) continue;
    stop.abort();
    const message = JSON.parse(line) as Extract<FeedMessage, { type: 'credentials' }>;
    expect(message.reset).toBe(true);
    return message.credentials as Credential[];
  }
  throw new Error('the feed has ended');
}

async function cordon(args: string[], env: Record<string, string> = {}, stdin = '') {
  const child = spawn(process.execPath, [join(root, 'bin/cordon.js'), 'credential', ...args], {
    env: { PATH: process.env.PATH ?? '', CORDON_CONTROLLER_URL: controller.url, CORDON_TOKEN: admin, ...env },
  });
  child.stdin.end(stdin);
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  return { code: code as number, out, err };
}

beforeAll(async () => {
  new PolicyRepository(join(folder, 'policy')).commit(tinyPolicy);
  await start();
  for (const mac of [pump, scanner]) await ask('post', '/devices', 201, { mac, class: 'infusion-pump' });
});

afterAll(async () => {
  await controller.app.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('credentials', () => {
  it('are set, replaced, listed and removed, and the audit trail tells of it without a hash', async () => {
    const made = await set('pump', { mac: '001A.2B3C.4D01', password });
    expect(made).toMatchObject({ username: 'pump', mac: pump, methods: ['pap'] });
    expect(Object.keys(made).toSorted()).toEqual(['createdAt', 'mac', 'methods', 'updatedAt', 'username']);
    const [before] = await fed();
    await set('pump', { mac: pump, password, methods: ['mschapv2', 'pap'] });
    const [after] = await fed();
    expect(after!.passwordHash).not.toBe(before!.passwordHash);
    expect(await namesOf()).toEqual(['pump']);
    expect(await namesOf(`?mac=${scanner}`)).toEqual([]);
    await remove('pump');
    await remove('pump', 404);
    expect(await namesOf()).toEqual([]);
    expect(await fed()).toEqual([]);
    const { items } = await ask('get', '/audit?target=pump', 200);
    expect(items.map(({ action }: { action: string }) => action)).toEqual([
      'credential.delete',
      'credential.set',
      'credential.set',
    ]);
    expect(items[1]).toMatchObject({
      actor: 'admin',
      before: { mac: pump, methods: ['pap'] },
      after: { mac: pump, methods: ['pap', 'mschapv2'] },
    });
  });

  it('hold the hashes of their methods and no others, which the feed alone gives out', async () => {
    await set('by-pap', { mac: pump, password });
    await set('by-mschapv2', { mac: pump, password, methods: ['mschapv2'] });
    await set('by-both', { mac: pump, password, methods: ['pap', 'mschapv2'] });
    const found = new Map((await fed()).map((credential) => [credential.username, credential]));
    const nt = ntHash(password).toString('hex');
    expect(found.get('by-pap')).toMatchObject({ mac: pump, ntHash: null });
    expect(found.get('by-mschapv2')).toMatchObject({ passwordHash: null, ntHash: nt });
    expect(found.get('by-both')).toMatchObject({ ntHash: nt });
    for (const name of ['by-pap', 'by-both']) {
      const { passwordHash } = found.get(name)!;
      expect(passwordHash).toMatch(/^\$scrypt\$ln=14,r=8,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
      expect(await verifyScrypt(passwordHash!, password)).toBe(true);
    }
    for (const name of found.keys()) await remove(name);
  });

  it('take what was typed as it is, and a name with any sign in it', async () => {
    for (const name of ['host/pump 1%2F?#&=.example', 'HOSPITAL\\ü', '__proto__']) {
      await set(name, { mac: pump, password: '  ends with spaces  ' });
      const [credential] = await fed();
      expect(credential!.username).toBe(name);
      expect(await verifyScrypt(credential!.passwordHash!, '  ends with spaces  ')).toBe(true);
      await remove(name);
    }
  });

  it('draws a password when asked to, another one each time, and shows it once', async () => {
    const first = await set('drawn', { mac: pump, generate: true });
    expect(first.password).toMatch(/^([a-km-np-z2-9]{5}-){3}[a-km-np-z2-9]{5}$/);
    const second = await set('drawn', { mac: pump, generate: true });
    expect(second.password).not.toBe(first.password);
    const [credential] = await fed();
    expect(await verifyScrypt(credential!.passwordHash!, second.password)).toBe(true);
    expect(await verifyScrypt(credential!.passwordHash!, first.password)).toBe(false);
    expect(JSON.stringify(await ask('get', '/credentials', 200))).not.toContain(second.password);
    await remove('drawn');
  });

  it.each<[string, object, number, string]>([
    ['a short password', { mac: pump, password: 'seven77' }, 400, '/password'],
    ['an invisible character', { mac: pump, password: 'some words\u200B' }, 400, '/password'],
    ['a password that is no text', { mac: pump, password: 12_345_678 }, 400, '/password'],
    ['no password', { mac: pump }, 400, '/password'],
    ['two passwords', { mac: pump, password, generate: true }, 400, '/password'],
    ['no method', { mac: pump, password, methods: [] }, 400, '/methods'],
    ['an unknown method', { mac: pump, password, methods: ['md5'] }, 400, '/methods/0'],
    ['no device', { password }, 400, '/mac'],
    ['a MAC that is none', { mac: 'pump', password }, 400, '/mac'],
    ['a device that is not registered', { mac: '00:1a:2b:3c:4d:99', password }, 422, '/mac'],
    ['more than there is', { mac: pump, password, ntHash: 'x' }, 400, '/ntHash'],
  ])('refuse %s and name the field', async (_, body, status, pointer) => {
    const problem = await set('refused', body, status);
    expect(problem.errors.map((error: { pointer: string }) => error.pointer)).toContain(pointer);
    expect(await namesOf()).toEqual([]);
  });

  it('refuse a name that is none, and one that is another device’s', async () => {
    await set(' pump', { mac: pump, password }, 400);
    await set('x'.repeat(254), { mac: pump, password }, 400);
    await set('mine', { mac: pump, password });
    const problem = await set('mine', { mac: scanner, password }, 409);
    expect(problem.detail).toContain(pump);
    expect(await namesOf(`?mac=${pump}`)).toEqual(['mine']);
    await remove('mine');
  });

  it('are for operators; viewers and bridges see no names', async () => {
    const tokenOf = async (role: string): Promise<string> =>
      ((await ask('post', '/tokens', 201, { name: `a-${role}`, role })) as { token: string }).token;
    const [viewer, operator] = [await tokenOf('viewer'), await tokenOf('operator')];
    for (const token of [viewer, bridgeToken]) {
      await ask('get', '/credentials', 403, undefined, token);
      await ask('put', '/credentials/x', 403, { mac: pump, password }, token);
      await ask('delete', '/credentials/x', 403, undefined, token);
    }
    await ask('put', '/credentials/x', 200, { mac: pump, password }, operator);
    await ask('delete', '/credentials/x', 204, undefined, operator);
    await ask('get', '/bridge/feed', 403, undefined, operator);
  });

  it('are listed by page', async () => {
    const names = Array.from({ length: 7 }, (_, n) => `${'long '.repeat(45)}${n}`);
    for (const name of names) await set(name, { mac: pump, password, methods: ['mschapv2'] });
    const seen: string[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const query = new URLSearchParams({ limit: '3', search: 'LONG', ...(cursor ? { cursor } : {}) });
      const page = await ask('get', `/credentials?${query.toString()}`, 200);
      expect(page.items.length).toBeLessThanOrEqual(3);
      seen.push(...page.items.map(({ username }: { username: string }) => username));
      cursor = page.next as string | null;
    }
    expect(seen).toEqual(names);
    for (const name of names) await remove(name);
  });

  it('go with their device, and do not come back with it', async () => {
    await set('one', { mac: scanner, password });
    await set('two', { mac: scanner, password });
    await set('other', { mac: pump, password });
    await ask('delete', `/devices/${scanner}`, 204);
    expect(await namesOf()).toEqual(['other']);
    expect((await fed()).map(({ username }) => username)).toEqual(['other']);
    const { items } = await ask('get', '/audit?target=two&limit=1', 200);
    expect(items[0]).toMatchObject({ action: 'credential.delete', reason: 'its device was removed' });
    await ask('post', '/devices', 201, { mac: scanner, class: 'infusion-pump' });
    expect(await namesOf()).toEqual(['other']);
    await remove('other');
  });
});

describe('a password', () => {
  it.each(['{"password": hunter2hunter2}', '{"password":"hunter2hunter2 ', '{"password":"hunter2\\hunter2"}'])(
    'is not quoted by the answer to JSON that is broken: %s',
    async (body) => {
      const agent = request(controller.url);
      const call = agent.put('/api/v1/credentials/broken').set({ Authorization: `Bearer ${admin}` });
      const answer = await call.type('json').send(body);
      expect([answer.status, answer.type]).toEqual([400, 'application/problem+json']);
      expect(answer.body).toMatchObject({ detail: 'the body is not JSON' });
      expect(answer.text).not.toContain('hunter');
    },
  );

  it('is in no answer, log line or file, and a hash in no answer and no log line', async () => {
    await set('kept', { mac: pump, password, methods: ['pap', 'mschapv2'] });
    const [{ passwordHash, ntHash: nt }] = (await fed()) as [Credential];
    await namesOf();
    await ask('get', '/audit', 200);
    const said = [...answers, ...logLines].join('\n');
    for (const secret of [
      'correct horse',
      passwordHash!,
      passwordHash!.split('$').at(-1)!,
      nt!,
      ntHash(password).toString('base64'),
    ])
      expect(said).not.toContain(secret);
    const files = readdirSync(join(data, 'controller')).filter((name) => name.startsWith('cordon.db'));
    expect(files).toContain('cordon.db');
    const stored = files.map((name) => readFileSync(join(data, 'controller', name), 'latin1')).join('\n');
    expect(stored.includes(nt!)).toBe(true);
    expect(stored.includes('correct horse')).toBe(false);
    await remove('kept');
  });

  it('is in files that nobody else may read, also where an older release made them', async () => {
    const file = join(data, 'controller', 'cordon.db');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    await controller.app.close();
    chmodSync(file, 0o644);
    await start();
    for (const name of [file, `${file}-wal`])
      if (existsSync(name)) expect([name, statSync(name).mode & 0o777]).toEqual([name, 0o600]);
  });
});

describe('a bridge', () => {
  const bridgeFolder = join(folder, 'bridge');
  let bridge: BridgeProcess;

  const bridgeLogs: (readonly string[])[] = [];

  async function open(): Promise<BridgeProcess> {
    const settings = { dataFolder: bridgeFolder, controllerUrl: controller.url, token: bridgeToken };
    const started = await BridgeProcess.start(settings);
    bridgeLogs.push(started.log);
    return started;
  }
  const has = (count: number): Promise<void> =>
    vi.waitFor(
      async () => expect(await bridge.status()).toMatchObject({ credentials: count, controller: { connected: true } }),
      { timeout: 20_000, interval: 50 },
    );
  /** What is on its disk; it must not be running. */
  const onDisk = (): Credential[] => {
    const database = new DatabaseSync(join(bridgeFolder, 'bridge', 'bridge.sqlite'));
    const rows = database.prepare('SELECT json FROM credential ORDER BY username').all();
    database.close();
    return rows.map((row) => JSON.parse(String(row['json'])) as Credential);
  };

  afterAll(async () => {
    await bridge?.end('SIGKILL');
  });

  it('hears of each credential at once, and of those that changed while it was dead', async () => {
    bridge = await open();
    await has(0);
    await set('stays', { mac: pump, password });
    await set('goes', { mac: scanner, password, methods: ['mschapv2'] });
    await has(2);
    await bridge.end('SIGKILL');
    expect(onDisk().map(({ username }) => username)).toEqual(['goes', 'stays']);
    await remove('goes');
    await set('stays', { mac: pump, password: 'another password' });
    await set('new', { mac: pump, password });
    await set('short-lived', { mac: pump, password });
    await remove('short-lived');
    bridge = await open();
    await vi.waitFor(
      async () => expect(await bridge.counters()).toMatchObject({ 'controller.messages.credentials': 1 }),
      {
        timeout: 20_000,
        interval: 50,
      },
    );
    await has(2);
    await bridge.end('SIGTERM');
    expect(onDisk()).toEqual((await fed()).toSorted((a, b) => (a.username < b.username ? -1 : 1)));
  });

  it('has them from its disk while the controller is away, and takes up what changed since', async () => {
    await controller.app.close();
    bridge = await open();
    expect(await bridge.status()).toMatchObject({ credentials: 2, controller: { connected: false } });
    await bridge.end('SIGKILL');
    await start();
    await ask('delete', `/devices/${pump}`, 204);
    bridge = await open();
    await has(0);
    await ask('post', '/devices', 201, { mac: pump, class: 'infusion-pump' });
  });

  it('forgets what another database gave it, once that one has told all it has', async () => {
    await set('first', { mac: pump, password });
    await has(1);
    const database = new DatabaseSync(join(bridgeFolder, 'bridge', 'bridge.sqlite'));
    await bridge.end('SIGKILL');
    const alien = { username: 'alien', mac: pump, passwordHash: null, ntHash: '0'.repeat(32) };
    database.prepare('INSERT INTO credential VALUES (?, ?, 0)').run('alien', JSON.stringify(alien));
    database.prepare("UPDATE meta SET value = 17 WHERE name = 'credentialRevision'").run();
    database.close();
    bridge = await open();
    await has(1);
    await bridge.end('SIGTERM');
    expect(onDisk().map(({ username }) => username)).toEqual(['first']);
    await remove('first');
  });

  it('writes no hash to its log', () => {
    expect(bridgeLogs.flat().length).toBeGreaterThan(10);
    const log = bridgeLogs.flat().join('\n');
    for (const secret of ['$scrypt$', ntHash(password).toString('hex'), '0'.repeat(32)])
      expect(log).not.toContain(secret);
  });
});

describe('cordon credential', () => {
  it('sets, lists and removes', async () => {
    const drawn = await cordon(['set', 'cli-pump', '--mac', pump, '--methods', 'pap,mschapv2', '--generate', '--json']);
    expect([drawn.code, drawn.err]).toEqual([0, '']);
    const shown = JSON.parse(drawn.out) as { password: string };
    const [credential] = await fed();
    expect(await verifyScrypt(credential!.passwordHash!, shown.password)).toBe(true);

    const typed = await cordon(['set', 'cli-pump', '--mac', pump, '--password-stdin'], {}, '  my own password \n');
    expect([typed.code, typed.err]).toEqual([0, '']);
    expect(typed.out).toMatch(/^cli-pump {2}00:1a:2b:3c:4d:01 {2}pap {2}set 20/);
    expect(typed.out).not.toContain('my own');
    expect(await verifyScrypt((await fed())[0]!.passwordHash!, '  my own password ')).toBe(true);

    const listed = await cordon(['list', '--mac', pump]);
    expect(listed.out.trim().split('\n').at(-1)).toBe('1 credential');
    expect(listed.out).toContain('cli-pump');
    expect(await cordon(['remove', 'cli-pump'])).toMatchObject({ code: 0, err: '' });
    const gone = await cordon(['remove', 'cli-pump', '--json']);
    expect(gone.code).toBe(1);
    expect(JSON.parse(gone.out)).toEqual({ ok: false, error: 'there is no credential `cli-pump`' });
  });

  it.each<[string[], Record<string, string>, RegExp]>([
    [['set', 'x', '--mac', pump], {}, /--generate or --password-stdin/],
    [['set', 'x', '--mac', pump, '--generate', '--password-stdin'], {}, /--generate or --password-stdin/],
    [['set', 'x', '--mac', pump, '--password-stdin'], {}, /no password on standard input/],
    [['set', 'x', '--mac', '00:1a:2b:3c:4d:99', '--generate'], {}, /there is no device 00:1a:2b:3c:4d:99: register it/],
    [['set', 'x', '--mac', pump, '--methods', 'md5', '--generate'], {}, /\/methods\/0/],
    [['list'], { CORDON_TOKEN: '' }, /which API token\? Set CORDON_TOKEN/],
    [['list'], { CORDON_TOKEN: 'not-a-token-of-it' }, /does not know this token/],
    [['list'], { CORDON_CONTROLLER_URL: 'http://127.0.0.1:1' }, /can't be reached/],
  ])('%j with %j fails with what to do', async (args, env, message) => {
    const { code, out, err } = await cordon(args, env);
    expect([code, out]).toEqual([1, '']);
    expect(err).toMatch(message);
    expect(err).not.toContain('    at ');
  });
});
