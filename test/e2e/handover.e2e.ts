import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Session } from '#model';
import { loadConfig } from '../../apps/controller/src/config.js';
import { Log } from '../../apps/controller/src/log.js';
import { startController, type Controller } from '../../apps/controller/src/start.js';
import { BridgeProcess } from '../../apps/radius-bridge/test/bridge-process.js';
import { FakeNas } from '../../apps/radius-bridge/test/fake-nas.js';
import { testSecret } from '../../apps/radius-bridge/test/parts.js';
import { hasRadclient, radclient } from './radclient.js';
import { PolicyRepository, tinyPolicy } from './tiny-policy.js';

const bridgeToken = 'bridge-token-of-the-test';
const patience = { timeout: 20_000, interval: 50 };

describe.skipIf(!hasRadclient())('a switch that goes over to another bridge', () => {
  const folder = mkdtempSync(join(tmpdir(), 'cordon-handover-'));
  const repository = new PolicyRepository(join(folder, 'policy'));
  const nas = new FakeNas();
  let controller: Controller;
  const bridges: BridgeProcess[] = [];
  let mac = '';
  let next = 0x10;

  const startBridge = (n: number): Promise<BridgeProcess> =>
    BridgeProcess.start({
      dataFolder: join(folder, `bridge-${n}`),
      controllerUrl: controller.url,
      token: bridgeToken,
      env: { CORDON_BRIDGE_ID: `bridge-${n}`, TEST_RADIUS_SECRET: testSecret },
    });

  beforeAll(async () => {
    repository.commit({
      ...tinyPolicy,
      'network/nas.yaml': `sw1: { address: 127.0.0.1, site: main, profile: rfc, secret: "env:TEST_RADIUS_SECRET", coaPort: ${await nas.listen()} }\n`,
    });
    const config = loadConfig({
      PATH: process.env.PATH,
      HOME: folder,
      CORDON_DATA: join(folder, 'controller'),
      CORDON_HTTP: '127.0.0.1:0',
      CORDON_POLICY_REPOSITORY: repository.folder,
      CORDON_POLICY_POLL_SECONDS: '3600',
      CORDON_BRIDGE_TOKEN: bridgeToken,
    });
    controller = await startController(config, new Log(() => undefined));
    bridges.push(await startBridge(1), await startBridge(2));
  }, 120_000);

  afterAll(async () => {
    for (const bridge of bridges) await bridge.end('SIGTERM');
    await controller?.app.close();
    nas.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** A pump that bridge 1 has let in, with an address. */
  beforeEach(async () => {
    nas.reset();
    mac = `00:1a:2b:00:00:${(next++).toString(16)}`;
    await api('POST', '/api/v1/devices', { mac, class: 'infusion-pump' });
    await vi.waitFor(async () => {
      for (const bridge of bridges) expect(await bridge.status()).toMatchObject({ ready: true, devices: next - 0x10 });
    }, patience);
    access(1);
    account(1, 'Start');
    account(1, 'Interim-Update', '10.21.0.5');
    await known([{ addresses: ['10.21.0.5'], state: 'open' }]);
  });

  async function api<T>(method: string, path: string, body?: unknown): Promise<T> {
    const answer = await fetch(`${controller.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${controller.firstAdminToken!}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as T;
  }

  const sessions = async (): Promise<Session[]> =>
    (await api<{ items: Session[] }>('GET', `/api/v1/sessions?mac=${mac}`)).items;

  /** Open ones first. */
  const known = (wanted: readonly Partial<Session>[]): Promise<void> =>
    vi.waitFor(async () => {
      const found = (await sessions()).sort((a, b) => (a.state < b.state ? 1 : -1));
      expect(found).toMatchObject(wanted);
    }, patience);

  const about = (): Record<string, string> => ({
    'Acct-Session-Id': `S-${mac}`,
    'Calling-Station-Id': mac.toUpperCase().replaceAll(':', '-'),
    'NAS-Port-Id': 'Gi1/0/7',
  });

  function access(n: number): void {
    const digits = mac.replaceAll(':', '');
    const { code } = radclient(bridges[n - 1]!.authenticationPort, 'auth', testSecret, {
      'User-Name': digits,
      'User-Password': digits,
      'Message-Authenticator': '0x00',
      ...about(),
    });
    expect(code).toBe('Access-Accept');
  }

  function account(n: number, status: string, address?: string): void {
    const { code } = radclient(bridges[n - 1]!.accountingPort, 'acct', testSecret, {
      'Acct-Status-Type': status,
      ...about(),
      ...(address && { 'Framed-IP-Address': address }),
    });
    expect(code).toBe('Accounting-Response');
  }

  const wentOn = (n: number): Partial<Session> => ({
    state: 'closed',
    endReason: `the switch went on with bridge bridge-${n}`,
  });

  it('has one session, at the second, with its address; the first sends nothing for it any more', async () => {
    access(2);
    await known([{ state: 'open', addresses: ['10.21.0.5'] }, wentOn(2)]);
    account(2, 'Interim-Update', '10.21.0.9');
    await known([{ state: 'open', addresses: ['10.21.0.9'] }, wentOn(2)]);
    await api('PATCH', `/api/v1/devices/${mac}`, { posture: 'quarantined' });
    await known([{ state: 'open', segment: 'quarantine' }, wentOn(2)]);
    expect(
      nas.requests.filter((request) => request.mac?.replaceAll(/\W/g, '').toLowerCase() === mac.replaceAll(':', '')),
    ).toHaveLength(1);
  });

  it('keeps no address at a bridge that is gone, and what that one says when it is back changes nothing', async () => {
    await bridges[0]!.end('SIGKILL');
    access(2);
    account(2, 'Interim-Update', '10.21.0.9');
    await known([{ state: 'open', addresses: ['10.21.0.9'] }, wentOn(2)]);
    bridges[0] = await startBridge(1);
    await vi.waitFor(
      async () => expect(await bridges[0]!.status()).toMatchObject({ controller: { connected: true } }),
      patience,
    );
    await api('PATCH', `/api/v1/devices/${mac}`, { posture: 'quarantined' });
    await known([{ state: 'open', segment: 'quarantine', addresses: ['10.21.0.9'] }, { state: 'closed' }]);
    expect(nas.requests).toHaveLength(1);
  });

  it('is not told again what the first has told it', async () => {
    account(2, 'Interim-Update', '10.21.0.5');
    await known([
      { state: 'open', segment: 'pumps', decisionId: expect.stringMatching(/^cordon:/) as string },
      wentOn(2),
    ]);
    repository.commit({ 'rules/more.csv': '# nothing new\n' });
    await api('POST', '/api/v1/policy/sync');
    await vi.waitFor(async () => {
      const digests = await Promise.all(bridges.map(async (bridge) => (await bridge.status())['commit']));
      expect(new Set(digests).size).toBe(1);
    }, patience);
    await api('PATCH', `/api/v1/devices/${mac}`, { posture: 'quarantined' });
    await known([{ state: 'open', segment: 'quarantine' }, wentOn(2)]);
    expect(nas.requests).toHaveLength(1);
  });

  it('may tell the end of a session to a bridge that never heard of it', async () => {
    account(2, 'Stop');
    await known([{ state: 'closed' }, { state: 'closed' }]);
  });

  it('and comes back', async () => {
    access(2);
    await known([{ state: 'open' }, wentOn(2)]);
    access(1);
    account(1, 'Interim-Update', '10.21.0.7');
    await known([{ state: 'open', addresses: ['10.21.0.7'] }, { state: 'closed' }, { state: 'closed' }]);
  });
});
