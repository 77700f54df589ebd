import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { loadConfig } from '../../apps/controller/src/config.js';
import { Log } from '../../apps/controller/src/log.js';
import { startController, type Controller } from '../../apps/controller/src/start.js';
import { BridgeProcess } from '../../apps/radius-bridge/test/bridge-process.js';
import { FakeNas } from '../../apps/radius-bridge/test/fake-nas.js';
import { testSecret } from '../../apps/radius-bridge/test/parts.js';
import { TestAuthority } from '../authority.js';
import { attemptLines, attemptOptions, eapolTest, expectEnd, hasEapolTest, vlanIn } from './eapol-test.js';
import { hasRadclient, radclient } from './radclient.js';
import { PolicyRepository, tinyPolicy } from './tiny-policy.js';

const bin = join(import.meta.dirname, '../../bin/cordon.js');
const bridgeToken = 'bridge-token-of-the-test';
const deadline = 20_000;

interface Suspicion {
  readonly id: number;
  readonly kind: string;
  readonly state: string;
  readonly action: string;
  readonly reason: string;
}

describe.skipIf(!hasEapolTest() || !hasRadclient())('devices that may not be what they say', () => {
  const folder = mkdtempSync(join(tmpdir(), 'cordon-suspicions-'));
  const repository = new PolicyRepository(join(folder, 'policy'));
  const authority = new TestAuthority(join(folder, 'authority'), 'ecdsa');
  const nas = new FakeNas();
  /** With Cisco's Device Sensor. */
  const sensing = new FakeNas();
  let controller: Controller;
  let admin = '';
  const bridges: BridgeProcess[] = [];

  const startBridge = (n: number): Promise<BridgeProcess> =>
    BridgeProcess.start({
      dataFolder: join(folder, `bridge-${n}`),
      controllerUrl: controller.url,
      token: bridgeToken,
      env: { CORDON_BRIDGE_ID: `bridge-${n}`, TEST_RADIUS_SECRET: testSecret },
    });

  beforeAll(async () => {
    const coaPort = await nas.listen();
    const server = authority.issue('radius', 'serverAuth', 'radius.test');
    repository.commit({
      ...tinyPolicy,
      'network/nas.yaml': `sw1: { address: 127.0.0.1, site: main, profile: rfc, secret: "env:TEST_RADIUS_SECRET", coaPort: ${coaPort} }
sw2: { address: 127.0.0.2, site: main, profile: cisco-ios-xe, secret: "env:TEST_RADIUS_SECRET", coaPort: ${await sensing.listen('127.0.0.2')} }\n`,
      'network/eap.yaml': `certificate: "file:${server.certificate}"
key: "file:${server.key}"
authorities:
  own: { certificates: "file:${authority.certificate}", revocationLists: null, devices: [{ from: dns-name, pattern: "{mac}.devices.test" }] }
`,
      'catalog/classes-scanners.yaml': 'ct-scanner: { description: by certificate alone }\n',
      'catalog/segments-scanners.yaml':
        'scanners: { sites: { main: { vlan: 220, prefixes: [10.22.0.0/20, "fd22::/64"] } } }\n',
      'rules/access-scanners.csv': 'p2, ct-scanner, everywhere, verified, scanners, always, "by certificate alone"\n',
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
    admin = controller.firstAdminToken!;
    bridges.push(await startBridge(1), await startBridge(2));
    await until(
      () => Promise.all(bridges.map((bridge) => bridge.status())),
      (all) => all.every((status) => status['ready'] === true && status['eapProblem'] === null),
    );
  }, 120_000);

  afterAll(async () => {
    for (const bridge of bridges) await bridge.end('SIGTERM');
    await controller?.app.close();
    nas.close();
    sensing.close();
    rmSync(folder, { recursive: true, force: true });
  });

  beforeEach(() => {
    nas.reset();
    sensing.reset();
  });

  async function until<T>(ask: () => Promise<T>, isSo: (answer: T) => boolean): Promise<T> {
    const end = Date.now() + deadline;
    for (;;) {
      const answer = await ask();
      if (isSo(answer)) return answer;
      if (Date.now() > end) throw new Error(`not so after ${deadline} ms: ${JSON.stringify(answer)}`);
      await new Promise((done) => {
        setTimeout(done, 20);
      });
    }
  }

  async function api<T>(method: string, path: string, body?: unknown, token = admin): Promise<T> {
    const answer = await fetch(`${controller.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return (answer.status === 204 ? undefined : await answer.json()) as T;
  }

  /** The controller runs in this process: who asks it must not hold it up. */
  const cordon = (args: readonly string[], token = admin): Promise<{ code: number; out: string; err: string }> =>
    new Promise((done) => {
      const env = { ...process.env, CORDON_CONTROLLER_URL: controller.url, CORDON_TOKEN: token };
      execFile(process.execPath, [bin, ...args], { env, encoding: 'utf8' }, (error, out, err) =>
        done({ code: error ? Number(error.code) : 0, out, err }),
      );
    });

  const listed = async (mac: string, state = 'open'): Promise<Suspicion[]> =>
    (JSON.parse((await cordon(['suspicions', '--mac', mac, '--state', state, '--json'])).out) as { items: Suspicion[] })
      .items;
  const raised = async (mac: string, isSo = (found: Suspicion[]) => found.length > 0): Promise<Suspicion> =>
    (await until(() => listed(mac), isSo))[0]!;

  async function policy(text: string): Promise<void> {
    repository.commit({ 'network/suspicions.yaml': text });
    const answer = await api('POST', '/api/v1/policy/sync');
    expect(answer).toMatchObject({ status: 'active' });
  }

  let next = 0x10;
  async function register(prefix = '00:1a:2b', name = 'infusion-pump'): Promise<string> {
    const mac = `${prefix}:00:00:${(next++).toString(16)}`;
    await api('POST', '/api/v1/devices', { mac, class: name });
    await until(
      () => Promise.all(bridges.map((bridge) => bridge.status())),
      (all) => all.every((status) => status['devices'] === next - 0x10),
    );
    return mac;
  }

  const digits = (mac: string): string => mac.replaceAll(':', '');

  /** Answers with the VLAN; null: rejected. */
  function byMac(mac: string, bridge = bridges[0]!, port: Readonly<Record<string, string>> = {}): string | null {
    const { code, attributes } = radclient(bridge.authenticationPort, 'auth', testSecret, {
      'User-Name': digits(mac),
      'User-Password': digits(mac),
      'Calling-Station-Id': mac.toUpperCase().replaceAll(':', '-'),
      'Message-Authenticator': '0x00',
      ...port,
    });
    expect(code).toMatch(/^Access-(Accept|Reject)$/);
    return attributes.find(([name]) => name === 'Tunnel-Private-Group-Id')?.[1] ?? null;
  }

  async function byCertificate(mac: string): Promise<string> {
    const dns = `${mac.replaceAll(':', '-')}.devices.test`;
    const { certificate, key } = authority.issue(`own-${digits(mac)}-${Date.now()}`, 'clientAuth', dns);
    const network = [
      'eap=TLS',
      'identity="anonymous"',
      `ca_cert="${authority.certificate}"`,
      `client_cert="${certificate}"`,
      `private_key="${key}"`,
      ...attemptLines({}),
    ];
    const target = { folder, port: bridges[0]!.authenticationPort, secret: testSecret };
    const stdout = await eapolTest(target, network, attemptOptions({}, mac));
    expectEnd(stdout, 'SUCCESS');
    return vlanIn(stdout);
  }

  /** So that what is not found was looked at. */
  const stored = (mac: string, count: number): Promise<{ items: { outcome: string }[] }> =>
    until(
      () => api<{ items: { outcome: string }[] }>('GET', `/api/v1/authentications?mac=${mac}`),
      ({ items }) => items.length >= count,
    );

  const posture = async (mac: string): Promise<string> =>
    (await api<{ posture: string }>('GET', `/api/v1/devices/${mac}`)).posture;

  describe('a device that showed its certificate and comes by its MAC address', () => {
    it('raises an alarm that all commands show, on another bridge, and after a restart', async () => {
      const mac = await register();
      expect(await byCertificate(mac)).toBe('210');
      await stored(mac, 1);
      await bridges[0]!.end('SIGKILL');
      bridges[0] = await startBridge(1);
      expect(byMac(mac, bridges[1])).toBe('210');
      const suspicion = await raised(mac);
      expect(suspicion).toMatchObject({ kind: 'downgrade', action: 'alarm', state: 'open' });

      const list = await cordon(['suspicions', '--mac', mac]);
      expect(list.code).toBe(2);
      expect(list.out).toMatch(/^ID +RAISED +MAC +CLASS +NAS +PORT +KIND +DONE +SEEN +STATE\n/);
      expect(list.out).toMatch(
        /infusion-pump +sw1 +- +downgrade +alarm +1 +open\n +it showed a certificate on sw1 at /,
      );
      expect((await cordon(['tail', '--mac', mac, '--recent', '1', '--count', '1'])).out).toContain(
        'suspicion: downgrade',
      );
      expect((await cordon(['sessions', '--mac', mac])).out).toMatch(/open; .*suspicion: downgrade/);
      expect((await cordon(['history', mac])).out).toMatch(/suspicion {2}\d+ of .*: downgrade, alarm: it showed/);
      expect(await posture(mac)).toBe('normal');
      const metrics = await (
        await fetch(`${controller.url}/metrics`, { headers: { authorization: `Bearer ${admin}` } })
      ).text();
      expect(metrics).toContain('cordon_controller_suspicions_total{kind="downgrade"} 1');
      expect(metrics).toContain('cordon_controller_suspicions_open{kind="two-ports"} 0');
    });

    it('is dismissed by a named person with a reason, and needs a certificate again before it is suspect again', async () => {
      const mac = await register();
      await byCertificate(mac);
      await stored(mac, 1);
      byMac(mac);
      const { id } = await raised(mac);
      const { token } = await api<{ token: string }>('POST', '/api/v1/tokens', { name: `ada-${id}`, role: 'operator' });
      const viewer = await api<{ token: string }>('POST', '/api/v1/tokens', { name: `eve-${id}`, role: 'viewer' });
      const dismiss = ['suspicions', 'dismiss', `${id}`, '--reason', 'its card was replaced'];
      expect(await cordon(dismiss, viewer.token)).toMatchObject({ code: 1 });
      expect((await cordon(['suspicions', 'dismiss', `${id}`])).code).toBe(1);
      expect(await cordon(dismiss, token)).toMatchObject({ code: 0, out: expect.stringContaining('is dismissed') });
      expect((await cordon(dismiss, token)).err).toContain('dismissed already');
      expect((await cordon(['history', mac])).out).toContain(`suspicion.dismiss by ada-${id}: its card was replaced`);
      byMac(mac, bridges[0], { 'NAS-Port-Id': 'new' });
      await stored(mac, 3);
      expect(await listed(mac)).toEqual([]);
      await byCertificate(mac);
      await stored(mac, 4);
      byMac(mac, bridges[1], { 'NAS-Port-Id': 'newer' });
      expect((await raised(mac)).kind).toBe('downgrade');
    });

    it('is suspect no more once it shows its certificate on that port', async () => {
      const mac = await register();
      await byCertificate(mac);
      await stored(mac, 1);
      byMac(mac);
      await raised(mac);
      await byCertificate(mac);
      await until(
        () => listed(mac, 'over'),
        (found) => found.length === 1,
      );
      expect(await listed(mac)).toEqual([]);
    });

    it('is put into quarantine where policy wants it, by CoA, once, until it is released', async () => {
      await policy('downgrade: quarantine\n');
      const mac = await register();
      await byCertificate(mac);
      await stored(mac, 1);
      expect(byMac(mac, bridges[0], { 'NAS-Port-Id': 'A' })).toBe('210');
      const since = performance.now();
      await until(
        () => Promise.resolve(nas.requests.filter(({ vlan }) => vlan === '666')),
        (requests) => requests.length > 0,
      );
      expect(performance.now() - since).toBeLessThan(5000);
      expect(await raised(mac)).toMatchObject({ kind: 'downgrade', action: 'quarantine' });
      expect(await posture(mac)).toBe('quarantined');
      for (const bridge of bridges)
        await until(
          () => Promise.resolve(byMac(mac, bridge, { 'NAS-Port-Id': 'A' })),
          (vlan) => vlan === '666',
        );
      expect((await cordon(['history', mac])).out).toMatch(
        /device\.posture by system, posture normal to quarantined: suspicion \d+ \(downgrade\)/,
      );
      await api('PUT', `/api/v1/devices/${mac}/posture`, { posture: 'normal', reason: 'looked at it' });
      await until(
        () => Promise.resolve(byMac(mac, bridges[0], { 'NAS-Port-Id': 'A' })),
        (vlan) => vlan === '210',
      );
      const count = (await api<{ items: unknown[] }>('GET', `/api/v1/authentications?mac=${mac}`)).items.length;
      byMac(mac, bridges[0], { 'NAS-Port-Id': 'B' });
      await stored(mac, count + 1);
      expect(await posture(mac)).toBe('normal');
    });

    it('only raises an alarm where it was refused: nobody got in', async () => {
      await policy('downgrade: quarantine\n');
      const mac = await register('00:1a:2c', 'ct-scanner');
      expect(await byCertificate(mac)).toBe('220');
      await stored(mac, 1);
      expect(byMac(mac, bridges[1])).toBeNull();
      expect(await raised(mac)).toMatchObject({ action: 'alarm', reason: expect.stringMatching(/\(refused\)$/) });
      expect(await posture(mac)).toBe('normal');
    });

    it('is left alone where policy says so', async () => {
      await policy('downgrade: ignore\n');
      const mac = await register();
      await byCertificate(mac);
      await stored(mac, 1);
      byMac(mac, bridges[1]);
      await stored(mac, 2);
      expect(await listed(mac, 'all')).toEqual([]);
    });
  });

  describe('an address of no manufacturer of its class', () => {
    const makers = (action: string): string =>
      `vendor: ${action}\nclasses: { infusion-pump: { manufacturers: ["00:1a:2b"] } }\n`;

    it('raises an alarm, and none for one that is', async () => {
      await policy(makers('alarm'));
      const [own, foreign] = [await register(), await register('00:aa:bb')];
      for (const mac of [own, foreign]) byMac(mac);
      expect(await raised(foreign)).toMatchObject({
        kind: 'vendor',
        action: 'alarm',
        reason: '00:aa:bb is of no manufacturer of class `infusion-pump`',
      });
      await stored(own, 1);
      expect(await listed(own, 'all')).toEqual([]);
    });

    it('is quarantined where policy wants it, and over when the class is put right', async () => {
      await policy(makers('quarantine'));
      const mac = await register('00:aa:bb');
      expect(byMac(mac)).toBe('210');
      await until(
        () => Promise.resolve(byMac(mac)),
        (vlan) => vlan === '666',
      );
      expect(await raised(mac)).toMatchObject({ kind: 'vendor', action: 'quarantine' });
      await api('PUT', `/api/v1/devices/${mac}/class`, { class: 'ct-scanner' });
      await until(
        () => listed(mac, 'over'),
        (found) => {
          byMac(mac);
          return found.length === 1;
        },
      );
    });
  });

  describe('a device that says something else than its class', () => {
    const sensor = { 'Packet-Src-IP-Address': '127.0.0.2', 'NAS-Port-Id': 'Gi1/0/7' };
    const values = 'classes: { infusion-pump: { fingerprints: { dhcp-class-identifier: ["alaris-*"] } } }\n';
    /** FreeRADIUS writes octets that can't be printed in octal. */
    const octal = (n: number): string => `\\${n.toString(8).padStart(3, '0')}`;
    const option = (type: number, value: string): string =>
      `dhcp-option=${octal(0)}${octal(type)}${octal(0)}${octal(value.length)}${value}`;

    function account(mac: string, status: string, told: Readonly<Record<string, string>>, from = sensor): void {
      const { code } = radclient(bridges[0]!.accountingPort, 'acct', testSecret, {
        'Acct-Status-Type': status,
        'Acct-Session-Id': digits(mac),
        'Calling-Station-Id': mac.toUpperCase().replaceAll(':', '-'),
        ...told,
        ...from,
      });
      expect(code).toBe('Accounting-Response');
    }

    /** Authenticates a pump behind the switch that has Device Sensor, and has the switch tell what it says. */
    async function pumpThatSays(identifier: string): Promise<string> {
      const mac = await register();
      expect(byMac(mac, bridges[0], sensor)).toBe('210');
      account(mac, 'Start', {});
      account(mac, 'Interim-Update', { 'Cisco-AVPair': option(60, identifier) });
      return mac;
    }

    const fingerprint = async (mac: string): Promise<unknown> =>
      (await api<{ items: { fingerprint: unknown }[] }>('GET', `/api/v1/sessions?mac=${mac}`)).items[0]?.fingerprint;

    it('is seen with what it says, and suspected with what its class has, until it says that', async () => {
      await policy(values);
      const mac = await pumpThatSays('MSFT 5.0');
      const suspicion = await raised(mac);
      expect(suspicion).toMatchObject({
        kind: 'fingerprint',
        action: 'alarm',
        reason: 'its dhcp-class-identifier is "MSFT 5.0", and class `infusion-pump` has "alaris-*"',
      });
      expect(await api('GET', `/api/v1/suspicions?mac=${mac}&kind=fingerprint`)).toMatchObject({
        items: [{ id: suspicion.id, said: { 'dhcp-class-identifier': 'MSFT 5.0' } }],
      });
      account(mac, 'Interim-Update', {
        'Attr-26.9.1': `0x${Buffer.from('lldp-tlv=\u0000\u0005\u0000\u0004pump').toString('hex')}`,
      });
      const said = { 'dhcp-class-identifier': 'MSFT 5.0', 'lldp-system-name': 'pump' };
      await until(
        () => fingerprint(mac),
        (found) => JSON.stringify(found) === JSON.stringify(said),
      );
      const { items } = JSON.parse((await cordon(['sessions', '--mac', mac, '--json'])).out) as { items: unknown[] };
      expect(items).toMatchObject([{ fingerprint: said, suspicions: ['fingerprint'] }]);
      expect((await cordon(['sessions', '--mac', mac])).out).toMatch(
        /suspicion: fingerprint\n {4}dhcp-class-identifier: MSFT 5\.0\n {4}lldp-system-name: pump\n/,
      );
      account(mac, 'Interim-Update', { 'Cisco-AVPair': option(60, 'ALARIS-8015') });
      await until(
        () => listed(mac, 'over'),
        (found) => found.length === 1,
      );
      expect(await listed(mac)).toEqual([]);
    });

    it('is quarantined where policy wants it, and released it stays where it is', async () => {
      await policy(`fingerprint: quarantine\n${values}`);
      const mac = await pumpThatSays('MSFT 5.0');
      expect(await raised(mac)).toMatchObject({ kind: 'fingerprint', action: 'quarantine' });
      await until(
        () => Promise.resolve(sensing.commands),
        (commands) => commands.includes('reauthenticate'),
      );
      expect(byMac(mac, bridges[0], sensor)).toBe('666');
      await api('PUT', `/api/v1/devices/${mac}/posture`, { posture: 'normal', reason: 'looked at it' });
      await until(
        () => Promise.resolve(byMac(mac, bridges[0], sensor)),
        (vlan) => vlan === '210',
      );
      account(mac, 'Interim-Update', { 'Cisco-AVPair': option(60, 'MSFT 5.0'), 'Acct-Input-Octets': '7' });
      await until(
        () => api<{ items: { inputOctets: number }[] }>('GET', `/api/v1/sessions?mac=${mac}`),
        ({ items }) => items[0]!.inputOctets === 7,
      );
      expect(await posture(mac)).toBe('normal');
    });

    it('is not looked at behind a switch of another make, nor where the attribute is broken; the record counts', async () => {
      await policy(values);
      const [other, broken] = [await register(), await register()];
      const octets = { 'Acct-Input-Octets': '9' };
      byMac(other);
      const told = { 'Cisco-AVPair': option(60, 'MSFT 5.0'), ...octets };
      account(other, 'Interim-Update', told, { ...sensor, 'Packet-Src-IP-Address': '127.0.0.1' });
      byMac(broken, bridges[0], sensor);
      const cut = option(60, 'MSFT 5.0').slice(0, -1);
      account(broken, 'Interim-Update', { 'Cisco-AVPair': cut, ...octets });
      for (const mac of [other, broken]) {
        const { items } = await until(
          () => api<{ items: { inputOctets: number; fingerprint: unknown }[] }>('GET', `/api/v1/sessions?mac=${mac}`),
          ({ items: found }) => found.some(({ inputOctets }) => inputOctets === 9),
        );
        expect(items.map((session) => session.fingerprint).every((found) => found === null)).toBe(true);
        expect(await listed(mac, 'all')).toEqual([]);
      }
    });
  });

  describe('one address on two ports', () => {
    const account = (mac: string, bridge: BridgeProcess, port: string, status: string, octets: number): void => {
      const { code } = radclient(bridge.accountingPort, 'acct', testSecret, {
        'Acct-Status-Type': status,
        'Acct-Session-Id': `${digits(mac)}-${port}`,
        'Calling-Station-Id': mac.toUpperCase().replaceAll(':', '-'),
        'NAS-Port-Id': port,
        'Acct-Input-Octets': `${octets}`,
      });
      expect(code).toBe('Accounting-Response');
    };

    /** Both ports at two bridges; `isCloned`: the first goes on having traffic. */
    async function two(mac: string, isCloned: boolean): Promise<void> {
      const ports = [
        { bridge: bridges[0]!, port: 'A' },
        { bridge: bridges[1]!, port: 'B' },
      ];
      const octetsAt = async (port: string): Promise<number | undefined> =>
        (
          await api<{ items: { nasPort: string; inputOctets: number }[] }>('GET', `/api/v1/sessions?mac=${mac}`)
        ).items.find(({ nasPort }) => nasPort === port)?.inputOctets;
      for (const { bridge, port } of ports) {
        byMac(mac, bridge, { 'NAS-Port-Id': port, 'Acct-Session-Id': `${digits(mac)}-${port}` });
        account(mac, bridge, port, 'Start', 0);
        await until(
          () => octetsAt(port),
          (octets) => octets !== undefined,
        );
      }
      for (let octets = 100; octets <= 300; octets += 100) {
        for (const { bridge, port } of isCloned ? ports : ports.slice(1)) {
          account(mac, bridge, port, 'Interim-Update', octets);
          await until(
            () => octetsAt(port),
            (found) => found === octets,
          );
        }
      }
    }

    it('is found across bridges when both go on having traffic', async () => {
      await policy('two-ports: alarm\n');
      const mac = await register();
      await two(mac, true);
      const { kind, reason } = await raised(mac);
      expect([kind, reason]).toEqual([
        'two-ports',
        expect.stringMatching(/it is on sw1 . and on sw1 . by turns, 3 times/),
      ]);
    });

    it('is not found when the device has moved and the old session stays open', async () => {
      const mac = await register();
      await two(mac, false);
      expect(await listed(mac, 'all')).toEqual([]);
    });

    it('is quarantined where policy wants it', async () => {
      await policy('two-ports: quarantine\n');
      const mac = await register();
      await two(mac, true);
      expect(await raised(mac)).toMatchObject({ kind: 'two-ports', action: 'quarantine' });
      await until(
        () => Promise.resolve(nas.requests.filter(({ vlan }) => vlan === '666')),
        (requests) => requests.length >= 2,
      );
    });
  });
});
