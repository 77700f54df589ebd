import { spawnSync } from 'node:child_process';
import { mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { sampleSession } from '../../apps/controller/test/sample-session.js';
import { ControllerApi } from '../soak/controller-api.ts';
import { ControllerProcess } from '../soak/controller-process.ts';
import { PolicyRepository, tinyPolicy } from './tiny-policy.js';

const root = join(import.meta.dirname, '../..');
const folder = mkdtempSync(join(tmpdir(), 'cordon-candidate-'));
const repository = new PolicyRepository(join(folder, 'policy'));
const [adminToken, bridgeToken] = ['admin-token-of-the-test', 'bridge-token-of-the-test'];
const controller = new ControllerProcess({
  folder,
  policy: repository.folder,
  adminToken,
  bridgeToken,
  onEnd: (reason) => {
    throw new Error(reason);
  },
  environment: { CORDON_POLICY_POLL_SECONDS: '0.3' },
});
const api = new ControllerApi(() => controller.url, adminToken);
let collector: ControllerApi;
const soon = { timeout: 60_000, interval: 100 };
const pump = '10.21.0.5';
const [library, remediation] = ['10.10.4.20', '10.10.9.9'];

const cordon = (...args: string[]) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, 'bin/cordon.js'), ...args], {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], CORDON_CONTROLLER_URL: controller.url, CORDON_TOKEN: adminToken },
  });
  return { status, text: stdout + stderr };
};

interface Status {
  readonly kind: string | null;
  readonly branch: { readonly branch: string; readonly commit: string } | null;
  readonly candidate: { readonly digest: string; readonly lines: number } | null;
  readonly diagnostics: readonly { readonly code: string; readonly severity: string }[];
  readonly points: readonly { readonly point: string; readonly why: string | null }[];
  readonly last: { readonly branch: string; readonly state: string } | null;
}
const status = async (): Promise<Status> => (await api.call('GET', '/policy/candidate')) as Status;
const digestInForce = async (): Promise<unknown> =>
  ((await api.call('GET', '/policy')) as { active: { digest: string } }).active.digest;
const actions = async (): Promise<string[]> =>
  ((await api.call('GET', '/audit?limit=100')) as { items: { action: string }[] }).items.map(({ action }) => action);

/** As ulogd2 writes it. */
const logged = (prefix: string, destination: string, port: number): string =>
  JSON.stringify({
    'oob.prefix': prefix,
    'oob.time.sec': Math.floor(Date.now() / 1000),
    'oob.time.usec': 0,
    'ip.protocol': 6,
    'tcp.syn': 1,
    src_ip: pump,
    dest_ip: destination,
    src_port: 40_000,
    dest_port: port,
    'raw.pktcount': 1,
  });
const tell = (...lines: string[]) =>
  collector.call('POST', '/flows?point=fw1', `${lines.join('\n')}\n`, 'application/x-ndjson');
const seen = (destination: string, port: number, connections: number): string => {
  const at = new Date().toISOString();
  return `first,last,source,destination,protocol,port,packets,connections,answered\n${at},${at},${pump},${destination},6,${port},${connections * 4},${connections},yes\n`;
};

function branch(name: string, files: Readonly<Record<string, string | null>>): string {
  repository.git('checkout', '-q', '-B', name, 'main');
  const commit = repository.commit(files, `on ${name}`);
  repository.git('checkout', '-q', 'main');
  return commit;
}

const flows = tinyPolicy['rules/flows.csv']!;
/** Pumps lose their library, and get to remediation. */
const changed = flows
  .replace(/^p, infusion-pump, drug-library.*\n/m, '')
  .concat('p, infusion-pump, remediation, https, allow, always, "CHG-7"\n');
/** The policy's own test would fail: it is on the branch as well. */
const withoutTest = { 'tests/flows.yaml': 'invariants: []\n' };

beforeAll(async () => {
  repository.commit(tinyPolicy);
  await controller.start();
  await api.importDevices('mac,class\n00:1a:00:00:00:01,infusion-pump');
  const made = (await api.call('POST', '/tokens', '{"name":"c","role":"collector"}', 'application/json')) as {
    token: string;
  };
  collector = new ControllerApi(() => controller.url, made.token);
  const session = sampleSession(new Date().toISOString(), { addresses: [pump] });
  const events = JSON.stringify({ bridge: 'b', events: [{ type: 'session', seq: 1, session }] });
  await new ControllerApi(() => controller.url, bridgeToken).call('POST', '/bridge/events', events, 'application/json');
  await vi.waitFor(async () => {
    const point = (await api.call('POST', '/enforcement-points/fw1/sync')) as { state: string; members: number };
    expect(point).toMatchObject({ state: 'in-sync', members: 1 });
  }, soon);
});
afterAll(async () => {
  await controller.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('a branch in audit', () => {
  it('must be a branch that says something else than the policy in force', async () => {
    expect(await status()).toMatchObject({ kind: null, branch: null, candidate: null, last: null });
    expect(cordon('candidate')).toEqual({ status: 0, text: 'nothing is in audit\n' });
    expect(cordon('candidate', 'start', 'nowhere')).toMatchObject({
      status: 1,
      text: expect.stringContaining('push `nowhere` to the policy repository first') as string,
    });
    for (const odd of ['--upload-pack=x', 'a..b', '../x'])
      await expect(
        api.call('PUT', '/policy/candidate', JSON.stringify({ branch: odd }), 'application/json'),
      ).rejects.toThrow('answered 422');
    repository.git('branch', 'same');
    expect(cordon('candidate', 'start', 'same').text).toContain('in force already');
    expect(cordon('candidate', 'start', 'main').text).toContain("the policy's own branch");
    expect(cordon('candidate', 'stop')).toMatchObject({ status: 1 });
    expect(await actions()).not.toContain('candidate.start');
  });

  it('is compiled, watched and reported; and nothing in force changes', async () => {
    const before = await digestInForce();
    const commit = branch('tighter', { 'rules/flows.csv': changed, ...withoutTest });
    const started = cordon('candidate', 'start', 'tighter', '--until', '14d', '--reason', 'CHG-7');
    expect(started.status).toBe(0);
    expect(started.text).toContain('branch tighter is in audit');
    expect(await status()).toMatchObject({ kind: 'branch', branch: { branch: 'tighter', commit } });
    expect((await status()).diagnostics.filter(({ severity }) => severity === 'error')).toEqual([]);
    await vi.waitFor(async () => expect((await status()).points).toEqual([{ point: 'fw1', why: null }]), soon);
    expect(await digestInForce()).toBe(before);
    const none = cordon('candidate');
    expect(none.status).toBe(0);
    expect(none.text).toContain('nothing that passed was told');
  });

  it('says what it would allow of what a firewall denied', async () => {
    expect(await tell(logged('cordon-deny ', remediation, 443), logged('cordon-deny ', remediation, 22))).toMatchObject(
      {
        taken: 2,
        watched: 0,
      },
    );
    const { status: code, text } = cordon('candidate');
    expect(code).toBe(0);
    expect(text).toContain('WOULD ALLOW: it is denied now');
    expect(text).toMatch(
      /life-critical +infusion-pump +remediation \(10\.10\.9\.9\) +https \(tcp\/443\) +1 +1 .*allow rules\/flows\.csv:4/,
    );
    expect(text).toContain('1 would be allowed');
  });

  it('says what it would break of what passed: as exporters saw it, and as rules that watch it logged it', async () => {
    await collector.call('POST', '/flows/seen?exporter=core', seen(library, 443, 5), 'text/csv');
    expect(await tell(logged('cordon-audit ', library, 443))).toMatchObject({ taken: 0, watched: 1 });
    const { status: code, text } = cordon('candidate', '--since', '1h');
    expect(code).toBe(2);
    expect(text).toMatch(
      /WOULD BREAK: it passes now\n.*\nlife-critical +infusion-pump +drug-library \(10\.10\.4\.20\) +https \(tcp\/443\) +6 +1 .*allow rules\/flows\.csv:2 +no rule allows it/,
    );
    const { report } = JSON.parse(cordon('candidate', '--json').text) as {
      report: { findings: { change: string; seenAt: string[] }[]; complete: boolean };
    };
    expect(report).toMatchObject({
      complete: true,
      findings: [{ change: 'would-break', seenAt: ['core', 'fw1'] }, {}],
    });
    expect(cordon('candidate', '--class', 'quarantined')).toMatchObject({ status: 0 });
  });

  it('is there again after kill -9, though git is gone', async () => {
    const before = await status();
    await controller.stop('SIGKILL');
    const away = join(folder, 'away');
    renameSync(repository.folder, away);
    await controller.start();
    const after = await status();
    expect(after.candidate).toEqual(before.candidate);
    expect(cordon('candidate').status).toBe(2);
    renameSync(away, repository.folder);
  });

  it('that does not compile is told with its diagnostics, judged by nobody, and nothing in force is touched', async () => {
    const before = await digestInForce();
    branch('tighter', { 'rules/flows.csv': `${changed}p, infusion-pumps, remediation, https, allow, always, x\n` });
    const codes = async () => (await status()).diagnostics.map(({ code }) => code);
    await vi.waitFor(async () => expect(await codes()).toContain('unknown-name'), soon);
    expect((await status()).candidate).toBeNull();
    const { status: code, text } = cordon('candidate');
    expect(code).toBe(1);
    expect(text).toContain('rules/flows.csv:5:4: error unknown-name: `infusion-pumps` is not declared');
    expect(text).toContain('it is not judged');
    expect(await digestInForce()).toBe(before);
    branch('tighter', { 'rules/flows.csv': changed, ...withoutTest });
    await vi.waitFor(async () => expect((await status()).candidate).not.toBeNull(), soon);
    expect(await actions()).toContain('candidate.follow');
  });

  it('is promoted when it is merged, and ends by itself', async () => {
    repository.git('merge', '-q', '--no-ff', '-m', 'CHG-7', 'tighter');
    await vi.waitFor(async () => expect((await status()).branch).toBeNull(), soon);
    expect(await status()).toMatchObject({ kind: null, last: { branch: 'tighter', state: 'promoted' } });
    expect(cordon('candidate').text).toMatch(/before +branch tighter, promoted .*: what it says is in force/);
    expect(await actions()).toContain('candidate.promoted');
  });

  it('ends when it is deleted, when its time is over, and when somebody says so', async () => {
    const end = async (state: string) => {
      await vi.waitFor(async () => expect((await status()).branch).toBeNull(), soon);
      expect(await status()).toMatchObject({ kind: null, last: { state } });
    };
    branch('other', { 'rules/flows.csv': flows });
    expect(cordon('candidate', 'start', 'other').status).toBe(0);
    repository.git('branch', '-D', 'other');
    await end('deleted');
    branch('other', { 'rules/flows.csv': flows });
    expect(cordon('candidate', 'start', 'other', '--until', '2s').status).toBe(0);
    await end('expired');
    expect(cordon('candidate', 'start', 'other').status).toBe(0);
    expect(cordon('candidate', 'stop', '--reason', 'no need')).toMatchObject({ status: 0 });
    await end('stopped');
    expect(await actions()).toEqual(
      expect.arrayContaining(['candidate.deleted', 'candidate.expired', 'candidate.stop']),
    );
  });
});

describe('lines in audit', () => {
  const denying = 'p, infusion-pump, remediation, https, deny, always, "CHG-8"\n';

  it('are judged beside the policy in force, which is the same with them', async () => {
    const first = await digestInForce();
    const applications = `${tinyPolicy['catalog/applications.yaml']}ssh: { ports: [tcp/22] }\n`;
    repository.commit({ 'catalog/applications.yaml': applications });
    await vi.waitFor(async () => expect(await digestInForce()).not.toBe(first), soon);
    const before = await digestInForce();
    repository.commit({ 'audit/chg-8.csv': `${denying}p, infusion-pump, remediation, ssh, allow, always, "CHG-8"\n` });
    await vi.waitFor(
      async () => expect(await status()).toMatchObject({ kind: 'lines', candidate: { lines: 2 } }),
      soon,
    );
    expect(await digestInForce()).toBe(before);
    await collector.call('POST', '/flows/seen?exporter=core', seen(remediation, 443, 2), 'text/csv');
    const { status: code, text } = cordon('candidate');
    expect(code).toBe(2);
    expect(text).toContain('2 lines of the policy in audit');
    expect(text).toMatch(/remediation \(10\.10\.9\.9\) +https.* deny audit\/chg-8\.csv:1/);
    expect(text).toMatch(/remediation \(10\.10\.9\.9\) +ssh.* allow audit\/chg-8\.csv:2/);
  });

  it('are there again after kill -9', async () => {
    const before = await status();
    await controller.stop('SIGKILL');
    await controller.start();
    expect((await status()).candidate).toEqual(before.candidate);
  });

  it('are promoted by a merge that moves them', async () => {
    repository.commit({ 'audit/chg-8.csv': null, 'rules/chg-8.csv': denying });
    await vi.waitFor(async () => expect(await status()).toMatchObject({ kind: null, candidate: null }), soon);
    expect(cordon('candidate')).toMatchObject({
      status: 0,
      text: expect.stringContaining('nothing is in audit') as string,
    });
  });
});
