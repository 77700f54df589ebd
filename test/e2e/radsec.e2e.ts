import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Session } from '#model';
import { parseMac } from '#net';
import { encodeSnapshot } from '#policy';
import { codes, decodePacket, Secret, signReply, signRequest, textAttribute, types, verifyReply } from '#radius';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { BridgeProcess } from '../../apps/radius-bridge/test/bridge-process.js';
import { FakeController } from '../../apps/radius-bridge/test/fake-controller.js';
import { sampleFiles, sampleSnapshot } from '../../apps/radius-bridge/test/sample-policy.js';
import { TestAuthority } from '../authority.js';
import { hasRadclient, radclient } from './radclient.js';
import { RadsecClient, type Identity } from './radsec-client.js';
import { hasRadsecproxy, Radsecproxy } from './radsecproxy.js';

const token = 'bridge-token-of-the-test';
const env = { SECRET_RFC: 'rfc secret', SECRET_CISCO: 'cisco secret' };
const pump = parseMac('00:1a:2b:3c:4d:5e')!;
const devices = [{ mac: pump, class: 'infusion-pump', posture: 'normal' as const }];
const radsec = new Secret('radsec');
const patience = { timeout: 15_000, interval: 20 };

interface RadsecStatus {
  readonly port: number;
  readonly problem: string | null;
  readonly connections: Record<string, number>;
}

describe('RADIUS over TLS', () => {
  const controller = new FakeController(token);
  const folder = mkdtempSync(join(tmpdir(), 'cordon-radsec-'));
  const authority = new TestAuthority(join(folder, 'network'), 'ecdsa');
  const stranger = new TestAuthority(join(folder, 'stranger'), 'ecdsa', 'somebody else');
  const server = authority.issue('bridge', 'serverAuth', 'bridge.test');
  const proxyIdentity = authority.issue('proxy', 'clientAuth', 'proxy.test');
  const switchIdentity = authority.issue('switch', 'clientAuth', 'switch.test');
  const edition = { number: 1 };
  let bridge: BridgeProcess;
  let port: number;

  const client = (name: string, more = ''): string =>
    `${name}: { address: 127.0.0.0/8, site: main, profile: rfc, transport: radsec, certificate: { from: dns-name, name: ${name}.test }${more} }`;

  /** Another snapshot each time: the bridge reads its files anew with it. */
  async function publish(versions = '"1.2", "1.3"', clients = [client('proxy'), client('switch')]): Promise<void> {
    const description = `edition ${edition.number++}`;
    const snapshot = sampleSnapshot({
      'catalog/endpoints.yaml': `${sampleFiles['catalog/endpoints.yaml']}\nother: { addresses: [10.77.0.1], description: ${description} }`,
      'network/nas.yaml': [sampleFiles['network/nas.yaml'], ...clients].join('\n'),
      'network/radsec.yaml': [
        `certificate: "file:${server.certificate}"`,
        `key: "file:${server.key}"`,
        `authorities: "file:${authority.certificate}"`,
        `revocationLists: "file:${authority.revocationList}"`,
        `versions: [${versions}]`,
      ].join('\n'),
    });
    const message = { type: 'snapshot' as const, snapshot: encodeSnapshot(snapshot) };
    controller.send(message);
    await vi.waitFor(async () => {
      const status = await bridge.status();
      expect(status['snapshot']).toBe(snapshot.digest);
      expect((status['radsec'] as RadsecStatus).problem).toBeNull();
    }, patience);
  }

  const radsecStatus = async (): Promise<RadsecStatus> => (await bridge.status())['radsec'] as RadsecStatus;
  const connections = async (nas: string): Promise<number> => (await radsecStatus()).connections[nas] ?? 0;
  const logOf = (reason: RegExp): string[] => bridge.log.filter((line) => reason.test(line));

  async function connected(identity: Identity, nas = 'switch'): Promise<RadsecClient> {
    const before = await connections(nas);
    const opened = RadsecClient.open(port, identity);
    await vi.waitFor(async () => expect(await connections(nas)).toBe(before + 1), patience);
    return opened;
  }

  /** `why`: the end of a counter's name, which grows by one. */
  async function expectRefused(identity: Identity | null, why: 'certificate' | 'unknown-client'): Promise<void> {
    const counter = `radsec.refused.${why}`;
    const before = (await bridge.counters())[counter] ?? 0;
    const refused = RadsecClient.open(port, identity);
    refused.send(request());
    await vi.waitFor(() => expect(refused.isClosed).toBe(true), patience);
    expect(refused.received).toEqual([]);
    expect((await bridge.counters())[counter]).toBe(before + 1);
  }

  const attributes = [
    textAttribute(types.userName, '001a2b3c4d5e'),
    textAttribute(types.callingStationId, '00-1A-2B-3C-4D-5E'),
  ];
  const request = (id = 1, authenticator = randomBytes(16)): Buffer =>
    signRequest(codes.accessRequest, id, attributes, radsec, authenticator);

  beforeAll(async () => {
    const controllerUrl = await controller.listen();
    const first = { type: 'snapshot' as const, snapshot: encodeSnapshot(sampleSnapshot()) };
    controller.initial = [first, { type: 'devices', reset: true, revision: 1, devices }, { type: 'ping' }];
    bridge = await BridgeProcess.start({ dataFolder: join(folder, 'bridge'), controllerUrl, token, env });
    await vi.waitFor(async () => expect((await bridge.status())['revision']).toBe(1), patience);
  });

  afterAll(async () => {
    await bridge?.end('SIGKILL');
    await controller.close().catch(() => undefined);
    rmSync(folder, { recursive: true });
  });

  it('is not served before the policy says how', async () => {
    expect(await radsecStatus()).toEqual({
      port: null,
      problem: 'the policy has no network/radsec.yaml',
      connections: {},
    });
    await publish();
    ({ port } = await radsecStatus());
    expect(port).toBeGreaterThan(0);
  });

  describe.skipIf(!hasRadclient() || !hasRadsecproxy())('asked by radclient through radsecproxy', () => {
    it.each(['1.2', '1.3'] as const)('serves authentication and accounting on one connection, TLS %s', async (tls) => {
      const proxy = await Radsecproxy.start({
        file: join(folder, `radsecproxy-${tls}.conf`),
        authority: authority.certificate,
        ...proxyIdentity,
        secret: 'udp-secret',
        server: { port, name: 'bridge.test' },
        tls,
      });
      try {
        await vi.waitFor(async () => expect(await connections('proxy')).toBe(1), patience);
        const reply = radclient(proxy.port, 'auth', 'udp-secret', {
          'User-Name': '001a2b3c4d5e',
          'Calling-Station-Id': '00-1A-2B-3C-4D-5E',
          'NAS-Port': '7',
          'Message-Authenticator': '0x00',
        });
        expect(reply.code).toBe('Access-Accept');
        expect(reply.attributes).toContainEqual(['Tunnel-Private-Group-Id', '210']);
        const accounted = radclient(proxy.port, 'acct', 'udp-secret', {
          'Acct-Status-Type': 'Start',
          'Acct-Session-Id': `S-${tls}`,
          'User-Name': '001a2b3c4d5e',
          'Calling-Station-Id': '00-1A-2B-3C-4D-5E',
          'NAS-Port': '7',
        });
        expect(accounted.code).toBe('Accounting-Response');
        expect(await connections('proxy')).toBe(1);
        const session = await controller.until<Session>(() =>
          controller.events
            .flatMap((event) => (event.type === 'session' ? event.session : []))
            .find(({ acctSessionId }) => acctSessionId === `S-${tls}`),
        );
        expect(session).toMatchObject({ nas: 'proxy', vlan: 210 });
        expect(logOf(new RegExp(`connected over TLS.*TLSv${tls}`))).not.toEqual([]);
      } finally {
        await proxy.end();
      }
      await vi.waitFor(async () => expect(await connections('proxy')).toBe(0), patience);
    });
  });

  it('signs its answers all the same, Message-Authenticator first', async () => {
    const asking = await connected(switchIdentity);
    const authenticator = randomBytes(16);
    asking.send(request(3, authenticator));
    await vi.waitFor(() => expect(asking.received).toHaveLength(1), patience);
    const reply = decodePacket(asking.received[0]!);
    if (typeof reply === 'string') throw new Error(reply);
    expect(reply.attributes[0]!.type).toBe(types.messageAuthenticator);
    expect(verifyReply(reply, authenticator, radsec)).toBe('valid');
    asking.end();
  });

  it('answers what is not signed, and Status-Server', async () => {
    const asking = await connected(switchIdentity);
    const signed = request(4);
    const unsigned = Buffer.concat([signed.subarray(0, 20), signed.subarray(38)]);
    unsigned.writeUInt16BE(unsigned.length, 2);
    asking.send(unsigned);
    asking.send(signRequest(codes.statusServer, 5, [], radsec, randomBytes(16)));
    await vi.waitFor(() => expect(asking.received.map((packet) => packet[1])).toEqual([4, 5]), patience);
    asking.end();
  });

  it('answers whole packets in order, however they are cut and joined', async () => {
    const asking = await connected(switchIdentity);
    const bytes = Buffer.concat(Array.from({ length: 50 }, (_, i) => request(i)));
    for (let at = 0; at < bytes.length; at += 37) asking.send(bytes.subarray(at, at + 37));
    await vi.waitFor(() => expect(asking.received).toHaveLength(50), patience);
    expect(asking.received.map((packet) => packet[1])).toEqual(Array.from({ length: 50 }, (_, i) => i));
    asking.end();
  });

  it('repeats an answer on the same connection, and not on another', async () => {
    const [one, other] = [await connected(switchIdentity), await connected(switchIdentity)];
    const bytes = request(9);
    for (const asking of [one, one, other]) asking.send(bytes);
    await vi.waitFor(() => expect([one.received.length, other.received.length]).toEqual([2, 1]), patience);
    expect(one.received[0]!.equals(one.received[1]!)).toBe(true);
    // Each answer has a Class of its own.
    expect(other.received[0]!.equals(one.received[0]!)).toBe(false);
    for (const asking of [one, other]) asking.end();
  });

  it.each<[string, () => Identity | null, 'certificate' | 'unknown-client']>([
    ['no certificate', () => null, 'certificate'],
    ['a certificate of another authority', () => stranger.issue('alien', 'clientAuth', 'switch.test'), 'certificate'],
    [
      'a certificate that ended',
      () =>
        authority.issue('old', 'clientAuth', 'switch.test', [
          '-enddate',
          '20250101000000Z',
          '-startdate',
          '20240101000000Z',
        ]),
      'certificate',
    ],
    ['a certificate for servers', () => authority.issue('serving', 'serverAuth', 'switch.test'), 'certificate'],
    ['a name that is no client', () => authority.issue('visitor', 'clientAuth', 'visitor.test'), 'unknown-client'],
    [
      'a common name that is that of another kind',
      () => authority.issue('switch.test', 'clientAuth', 'nobody.test'),
      'unknown-client',
    ],
  ])('refuses %s', async (_, identity, why) => {
    await expectRefused(identity(), why);
  });

  it('says in its log why it refused, once a minute for an address', () => {
    expect(logOf(/connection refused: RADIUS over TLS/)).toHaveLength(1);
  });

  it('refuses a revoked certificate, and ends its connections when the list is read', async () => {
    const lost = authority.issue('lost', 'clientAuth', 'switch.test');
    const open = await connected(lost);
    const kept = await connected(switchIdentity);
    authority.revoke(lost.certificate);
    await publish();
    await vi.waitFor(() => expect(open.isClosed).toBe(true), patience);
    expect(kept.isClosed).toBe(false);
    await expectRefused(lost, 'certificate');
    kept.end();
    expect(logOf(/disconnected.*certificate-revoked/)).toHaveLength(1);
  });

  it('ends the connections of a client that the policy does not have any more', async () => {
    const open = await connected(switchIdentity);
    await publish(undefined, [client('proxy')]);
    await vi.waitFor(() => expect(open.isClosed).toBe(true), patience);
    await publish();
  });

  it('speaks the versions of TLS that the policy says', async () => {
    await publish('"1.3"');
    const old = RadsecClient.open(port, switchIdentity);
    await vi.waitFor(() => expect(old.isSecure).toBe(true), patience);
    expect(old.socket.getProtocol()).toBe('TLSv1.3');
    old.end();
    await publish();
  });

  it.each([
    ['a length that is none', () => Buffer.from([1, 1, 0, 3])],
    ['text', () => Buffer.from('GET / HTTP/1.1\r\n\r\n')],
    [
      'an attribute that is none',
      () => Buffer.concat([Buffer.from([1, 1, 0, 22]), randomBytes(16), Buffer.from([1, 0])]),
    ],
    [
      'a packet with another secret',
      () => signRequest(codes.accessRequest, 1, attributes, new Secret('x'), randomBytes(16)),
    ],
  ])('ends with %s', async (_, bytes) => {
    const broken = await connected(switchIdentity);
    broken.send(bytes());
    await vi.waitFor(() => expect(broken.isClosed).toBe(true), patience);
    expect(broken.received).toEqual([]);
  });

  it('survives plain TCP, silence, half packets and many connections, and answers others meanwhile', async () => {
    const plain = Array.from({ length: 10 }, (_, i) => {
      const socket = connectTcp(port, '127.0.0.1');
      socket.on('error', () => undefined);
      if (i % 2 === 0) socket.write(randomBytes(200));
      return socket;
    });
    const half = await connected(switchIdentity);
    const packet = request(8);
    half.send(packet.subarray(0, 25));
    const begun = Date.now();
    const crowd = Array.from({ length: 100 }, () => RadsecClient.open(port, switchIdentity));
    const asking = await (async () => {
      await vi.waitFor(
        () => expect(crowd.every(({ isSecure, isClosed }) => isSecure || isClosed)).toBe(true),
        patience,
      );
      return crowd.find(({ isClosed }) => !isClosed)!;
    })();
    asking.send(request(7));
    await vi.waitFor(() => expect(asking.received).toHaveLength(1), patience);
    // 16 handshakes of an address at once, 64 connections of a client.
    const counters = await bridge.counters();
    expect(await connections('switch')).toBeLessThanOrEqual(64);
    expect(
      (counters['radsec.refused.too-many-handshakes'] ?? 0) + (counters['radsec.refused.too-many-connections'] ?? 0),
    ).toBeGreaterThan(0);
    await vi.waitFor(() => expect(half.isClosed).toBe(true), { timeout: 20_000, interval: 100 });
    expect(Date.now() - begun).toBeGreaterThan(5000);
    for (const one of crowd) one.end();
    for (const socket of plain) socket.destroy();
    await vi.waitFor(async () => expect(await connections('switch')).toBe(0), patience);
    expect(counters['faults'] ?? 0).toBe(0);
  });

  it('tells a client of changes over the connection that it opened', async () => {
    const asking = await connected(switchIdentity);
    asking.send(request(21));
    await vi.waitFor(() => expect(asking.received).toHaveLength(1), patience);
    const quarantined = [{ mac: pump, class: 'infusion-pump', posture: 'quarantined' as const }];
    controller.send({ type: 'devices', reset: false, revision: 2, devices: quarantined });
    await vi.waitFor(() => expect(asking.received).toHaveLength(2), patience);
    const order = decodePacket(asking.received[1]!);
    if (typeof order === 'string') throw new Error(order);
    expect(order.code).toBe(codes.coaRequest);
    asking.send(signReply(order, codes.coaAck, [], radsec)!);
    const session = await controller.until<Session>(() =>
      controller.events
        .flatMap((event) => (event.type === 'session' ? event.session : []))
        .findLast(({ nas, lastCoa }) => nas === 'switch' && lastCoa?.outcome === 'ack'),
    );
    expect(session).toMatchObject({ vlan: 999, lastCoa: { request: 'CoA-Request' } });
    expect(asking.received).toHaveLength(2);
    asking.end();
  });
});
