import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseMac } from '#net';
import { encodeSnapshot } from '#policy';
import {
  codes,
  decodePacket,
  describeAttribute,
  nasProfileNames,
  ntHash,
  Secret,
  signRequest,
  textAttribute,
  types,
  type Packet,
} from '#radius';
import type { Authentication, DevicePosture, Session } from '#model';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { BridgeProcess } from '../../apps/radius-bridge/test/bridge-process.js';
import { FakeController } from '../../apps/radius-bridge/test/fake-controller.js';
import { FakeNas } from '../../apps/radius-bridge/test/fake-nas.js';
import { testSecret } from '../../apps/radius-bridge/test/parts.js';
import { sampleFiles, sampleSnapshot } from '../../apps/radius-bridge/test/sample-policy.js';
import { TestAuthority } from '../authority.js';
import { attemptLines, attemptOptions, eapolTest, expectEnd, hasEapolTest, vlanIn } from './eapol-test.js';
import { Freeradius, hasFreeradius } from './freeradius.js';
import { hasRadclient, radclient } from './radclient.js';
import { freePair } from './serve-process.js';

const token = 'bridge-token-of-the-test';
const restToken = randomBytes(16).toString('hex');
const [switchSecret, proxySecret] = ['secret of the switches', 'secret of the proxy'];
const secrets = { SECRET_RFC: testSecret, SECRET_CISCO: testSecret, SECRET_PROXY: proxySecret, REST_TOKEN: restToken };
const pump = parseMac('00:1a:2b:3c:4d:5e')!;
const other = parseMac('00:1a:2b:3c:4d:60')!;
const patience = { timeout: 10_000, interval: 50 };
const password = 'm0nitor!';
/** FreeRADIUS's own address, which is no switch's. */
const freeradiusAddress = '127.0.0.9';
/** A switch of each make. */
const profiles = nasProfileNames.map((profile, i) => ({ profile, address: `127.0.1.${i + 1}` }));

const hasPeers = hasFreeradius() && hasRadclient() && hasEapolTest();

describe.skipIf(!hasPeers)('beside FreeRADIUS, by the configuration of docs/beside-freeradius.md', () => {
  const controller = new FakeController(token);
  const folder = mkdtempSync(join(tmpdir(), 'cordon-freeradius-'));
  const authority = new TestAuthority(join(folder, 'devices'), 'ecdsa', 'Hospital, devices');
  const stranger = new TestAuthority(join(folder, 'stranger'), 'ecdsa', 'somebody else');
  const server = authority.issue('radius', 'serverAuth', 'radius.test');
  const nas = new FakeNas();
  let coaPort: number;
  let ports: { readonly authentication: number; readonly rest: number };
  let bridge: BridgeProcess;
  let revision = 1;

  const eapYaml = [
    `certificate: "file:${server.certificate}"`,
    `key: "file:${server.key}"`,
    'methods: [tls, peap, ttls]',
    'resumption: 0',
    'authorities:',
    `  devices: { certificates: "file:${authority.certificate}", revocationLists: "file:${authority.revocationList}", devices: [{ from: dns-name, pattern: "{mac}.devices.test" }] }`,
  ].join('\n');

  const snapshot = (edition = 'first edition') =>
    sampleSnapshot({
      'catalog/endpoints.yaml': `${sampleFiles['catalog/endpoints.yaml']}\nother: { addresses: [10.77.0.1], description: ${edition} }`,
      'network/eap.yaml': eapYaml,
      'network/nas.yaml': [
        `switch-rfc: { address: 127.0.0.1, site: main, profile: rfc, secret: "env:SECRET_RFC", sessionTimeout: 3600, coaPort: ${coaPort}, ssidSites: { clinical: main-wifi } }`,
        'switch-cisco: { address: 127.0.0.2, site: main, profile: cisco-ios-xe, secret: "env:SECRET_CISCO", sessionTimeout: 3600 }',
        'switch-foreign: { address: 127.0.0.3, site: main, profile: rfc, secret: "env:SECRET_RFC" }',
        ...profiles.map(
          ({ profile, address }) =>
            `of-${profile}: { address: ${address}, site: main, profile: ${profile}, secret: "env:SECRET_RFC", portAcl: ${portAclOf(profile)} }`,
        ),
      ].join('\n'),
      'network/proxies.yaml': `freeradius: { address: ${freeradiusAddress}, secret: "env:SECRET_PROXY", restToken: "env:REST_TOKEN", for: [switch-rfc, switch-cisco, ${profiles.map(({ profile }) => `of-${profile}`).join(', ')}] }`,
      // Every make has words for these.
      'rules/flows.csv':
        'p, infusion-pump, drug-library, https, allow, always, "pharmacy"\np, infusion-pump, pacs, dicom, allow, always, "so that there are several lines"',
      'rules/access.csv': `${sampleFiles['rules/access.csv']}\np2, infusion-pump, everywhere, verified, pumps-watched, always, "by certificate"`,
    });

  async function startBridge(
    controllerUrl: string,
    { name = 'bridge', env = {} }: { readonly name?: string; readonly env?: Readonly<Record<string, string>> } = {},
  ): Promise<BridgeProcess> {
    return BridgeProcess.start({
      dataFolder: join(folder, name),
      controllerUrl,
      token,
      env: {
        ...secrets,
        CORDON_RADIUS_AUTH_PORT: `${ports.authentication}`,
        CORDON_RADIUS_ACCT_PORT: `${ports.authentication + 1}`,
        CORDON_REST: `127.0.0.1:${ports.rest}`,
        ...env,
      },
    });
  }

  const devicesAre = (posture: DevicePosture) => [pump, other].map((mac) => ({ mac, class: 'infusion-pump', posture }));

  /** To the bridge that is there, and to one that connects again. */
  async function setPosture(posture: DevicePosture): Promise<void> {
    const devices = { type: 'devices' as const, reset: true, revision: ++revision, devices: devicesAre(posture) };
    controller.initial = controller.initial.map((message) => (message.type === 'devices' ? devices : message));
    controller.send(devices);
    controller.send({ type: 'ping' });
    await vi.waitFor(async () => expect((await bridge.status())['revision']).toBe(revision), patience);
  }

  let controllerUrl: string;

  beforeAll(async () => {
    coaPort = await nas.listen();
    nas.reset();
    ports = { authentication: await freePair(), rest: await freePair() };
    controllerUrl = await controller.listen();
    const credential = {
      username: 'pump-1',
      mac: pump,
      passwordHash: null,
      ntHash: ntHash(password).toString('hex'),
    };
    controller.initial = [
      { type: 'snapshot', snapshot: encodeSnapshot(snapshot()) },
      { type: 'devices', reset: true, revision, devices: devicesAre('normal') },
      {
        type: 'credentials',
        reset: true,
        revision,
        credentials: [credential, { ...credential, username: 'pump-2', mac: other }],
      },
      { type: 'ping' },
    ];
    bridge = await startBridge(controllerUrl);
    await vi.waitFor(async () => {
      const status = await bridge.status();
      expect(status['credentials']).toBe(2);
      expect(status['eapProblem']).toBeNull();
    }, patience);
    expect((await bridge.status())['clientsWithoutSecret']).toEqual([]);
  }, 30_000);

  afterAll(async () => {
    await bridge?.end('SIGTERM');
    await controller.close();
    nas.close();
    rmSync(folder, { recursive: true });
  });

  /** FreeRADIUS with a configuration of the guide; what differs here is addresses, ports and secrets. */
  async function startFreeradius(way: 'proxy' | 'rest', changes: Readonly<Record<string, string>> = {}) {
    for (let tries = 1; ; tries++) {
      try {
        return await startOn(await freePair(), way, changes);
      } catch (error) {
        // The pair was free for TCP; by UDP somebody else may have had it.
        if (tries === 3 || !String(error).includes('already in use')) throw error;
      }
    }
  }

  async function startOn(port: number, way: 'proxy' | 'rest', changes: Readonly<Record<string, string>>) {
    const own = join(folder, `${way}-${port}`);
    mkdirSync(own);
    const pem = (...files: string[]): string => files.map((file) => readFileSync(file, 'utf8')).join('\n');
    const process = await Freeradius.start({
      folder: own,
      way,
      replace: {
        '10.0.5.10\n\tport = 1812': `127.0.0.1\n\tport = ${ports.authentication}`,
        '10.0.5.11\n\tport = 1812': `127.0.0.8\n\tport = ${ports.authentication}`,
        'ipaddr = *\n\t\tport = 1812': `ipaddr = 127.0.0.1\n\t\tport = ${port}`,
        'ipaddr = *\n\t\tport = 1813': `ipaddr = 127.0.0.1\n\t\tport = ${port + 1}`,
        '10.0.8.5': freeradiusAddress,
        '10.0.0.0/16': '127.0.0.0/8',
        'CHANGE-ME-switches': switchSecret,
        'CHANGE-ME-proxy': proxySecret,
        'CHANGE-ME-token': restToken,
        '127.0.0.1:8082': `127.0.0.1:${ports.rest}`,
        ...changes,
      },
      files: {
        'certs/radius.pem': pem(server.certificate),
        'certs/radius.key': pem(server.key),
        // It believes more than Cordon does.
        'certs/devices.pem': pem(
          authority.certificate,
          authority.revocationList,
          stranger.certificate,
          stranger.revocationList,
        ),
        'mods-config/files/authorize': ['pump-1', 'pump-2', 'nobody']
          .map((name) => `${name} Cleartext-Password := "${password}"\n`)
          .join(''),
      },
    });
    return { process, port };
  }

  const macRequest = (from: string, more: Readonly<Record<string, string>> = {}): Record<string, string> => ({
    'User-Name': '001a2b3c4d5e',
    'Calling-Station-Id': '00-1A-2B-3C-4D-5E',
    'NAS-Port': '7',
    'Message-Authenticator': '0x00',
    'Packet-Src-IP-Address': from,
    ...more,
  });

  const vlanOf = (reply: { attributes: readonly (readonly [string, string])[] }): string | undefined =>
    reply.attributes.find(([name]) => name === 'Tunnel-Private-Group-Id')?.[1];

  const grown = async (name: string, during: () => unknown): Promise<number> => {
    const before = (await bridge.counters())[name] ?? 0;
    await during();
    return ((await bridge.counters())[name] ?? 0) - before;
  };

  const authentications = (): Authentication[] =>
    controller.events.flatMap((event) => (event.type === 'authentication' ? event.authentication : []));
  const sessions = (): Session[] =>
    controller.events.flatMap((event) => (event.type === 'session' ? event.session : []));

  interface Supplicant {
    readonly certificate: string;
    readonly key: string;
  }

  const supplicant = (name: string, mac: string, by = authority): Supplicant =>
    by.issue(name, 'clientAuth', `${mac.replaceAll(':', '-')}.devices.test`);

  function byCertificate(port: number, { certificate, key }: Supplicant, mac: string = pump, from = '127.0.0.1') {
    const network = [
      'eap=TLS',
      'identity="anonymous@devices.test"',
      `ca_cert="${authority.certificate}"`,
      `client_cert="${certificate}"`,
      `private_key="${key}"`,
      ...attemptLines({}),
    ];
    return eapolTest({ folder, port, secret: switchSecret }, network, [...attemptOptions({}, mac), '-A', from]);
  }

  function byPassword(port: number, method: 'PEAP' | 'TTLS', identity: string, outer = 'anonymous@devices.test') {
    const network = [
      `eap=${method}`,
      `identity="${identity}"`,
      `anonymous_identity="${outer}"`,
      `password="${password}"`,
      `ca_cert="${authority.certificate}"`,
      'phase2="auth=MSCHAPV2"',
      ...attemptLines({}),
    ];
    return eapolTest({ folder, port, secret: switchSecret }, network, attemptOptions({}, pump));
  }

  /** The supplicant is told, and gets no key. */
  function expectRefused(stdout: string): void {
    expectEnd(stdout, 'FAILURE');
    expect(stdout).toContain('Received EAP-Failure');
    expect(stdout).not.toContain('Access-Accept');
  }

  const refusedWith = (reason: RegExp): Promise<Authentication> =>
    controller.until(() => authentications().find((one) => one.outcome === 'reject' && reason.test(one.reason)));

  /** The attributes that a switch gets for its pump, as bytes told in words; what belongs to one packet alone left out. */
  async function toldBy(port: number, secret: string, from: string): Promise<string[]> {
    const socket = createSocket('udp4');
    socket.bind(0, from);
    await once(socket, 'listening');
    try {
      const attributes = [
        textAttribute(types.userName, '001a2b3c4d5e'),
        textAttribute(types.callingStationId, '00-1A-2B-3C-4D-5E'),
      ];
      const received = once(socket, 'message', { signal: AbortSignal.timeout(5000) });
      socket.send(
        signRequest(codes.accessRequest, 1, attributes, new Secret(secret), randomBytes(16)),
        port,
        '127.0.0.1',
      );
      const [datagram] = (await received) as [Buffer];
      const packet = decodePacket(datagram) as Packet;
      expect(packet.code).toBe(codes.accessAccept);
      const rules = packet.attributes.filter(({ type }) => type === types.nasFilterRule).map(({ value }) => value);
      const others = packet.attributes.filter(({ type }) => !individual.has(type)).map(describeAttribute);
      return [...rulesOf(rules), ...others.map(({ name, value }) => `${name} = ${value}`).sort()];
    } finally {
      socket.close();
    }
  }

  const accounting = (session: string, status: 'Start' | 'Interim-Update' | 'Stop', from = '127.0.0.1') => ({
    'Acct-Status-Type': status,
    'Acct-Session-Id': session,
    'User-Name': '001a2b3c4d5e',
    'Calling-Station-Id': '00-1A-2B-3C-4D-5E',
    'NAS-Port': '7',
    'Framed-IP-Address': '10.21.0.9',
    'Packet-Src-IP-Address': from,
  });

  describe('that proxies', () => {
    let freeradius: Freeradius;
    let port: number;

    beforeAll(async () => {
      ({ process: freeradius, port } = await startFreeradius('proxy'));
    }, 30_000);

    afterAll(() => freeradius?.end());

    it('gives a pump VLAN and ACL of its switch, by MAC', async () => {
      const reply = radclient(port, 'auth', switchSecret, macRequest('127.0.0.1'));
      expect(reply.code).toBe('Access-Accept');
      expect(vlanOf(reply)).toBe('210');
      expect(reply.attributes.some(([name]) => name === 'NAS-Filter-Rule')).toBe(true);
      const accepted = await controller.until(() => authentications().find(({ nas: name }) => name === 'switch-rfc'));
      expect(accepted).toMatchObject({ mac: pump, outcome: 'accept', method: 'mac', nasPort: '7', vlan: 210 });
    });

    it('in the words of each switch: what it gets is what it got if it asked Cordon itself', async () => {
      for (const { profile, address } of profiles) {
        const direct = await toldBy(ports.authentication, testSecret, address);
        expect(direct.length).toBeGreaterThan(3);
        expect({ profile, told: await toldBy(port, switchSecret, address) }).toEqual({ profile, told: direct });
      }
    });

    it('knows a switch by where it is, whatever it says', () => {
      const liar = macRequest('127.0.0.1', { 'NAS-IP-Address': '127.0.0.2' });
      const reply = radclient(port, 'auth', switchSecret, liar);
      expect(reply.attributes.map(([name]) => name)).toContain('NAS-Filter-Rule');
      expect(reply.attributes.map(([name]) => name)).not.toContain('Cisco-AVPair');
    });

    it.each([
      ['of nobody', '127.0.0.77', 'proxied-nas-unknown'],
      ['that it may not ask for', '127.0.0.3', 'proxied-nas-not-allowed'],
    ])('gets no answer about a switch %s', async (_, from, reason) => {
      const dropped = await grown(`authentication.dropped.${reason}`, () => {
        expect(radclient(port, 'auth', switchSecret, macRequest(from)).code).toBeNull();
      });
      expect(dropped).toBeGreaterThan(0);
    });

    it('has those listed that nobody knows', async () => {
      const { addresses } = (await bridge.status())['unknownClients'] as { addresses: Record<string, number> };
      expect(addresses).toHaveProperty('127.0.0.77 behind freeradius');
    });

    it('is told that Cordon is there', () => {
      const probe = { 'Packet-Src-IP-Address': freeradiusAddress, 'Message-Authenticator': '0x00' };
      expect(radclient(ports.authentication, 'status', proxySecret, probe).code).toBe('Access-Accept');
      expect(radclient(ports.authentication + 1, 'status', proxySecret, probe).code).toBe('Accounting-Response');
    });

    it('passes EAP-TLS on, and the keys of it', async () => {
      const stdout = await byCertificate(port, supplicant('proxied', pump));
      expectEnd(stdout, 'SUCCESS');
      expect(stdout).toContain('MPPE keys OK: 1  mismatch: 0');
      expect(vlanIn(stdout)).toBe('211');
    });

    it('passes PEAP on', async () => {
      const stdout = await byPassword(port, 'PEAP', 'pump-1');
      expectEnd(stdout, 'SUCCESS');
      expect(stdout).toContain('MPPE keys OK: 1  mismatch: 0');
      expect(vlanIn(stdout)).toBe('210');
    });

    it('passes accounting on, and the switch itself is told of a quarantine', async () => {
      radclient(port, 'auth', switchSecret, macRequest('127.0.0.1', { 'Acct-Session-Id': 'P1' }));
      for (const status of ['Start', 'Interim-Update'] as const)
        expect(radclient(port + 1, 'acct', switchSecret, accounting('P1', status)).code).toBe('Accounting-Response');
      const session = await controller.until(() =>
        sessions().findLast(({ acctSessionId, addresses }) => acctSessionId === 'P1' && addresses.length > 0),
      );
      expect(session).toMatchObject({ mac: pump, nas: 'switch-rfc', nasAddress: '127.0.0.1', vlan: 210 });
      expect(session.addresses).toEqual(['10.21.0.9']);
      await setPosture('quarantined');
      await vi.waitFor(() => expect(nas.distinct.some(({ vlan }) => vlan === '999')).toBe(true), patience);
      expect(nas.violations).toEqual([]);
      await setPosture('normal');
      expect(radclient(port + 1, 'acct', switchSecret, accounting('P1', 'Stop')).code).toBe('Accounting-Response');
      await controller.until(() =>
        sessions().findLast(({ acctSessionId, state }) => acctSessionId === 'P1' && state === 'closed'),
      );
    });
  });

  describe('that asks', () => {
    let freeradius: Freeradius;
    let port: number;

    beforeAll(async () => {
      ({ process: freeradius, port } = await startFreeradius('rest'));
    }, 30_000);

    afterAll(() => freeradius?.end());

    it('gives a pump VLAN and ACL of its switch, by MAC', async () => {
      const reply = radclient(port, 'auth', switchSecret, macRequest('127.0.0.2'));
      expect(reply.code).toBe('Access-Accept');
      expect(vlanOf(reply)).toBe('210');
      const decision = Buffer.from((reply.attributes.find(([name]) => name === 'Class')?.[1] ?? '').slice(2), 'hex');
      const accepted = await controller.until(() =>
        authentications().find(({ decisionId }) => decisionId === decision.toString()),
      );
      expect(accepted).toMatchObject({
        mac: pump,
        nas: 'switch-cisco',
        outcome: 'accept',
        method: 'mac',
        nasPort: '7',
      });
    });

    it('in the words of each switch: what it gets is what it got if it asked Cordon itself', async () => {
      for (const { profile, address } of profiles) {
        const direct = await toldBy(ports.authentication, testSecret, address);
        expect({ profile, told: await toldBy(port, switchSecret, address) }).toEqual({ profile, told: direct });
      }
    });

    it.each<[string, Readonly<Record<string, string>>, string, RegExp]>([
      ['an unknown switch', {}, '127.0.0.77', /proxied-nas-unknown/],
      ['a switch that it may not ask for', {}, '127.0.0.3', /proxied-nas-not-allowed/],
      ['a MAC that is not the one on the port', { 'User-Name': '001a2b3c4d60' }, '127.0.0.1', /different MAC/],
      ['a name that is no MAC', { 'User-Name': 'someone' }, '127.0.0.1', /not a MAC address/],
    ])('rejects %s, and says why in its log', (_, changes, from, reason) => {
      const reply = radclient(port, 'auth', switchSecret, macRequest(from, changes));
      expect(reply.code).toBe('Access-Reject');
      expect(freeradius.reasons.join('\n')).toMatch(reason);
      expect(reply.attributes).toEqual([]);
    });

    it('lets a pump in that has shown its certificate, into the VLAN of the verified', async () => {
      const stdout = await byCertificate(port, supplicant('asked', pump));
      expectEnd(stdout, 'SUCCESS');
      expect(stdout).toContain('MPPE keys OK: 1  mismatch: 0');
      expect(vlanIn(stdout)).toBe('211');
      const accepted = await controller.until(() =>
        authentications().findLast(({ nas: name, method }) => name === 'switch-rfc' && method === 'certificate'),
      );
      expect(accepted).toMatchObject({ mac: pump, outcome: 'accept', posture: 'verified', vlan: 211 });
    });

    it('refuses a certificate of another device, with EAP-Failure', async () => {
      expectRefused(await byCertificate(port, supplicant('elsewhere', other)));
      await refusedWith(/that of 00:1a:2b:3c:4d:60, which is not the device on this port/);
    });

    it('refuses a certificate of an authority that only FreeRADIUS believes', async () => {
      expectRefused(await byCertificate(port, supplicant('foreign', pump, stranger)));
      await refusedWith(/no authority of the policy issued the certificate/);
    });

    it('refuses a certificate that names no device', async () => {
      const server = authority.issue('visitor', 'clientAuth', 'visitor.hospital.test');
      expectRefused(await byCertificate(port, server));
      await refusedWith(/no name in the certificate is one by which its authority names devices/);
    });

    it('refuses a revoked certificate, though FreeRADIUS has an old list', async () => {
      const lost = supplicant('lost', pump);
      expectEnd(await byCertificate(port, lost), 'SUCCESS');
      authority.revoke(lost.certificate);
      // With another snapshot, the bridge reads its files anew.
      const changed = snapshot('another edition');
      controller.send({ type: 'snapshot', snapshot: encodeSnapshot(changed) });
      await vi.waitFor(async () => expect((await bridge.status())['snapshot']).toBe(changed.digest), patience);
      expectRefused(await byCertificate(port, lost));
      await refusedWith(/the certificate is revoked/);
    });

    it.each(['PEAP', 'TTLS'] as const)('lets a pump in by %s, as the device whose name was proved', async (method) => {
      const stdout = await byPassword(port, method, 'pump-1');
      expectEnd(stdout, 'SUCCESS');
      expect(vlanIn(stdout)).toBe('210');
    });

    it('believes no outer name', async () => {
      expectRefused(await byPassword(port, 'PEAP', 'pump-2', 'pump-1'));
      await refusedWith(/`pump-2` is the name of 00:1a:2b:3c:4d:60/);
    });

    it('refuses a name that is known to FreeRADIUS alone', async () => {
      expectRefused(await byPassword(port, 'PEAP', 'nobody'));
      await refusedWith(/`nobody` is the name of no device/);
    });

    it('passes accounting on: the session is that of the decision', async () => {
      const reply = radclient(port, 'auth', switchSecret, macRequest('127.0.0.1', { 'Acct-Session-Id': 'R1' }));
      const decision = reply.attributes.find(([name]) => name === 'Class')?.[1] ?? '';
      const start = { ...accounting('R1', 'Start'), Class: decision };
      expect(radclient(port + 1, 'acct', switchSecret, start).code).toBe('Accounting-Response');
      const session = await controller.until(() =>
        sessions().findLast(({ acctSessionId, addresses }) => acctSessionId === 'R1' && addresses.length > 0),
      );
      expect(session).toMatchObject({ nas: 'switch-rfc', nasAddress: '127.0.0.1', vlan: 210, method: 'mac' });
      expect(session.decisionId).toBe(Buffer.from(decision.slice(2), 'hex').toString());
      nas.reset();
      await setPosture('quarantined');
      await vi.waitFor(() => expect(nas.distinct.some(({ vlan }) => vlan === '999')).toBe(true), patience);
      await setPosture('normal');
    });

    it('sends nothing where it does not know an attribute that Cordon gave', async () => {
      const { process, port: own } = await startFreeradius('rest', {
        '%{control:Cordon-Attributes}': '%{expr:%{control:Cordon-Attributes} + 1}',
      });
      try {
        const reply = radclient(own, 'auth', switchSecret, macRequest('127.0.0.1'));
        expect(reply.code).toBe('Access-Reject');
        expect(reply.attributes).toEqual([]);
      } finally {
        await process.end();
      }
    }, 30_000);

    it('is refused with a wrong token', async () => {
      const refused = await grown('rest.refused.token', async () => {
        const { process, port: own } = await startFreeradius('rest', { 'CHANGE-ME-token': 'guessed' });
        try {
          expect(radclient(own, 'auth', switchSecret, macRequest('127.0.0.1')).code).toBe('Access-Reject');
          expect(process.reasons).toContain('the token is not that of a proxy of network/proxies.yaml');
          expectRefused(await byCertificate(own, supplicant('tokenless', pump)));
        } finally {
          await process.end();
        }
      });
      expect(refused).toBe(2);
    }, 30_000);

    it.each([
      ['no token', 401, { method: 'POST', body: '{}' }],
      ['no JSON', 400, { method: 'POST', body: 'x', headers: { authorization: `Bearer ${restToken}` } }],
      [
        'another shape',
        400,
        { method: 'POST', body: '{"User-Name":"x"}', headers: { authorization: `Bearer ${restToken}` } },
      ],
      [
        'too much',
        413,
        { method: 'POST', body: 'x'.repeat(100_000), headers: { authorization: `Bearer ${restToken}` } },
      ],
      ['another method', 405, { method: 'GET' }],
    ])('answers %s with %i', async (_, status, request) => {
      const response = await fetch(`http://127.0.0.1:${ports.rest}/freeradius`, request);
      expect(response.status).toBe(status);
    });
  });

  describe('with two bridges', () => {
    const otherAddress = '127.0.0.8';
    let second: BridgeProcess;
    let freeradius: Freeradius;
    let port: number;

    beforeAll(async () => {
      second = await startBridge(controllerUrl, {
        name: 'bridge-2',
        env: { CORDON_BRIDGE_ID: 'bridge-2', CORDON_RADIUS_HOST: otherAddress, CORDON_REST: '' },
      });
      await vi.waitFor(async () => expect((await second.status())['credentials']).toBe(2), patience);
      ({ process: freeradius, port } = await startFreeradius('proxy', {
        'response_window = 5': 'response_window = 1',
      }));
    }, 30_000);

    afterAll(async () => {
      await freeradius?.end();
      await second?.end('SIGTERM');
    });

    const accepts = async (one: BridgeProcess): Promise<number> =>
      (await one.counters())['authentication.accepts'] ?? 0;
    const ask = () => radclient(port, 'auth', switchSecret, macRequest('127.0.0.1', { 'Acct-Session-Id': 'F1' }));
    const account = () => radclient(port + 1, 'acct', switchSecret, accounting('F1', 'Start'));

    it('goes on with the other one when one is killed, rejects nobody, and comes back to the first', async () => {
      expect(ask().code).toBe('Access-Accept');
      expect(await accepts(second)).toBe(0);
      await bridge.end('SIGKILL');
      const seen = new Set<string | null>();
      const untilAnswered = async (send: () => { readonly code: string | null }, wanted: string): Promise<void> => {
        await vi.waitFor(
          () => {
            const { code } = send();
            seen.add(code);
            expect(code).toBe(wanted);
          },
          { timeout: 30_000, interval: 200 },
        );
      };
      await untilAnswered(ask, 'Access-Accept');
      await untilAnswered(account, 'Accounting-Response');
      expect(await accepts(second)).toBeGreaterThan(0);
      const stdout = await byCertificate(port, supplicant('failed-over', pump));
      expectEnd(stdout, 'SUCCESS');
      expect(stdout).toContain('MPPE keys OK: 1  mismatch: 0');
      await controller.until(() => sessions().findLast(({ acctSessionId }) => acctSessionId === 'F1'));
      bridge = await startBridge(controllerUrl);
      const before = await accepts(bridge);
      await vi.waitFor(
        async () => {
          seen.add(ask().code);
          expect(await accepts(bridge)).toBeGreaterThan(before);
        },
        { timeout: 60_000, interval: 1000 },
      );
      expect([...seen]).not.toContain('Access-Reject');
    }, 120_000);
  });

  describe('while Cordon is away', () => {
    it('is silent, and goes on when it is back', async () => {
      const proxying = await startFreeradius('proxy', { 'response_window = 5': 'response_window = 1' });
      const asking = await startFreeradius('rest');
      try {
        await bridge.end('SIGTERM');
        for (const { port } of [proxying, asking]) {
          expect(radclient(port, 'auth', switchSecret, macRequest('127.0.0.1')).code).toBeNull();
          expect(radclient(port + 1, 'acct', switchSecret, accounting('X', 'Start')).code).toBeNull();
        }
        const stdout = await byCertificate(asking.port, supplicant('away', pump));
        expectEnd(stdout, 'FAILURE');
        expect(stdout).not.toContain('Access-Accept');
        expect(stdout).not.toContain('Access-Reject');
        bridge = await startBridge(controllerUrl);
        await vi.waitFor(() => {
          expect(radclient(asking.port, 'auth', switchSecret, macRequest('127.0.0.1')).code).toBe('Access-Accept');
        }, patience);
        const codesMeanwhile = new Set<string | null>();
        await vi.waitFor(
          () => {
            const { code } = radclient(proxying.port, 'auth', switchSecret, macRequest('127.0.0.1'));
            codesMeanwhile.add(code);
            expect(code).toBe('Access-Accept');
          },
          { timeout: 60_000, interval: 500 },
        );
        expect([...codesMeanwhile]).not.toContain('Access-Reject');
      } finally {
        await proxying.process.end();
        await asking.process.end();
      }
    }, 100_000);
  });
});

/** What belongs to one packet alone, and the rules, which are read by themselves. */
const individual: ReadonlySet<number> = new Set([types.messageAuthenticator, types.class, types.nasFilterRule]);

/** RFC 4849 §2: rules are separated by NUL, and go on in the next attribute where one is full; or each has its own. */
function rulesOf(values: readonly Buffer[]): string[] {
  const joined = values.map((value) => value.toString('latin1') + (value.length === 253 ? '' : '\0')).join('');
  return joined.split('\0').filter((rule) => rule !== '');
}

/** As much of a port ACL as the make can be told. */
function portAclOf(profile: string): 'full' | 'ipv4-only' | 'none' {
  if (profile === 'mikrotik') return 'none';
  return ['fortiswitch', 'huawei'].includes(profile) ? 'ipv4-only' : 'full';
}
