import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  createOpenvswitchDriver,
  RemoteFault,
  TerminalFault,
  type EnforcementSession,
  type EnforcementTarget,
} from '#drivers';
import type { EnforcementState } from '#model';
import { allAddresses, anyService, formatAddress } from '#net';
import {
  describeConformance,
  type ConformanceFixture,
  type OpenConnection,
} from '../../libs/drivers/src/conformance.js';
import { at, conformanceNetwork, pumpLine, samplesFor } from '../../libs/drivers/src/conformance-states.js';
import type { FaultInjector } from '../../libs/drivers/src/fault-injection.js';
import type { Packet } from '../../libs/drivers/src/invariant.js';
import { judgeByFlows } from '../../libs/drivers/src/openvswitch/evaluate.js';
import { layoutOf } from '../../libs/drivers/src/openvswitch/layout.js';
import { ownFlows } from '../../libs/drivers/src/openvswitch/parse.js';
import { OpenvswitchSession, type OvsDevice, type PortRow } from '../../libs/drivers/src/openvswitch/session.js';
import { halfOf, ovsChanges, tamperings, wordless } from '../../libs/drivers/src/openvswitch/tampering.js';
import { OvsTransport } from '../../libs/drivers/src/openvswitch/transport.js';
import { packet, state } from '../../libs/drivers/src/random-states.js';
import { freePort } from './nftables-sshd.js';
import { missingForOpenvswitch, OpenvswitchNetwork, TestSwitch } from './openvswitch-network.js';

const missing = missingForOpenvswitch();
if (missing.length > 0) {
  const message = `the driver for Open vSwitch is not tested on a real one here: ${missing.join(', ')} missing`;
  if (process.env['CI']) throw new Error(message);
  console.warn(message);
}

const options = { bridge: 'br0' };
const layout = layoutOf(options);
const driver = createOpenvswitchDriver(options);
const states = samplesFor(driver.enforces);
type OvsTarget = Extract<EnforcementTarget, { kind: 'ovsdb' }>;

/** Flows of others: what forwards at all, an agent's list for a port, and one that a device of theirs made. */
const foreign = `add table=0,priority=0,actions=NORMAL
add cookie=0x1001,table=0,priority=100,in_port=3,tcp,nw_dst=10.10.0.10,tp_dst=443,actions=NORMAL
add cookie=0x1001,table=0,priority=65535,in_port=3,arp,actions=NORMAL
add cookie=0x1001,table=9,priority=10,in_port=3,actions=drop
`;

async function open(
  network: OpenvswitchNetwork,
  family: 0 | 1 = 0,
): Promise<OpenConnection & { readonly handle: number }> {
  network.bridge.settle();
  const source = conformanceNetwork.pump[family];
  const address = conformanceNetwork.server[family];
  const handle = await network.devices.ask<number>('open', { source, address, port: 8443 });
  const tuple = { source: at(source), destination: at(address), protocol: 6 };
  return {
    handle,
    connection: { ...tuple, sourcePort: handle, destinationPort: 8443 },
    echoes: () => {
      network.bridge.settle();
      return network.devices.ask('echo', { handle });
    },
    close: async () => void (await network.devices.ask('close', { handle })),
  };
}

const setPort = (bridge: TestSwitch, { name, tag, mode, isOurs }: PortRow): void => {
  const mark = isOurs
    ? `-- set port ${name} external_ids:cordon-vlan=${tag}`
    : `-- remove port ${name} external_ids cordon-vlan`;
  bridge.vsctl(`set port ${name} tag=${tag} vlan_mode=${mode} ${mark}`);
};

function fixtureOn(network: OpenvswitchNetwork, target: OvsTarget, injector: FaultInjector): ConformanceFixture {
  network.bridge.addFlows(`delete\n${foreign}`);
  const own = (): string[] => ownFlows(layout, network.bridge.dumpFlows());
  const titles = Object.keys(
    tamperings(
      driver
        .render(states.baseState)
        .split('\n')
        .filter((line) => line.startsWith('cookie=')),
    ),
  );
  const tamper = (title: string): Promise<void> => {
    const change = tamperings(own())[title]!;
    if ('bundle' in change) network.bridge.addFlows(change.bundle);
    else setPort(network.bridge, change.port);
    return Promise.resolve();
  };
  const servers = new Set<string>([...conformanceNetwork.server, ...conformanceNetwork.internet]);
  return {
    connect() {
      const device = new OvsTransport(target, 'br0', 10_000);
      return new OpenvswitchSession(layout, injector.wrap<OvsDevice>(device, ovsChanges, halfOf(device)));
    },
    tamper: Object.fromEntries(titles.map((title) => [title, () => tamper(title)])),
    readForeign: () => {
      const ours = new Set(own());
      const others = network.bridge
        .dumpFlows()
        .split('\n')
        .filter((line) => line !== '' && !ours.has(ownFlows(layout, line)[0] ?? ''));
      const ids = network.bridge.vsctl('get port p2 external_ids:theirs');
      return Promise.resolve(
        JSON.stringify([others.sort(), ids, network.bridge.vsctl('--columns=name,tag,external_ids list port v1')]),
      );
    },
    traffic: {
      send: ({ source, destination, protocol, port }) => {
        network.bridge.settle();
        const from = formatAddress(source);
        const agent = servers.has(from) ? network.servers : network.devices;
        return agent.ask('send', { source: from, address: formatAddress(destination), protocol, port });
      },
      open: () => open(network),
    },
    dispose: () => Promise.resolve(),
  };
}

describe.runIf(missing.length === 0)('the driver for Open vSwitch', () => {
  let network: OpenvswitchNetwork;
  let target: OvsTarget;

  beforeAll(async () => {
    network = await OpenvswitchNetwork.create();
    const { database, openflow } = network.bridge;
    target = { kind: 'ovsdb', ovsdb: database, openflow, tls: null };
  });
  afterAll(() => network?.dispose());

  describeConformance({
    title: 'openvswitch, a real one in user space',
    driver,
    movesPackets: true,
    fixture: (injector) => Promise.resolve(fixtureOn(network, target, injector)),
    unreachable: () => ({ ...target, ovsdb: 'unix:/nowhere/db.sock', openflow: 'unix:/nowhere/br0.mgmt' }),
    judge: judgeByFlows,
    inexpressible: wordless,
  });

  describe('beyond the kit', () => {
    const { baseState, closedRules, withoutPump } = states;
    let session: EnforcementSession;
    const bringBy = async (by: EnforcementSession, state: EnforcementState): Promise<void> => {
      const text = await by.read();
      await by.apply(driver.plan(state, text === null ? null : driver.parse(text)));
      await by.confirm();
    };
    const bring = (state: EnforcementState): Promise<void> => bringBy(session, state);
    const send = (port: number): Promise<boolean> => {
      network.bridge.settle();
      return network.devices.ask('send', {
        source: conformanceNetwork.pump[0],
        address: conformanceNetwork.server[0],
        protocol: 6,
        port,
      });
    };
    beforeAll(() => {
      network.bridge.addFlows(`delete\n${foreign}`);
      session = driver.connect(target);
    });
    afterAll(() => session.close());

    it.each([
      [0, 'its line is gone', closedRules],
      [1, 'its line is gone', closedRules],
      [0, 'its device left the class', withoutPump],
      [1, 'its device left the class', withoutPump],
    ] as const)('ends also what the far side still sends (family %i) once %s', async (family, _, state) => {
      await bring(baseState);
      const connection = await open(network, family);
      const { handle } = connection;
      expect(await connection.echoes()).toBe(true);
      const isHeard = async (): Promise<boolean> => {
        network.bridge.settle();
        const received = network.devices.ask<boolean>('received', { handle });
        expect(await network.servers.ask('push', { handle })).toBe(true);
        return received;
      };
      expect(await isHeard()).toBe(true);
      await bring(state);
      expect(await isHeard()).toBe(false);
      await connection.close();
    });

    it('lets ICMP errors about connections pass as long as these may be', async () => {
      // NTP is allowed, and nobody listens
      await bring(baseState);
      network.bridge.settle();
      expect(network.isRefusedByIcmp(123)).toBe(true);
      expect(network.isRefusedByIcmp(124)).toBe(false);
    });

    it('leaves what it passes to the flows of others, untracked as it came', async () => {
      await bring(baseState);
      expect(await send(8443)).toBe(true);
      network.bridge.addFlows('add cookie=0x9,table=0,priority=50,ct_state=-trk,tcp,tp_dst=8443,actions=drop\n');
      expect(await send(8443)).toBe(false);
      network.bridge.addFlows('delete cookie=0x9/-1\n');
      expect(await send(8443)).toBe(true);
    });

    it('lets everything pass where a line says so', async () => {
      const everywhere = { kind: 'addresses', addresses: allAddresses } as const;
      const line = {
        ...baseState.rules.entries[0]!,
        source: everywhere,
        destination: everywhere,
        services: anyService,
      };
      await bring({ ...baseState, rules: { ...baseState.rules, entries: [line] } });
      expect(await send(9000)).toBe(true);
      await bring({ ...baseState, rules: { ...baseState.rules, entries: [] } });
      expect(await send(9000)).toBe(false);
    });

    it('keeps the counts of lines that stay when others go', async () => {
      await bring(baseState);
      await send(8443);
      network.bridge.settle();
      const count = async () => (await session.counters()).find(({ id }) => id === pumpLine)?.packets ?? 0;
      const before = await count();
      expect(before).toBeGreaterThan(0);
      const { rules } = baseState;
      await bring({ ...baseState, rules: { ...rules, entries: rules.entries.filter(({ id }) => id === pumpLine) } });
      expect(await count()).toBeGreaterThanOrEqual(before);
    });

    it('moves ports between VLANs', async () => {
      const at = (one: number, two: number) => ({
        ...baseState,
        ports: new Map([
          ['v1', one],
          ['v2', two],
        ]),
      });
      await bring(at(210, 210));
      expect(await send(8443)).toBe(true);
      await bring(at(210, 999));
      expect(await send(8443)).toBe(false);
      await bring(at(999, 999));
      expect(await send(8443)).toBe(true);
      await bring({ ...baseState, ports: new Map() });
      expect(network.bridge.vsctl('get port v1 tag external_ids')).toBe('999\n{}\n');
      network.bridge.vsctl('clear port v1 tag vlan_mode -- clear port v2 tag vlan_mode');
    });

    it('gives all ports their VLAN but one that is not there, which it names', async () => {
      const state = {
        ...baseState,
        ports: new Map([
          ['p1', 210],
          ['p9', 210],
          ['p3', 999],
        ]),
      };
      await expect(bring(state)).rejects.toThrow('bridge `br0` has no port `p9`');
      expect(network.bridge.vsctl('get port p1 tag -- get port p3 tag')).toBe('210\n999\n');
    });

    it('changes no port that somebody changed meanwhile, and none of the others with it', async () => {
      const device = new OvsTransport(target, 'br0', 2000);
      const [p1, p2] = ['p1', 'p2'].map((name) => ({ name, tag: 210, mode: 'access', isOurs: true }));
      await bring({
        ...baseState,
        ports: new Map([
          ['p1', 210],
          ['p2', 210],
        ]),
      });
      network.bridge.vsctl('set port p2 tag=7');
      const changes = [p1!, p2!].map((before) => ({ before, after: { ...before, tag: 20 } }));
      await expect(device.changePorts(changes)).rejects.toThrow(RemoteFault);
      expect(network.bridge.vsctl('get port p1 tag -- get port p2 tag')).toBe('210\n7\n');
    });

    it('stops at a bridge that there isn’t', async () => {
      const lost = createOpenvswitchDriver({ bridge: 'br9' }).connect(target);
      await expect(lost.read()).rejects.toThrow(TerminalFault);
    });

    it.each([
      ['ovs-vswitchd', 'vs'],
      ['ovsdb-server', 'db'],
    ] as const)('takes %s that hangs for one that does not answer, in time', async (_, daemon) => {
      await bring(baseState);
      const impatient = createOpenvswitchDriver(options, 700).connect(target);
      const moved = driver.plan({ ...baseState, ports: new Map([['p1', 999]]) }, driver.expect(baseState));
      network.bridge.signal(daemon, 'SIGSTOP');
      try {
        const began = Date.now();
        await expect(impatient.read()).rejects.toThrow(RemoteFault);
        await expect(impatient.apply(moved)).rejects.toThrow(RemoteFault);
        expect(Date.now() - began).toBeLessThan(4000);
      } finally {
        network.bridge.signal(daemon, 'SIGCONT');
      }
      await bring(baseState);
    });

    it('reaches a switch over TLS, and believes no other', async () => {
      const [ports, flows] = [await freePort(), await freePort()];
      const other = new TestSwitch(null, `pssl:${ports}:127.0.0.1`);
      try {
        other.listenForOpenflow(flows);
        const tls = {
          certificate: other.file('cordon.pem'),
          key: other.file('cordon.key'),
          authority: other.file('authority.pem'),
        };
        const place = { ovsdb: `ssl:127.0.0.1:${ports}`, openflow: `ssl:127.0.0.1:${flows}` };
        const secure = driver.connect({ kind: 'ovsdb', ...place, tls });
        await bringBy(secure, baseState);
        expect(driver.plan(baseState, driver.parse((await secure.read()) ?? '')).kind).toBe('none');
        const impostor = { kind: 'ovsdb', ...place, tls: { ...tls, authority: tls.certificate } } as const;
        const device = new OvsTransport(impostor, 'br0', 5000);
        await expect(device.listPorts()).rejects.toThrow(TerminalFault);
        await expect(device.dumpFlows()).rejects.toThrow(TerminalFault);
      } finally {
        await other.stop();
      }
    });
  });

  it('does with any packets, by any state, what the evaluation says', async () => {
    const other = new TestSwitch(null);
    const outcomes = new Set<boolean>();
    try {
      const packets = fc.sample(packet, { numRuns: 10_000, seed: 1 }).filter(isTrackedInUserSpace);
      for (const [i, each] of fc.sample(state, { numRuns: 50, seed: 1 }).entries()) {
        const sent = packets.slice(i * 30, i * 30 + 30);
        expect(sent).toHaveLength(30);
        const text = driver.render(each);
        // each packet has its own sender on the link, and a flow of others that counts it if we let it through
        const counting = sent.map(
          (_, number) => `add cookie=${number + 1},table=0,priority=9,dl_src=${sender(number)},actions=drop\n`,
        );
        const ours = text.split('\n').filter((line) => line !== '');
        other.addFlows(['delete\n', ...ours.map((line) => `add ${line}\n`), ...counting].join(''));
        other.forgetConnections();
        other.settle();
        other.receive('p1', sent.map(frameOf));
        other.settle();
        const counts = other.countPackets();
        const judge = judgeByFlows(text);
        for (const [number, packet] of sent.entries()) {
          const where = { state: i, frame: frameOf(packet, number) };
          const passes = judge(packet) !== 'dropped';
          expect({ ...where, passes: counts.get(number + 1) === 1 }).toEqual({ ...where, passes });
          outcomes.add(passes);
        }
      }
    } finally {
      await other.stop();
    }
    expect(outcomes.size).toBe(2);
  });
});

/** What opens a connection for the datapath in user space. */
const isTrackedInUserSpace = ({ protocol, port, source }: Packet): boolean =>
  protocol === 6 || protocol === 17
    ? port > 0
    : source.family === 4
      ? protocol === 1 && port === 8
      : protocol === 58 && port === 128;

const sender = (number: number): string => `02:00:00:00:01:${number.toString(16).padStart(2, '0')}`;

/** As Open vSwitch writes flows of its datapath; no two are of one connection. */
function frameOf({ source, destination, protocol, port }: Packet, number: number): string {
  const [four, from] = [source.family === 4, 40_000 + number];
  const ends = `src=${formatAddress(source)},dst=${formatAddress(destination)}`;
  const ip = four
    ? `eth_type(0x0800),ipv4(${ends},proto=${protocol},tos=0,ttl=64,frag=no)`
    : `eth_type(0x86dd),ipv6(${ends},label=0,proto=${protocol},tclass=0,hlimit=64,frag=no)`;
  const ports = `(src=${from},dst=${port})`;
  const icmp = `icmp${four ? '' : 'v6'}(type=${port},code=0)`;
  const rest = protocol === 6 ? `tcp${ports},tcp_flags(syn)` : protocol === 17 ? `udp${ports}` : icmp;
  return `in_port(1),eth(src=${sender(number)},dst=02:00:00:00:02:00),${ip},${rest}`;
}
