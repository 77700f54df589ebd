import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sampleSession } from '../../apps/controller/test/sample-session.js';
import type { Mac } from '#net';
import { freePair } from './serve-process.js';
import { PolicyRepository, tinyPolicy } from './tiny-policy.js';

const root = path.join(import.meta.dirname, '../..');
const pumps = ['10.21.0.1', '10.21.0.2', '10.21.0.3', '10.21.0.4'];
const macOf = (pump: string): Mac => `00:1a:00:00:00:0${pump.at(-1)}` as Mac;
const [library, remediation, nobody] = ['10.10.4.20', '10.10.9.9', '10.10.50.'];
const adminToken = 'admin-token-of-the-test-0123456789';

/** As `conntrack -E -e DESTROY -o timestamp,extended` tells of a connection that was over at `at` (seconds). */
function destroyed(at: number, source: string, destination: string, port: number, isAnswered = true): string {
  const from = `src=${source} dst=${destination} sport=40000 dport=${port} packets=5 bytes=270`;
  const back = `src=${destination} dst=${source} sport=${port} dport=40000 packets=${isAnswered ? 3 : 0} bytes=164`;
  const marks = isAnswered ? [from, back, '[ASSURED]'] : [from, '[UNREPLIED]', back];
  return `[${at}.123   ]\t[DESTROY] ipv4     2 tcp      6 TIME_WAIT ${marks.join(' ')} delta-time=2\n`;
}

/** Two days of pumps at work, and one of them that scans for half a minute. */
function recorded(now: number): string {
  const hours = Array.from({ length: 48 }, (_, i) => now - 3600 * (48 - i));
  const work = hours.flatMap((at) =>
    pumps
      .slice(0, 3)
      .flatMap((pump, i) => [
        destroyed(at + 10 * i, pump, library, 443),
        destroyed(at + 10 * i + 5, pump, remediation, 443),
      ]),
  );
  const scan = Array.from({ length: 40 }, (_, i) => destroyed(now - 1800 + i, pumps[3]!, `${nobody}${i}`, 22, false));
  return [...work, ...scan].join('');
}

describe('flows that were seen', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'cordon-seen-'));
  const log = path.join(folder, 'conntrack.log');
  const repository = new PolicyRepository(path.join(folder, 'policy'));
  const tokens: Record<string, string> = { admin: adminToken };
  let url: string;
  let controller: ChildProcess;

  const start = async (): Promise<void> => {
    controller = spawn(process.execPath, [path.join(root, 'dist/apps/controller/src/main.js')], {
      env: {
        PATH: process.env.PATH,
        HOME: folder,
        CORDON_DATA: path.join(folder, 'data'),
        CORDON_HTTP: new URL(url).host,
        CORDON_POLICY_REPOSITORY: repository.folder,
        CORDON_ADMIN_TOKEN: adminToken,
        CORDON_BRIDGE_TOKEN: 'bridge-token-of-the-test',
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const lines = createInterface({ input: controller.stdout! });
    for await (const line of lines) if (line.includes('cordon controller ready')) break;
    controller.stdout!.resume();
  };
  const kill = async (): Promise<void> => {
    const ended = once(controller, 'exit');
    controller.kill('SIGKILL');
    await ended;
  };
  const ask = async (token: string, method: string, where: string, body?: unknown, type = 'application/json') => {
    const answer = await fetch(`${url}/api/v1${where}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': type },
      body: body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body),
    });
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
  };
  const cordon = (role: string, ...args: readonly string[]) => {
    const env = { ...process.env, CORDON_CONTROLLER_URL: url, CORDON_TOKEN: tokens[role] ?? 'none' };
    return new Promise<{ code: number; out: string; err: string }>((resolve) => {
      const child = spawn(process.execPath, [path.join(root, 'bin/cordon.js'), ...args], { env });
      let [out, err] = ['', ''];
      child.stdout.on('data', (bytes: Buffer) => (out += bytes.toString()));
      child.stderr.on('data', (bytes: Buffer) => (err += bytes.toString()));
      child.on('close', (code) => resolve({ code: code ?? -1, out, err }));
    });
  };
  const ship = (...args: readonly string[]) =>
    cordon('collector', 'ship-flows', '--exporter', 'core', '--position', path.join(folder, 'position'), ...args);
  const seen = async (query = '') => (await ask(tokens['planner']!, 'GET', `/flows/seen${query}`)).body;

  beforeAll(async () => {
    url = `http://127.0.0.1:${await freePair()}`;
    repository.commit(tinyPolicy);
    await start();
    for (const role of ['collector', 'planner']) {
      const made = await ask(adminToken, 'POST', '/tokens', { name: `lab-${role}`, role });
      tokens[role] = made.body['token'] as string;
    }
    const at = new Date().toISOString();
    const events = pumps.map((pump, i) => ({
      type: 'session',
      seq: i + 1,
      session: sampleSession(at, { id: pump, mac: macOf(pump), nasPort: `${i}`, addresses: [pump] }),
    }));
    for (const pump of pumps) await ask(adminToken, 'POST', '/devices', { mac: macOf(pump), class: 'infusion-pump' });
    const told = await ask('bridge-token-of-the-test', 'POST', '/bridge/events', { bridge: 'b', events });
    expect(told.status).toBe(200);
    writeFileSync(log, recorded(Math.floor(Date.now() / 1000)));
  }, 60_000);

  afterAll(async () => {
    if (controller.exitCode === null && controller.signalCode === null) await kill();
    rmSync(folder, { recursive: true, force: true });
  });

  it('are sent by a gateway once, and are there after kill -9 of the controller', async () => {
    expect(await ship('--file', log, '--once')).toEqual({
      code: 0,
      out: '328 connections sent, 0 replies or undecided, 0 not understood\n',
      err: '',
    });
    expect((await ship('--file', log, '--once')).out).toBe('');
    await kill();
    await start();
    const since = new Date(Date.now() - 72 * 3_600_000).toISOString();
    const items = (await seen(`?limit=1000&since=${since}`))['items'] as { connections: number; exporter: string }[];
    expect(items.reduce((sum, { connections }) => sum + connections, 0)).toBe(328);
    expect(items[0]).toMatchObject({
      exporter: 'core',
      class: 'infusion-pump',
      destination: library,
      answered: 'yes',
      connections: 3,
      sources: pumps.slice(0, 3).map((address) => ({ address, mac: macOf(address), connections: 1 })),
    });
  }, 30_000);

  it('come in pages that don’t change while more comes', async () => {
    const since = new Date(Date.now() - 72 * 3_600_000).toISOString();
    const ids: string[] = [];
    for (let cursor: string | null = null; ;) {
      const page = await seen(`?limit=40&since=${since}${cursor === null ? '' : `&cursor=${cursor}`}`);
      ids.push(
        ...(page['items'] as { firstAt: string; destination: string; port: number }[]).map((one) =>
          JSON.stringify(one),
        ),
      );
      cursor = page['next'] as string | null;
      if (cursor === null) break;
    }
    expect(ids.length).toBe(48 * 2 + 40);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('are learned from as their file is: the same lines, evidence and scan', async () => {
    const inventory = path.join(folder, 'devices.csv');
    expect((await cordon('planner', 'inventory', 'export', '--identifiers', '--out', inventory)).code).toBe(0);
    const files = ['--flows', log, '--inventory', inventory, '--policy', repository.folder];
    const fromFile = await cordon('nobody', 'learn', '--class', 'infusion-pump', '--json', ...files);
    const kept = await cordon('planner', 'learn', '--class', 'infusion-pump', '--json', '--since', '30d');
    expect([fromFile.code, kept.code, kept.err]).toEqual([2, 2, '']);
    const meaning = (text: string): Record<string, unknown> => {
      const { commit: _, window, ...rest } = JSON.parse(text) as Record<string, unknown>;
      const { format: __, records: ___, ...counts } = window as Record<string, unknown>;
      return { ...rest, window: counts };
    };
    expect(meaning(kept.out)).toEqual(meaning(fromFile.out));
    expect(JSON.parse(kept.out)).toMatchObject({
      commit: repository.git('rev-parse', 'HEAD'),
      unnamed: 0,
      lines: [{ subject: 'infusion-pump', object: 'remediation', application: 'https', evidence: { devices: 3 } }],
      leftOut: [{ kind: 'scan', source: expect.stringContaining(pumps[3]!) as string }],
    });
    const shown = await cordon('planner', 'learn', '--class', 'infusion-pump', '--since', '30d');
    expect(shown.out).toContain(`# policy in force at the controller: commit ${repository.git('rev-parse', 'HEAD')}\n`);
    expect(shown.out).toContain(
      'p, infusion-pump, remediation, https, allow, always, "learned: 144 connections of 3 devices',
    );
  }, 30_000);

  it('show what a change would break, as their file does', async () => {
    const changed = path.join(folder, 'changed');
    const flows = tinyPolicy['rules/flows.csv']!.replace('p, infusion-pump, drug-library', '# p');
    new PolicyRepository(changed).commit({ ...tinyPolicy, 'rules/flows.csv': flows, 'tests/flows.yaml': '' });
    const sides = ['--from', repository.folder, '--to', changed, '--json'];
    const plan = await cordon('planner', 'plan', ...sides, '--since', '30d');
    const inventory = path.join(folder, 'devices.csv');
    const fromFile = await cordon('nobody', 'plan', ...sides, '--flows', log, '--inventory', inventory);
    const observed = ({ out }: { out: string }) => (JSON.parse(out) as { observed: Record<string, unknown> }).observed;
    expect(observed(plan)['broken']).toEqual(observed(fromFile)['broken']);
    expect(observed(plan)['broken']).toMatchObject([{ destination: 'drug-library', connections: 144, devices: 3 }]);
  }, 30_000);

  it('are taken from a collector alone, and read by who plans', async () => {
    const csv = 'first,last,source,destination,protocol,port,packets\n';
    const post = async (role: string, exporter: string, body = csv, type = 'text/csv') =>
      (await ask(tokens[role]!, 'POST', `/flows/seen?exporter=${exporter}`, body, type)).status;
    expect(await post('admin', 'core')).toBe(403);
    expect(await post('planner', 'core')).toBe(403);
    expect(await post('collector', 'core')).toBe(200);
    expect(await post('collector', 'not%20a%20name')).toBe(400);
    expect(await post('collector', 'core', 'what is this')).toBe(422);
    expect(await post('collector', 'core', '{}', 'application/json')).toBe(400);
    expect(await post('collector', 'core', csv + '#'.repeat(1024 * 1024))).toBe(413);
    for (const where of ['/flows/seen', '/policy/files'])
      expect((await ask(tokens['collector']!, 'GET', where)).status).toBe(403);
    for (const where of ['/flows/denied', '/devices', '/policy'])
      expect((await ask(tokens['planner']!, 'GET', where)).status).toBe(403);
    expect(await cordon('collector', 'learn', '--since', '30d')).toMatchObject({
      code: 1,
      err: expect.stringContaining('not allowed') as string,
    });
  }, 30_000);

  it('wait in their file while the controller is away', async () => {
    await kill();
    const other = path.join(folder, 'other-position');
    const shipping = spawn(
      process.execPath,
      [path.join(root, 'bin/cordon.js'), 'ship-flows', '--file', log, '--exporter', 'core', '--position', other],
      { env: { ...process.env, CORDON_CONTROLLER_URL: url, CORDON_TOKEN: tokens['collector'] }, stdio: 'pipe' },
    );
    const [said] = (await once(shipping.stderr, 'data')) as [Buffer];
    expect(said.toString()).toContain('trying again in 1 s');
    expect(existsSync(other)).toBe(false);
    await start();
    await once(shipping.stdout, 'data');
    while (!existsSync(other)) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(readFileSync(other, 'utf8').split(' ')[1]!.trim()).toBe(`${readFileSync(log).length}`);
    const ended = once(shipping, 'exit');
    shipping.kill('SIGKILL');
    await ended;
  }, 30_000);
});
