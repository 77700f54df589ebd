import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Mac } from '#net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { sampleOrigin, testParts, testSecret } from '../../apps/radius-bridge/test/parts.js';
import { sampleFiles, sampleSnapshot } from '../../apps/radius-bridge/test/sample-policy.js';
import { grantFields } from '../../apps/radius-bridge/src/authentication/authorizer.js';
import { DecisionIds } from '../../apps/radius-bridge/src/authentication/decision-id.js';
import type { Client } from '../../apps/radius-bridge/src/clients/client-table.js';
import { CoaClient } from '../../apps/radius-bridge/src/coa/coa-client.js';
import { CoaReconciler } from '../../apps/radius-bridge/src/coa/coa-reconciler.js';
import type { TrackedSession } from '../../apps/radius-bridge/src/sessions/tracked-session.js';

const mac = '02:00:00:00:01:01' as Mac;

function hasHostapd(): boolean {
  const isThere = ['hostapd', 'hostapd_cli'].every((name) => spawnSync(name, ['-v']).error === undefined);
  if (!isThere && process.env['CI']) throw new Error('hostapd is missing: install hostapd');
  return isThere;
}

/** hostapd's own dynamic authorization server: it disconnects, and refuses CoA-Requests that carry a VLAN. */
class Hostapd {
  private child: ChildProcess | null = null;
  private readonly folder = mkdtempSync(join(tmpdir(), 'cordon-hostapd-'));
  port = 0;

  async start(): Promise<void> {
    this.port = await freePort();
    const file = join(this.folder, 'hostapd.conf');
    const lines = [
      'interface=lo',
      'driver=none',
      'logger_stdout=-1',
      'logger_stdout_level=1',
      `ctrl_interface=${this.folder}`,
      'ieee8021x=1',
      'own_ip_addr=127.0.0.1',
      'nas_identifier=lab-sw1',
      'auth_server_addr=127.0.0.1',
      'auth_server_port=9',
      `auth_server_shared_secret=${testSecret}`,
      `radius_das_port=${this.port}`,
      `radius_das_client=127.0.0.1 ${testSecret}`,
      'radius_das_time_window=300',
      'radius_das_require_event_timestamp=1',
      'radius_das_require_message_authenticator=1',
    ];
    writeFileSync(file, `${lines.join('\n')}\n`);
    this.child = spawn('hostapd', [file], { stdio: ['ignore', 'pipe', 'inherit'] });
    for await (const line of createInterface({ input: this.child.stdout! })) if (line.includes('AP-ENABLED')) return;
    throw new Error('hostapd ended');
  }

  command(...words: readonly string[]): string {
    const { stdout } = spawnSync('hostapd_cli', ['-p', this.folder, '-i', 'lo', ...words], { encoding: 'utf8' });
    return stdout.trim();
  }

  get stations(): string {
    return this.command('list_sta');
  }

  async stop(): Promise<void> {
    if (this.child && this.child.exitCode === null) {
      this.child.kill();
      await once(this.child, 'exit');
    }
    rmSync(this.folder, { recursive: true });
  }
}

async function freePort(): Promise<number> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  return port;
}

describe.skipIf(!hasHostapd())('the ladder against hostapd', () => {
  const hostapd = new Hostapd();
  let parts: ReturnType<typeof testParts>;
  let reconciler: CoaReconciler | null = null;

  beforeAll(() => hostapd.start());
  afterAll(() => hostapd.stop());
  beforeEach(() => {
    hostapd.command('new_sta', mac);
    expect(hostapd.stations).toContain(mac);
  });
  afterEach(() => reconciler?.close());

  function start(deviceClass: string, secret = 'SECRET'): TrackedSession {
    const nas = `switch: { address: 127.0.0.1, site: main, profile: rfc, secret: "env:${secret}", coaPort: ${hostapd.port}, sessionTimeout: 3600 }`;
    parts = testParts(sampleSnapshot({ ...sampleFiles, 'network/nas.yaml': nas }));
    parts.devices.apply(false, 1, [{ mac, class: deviceClass, posture: 'normal' }]);
    const { authorizer, clients } = parts.snapshots.current!;
    const client = clients.find('127.0.0.1') as Client;
    const decision = authorizer.decide({ nas: client.nas, ssid: null }, mac, parts.devices.find(mac), 'mac');
    if (decision.kind === 'refused') throw new Error(decision.detail);
    const identification = {
      mac,
      userName: null,
      callingStationId: '02-00-00-00-01-01',
      acctSessionId: null,
      auditSessionId: null,
      nasIpAddress: '127.0.0.1',
      nasIpv6Address: null,
      nasIdentifier: 'lab-sw1',
      nasPort: null,
      nasPortId: null,
    };
    const origin = sampleOrigin(mac, identification);
    const ports = { ...parts, client: new CoaClient(parts.counters), log: () => undefined };
    reconciler = new CoaReconciler(ports, new DecisionIds(), () => new Date());
    return parts.sessions.create(origin, grantFields(decision, 'cordon:test'), decision.fingerprint, new Date())!;
  }

  function quarantine(deviceClass: string): void {
    parts.devices.apply(false, 2, [{ mac, class: deviceClass, posture: 'quarantined' }]);
    reconciler!.reviewDevice(mac);
  }

  /** hostapd forgets a station five seconds after it was disconnected. */
  function left(): void {
    const deadline = Date.now() + 15_000;
    while (hostapd.stations.includes(mac)) if (Date.now() > deadline) throw new Error('hostapd keeps the station');
  }

  it('goes from a CoA that is refused to a disconnect that ends the session', async () => {
    const { session } = start('ct-scanner');
    quarantine('ct-scanner');
    await parts.until(() => session.state === 'closed');
    expect(session.earlierCoa).toMatchObject([{ step: 'coa', outcome: 'nak', errorCause: 401 }]);
    expect(session.lastCoa).toMatchObject({ step: 'disconnect', outcome: 'ack' });
    left();
  });

  it('does not cut off a life-critical device', async () => {
    const { session } = start('infusion-pump');
    quarantine('infusion-pump');
    await parts.until(() => session.convergence.state === 'diverged');
    expect(session.convergence.reason).toContain('refused with Unsupported-Attribute');
    expect(hostapd.stations).toContain(mac);
  });

  it('closes a session that hostapd does not know', async () => {
    hostapd.command('disassociate', mac);
    hostapd.command('deauthenticate', mac);
    const { session } = start('ct-scanner');
    parts.devices.apply(false, 2, [{ mac, deleted: true }]);
    left();
    reconciler!.reviewDevice(mac);
    await parts.until(() => session.state === 'closed');
    expect(session.lastCoa).toMatchObject({ step: 'disconnect', outcome: 'nak', errorCause: 503 });
  });
});
