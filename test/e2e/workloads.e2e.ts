import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { driverNamed, type NftablesDriver } from '#drivers';
import { formatRange, parseAddress, rangesOf } from '#net';
import { KubeApiServer } from '../../libs/drivers/src/spec/kube-api-server.js';
import { loadConfig } from '../../apps/controller/src/config.js';
import { Log } from '../../apps/controller/src/log.js';
import { PolicyLoop } from '../../apps/controller/src/policy/policy-loop.js';
import { startController, type Controller } from '../../apps/controller/src/start.js';
import { sampleSession } from '../../apps/controller/test/sample-session.js';
import { BridgeProcess } from '../../apps/radius-bridge/test/bridge-process.js';
import { testSecret } from '../../apps/radius-bridge/test/parts.js';
import { PolicyRepository, tinyPolicy } from './tiny-policy.js';

const folder = mkdtempSync(join(tmpdir(), 'cordon-workloads-'));
const repository = new PolicyRepository(join(folder, 'policy'));
const bridgeToken = 'bridge-token-of-the-test';
const cluster = new KubeApiServer();
const waiting = { timeout: 20_000, interval: 100 };
const pump = '00:1a:00:00:00:01';
const drugLibrary = '10.10.4.20';
const logLines: string[] = [];
let controller: Controller;
let bridge: BridgeProcess;
let admin = '';
let port = 0;

async function start(): Promise<void> {
  const config = loadConfig({
    PATH: process.env.PATH,
    HOME: folder,
    CORDON_DATA: join(folder, 'data'),
    CORDON_HTTP: `127.0.0.1:${port}`,
    CORDON_POLICY_REPOSITORY: repository.folder,
    CORDON_POLICY_POLL_SECONDS: '3600',
    CORDON_RESYNC_SECONDS: '0.2',
    CORDON_BRIDGE_TOKEN: bridgeToken,
  });
  controller = await startController(config, new Log((line) => logLines.push(line)));
  port = Number(new URL(controller.url).port);
  admin ||= controller.firstAdminToken!;
}

async function api(method: string, path: string, body?: unknown, token = admin): Promise<unknown> {
  const answer = await fetch(controller.url + path, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return answer.json();
}

/** `10.96.0.7 fd00:96::7`; null: it is deleted. */
function putService(addresses: string | null): void {
  if (addresses === null) return cluster.delete('services', 'pharmacy/formulary');
  const clusterIPs = addresses.split(' ');
  cluster.put('services', {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { namespace: 'pharmacy', name: 'formulary' },
    spec: { selector: { app: 'formulary' }, ports: [{ port: 443 }], clusterIP: clusterIPs[0], clusterIPs },
  });
}

const inPolicy = (): string => {
  const { active } = controller.app.get(PolicyLoop);
  const found = active!.snapshot.endpoints.find(({ name }) => name === 'formulary')!;
  return rangesOf(found.addresses).map(formatRange).join(' ');
};
const digest = (): string => controller.app.get(PolicyLoop).active!.snapshot.digest;
const firewall = () => (driverNamed('nftables', {}) as NftablesDriver).simulated('fw1');
const passes = (to: string): string =>
  firewall().route({ source: parseAddress('10.21.0.5')!, destination: parseAddress(to)!, protocol: 6, port: 443 });

/** Policy, bridge and firewall have it. */
async function untilAt(addresses: string): Promise<void> {
  await vi.waitFor(() => expect(inPolicy()).toBe(addresses), waiting);
  await vi.waitFor(
    () => expect(bridge.log.findLast((line) => line.includes('snapshot taken'))).toContain(digest()),
    waiting,
  );
  await vi.waitFor(async () => {
    const { items } = (await api('GET', '/api/v1/enforcement-points')) as {
      items: { name: string; state: string; rulesDigest: string }[];
    };
    expect(items.find(({ name }) => name === 'fw1')).toMatchObject({ state: 'in-sync', rulesDigest: digest() });
  }, waiting);
}

beforeAll(async () => {
  await cluster.start();
  putService('10.96.0.7');
  repository.commit({
    ...tinyPolicy,
    'catalog/endpoints-k8s.yaml': `formulary: { kubernetes: { namespace: pharmacy, service: formulary }, description: doses }
printers: { addresses: [10.10.8.0/24, "fd10:8::/64"], description: printers }
`,
    'network/enforcement-points-k8s.yaml': `k1:
  driver: kubernetes
  site: main
  options: { namespaces: pharmacy }
  transport: { kind: kubernetes, kubeconfig: 'file:${cluster.kubeconfig()}' }
`,
    'rules/formulary.csv': 'p, infusion-pump, formulary, https, allow, always, "pumps ask for doses"\n',
    'tests/formulary.yaml': `tests:
  - { name: doses, from: infusion-pump, to: formulary, app: https, expect: allow }
invariants:
  - { name: pumps never print, never: { from: infusion-pump, to: printers, app: any } }
`,
  });
  await start();
  bridge = await BridgeProcess.start({
    dataFolder: join(folder, 'bridge'),
    controllerUrl: controller.url,
    token: bridgeToken,
    env: { TEST_RADIUS_SECRET: testSecret },
  });
  await api('POST', '/api/v1/devices', { mac: pump, class: 'infusion-pump' });
  const session = sampleSession(new Date().toISOString(), { mac: pump as never, addresses: ['10.21.0.5'] });
  const events = [{ type: 'session', seq: 1, session }];
  await api('POST', '/api/v1/bridge/events', { bridge: 'bridge-9', events }, bridgeToken);
  // The firewall hears of the session a moment later: it may be in sync with the policy before.
  await vi.waitFor(() => expect(passes(drugLibrary)).toBe('passed'), waiting);
}, 120_000);

afterAll(async () => {
  await bridge?.end('SIGTERM');
  await controller?.app.close();
  await cluster.dispose();
  rmSync(folder, { recursive: true, force: true });
});

describe('a clinical service in a cluster', () => {
  it('is reached where the cluster says that it is, and nowhere else', async () => {
    await untilAt('10.96.0.7');
    expect(passes('10.96.0.7')).toBe('passed');
    expect(passes('10.96.0.8')).toBe('dropped');
  });

  it('moves, and policy, bridge and firewall follow; the trail says from where to where', async () => {
    putService('10.96.0.8 fd00:96::8');
    await untilAt('10.96.0.8 fd00:96::8');
    expect(passes('10.96.0.7')).toBe('dropped');
    expect(passes('10.96.0.8')).toBe('passed');
    const { items } = (await api('GET', '/api/v1/audit?action=policy.recompile')) as { items: object[] };
    expect(items[0]).toMatchObject({
      actor: 'system',
      before: { addresses: { formulary: ['10.96.0.7'] } },
      after: { digest: digest(), addresses: { formulary: ['10.96.0.8', 'fd00:96::8'] } },
    });
  });

  it('is not followed to where a test of the policy wants nobody', async () => {
    putService('10.96.0.8 10.10.8.9');
    await untilAt('10.96.0.8');
    expect(passes('10.10.8.9')).toBe('dropped');
    expect(logLines.join('')).toContain('new addresses of services are not taken');
  });

  it('stays where it was last while the API server is away, also for a controller that restarts meanwhile', async () => {
    putService('10.96.0.9');
    await untilAt('10.96.0.9');
    await cluster.stop();
    await controller.app.close();
    logLines.length = 0;
    await start();
    await untilAt('10.96.0.9');
    await vi.waitFor(() => expect(logLines.join('')).toContain('cluster can not be watched'), waiting);
    await sleep(1500);
    expect(inPolicy()).toBe('10.96.0.9');
    expect(passes('10.96.0.9')).toBe('passed');
    putService('10.96.0.10');
    await cluster.start();
    await untilAt('10.96.0.10');
    expect(passes('10.96.0.9')).toBe('dropped');
    expect(passes('10.96.0.10')).toBe('passed');
  });

  it('that is deleted has no address, and its rules match nothing', async () => {
    putService(null);
    await untilAt('');
    expect(passes('10.96.0.10')).toBe('dropped');
    expect(await api('GET', '/api/v1/policy')).toMatchObject({ active: { digest: digest() } });
  });
});
