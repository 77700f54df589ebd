import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { matchAcl, parseMac } from '#net';
import { encodeSnapshot, type Snapshot } from '#policy';
import {
  ciscoAvPairAttribute,
  codes,
  decodePacket,
  octetsAttribute,
  parseCiscoAces,
  readCiscoAvPairs,
  readOctets,
  Secret,
  signRequest,
  textAttribute,
  types,
  verifyReply,
  type Attribute,
  type Packet,
} from '#radius';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BridgeProcess } from '../../apps/radius-bridge/test/bridge-process.js';
import { FakeController } from '../../apps/radius-bridge/test/fake-controller.js';
import { sampleFiles, sampleSnapshot } from '../../apps/radius-bridge/test/sample-policy.js';

const root = join(import.meta.dirname, '../..');
const token = 'bridge-token-of-the-test';
const secrets = { SECRET_RFC: 'rfc secret', SECRET_CISCO: 'cisco secret' };
const pump = parseMac('00:1a:2b:3c:4d:5e')!;

/** The pump may reach so many servers that its list takes several packets. */
function longSnapshot(servers: number): Snapshot {
  const addresses = Array.from({ length: servers }, (_, i) => `10.10.${8 + (i >> 7)}.${(i & 127) * 2}`).join(', ');
  return sampleSnapshot({
    'network/nas.yaml': sampleFiles['network/nas.yaml']!.replace('cisco-ios-xe', 'cisco-ios-xe-dacl').replaceAll(
      'profile: rfc',
      'profile: rfc, portAcl: none',
    ),
    'catalog/endpoints.yaml': sampleFiles['catalog/endpoints.yaml']!.replace(
      'addresses: [10.10.4.20, "fd10:4::20"]',
      `addresses: [10.10.4.20, "fd10:4::20", ${addresses}]`,
    ),
  });
}

describe('a Catalyst that downloads its ACL over UDP', () => {
  const controller = new FakeController(token);
  const dataFolder = mkdtempSync(join(tmpdir(), 'cordon-dacl-'));
  const snapshot = longSnapshot(120);
  let bridge: BridgeProcess;
  const sockets = new Map<string, Socket>();

  beforeAll(async () => {
    spawnSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.build.json'], {
      cwd: root,
    });
    const controllerUrl = await controller.listen();
    controller.initial = [
      { type: 'snapshot', snapshot: encodeSnapshot(snapshot) },
      {
        type: 'devices',
        reset: true,
        revision: 1,
        devices: [{ mac: pump, class: 'infusion-pump', posture: 'normal' as const }],
      },
      { type: 'ping' },
    ];
    bridge = await BridgeProcess.start({ dataFolder, controllerUrl, token, env: secrets });
    const deadline = Date.now() + 20_000;
    while ((await bridge.status())['revision'] !== 1) {
      if (Date.now() > deadline) throw new Error(`the bridge is not ready:\n${bridge.log.join('\n')}`);
    }
    for (const address of ['127.0.0.1', '127.0.0.2']) {
      const socket = createSocket('udp4').bind(0, address);
      await once(socket, 'listening');
      sockets.set(address, socket);
    }
  });

  afterAll(async () => {
    for (const socket of sockets.values()) socket.close();
    await bridge?.end('SIGKILL');
    await controller.close().catch(() => undefined);
    rmSync(dataFolder, { recursive: true });
  });

  let id = 0;
  const sign = (attributes: readonly Attribute[], secret: string): Buffer =>
    signRequest(codes.accessRequest, (id = (id + 1) & 255), attributes, new Secret(secret), randomBytes(16));

  /** Null: nothing came within half a second. */
  async function exchange(datagram: Buffer, from = '127.0.0.2'): Promise<Packet | null> {
    const socket = sockets.get(from)!;
    const answer = new Promise<Buffer | null>((resolve) => {
      const timer = setTimeout(() => resolve(null), 500);
      socket.once('message', (reply) => {
        clearTimeout(timer);
        resolve(reply);
      });
      socket.send(datagram, bridge.authenticationPort, '127.0.0.1');
    });
    const reply = await answer;
    socket.removeAllListeners('message');
    return reply && (decodePacket(reply) as Packet);
  }

  const cisco = (attributes: readonly Attribute[]): Buffer => sign(attributes, secrets.SECRET_CISCO);
  const download = (name: string, state: Buffer | null = null): Attribute[] => [
    textAttribute(types.userName, name),
    ciscoAvPairAttribute('aaa:service=ip_admission'),
    ciscoAvPairAttribute('aaa:event=acl-download'),
    ...(state ? [octetsAttribute(types.state, state)] : []),
  ];

  async function nameOfPump(): Promise<string> {
    const reply = await exchange(
      cisco([
        textAttribute(types.userName, '001a2b3c4d5e'),
        textAttribute(types.callingStationId, '00-1A-2B-3C-4D-5E'),
      ]),
    );
    expect(reply?.code).toBe(codes.accessAccept);
    const pairs = readCiscoAvPairs(reply!.attributes);
    expect(pairs.filter((pair) => pair.startsWith('ip:inacl'))).toEqual([]);
    expect(pairs.filter((pair) => pair.startsWith('ipv6:inacl')).length).toBeGreaterThan(1);
    return pairs.find((pair) => pair.startsWith('ACS:CiscoSecure-Defined-ACL='))!.split('=')[1]!;
  }

  it('is named the list in the Access-Accept and fetches it, Challenge by Challenge, as the policy has it', async () => {
    const name = await nameOfPump();
    const pairs: string[] = [];
    let state: Buffer | null = null;
    const sent: number[] = [];
    for (let i = 0; i < 20; i++) {
      const request = cisco(download(name, state));
      const reply: Packet | null = await exchange(request);
      expect(
        verifyReply(reply!, (decodePacket(request) as Packet).authenticator, new Secret(secrets.SECRET_CISCO)),
      ).toBe('valid');
      expect(reply!.attributes[0]?.type).toBe(types.messageAuthenticator);
      sent.push(reply!.code);
      pairs.push(...readCiscoAvPairs(reply!.attributes));
      state = readOctets(reply!.attributes, types.state);
      if (reply!.code !== codes.accessChallenge) break;
    }
    expect(sent.length).toBeGreaterThan(2);
    expect(sent).toEqual([...Array<number>(sent.length - 1).fill(codes.accessChallenge), codes.accessAccept]);
    const read = parseCiscoAces([...pairs, 'ipv6:inacl#1=deny ipv6 any any'].map(ciscoAvPairAttribute));
    if (!read.ok) throw new Error(read.diagnostics[0]?.summary);
    const packet = { protocol: 6, sourcePort: 40_000, destinationPort: 443, established: false };
    for (const value of [0x0a0a_0414n, 0x0a0a_0800n, 0x0a0a_0801n, 0x0a0a_08een, 0x0808_0808n]) {
      const asked = { ...packet, destination: { family: 4 as const, value } };
      expect(matchAcl(read.value, asked)).toBe(matchAcl(snapshot.portAcls['infusion-pump']!, asked));
    }
  });

  it('gets the same bytes for a request that it repeats', async () => {
    const request = cisco(download(await nameOfPump()));
    expect((await exchange(request))?.bytes).toEqual((await exchange(request))?.bytes);
  });

  it('is refused a list that no policy in force has, a State of its own making, and gets nothing for a wrong secret', async () => {
    const name = await nameOfPump();
    const refused = await exchange(cisco(download('#ACSACL#-IP-cordon-infusion-pump-0000000000000000')));
    expect(refused?.code).toBe(codes.accessReject);
    expect((await exchange(cisco(download(name, Buffer.alloc(20)))))?.code).toBe(codes.accessReject);
    expect(await exchange(sign(download(name), 'wrong secret'))).toBeNull();
    const unsigned = cisco(download(name));
    unsigned.fill(0, 22, 38);
    expect(await exchange(unsigned)).toBeNull();
  });

  it('is the only one: a switch of another profile is refused, and told which profile does', async () => {
    const reply = await exchange(sign(download(await nameOfPump()), secrets.SECRET_RFC), '127.0.0.1');
    expect(reply?.code).toBe(codes.accessReject);
    const deadline = Date.now() + 10_000;
    const reasons = () =>
      controller.events.flatMap((event) => (event.type === 'authentication' ? event.authentication.reason : []));
    while (!reasons().some((reason) => reason.includes('`rfc` downloads no ACL'))) {
      if (Date.now() > deadline) throw new Error(`not said: ${reasons().join('; ')}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(reasons().some((reason) => reason.includes('of a policy that is not in force any more'))).toBe(true);
    expect((await bridge.counters())['authentication.acl-downloads']).toBeGreaterThan(3);
  });
});
