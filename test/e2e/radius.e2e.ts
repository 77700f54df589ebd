import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FeedMessage, Session } from '#model';
import { parseMac } from '#net';
import { encodeSnapshot } from '#policy';
import { Secret, codes, decodePacket, signRequest, textAttribute, types, verifyReply } from '#radius';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BridgeProcess } from '../../apps/radius-bridge/test/bridge-process.js';
import { FakeController } from '../../apps/radius-bridge/test/fake-controller.js';
import { sampleSnapshot } from '../../apps/radius-bridge/test/sample-policy.js';
import { hasRadclient, radclient, type RadclientReply } from './radclient.js';
import { hasEapolTest } from './eapol-test.js';

const root = join(import.meta.dirname, '../..');
const token = 'bridge-token-of-the-test';
const secrets = { SECRET_RFC: 'rfc secret', SECRET_CISCO: 'cisco secret' };
const pump = parseMac('00:1a:2b:3c:4d:5e')!;
const watched = parseMac('00:1a:2b:3c:4d:60')!;

/** Expected of FreeRADIUS's decoder, per profile. */
const pumpRules = [
  'permit in tcp from any 3613 to 10.10.4.20 established',
  'permit in tcp from any to 10.10.4.20 443',
  'permit in tcp from any 3613 to fd10:4::20 established',
  'permit in tcp from any to fd10:4::20 443',
  'deny in ip from any to any',
];

const valuesOf = (reply: RadclientReply, name: string): string[] =>
  reply.attributes.filter(([found]) => found === name).map(([, value]) => value);

describe.skipIf(!hasRadclient())('RADIUS bridge, asked by radclient', () => {
  const controller = new FakeController(token);
  const dataFolder = mkdtempSync(join(tmpdir(), 'cordon-bridge-'));
  let controllerUrl: string;
  let bridge: BridgeProcess;
  let socket: Socket;
  let firstMessages: FeedMessage[];

  beforeAll(async () => {
    // Type errors are `npm run check`'s to report; the compiler writes its output all the same.
    spawnSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.build.json'], {
      cwd: root,
    });
    controllerUrl = await controller.listen();
    const devices = [pump, watched].map((mac) => ({ mac, class: 'infusion-pump', posture: 'normal' as const }));
    controller.initial = firstMessages = [
      { type: 'snapshot', snapshot: encodeSnapshot(sampleSnapshot()) },
      { type: 'devices', reset: true, revision: 1, devices },
      { type: 'ping' },
    ];
    bridge = await BridgeProcess.start({ dataFolder, controllerUrl, token, env: secrets });
    await healthy();
    socket = createSocket('udp4').bind(0, '127.0.0.1');
    await once(socket, 'listening');
  });

  afterAll(async () => {
    socket?.close();
    await bridge?.end('SIGKILL');
    if (controllerUrl) await controller.close().catch(() => undefined);
    expect(controller.violations).toEqual([]);
    rmSync(dataFolder, { recursive: true });
  });

  /** The feed is read when the revision is the controller's. */
  async function healthy(): Promise<void> {
    const deadline = Date.now() + 10_000;
    while ((await bridge.status())['revision'] !== 1) {
      if (Date.now() > deadline) throw new Error(`the bridge is not ready:\n${bridge.log.join('\n')}`);
    }
  }

  function ask(attributes: Record<string, string> = {}, secret = secrets.SECRET_RFC): RadclientReply {
    const base = { 'User-Name': '001a2b3c4d5e', 'Calling-Station-Id': '00-1A-2B-3C-4D-5E', 'NAS-Port': '7' };
    return radclient(bridge.authenticationPort, 'auth', secret, {
      ...base,
      'Message-Authenticator': '0x00',
      ...attributes,
    });
  }

  /** The reply to a raw datagram, or null when nothing comes within a fifth of a second. */
  function exchange(datagram: Buffer, port = bridge.authenticationPort): Promise<Buffer | null> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(null), 200);
      socket.once('message', (reply) => {
        clearTimeout(timer);
        resolve(reply);
      });
      socket.send(datagram, port, '127.0.0.1');
    }).then((reply) => {
      socket.removeAllListeners('message');
      return reply as Buffer | null;
    });
  }

  const sessionOf = (mac: string): Session | null =>
    controller.events
      .flatMap((event) => (event.type === 'session' && event.session.mac === mac ? event.session : []))
      .at(-1) ?? null;

  const mab = '001a2b3c4d5e';
  it.each<[string, Record<string, string>]>([
    ['PAP with the MAC as password', { 'User-Password': mab }],
    ['PAP with a fixed password', { 'User-Password': 'switch' }],
    ['CHAP', { 'CHAP-Password': mab }],
    ['no password', {}],
    ['aabbccddeeff', { 'User-Name': '001A2B3C4D5E' }],
    ['AA-BB-CC-DD-EE-FF', { 'User-Name': '00-1A-2B-3C-4D-5E' }],
    ['aa:bb:cc:dd:ee:ff', { 'User-Name': '00:1a:2b:3c:4d:5e', 'Calling-Station-Id': '00:1a:2b:3c:4d:5e' }],
    ['aabb.ccdd.eeff', { 'User-Name': '001a.2b3c.4d5e', 'Calling-Station-Id': '001a.2b3c.4d5e' }],
    ['aabb-ccdd-eeff', { 'User-Name': '001a-2b3c-4d5e' }],
    ['Service-Type Call-Check', { 'Service-Type': 'Call-Check' }],
    ['Service-Type Login', { 'Service-Type': 'Login-User' }],
    ['Service-Type Framed', { 'Service-Type': 'Framed-User' }],
    ['Service-Type Outbound', { 'Service-Type': 'Outbound-User' }],
  ])('accepts a pump into its VLAN: %s', (_, attributes) => {
    const reply = ask(attributes);
    expect(reply.code).toBe('Access-Accept');
    expect(valuesOf(reply, 'Tunnel-Private-Group-Id')).toEqual(['210']);
  });

  it('tells a switch of the RFC profile VLAN, ACL and re-authentication, Message-Authenticator first', () => {
    const reply = ask();
    expect(reply.attributes[0]?.[0]).toBe('Message-Authenticator');
    expect(valuesOf(reply, 'Tunnel-Type')).toEqual(['VLAN']);
    expect(valuesOf(reply, 'Tunnel-Medium-Type')).toEqual(['IEEE-802']);
    expect(valuesOf(reply, 'NAS-Filter-Rule')).toEqual(pumpRules);
    expect(valuesOf(reply, 'Termination-Action')).toEqual(['RADIUS-Request']);
    const seconds = Number(valuesOf(reply, 'Session-Timeout')[0]);
    expect(seconds).toBeGreaterThanOrEqual(3240);
    expect(seconds).toBeLessThanOrEqual(3600);
    expect(valuesOf(ask(), 'Session-Timeout')).toEqual([`${seconds}`]);
  });

  it('tells a Cisco switch the same in its words', () => {
    const reply = ask({ 'Packet-Src-IP-Address': '127.0.0.2' }, secrets.SECRET_CISCO);
    expect(reply.code).toBe('Access-Accept');
    expect(valuesOf(reply, 'Tunnel-Private-Group-Id')).toEqual(['210']);
    const pairs = valuesOf(reply, 'Cisco-AVPair');
    expect(pairs).toContainEqual(expect.stringMatching(/^ip:inacl#\d+=permit tcp any host 10\.10\.4\.20 eq 443$/));
    expect(pairs).toContainEqual(expect.stringMatching(/^ipv6:inacl#\d+=permit tcp any host fd10:4::20 eq 443$/i));
    expect(pairs).toContainEqual(expect.stringContaining('cts:security-group-tag=0015'));
  });

  it('puts a device on the clinical SSID into the VLAN of that site', () => {
    const reply = ask({ 'Called-Station-Id': '02-00-00-00-00-01:clinical' });
    expect(valuesOf(reply, 'Tunnel-Private-Group-Id')).toEqual(['212']);
  });

  it.each<[string, Record<string, string>, RegExp]>([
    [
      'a MAC that nobody knows',
      { 'User-Name': '02aa00000001', 'Calling-Station-Id': '02-AA-00-00-00-01' },
      /no access rule/,
    ],
    ['a user name', { 'User-Name': 'alice', 'User-Password': 'secret word' }, /not a MAC address/],
    ['a MAC that is not the caller', { 'User-Name': '02aa00000002' }, /different MAC addresses/],
    ['EAP', { 'EAP-Message': '0x0200000501' }, /EAP/],
  ])('rejects %s and reports why', async (_, attributes, reason) => {
    expect(ask(attributes).code).toBe('Access-Reject');
    const event = await controller.until(() =>
      controller.events.find((event) => event.type === 'authentication' && reason.test(event.authentication.reason)),
    );
    expect(event).toMatchObject({ authentication: { outcome: 'reject', nas: 'switch-rfc', segment: null } });
    expect(JSON.stringify(event)).not.toContain('secret word');
  });

  it.each([
    ['a response', '0x0207000501', '0x04070004'],
    ['a start', '0x', '0x04000004'],
  ])('rejects EAP with an EAP-Failure for the switch to pass on: %s', async (_, eap, failure) => {
    const message = { type: types.eapMessage, value: Buffer.from(eap.slice(2), 'hex') };
    const secret = new Secret(secrets.SECRET_RFC);
    const authenticator = randomBytes(16);
    const request = signRequest(
      codes.accessRequest,
      7,
      [textAttribute(types.userName, 'alice'), message],
      secret,
      authenticator,
    );
    const reply = decodePacket((await exchange(request))!);
    if (typeof reply === 'string') throw new Error(reply);
    expect(reply.code).toBe(codes.accessReject);
    expect(verifyReply(reply, authenticator, secret)).toBe('valid');
    const found = reply.attributes.filter(({ type }) => type === types.eapMessage);
    expect(found.map(({ value }) => `0x${value.toString('hex')}`)).toEqual([failure]);
  });

  it.skipIf(!hasEapolTest())('ends the attempt of a real supplicant at once', async () => {
    const configuration = join(dataFolder, 'supplicant.conf');
    writeFileSync(
      configuration,
      'network={\n key_mgmt=WPA-EAP\n eap=PEAP\n identity="alice"\n password="secret word"\n phase2="auth=MSCHAPV2"\n}\n',
    );
    const port = String(bridge.authenticationPort);
    const args = ['-c', configuration, '-a', '127.0.0.1', '-p', port, '-s', secrets.SECRET_RFC, '-t', '5', '-r', '0'];
    const begun = Date.now();
    const { stdout, status } = spawnSync('eapol_test', args, { encoding: 'utf8', timeout: 20_000 });
    expect(status).not.toBe(0);
    expect(stdout).toContain('Received EAP-Failure');
    expect(stdout).not.toContain('could not extract EAP-Message');
    expect(stdout.trim().split('\n').at(-1)).toBe('FAILURE');
    expect(Date.now() - begun).toBeLessThan(4000);
  });

  it('is silent to a wrong secret, a missing signature, an unknown client and one without a secret', async () => {
    const before = await bridge.counters();
    expect(ask({}, 'another secret').code).toBeNull();
    const signed = signRequest(
      codes.accessRequest,
      1,
      [textAttribute(types.userName, mab)],
      new Secret('x'),
      randomBytes(16),
    );
    const unsigned = Buffer.concat([signed.subarray(0, 20), signed.subarray(38)]);
    unsigned.writeUInt16BE(unsigned.length, 2);
    expect(await exchange(unsigned)).toBeNull();
    expect(ask({ 'Packet-Src-IP-Address': '127.0.0.9' }).code).toBeNull();
    expect(ask({ 'Packet-Src-IP-Address': '127.0.0.3' }).code).toBeNull();
    const after = await bridge.counters();
    const grown = (name: string): number => (after[name] ?? 0) - (before[name] ?? 0);
    expect(grown('authentication.dropped.message-authenticator-invalid')).toBe(1);
    expect(grown('authentication.dropped.message-authenticator-missing')).toBe(1);
    expect(grown('authentication.dropped.unknown-client')).toBe(1);
    expect(grown('authentication.dropped.client-without-secret')).toBe(1);
    expect(bridge.log.join('\n')).toContain('switch-mute');
  });

  it('drops what is no packet and counts it', async () => {
    for (const datagram of [
      Buffer.alloc(0),
      Buffer.alloc(19),
      Buffer.alloc(20),
      randomBytes(64),
      Buffer.alloc(5000, 1),
    ]) {
      expect(await exchange(datagram)).toBeNull();
    }
    const counters = await bridge.counters();
    const malformed = Object.entries(counters).filter(([name]) => name.includes('.malformed.'));
    expect(malformed.reduce((sum, [, count]) => sum + count, 0)).toBe(5);
  });

  it('answers a duplicate with the same bytes', async () => {
    const attributes = [textAttribute(types.userName, mab), textAttribute(types.callingStationId, '00-1A-2B-3C-4D-5E')];
    const request = signRequest(codes.accessRequest, 9, attributes, new Secret(secrets.SECRET_RFC), randomBytes(16));
    const first = await exchange(request);
    expect(first?.[0]).toBe(codes.accessAccept);
    expect((await exchange(request))?.equals(first!)).toBe(true);
    const other = signRequest(codes.accessRequest, 9, attributes, new Secret(secrets.SECRET_RFC), randomBytes(16));
    expect((await exchange(other))?.equals(first!)).toBe(false);
  });

  it('answers Status-Server', () => {
    const reply = radclient(bridge.authenticationPort, 'status', secrets.SECRET_RFC, {
      'Message-Authenticator': '0x00',
    });
    expect(reply.code).toBe('Access-Accept');
  });

  function account(status: string, more: Record<string, string> = {}, secret = secrets.SECRET_RFC): RadclientReply {
    return radclient(bridge.accountingPort, 'acct', secret, {
      'Acct-Status-Type': status,
      'Acct-Session-Id': 'S-1',
      'User-Name': '001a2b3c4d60',
      'Calling-Station-Id': '00-1A-2B-3C-4D-60',
      'NAS-Port': '8',
      ...more,
    });
  }

  it('follows a session through accounting, with the addresses that belong to its segment', async () => {
    expect(ask({ 'User-Name': '001a2b3c4d60', 'Calling-Station-Id': '00-1A-2B-3C-4D-60', 'NAS-Port': '8' }).code).toBe(
      'Access-Accept',
    );
    expect(account('Start', { 'Framed-IP-Address': '10.21.0.5' }).code).toBe('Accounting-Response');
    const octets = { 'Acct-Input-Octets': '5', 'Acct-Input-Gigawords': '1', 'Acct-Output-Octets': '7' };
    expect(account('Interim-Update', { ...octets, 'Framed-IP-Address': '10.99.0.5' }).code).toBe('Accounting-Response');
    const session = await controller.until(() => {
      const found = sessionOf(watched);
      return found?.inputOctets ? found : null;
    });
    expect(session).toMatchObject({ acctSessionId: 'S-1', addresses: ['10.21.0.5'], outputOctets: 7, vlan: 210 });
    expect(session.inputOctets).toBe(2 ** 32 + 5);
    expect(account('Start', {}, 'another secret').code).toBeNull();
    expect((await bridge.counters())['accounting.dropped.bad-authenticator']).toBe(1);
  });

  it('answers from disk when it is killed and started again alone, and has lost nothing', async () => {
    await controller.close();
    expect(account('Stop', { 'Acct-Terminate-Cause': 'Lost-Carrier', 'Acct-Input-Octets': '9' }).code).toBe(
      'Accounting-Response',
    );
    await bridge.end('SIGKILL');
    bridge = await BridgeProcess.start({ dataFolder, controllerUrl, token, env: secrets });
    const reply = ask();
    expect(reply.code).toBe('Access-Accept');
    expect(valuesOf(reply, 'NAS-Filter-Rule')).toEqual(pumpRules);
    const port = Number(new URL(controllerUrl).port);
    controller.initial = [];
    await controller.listen(port);
    const closed = await controller.until(() => {
      const found = sessionOf(watched);
      return found?.state === 'closed' ? found : null;
    });
    expect(closed).toMatchObject({ endReason: 'Lost-Carrier', addresses: ['10.21.0.5'], inputOctets: 2 ** 32 + 5 });
    // Events and feed are two connections, in any order.
    const feed = await controller.until(() => controller.connections[1]);
    expect(feed).toMatchObject({ since: 1, digest: closed.snapshotDigest });
  });

  it('refuses a bad snapshot and goes on with the good one', async () => {
    const good = encodeSnapshot(sampleSnapshot());
    const bad = { ...good, sections: { ...good.sections, nas: [] } };
    controller.send({ type: 'snapshot', snapshot: bad });
    const deadline = Date.now() + 5000;
    while (!(await bridge.counters())['controller.messages.refused'])
      if (Date.now() > deadline) throw new Error('not refused');
    expect(ask().code).toBe('Access-Accept');
  });

  it('is heard by the controller when it comes back without its disk, numbering from 1', async () => {
    await bridge.end('SIGKILL');
    rmSync(join(dataFolder, 'bridge'), { recursive: true });
    controller.initial = firstMessages;
    const before = controller.events.length;
    bridge = await BridgeProcess.start({ dataFolder, controllerUrl, token, env: secrets });
    await healthy();
    expect(ask().code).toBe('Access-Accept');
    const session = await controller.until(() =>
      controller.events.slice(before).find((event) => event.type === 'session' && event.session.mac === pump),
    );
    expect(session.seq).toBeLessThan(10);
    const names = [...controller.stored.keys()];
    expect(names).toHaveLength(2);
    for (const name of names) expect(name).toMatch(/^bridge-1\/[0-9a-f]{12}$/);
  });

  it('ends cleanly on SIGTERM', async () => {
    const begun = Date.now();
    expect(await bridge.end('SIGTERM')).toBe(0);
    expect(Date.now() - begun).toBeLessThan(2000);
  });
});
