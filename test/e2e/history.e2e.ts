import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasRadclient, radclient, type RadclientReply } from './radclient.js';
import { ServeProcess } from './serve-process.js';

const bin = join(import.meta.dirname, '../../bin/cordon.js');
const folder = mkdtempSync(join(tmpdir(), 'cordon-history-'));
const pump = '00:03:b1:4a:10:21';
const stranger = '02:00:00:00:00:77';
const port = 'GigabitEthernet1/0/7';
const deadline = 60_000;

let server: ServeProcess;

beforeAll(async () => {
  server = await ServeProcess.start(folder, { CORDON_LOG_DECISIONS: '1' });
}, 180_000);

afterAll(async () => {
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
});

interface Sessions {
  readonly items: readonly { readonly mac: string; readonly segment: string; readonly vlan: number }[];
}

const environment = () => ({
  ...process.env,
  CORDON_CONTROLLER_URL: server.controller,
  CORDON_TOKEN: server.adminToken,
});

function cordon(...args: string[]): { code: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [bin, ...args], {
    encoding: 'utf8',
    env: environment(),
  });
  return { code: status, out: stdout, err: stderr };
}

const sessions = (...args: string[]): Sessions => JSON.parse(cordon('sessions', ...args, '--json').out) as Sessions;

/** A switch asks about a device, as Debian's radclient writes it. */
function authenticate(mac: string, userName: string, nasPort: string): RadclientReply {
  return radclient(server.authenticationPort, 'auth', server.radiusSecret, {
    'User-Name': userName,
    'User-Password': userName,
    'Calling-Station-Id': mac.toUpperCase().replaceAll(':', '-'),
    'NAS-Port-Id': nasPort,
    'Message-Authenticator': '0x00',
  });
}

async function api(method: string, path: string, body?: unknown, token = server.adminToken): Promise<Response> {
  return fetch(`${server.controller}${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

/** Asks again until it is so: events reach the controller a moment after the reply. */
async function until<T>(ask: () => T, isSo: (answer: T) => boolean): Promise<T> {
  const end = Date.now() + deadline;
  for (;;) {
    const answer = ask();
    if (isSo(answer)) return answer;
    if (Date.now() > end) throw new Error(`not so after ${deadline} ms: ${JSON.stringify(answer)}`);
    await new Promise((done) => {
      setTimeout(done, 50);
    });
  }
}

/** `03:12:07`, by the clock of this machine. */
const clock = (): string => new Date().toTimeString().slice(0, 8);

describe.skipIf(!hasRadclient())('looking at what happened', () => {
  let tail: ChildProcess;
  const followed: { type: string; mac: string; outcome: string; code: string | null }[] = [];

  beforeAll(async () => {
    tail = spawn(process.execPath, [bin, 'tail', '--json', '--recent', '0'], {
      env: environment(),
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    createInterface({ input: tail.stdout! }).on('line', (line) => followed.push(JSON.parse(line) as never));
    const open = () => api('GET', '/metrics').then((answer) => answer.text());
    const end = Date.now() + deadline;
    while (!(await open()).includes('cordon_controller_streams_open 1')) {
      if (Date.now() > end) throw new Error('cordon tail did not begin');
    }
  }, deadline);

  afterAll(async () => {
    tail.kill('SIGTERM');
    if (tail.exitCode === null && tail.signalCode === null) await once(tail, 'exit');
  });

  it('shows a device that was let in as a session, with its place', async () => {
    expect(authenticate(pump, '0003b14a1021', port).code).toBe('Access-Accept');
    const { items } = await until(
      () => sessions('--mac', pump),
      (found) => found.items.length === 1,
    );
    expect(items[0]).toMatchObject({ mac: pump, nas: 'demo-sw1', nasPort: port, vlan: 211, isConverged: true });
    const { out } = cordon('sessions', '--class', 'infusion-pump');
    expect(out.split('\n')[0]).toMatch(/^MAC +NAS +PORT +CLASS +POSTURE +SEGMENT +VLAN +METHOD +SINCE +STATE$/);
    expect(out.split('\n')[1]).toMatch(
      /^00:03:b1:4a:10:21 {2}demo-sw1 {2}GigabitEthernet1\/0\/7 {2}infusion-pump {2}unverified {2}pumps-limited {2}211 {3}mac {5}\d{4}-/,
    );
    for (const filter of [
      ['--nas', 'other'],
      ['--segment', 'x'],
      ['--method', 'certificate'],
      ['--state', 'closed'],
      ['--diverged'],
    ])
      expect(sessions(...filter).items).toEqual([]);
  });

  it('follows decisions live, a reject with its reason', async () => {
    expect(authenticate(stranger, 'bob', 'GigabitEthernet1/0/8').code).toBe('Access-Reject');
    await until(
      () => followed,
      (lines) => lines.length >= 2,
    );
    expect(followed).toMatchObject([
      { type: 'authentication', mac: pump, outcome: 'accept', segment: 'pumps-limited', code: null },
      { type: 'authentication', mac: stranger, outcome: 'reject', code: 'user-name-not-a-mac' },
    ]);
    const { out, code } = cordon('tail', '--outcome', 'reject', '--recent', '1', '--count', '1');
    expect([code, out]).toEqual([0, expect.stringContaining('reject: the user name is not a MAC address')]);
  });

  it('says why a port had its VLAN at a given time: rule, line, commit, author, and who quarantined the device', async () => {
    const before = clock();
    const quarantine = { posture: 'quarantined', reason: 'odd traffic' };
    expect((await api('PUT', `/api/v1/devices/${pump}/posture`, quarantine)).status).toBe(200);
    await until(
      () => authenticate(pump, '0003b14a1021', port),
      (reply) => reply.attributes.some(([name, value]) => name === 'Tunnel-Private-Group-Id' && value === '666'),
    );
    await until(
      () => sessions('--segment', 'quarantine'),
      ({ items }) => items.length === 1,
    );
    // A time without a fraction is the beginning of its second.
    const moved = clock();
    await until(clock, (now) => now !== moved);
    const { out, code } = cordon('history', '--nas', 'demo-sw1', '--port', port, '--at', clock());
    expect(code).toBe(0);
    const [paragraph = ''] = out.split('\n');
    for (const part of [
      `${pump} was on port ${port} of demo-sw1 in segment quarantine, VLAN 666, since `,
      ', as infusion-pump, quarantined, at main.',
      'Rule rules/access.csv:7 says so: `p2, device, everywhere, quarantined, quarantine, always,',
      '(“sample hospital”, Cordon <cordon@localhost>), in force since ',
      'Class infusion-pump was given by admin,',
      'Posture quarantined was set by admin,',
      '(device.posture): odd traffic.',
    ])
      expect(paragraph).toContain(part);
    // The minute before it was somewhere else, or nowhere yet.
    expect(cordon('history', pump, '--at', before).out.split('\n')[0]).not.toContain('quarantine');
  });

  it('tells all of it in order, of the device and of the port', () => {
    const { out } = cordon('history', pump, '--since', '1h');
    const kinds = out
      .split('\n')
      .slice(1)
      .map((line) => /device\.\w+|accept|session \w+/.exec(line)?.[0])
      .filter((kind) => kind !== undefined);
    expect(kinds.slice(0, 4)).toEqual(['device.import', 'accept', 'session began', 'device.posture']);
    expect(kinds).toContain('session moved');
    expect(cordon('history', '--nas', 'demo-sw1', '--port', 'GigabitEthernet1/0/8').out).toContain('reject');
  });

  it('says what it does not know, and what it was asked wrongly', () => {
    expect(cordon('history', '02:00:00:00:00:01')).toMatchObject({ code: 2 });
    expect(cordon('history', '02:00:00:00:00:01', '--at', '03:12').out).toContain(
      'nothing is known of 02:00:00:00:00:01',
    );
    expect(cordon('history')).toMatchObject({ code: 1, err: expect.stringContaining('whose history?') });
    expect(cordon('history', 'x').code).toBe(1);
    expect(cordon('sessions', '--state', 'asleep').code).toBe(1);
  });
});

/** Debian's python3-prometheus-client has the reference parser of the text format. */
function hasPrometheusParser(): boolean {
  const isThere = spawnSync('/usr/bin/python3', ['-c', 'import prometheus_client.parser']).status === 0;
  if (!isThere && process.env['CI']) throw new Error('the parser is missing: install python3-prometheus-client');
  return isThere;
}

const parse = `
import json, sys
from prometheus_client.parser import text_string_to_metric_families
families = list(text_string_to_metric_families(sys.stdin.read()))
print(json.dumps([[f.name, f.type, f.documentation, [[s.name, s.labels, s.value] for s in f.samples]] for f in families]))
`;

type Family = [
  name: string,
  type: string,
  help: string,
  samples: [name: string, labels: Record<string, string>, value: number][],
];

describe.skipIf(!hasPrometheusParser())('metrics, read by the parser of Prometheus', () => {
  function read(page: string): Map<string, Family> {
    const file = join(folder, 'parse.py');
    writeFileSync(file, parse);
    const { status, stdout, stderr } = spawnSync('/usr/bin/python3', [file], { input: page, encoding: 'utf8' });
    expect([status, stderr]).toEqual([0, '']);
    return new Map((JSON.parse(stdout) as Family[]).map((family) => [family[0], family]));
  }

  it('of the bridge tell its requests, its sockets and the snapshot of the controller', async () => {
    authenticate(stranger, 'bob', 'GigabitEthernet1/0/8');
    const answer = await fetch(`${server.bridge}/metrics`);
    expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    const families = read(await answer.text());
    const samples = (name: string) => families.get(name)?.[3] ?? [];
    expect(families.get('cordon_radius_rejects')?.[1]).toBe('counter');
    expect(samples('cordon_radius_rejects')).toContainEqual([
      'cordon_radius_rejects_total',
      { client: 'demo-sw1', reason: 'user-name-not-a-mac' },
      expect.any(Number),
    ]);
    const mac = samples('cordon_radius_mac_duration_seconds');
    expect(mac.at(-1)?.[2]).toBeGreaterThan(0);
    if (process.platform === 'linux')
      expect(samples('cordon_radius_socket_drops').map(([, labels]) => labels)).toEqual([
        { port: 'authentication' },
        { port: 'accounting' },
      ]);
    const controller = read(await (await api('GET', '/metrics')).text());
    const digest = controller.get('cordon_controller_policy_info')?.[3][0]?.[1]['digest'];
    expect(samples('cordon_bridge_snapshot_info')[0]?.[1]['digest']).toBe(digest);
  });

  it('of the controller are for a token of role monitor, which sees nothing else', async () => {
    const made = await api('POST', '/api/v1/tokens', { name: 'prometheus', role: 'monitor' });
    const { token } = (await made.json()) as { token: string };
    const answer = await api('GET', '/metrics', undefined, token);
    expect(answer.status).toBe(200);
    const families = read(await answer.text());
    expect(families.get('cordon_controller_devices')?.[3].length).toBeGreaterThan(1);
    expect((await api('GET', '/api/v1/devices', undefined, token)).status).toBe(403);
    expect((await fetch(`${server.controller}/metrics`)).status).toBe(401);
  });
});
