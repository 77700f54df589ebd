import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { loadConfig } from '../../apps/controller/src/config.js';
import { Log } from '../../apps/controller/src/log.js';
import { startController, type Controller } from '../../apps/controller/src/start.js';
import { sampleSession } from '../../apps/controller/test/sample-session.js';
import { conformanceNetwork } from '../../libs/drivers/src/conformance-states.js';
import type { Mac } from '#net';
import { missingTools, TestNetwork } from './nftables-network.js';
import { PolicyRepository, tinyPolicy } from './tiny-policy.js';

const missing = [...missingTools(), ...(existsSync('/usr/sbin/ulogd') ? [] : ['ulogd'])];
if (missing.length > 0) {
  const message = `denied packets of a real firewall are not tested here: ${missing.join(', ')} missing`;
  if (process.env['CI']) throw new Error(message);
  console.warn(message);
}

const root = path.join(import.meta.dirname, '../..');
const [pump] = conformanceNetwork.pump;
const [server] = conformanceNetwork.server;
const [stranger] = conformanceNetwork.stranger;
const mac = '00:1a:00:00:00:01' as Mac;

/** The guide's own configuration, with other places. */
function ulogdConfiguration(folder: string): string {
  const guide = readFileSync(path.join(root, 'docs/denied-traffic.md'), 'utf8');
  const block = /```ini\n( *\[global\][^`]*)```/.exec(guide)?.[1] ?? expect.fail('the guide has no ulogd.conf');
  const plugins = ['x86_64-linux-gnu', 'aarch64-linux-gnu'].find((name) => existsSync(`/usr/lib/${name}/ulogd`));
  return block.replaceAll(/^ +/gm, '').replaceAll('/var/log/ulog', folder).replaceAll('x86_64-linux-gnu', plugins!);
}

/** The pump is in the policy's segment for pumps, and its drug library is the server. */
function policyFor(namespace: string): Record<string, string> {
  const files = Object.entries(tinyPolicy).map(([file, text]) => [
    file,
    text
      .replace('10.21.0.0/20, "fd21::/64"', '10.20.0.0/20, "fd00:20::/64"')
      .replace('10.10.4.20, "fd10:4::20"', '10.10.0.10, "fd00:10::10"')
      .replace('[tcp/443]', '[tcp/8443]')
      .replace('{ kind: simulated }', `{ kind: netns, namespace: ${namespace} }`),
  ]);
  return Object.fromEntries(files) as Record<string, string>;
}

describe.runIf(missing.length === 0)('denied packets of a real firewall', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'cordon-denied-'));
  const file = path.join(folder, 'denied.json');
  let network: TestNetwork;
  let repository: PolicyRepository;
  let controller: Controller;
  let ulogd: ChildProcess;
  let collector = '';

  const ask = async (method: string, where: string, body?: unknown, token = controller.firstAdminToken!) => {
    const answer = await fetch(`${controller.url}${where}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: body === undefined ? null : JSON.stringify(body),
    });
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
  };
  const cordon = (token: string, ...args: string[]) => {
    const env = { ...process.env, CORDON_CONTROLLER_URL: controller.url, CORDON_TOKEN: token };
    return new Promise<{ code: number; out: string; err: string }>((resolve) => {
      const child = spawn(process.execPath, [path.join(root, 'bin/cordon.js'), ...args], { env });
      let [out, err] = ['', ''];
      child.stdout.on('data', (bytes: Buffer) => (out += bytes.toString()));
      child.stderr.on('data', (bytes: Buffer) => (err += bytes.toString()));
      child.on('close', (code) => resolve({ code: code ?? -1, out, err }));
    });
  };
  const ship = (): string[] => [
    'ship-denied',
    '--file',
    file,
    '--point',
    'fw1',
    '--position',
    path.join(folder, 'position'),
  ];
  const send = (source: string, address: string, port: number, protocol = 6) =>
    network.devices.ask<boolean>('send', { source, address, protocol, port });
  const lines = (): number => (existsSync(file) ? readFileSync(file, 'utf8').split('\n').length - 1 : 0);

  beforeAll(async () => {
    network = await TestNetwork.create('d');
    repository = new PolicyRepository(path.join(folder, 'policy'));
    repository.commit(policyFor(network.firewall));
    const config = loadConfig({
      PATH: process.env.PATH,
      HOME: folder,
      CORDON_DATA: path.join(folder, 'data'),
      CORDON_HTTP: '127.0.0.1:0',
      CORDON_POLICY_REPOSITORY: repository.folder,
      CORDON_BRIDGE_TOKEN: 'bridge-token-of-the-test',
    });
    controller = await startController(config, new Log(() => undefined));
    await ask('POST', '/api/v1/devices', { mac, class: 'infusion-pump' });
    const at = new Date().toISOString();
    const session = sampleSession(at, { mac, addresses: [...conformanceNetwork.pump] });
    const events = { bridge: 'b', events: [{ type: 'session', seq: 1, session }] };
    expect(await ask('POST', '/api/v1/bridge/events', events, 'bridge-token-of-the-test')).toMatchObject({
      status: 200,
    });
    expect((await ask('POST', '/api/v1/enforcement-points/fw1/sync')).body).toMatchObject({
      state: 'in-sync',
      members: 2,
    });
    const made = await ask('POST', '/api/v1/tokens', { name: 'fw1-denied', role: 'collector' });
    collector = made.body['token'] as string;
    writeFileSync(path.join(folder, 'ulogd.conf'), ulogdConfiguration(folder));
    ulogd = spawn('ip', ['netns', 'exec', network.firewall, 'ulogd', '-c', path.join(folder, 'ulogd.conf')]);
    const log = path.join(folder, 'ulogd.log');
    await vi.waitFor(() => expect(readFileSync(log, 'utf8')).toContain('pluginstance stack'), { timeout: 5000 });
  }, 60_000);

  afterAll(async () => {
    if (ulogd) {
      const ended = once(ulogd, 'exit');
      ulogd.kill('SIGTERM');
      await ended;
    }
    await controller?.app.close();
    await network?.dispose();
    rmSync(folder, { recursive: true, force: true });
  });

  it('come to the controller by ulogd2 and `ship-denied`, and are told with who, what and why', async () => {
    expect(await send(pump, server, 8443)).toBe(true);
    expect(await send(pump, server, 9000)).toBe(false);
    expect(await send(pump, server, 9000, 17)).toBe(false);
    expect(await send(stranger, server, 8443)).toBe(false);
    await vi.waitFor(() => expect(lines()).toBeGreaterThanOrEqual(3), { timeout: 5000 });
    const sent = await cordon(collector, ...ship(), '--once');
    expect(sent).toMatchObject({ code: 0, err: '' });
    expect(sent.out).toMatch(/^\d+ denied packets sent, 0 of others, 0 not understood\n$/);
    const { body } = await ask('GET', '/api/v1/flows/denied');
    expect(body['items']).toHaveLength(3);
    expect(body['items']).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          point: 'fw1',
          class: 'infusion-pump',
          sources: [{ address: pump, mac, endpoints: ['internal'] }],
          destination: { address: server, endpoints: ['drug-library', 'internal'], class: null },
          service: 'tcp/9000',
          now: { verdict: 'deny', reason: 'no rule allows it', rules: [] },
        }),
        expect.objectContaining({ class: 'infusion-pump', service: 'udp/9000' }),
        expect.objectContaining({
          class: null,
          service: 'tcp/8443',
          now: expect.objectContaining({ verdict: 'deny' }),
        }),
      ]),
    );
    const shown = await cordon(controller.firstAdminToken!, 'denied', '--class', 'infusion-pump');
    expect(shown.code).toBe(0);
    expect(shown.out).toContain(`infusion-pump: ${mac}`);
    expect(shown.out).toContain(`drug-library (${server})`);
    expect(shown.out).toContain('2 denied flows');
  });

  it('are sent on where it was, through a kill and a rotation of the file', async () => {
    const before = await totalOf();
    await send(pump, server, 9000);
    const shipping = spawn(process.execPath, [path.join(root, 'bin/cordon.js'), ...ship()], {
      env: { ...process.env, CORDON_CONTROLLER_URL: controller.url, CORDON_TOKEN: collector },
      stdio: 'ignore',
    });
    await vi.waitFor(async () => expect(await totalOf()).toBeGreaterThan(before), { timeout: 10_000, interval: 100 });
    // noted at once after it was taken
    await vi.waitFor(() => expect(position()).toBe(readFileSync(file).length), { timeout: 5000 });
    const ended = once(shipping, 'exit');
    shipping.kill('SIGKILL');
    await ended;
    const after = await totalOf();
    expect((await cordon(collector, ...ship(), '--once')).out).toBe('');
    expect(await totalOf()).toBe(after);
    const count = lines();
    await send(pump, server, 9000);
    await vi.waitFor(() => expect(lines()).toBeGreaterThan(count), { timeout: 5000 });
    const last = lines() - count;
    renameSync(file, `${file}.1`);
    ulogd.kill('SIGHUP');
    await vi.waitFor(() => expect(existsSync(file)).toBe(true), { timeout: 5000 });
    await send(pump, server, 9000);
    await vi.waitFor(() => expect(lines()).toBeGreaterThan(0), { timeout: 5000 });
    expect(await cordon(collector, ...ship(), '--once')).toMatchObject({ code: 0, err: '' });
    expect(await totalOf()).toBe(after + last + lines());
  });

  it('that policy would allow stand out', async () => {
    const line = readFileSync(file, 'utf8').split('\n')[0]!;
    const odd = line.replace('"dest_port": 9000', '"dest_port": 8443');
    const answer = await fetch(`${controller.url}/api/v1/flows?point=fw1`, {
      method: 'POST',
      headers: { authorization: `Bearer ${collector}`, 'content-type': 'application/x-ndjson' },
      body: odd,
    });
    expect([answer.status, await answer.json()]).toEqual([200, { taken: 1, watched: 0, ignored: 0, malformed: 0 }]);
    const { code, out } = await cordon(controller.firstAdminToken!, 'denied');
    expect(code).toBe(2);
    expect(out.split('\n')[1]).toMatch(/infusion-pump.*tcp\/8443 +ALLOWED by rules\/flows\.csv:2$/);
  });

  it('that pass, and would not by a line in audit, come the same way', async () => {
    const first = lines();
    repository.commit({ 'audit/x.csv': 'p, infusion-pump, drug-library, any, deny, always, "watched"\n' });
    await ask('POST', '/api/v1/policy/sync');
    const watched = () => network.nft('list chain inet cordon audit_4').includes('goto audit_denied_4');
    await vi.waitFor(() => expect(watched()).toBe(true), { timeout: 10_000, interval: 100 });
    expect(await send(pump, server, 8443)).toBe(true);
    await vi.waitFor(() => expect(lines()).toBeGreaterThan(first), { timeout: 5000 });
    const sent = await cordon(collector, ...ship(), '--once');
    expect(sent.out).toContain(', 1 that passed and would not by the policy in audit, ');
    const { code, out } = await cordon(controller.firstAdminToken!, 'candidate');
    expect(code).toBe(2);
    expect(out).toMatch(/infusion-pump +drug-library \(10\.10\.0\.10\) .* deny audit\/x\.csv:1/);
    repository.commit({ 'audit/x.csv': null });
    await ask('POST', '/api/v1/policy/sync');
    await vi.waitFor(() => expect(watched()).toBe(false), { timeout: 10_000, interval: 100 });
    expect(await send(pump, server, 8443)).toBe(true);
  });

  it('are taken from a collector alone, for a point of the policy, and a collector sees nothing', async () => {
    const post = async (token: string, point: string, type = 'application/x-ndjson') => {
      const headers = { authorization: `Bearer ${token}`, 'content-type': type };
      const { status } = await fetch(`${controller.url}/api/v1/flows?point=${point}`, {
        method: 'POST',
        headers,
        body: '{}',
      });
      return status;
    };
    expect(await post(controller.firstAdminToken!, 'fw1')).toBe(403);
    expect(await post(collector, 'fw9')).toBe(404);
    expect(await post(collector, 'fw1', 'application/json')).toBe(400);
    for (const where of ['/api/v1/flows/denied', '/api/v1/devices', '/metrics'])
      expect((await ask('GET', where, undefined, collector)).status).toBe(403);
  });

  it('wait in their file while the controller is away', () => {
    const other = path.join(folder, 'other.json');
    writeFileSync(other, readFileSync(file));
    const args = [
      'ship-denied',
      '--file',
      other,
      '--point',
      'fw1',
      '--position',
      path.join(folder, 'other-position'),
      '--once',
    ];
    const { status, stdout, stderr } = spawnSync(process.execPath, [path.join(root, 'bin/cordon.js'), ...args], {
      env: { ...process.env, CORDON_CONTROLLER_URL: 'http://127.0.0.1:1', CORDON_TOKEN: collector },
      timeout: 3000,
      encoding: 'utf8',
    });
    expect([status, stdout]).toEqual([null, '']);
    expect(stderr).toContain('trying again in 1 s');
    expect(existsSync(path.join(folder, 'other-position'))).toBe(false);
  });

  async function totalOf(): Promise<number> {
    const items = (await ask('GET', '/api/v1/flows/denied')).body['items'] as { packets: number }[];
    return items.reduce((sum, { packets }) => sum + packets, 0);
  }

  const position = (): number => Number(readFileSync(path.join(folder, 'position'), 'utf8').split(' ')[1]);
});
