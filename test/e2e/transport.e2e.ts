import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Session } from '#model';
import { parseMac } from '#net';
import { encodeSnapshot } from '#policy';
import { codes, hidePassword, Secret, signRequest, textAttribute, types } from '#radius';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { BridgeProcess } from '../../apps/radius-bridge/test/bridge-process.js';
import { FakeController } from '../../apps/radius-bridge/test/fake-controller.js';
import { sampleSnapshot } from '../../apps/radius-bridge/test/sample-policy.js';
import { TestAuthority } from '../authority.js';
import { hasRadclient, radclient } from './radclient.js';
import { RadsecClient } from './radsec-client.js';

const token = 'bridge-token-Zq81xNeverToBeSeen';
/** Distinctive, so that each is found wherever it appears. */
const secrets = {
  S_FOUR: 'udp4-Vx77kNeverToBeSeen',
  S_SIX: 'udp6-Lm23pNeverToBeSeen',
  S_OLD: 'old-Rt55wNeverToBeSeen',
};
const password = 'password-Gh90cNeverToBeSeen';
const pump = parseMac('00:1a:2b:3c:4d:5e')!;
const patience = { timeout: 15_000, interval: 20 };
const asked = { 'User-Name': '001a2b3c4d5e', 'Calling-Station-Id': '00-1A-2B-3C-4D-5E', 'NAS-Port': '7' };
const signed = { ...asked, 'Message-Authenticator': '0x00' };

describe.skipIf(!hasRadclient())('transport', () => {
  const controller = new FakeController(token);
  const folder = mkdtempSync(join(tmpdir(), 'cordon-transport-'));
  const authority = new TestAuthority(join(folder, 'network'), 'ecdsa');
  const server = authority.issue('bridge', 'serverAuth', 'bridge.test');
  const client = authority.issue('switch', 'clientAuth', 'switch.test');
  let bridge: BridgeProcess;
  let auth: number;
  let controllerUrl: string;

  const nas = (name: string, address: string, more: string): string =>
    `${name}: { address: "${address}", site: main, profile: rfc, ${more} }`;

  beforeAll(async () => {
    controllerUrl = await controller.listen();
    const snapshot = sampleSnapshot({
      'network/nas.yaml': [
        nas('four', '127.0.0.1', 'secret: "env:S_FOUR"'),
        nas('six', '::1', 'secret: "env:S_SIX"'),
        nas('old', '127.0.0.4', 'secret: "env:S_OLD", messageAuthenticator: { exception: "CHG-7", until: 2099-12-31 }'),
        nas('limited', '127.0.0.5', 'secret: "env:S_OLD", messageAuthenticator: limit-proxy-state'),
        nas('tls', '127.0.0.0/8', 'transport: radsec, certificate: { from: dns-name, name: switch.test }'),
      ].join('\n'),
      'network/radsec.yaml': `certificate: "file:${server.certificate}"\nkey: "file:${server.key}"\nauthorities: "file:${authority.certificate}"\nrevocationLists: null`,
    });
    const devices = [{ mac: pump, class: 'infusion-pump', posture: 'normal' as const }];
    controller.initial = [
      { type: 'snapshot', snapshot: encodeSnapshot(snapshot) },
      { type: 'devices', reset: true, revision: 1, devices },
      { type: 'ping' },
    ];
    const env = { ...secrets, CORDON_RADIUS_HOST: '127.0.0.1, ::1 127.0.0.3' };
    bridge = await BridgeProcess.start({ dataFolder: join(folder, 'data'), controllerUrl, token, env });
    auth = bridge.authenticationPort;
    await vi.waitFor(async () => expect((await bridge.status())['revision']).toBe(1), patience);
  });

  afterAll(async () => {
    await bridge?.end('SIGKILL');
    await controller.close().catch(() => undefined);
    rmSync(folder, { recursive: true });
  });

  const sessionOn = (name: string): Promise<Session> =>
    controller.until(() =>
      controller.events
        .flatMap((event) => (event.type === 'session' ? event.session : []))
        .find((one) => one.nas === name),
    );

  it('answers over IPv6 as over IPv4, authentication and accounting', async () => {
    const six = radclient(auth, 'auth', secrets.S_SIX, { ...signed, 'NAS-IPv6-Address': 'fd10::11' }, '::1');
    expect(six.code).toBe('Access-Accept');
    expect(six.attributes).toContainEqual(['Tunnel-Private-Group-Id', '210']);
    expect(await sessionOn('six')).toMatchObject({ nasAddress: '::1', vlan: 210 });
    const record = { ...asked, 'Acct-Status-Type': 'Start', 'Acct-Session-Id': 'S-6' };
    expect(radclient(bridge.accountingPort, 'acct', secrets.S_SIX, record, '::1').code).toBe('Accounting-Response');
    expect(radclient(auth, 'auth', secrets.S_FOUR, signed).code).toBe('Access-Accept');
  });

  it.each([
    ['127.0.0.1', secrets.S_FOUR, 'udp4'],
    ['127.0.0.3', secrets.S_FOUR, 'udp4'],
    ['::1', secrets.S_SIX, 'udp6'],
  ] as const)('answers from the address that was asked: %s', async (address, secret, family) => {
    const socket = createSocket(family).bind(0, family === 'udp4' ? '127.0.0.1' : '::1');
    await once(socket, 'listening');
    const reply = once(socket, 'message');
    const attributes = [textAttribute(types.userName, asked['User-Name'])];
    socket.send(signRequest(codes.accessRequest, 1, attributes, new Secret(secret), randomBytes(16)), auth, address);
    const [, source] = (await reply) as [Buffer, { address: string; port: number }];
    expect(source).toMatchObject({ address, port: auth });
    socket.close();
  });

  it('answers every address of the machine when it is told `::`', async () => {
    const env = { ...secrets, CORDON_RADIUS_HOST: '::' };
    const settings = { dataFolder: join(folder, 'wildcard'), controllerUrl, token, env };
    const all = await BridgeProcess.start(settings);
    try {
      await vi.waitFor(async () => expect((await all.status())['revision']).toBe(1), patience);
      expect(radclient(all.authenticationPort, 'auth', secrets.S_SIX, signed, '::1').code).toBe('Access-Accept');
      expect(radclient(all.authenticationPort, 'auth', secrets.S_FOUR, signed).code).toBe('Access-Accept');
    } finally {
      await all.end('SIGTERM');
    }
  });

  it('does not start on a name, and says what to give', async () => {
    const env = { CORDON_RADIUS_HOST: 'localhost' };
    const settings = { dataFolder: join(folder, 'name'), controllerUrl, token, env };
    await expect(BridgeProcess.start(settings)).rejects.toThrow(/CORDON_RADIUS_HOST has `localhost`: give addresses/);
  });

  it('takes unsigned requests of a client with an exception, and writes down each use', async () => {
    const from = { 'Packet-Src-IP-Address': '127.0.0.4' };
    expect(radclient(auth, 'auth', secrets.S_OLD, { ...asked, ...from, 'Proxy-State': '0x01' }).code).toBe(
      'Access-Accept',
    );
    const event = await controller.until(() =>
      controller.events.find((one) => one.type === 'authentication' && one.authentication.nas === 'old'),
    );
    expect(JSON.stringify(event)).toContain('taken without Message-Authenticator until 2099-12-31: CHG-7');
    expect(bridge.log.filter((line) => line.includes('taken by exception'))).toHaveLength(1);
    const status = (await bridge.status()) as unknown as { clients: Record<string, Record<string, number>> };
    expect(status.clients['old']!['authentication.unsigned.exception']).toBe(1);
  });

  it('takes unsigned requests of a client with limit-proxy-state only without Proxy-State', () => {
    const from = { 'Packet-Src-IP-Address': '127.0.0.5' };
    const reply = radclient(auth, 'auth', secrets.S_OLD, { ...asked, ...from });
    expect(reply.code).toBe('Access-Accept');
    expect(reply.attributes[0]![0]).toBe('Message-Authenticator');
    expect(radclient(auth, 'auth', secrets.S_OLD, { ...asked, ...from, 'Proxy-State': '0x01' }).code).toBeNull();
    expect(
      radclient(auth, 'auth', secrets.S_OLD, { ...asked, ...from, 'EAP-Message': '0x0200000501' }).code,
    ).toBeNull();
  });

  it('does not let a client of TLS in by UDP', async () => {
    const from = { 'Packet-Src-IP-Address': '127.0.0.9' };
    expect(radclient(auth, 'auth', 'radsec', { ...signed, ...from }).code).toBeNull();
    expect((await bridge.counters())['authentication.dropped.client-tls-only']).toBeGreaterThan(0);
  });

  it('shows secrets and passwords nowhere', async () => {
    const four = secrets.S_FOUR;
    for (const attributes of [
      { ...signed, 'User-Password': password },
      { ...signed, 'CHAP-Password': password },
      { ...signed, 'User-Name': 'alice', 'User-Password': password },
      { ...signed, 'Calling-Station-Id': 'nonsense', 'User-Password': password },
    ])
      expect(radclient(auth, 'auth', four, attributes).code).not.toBeNull();
    radclient(auth, 'auth', `${four}x`, { ...signed, 'User-Password': password });
    radclient(auth, 'auth', 'radsec', { ...signed, 'Packet-Src-IP-Address': '127.0.0.8' });
    const authenticator = randomBytes(16);
    const hidden = { type: types.userPassword, value: hidePassword(password, authenticator, new Secret(four)) };
    const whole = signRequest(
      codes.accessRequest,
      3,
      [textAttribute(types.userName, 'bob'), hidden],
      new Secret(four),
      authenticator,
    );
    const socket = createSocket('udp4').bind(0, '127.0.0.1');
    await once(socket, 'listening');
    for (const wrong of [whole.subarray(0, 30), Buffer.concat([whole, Buffer.from(password)])])
      socket.send(wrong, auth, '127.0.0.1');
    await vi.waitFor(
      async () => expect((await bridge.counters())['authentication.dropped.malformed.truncated']).toBe(1),
      patience,
    );
    socket.close();
    const radsec = (await bridge.status())['radsec'] as { port: number };
    const overTls = RadsecClient.open(radsec.port, client);
    overTls.send(Buffer.from(password));
    await vi.waitFor(() => expect(overTls.isClosed).toBe(true), patience);

    const key = readFileSync(server.key, 'utf8').split('\n')[1]!;
    const needles = [...Object.values(secrets), password, token, key].flatMap((text) => [
      text,
      Buffer.from(text).toString('hex'),
      Buffer.from(text).toString('base64').replace(/=+$/, '').slice(0, -2),
    ]);
    const health = await (await fetch(`${bridge.http}/healthz`)).text();
    const counters = await (await fetch(`${bridge.http}/counters`)).text();
    const metrics = await (await fetch(`${bridge.http}/metrics`)).text();
    await bridge.end('SIGTERM');
    const disk = readdirSync(join(folder, 'data'), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'latin1'));
    const places = {
      log: bridge.log.join('\n'),
      events: JSON.stringify(controller.events),
      health,
      counters,
      metrics,
      disk: disk.join(),
    };
    expect(places.log.length * places.events.length * places.disk.length).toBeGreaterThan(0);
    for (const [place, text] of Object.entries(places))
      for (const needle of needles) expect(text.includes(needle), `${needle} in ${place}`).toBe(false);
  });
});
