import { describe, expect, it } from 'vitest';
import { describeConformance, type ConformanceFixture, type OpenConnection } from '../conformance.js';
import { at, conformanceNetwork, samplesFor } from '../conformance-states.js';
import { TerminalFault } from '../driver.js';
import type { FaultInjector } from '../fault-injection.js';
import type { Packet } from '../invariant.js';
import { judgeByFlows, type BridgePacket } from './evaluate.js';
import { createOpenvswitchDriver } from './index.js';
import { layoutOf } from './layout.js';
import { ownFlows } from './parse.js';
import { OpenvswitchSession, type OvsDevice } from './session.js';
import { SimulatedOvs } from './simulated.js';
import { halfOf, ovsChanges, tamperings, wordless } from './tampering.js';

const options = { bridge: 'br0' };
const layout = layoutOf(options);
const driver = createOpenvswitchDriver(options);

const replyTo = (opening: Packet): BridgePacket => ({
  source: opening.destination,
  destination: opening.source,
  protocol: opening.protocol,
  port: 49_152,
  state: 'established',
  isReply: true,
  opening,
});

const port = (name: string) => ({ name, tag: null, mode: null, isOurs: false });

async function simulatedFixture(injector: FaultInjector): Promise<ConformanceFixture> {
  const device = driver.simulated('under-test');
  device.tamperFlows('add table=0,priority=0,actions=NORMAL\nadd table=9,priority=7,arp,in_port=3,actions=drop\n');
  for (const name of ['p1', 'p2', 'p3']) device.setPort(port(name));
  device.setPort({ name: 'uplink', tag: 20, mode: 'native-untagged', isOurs: false });
  const dump = await device.dumpFlows();
  const titles = Object.keys(
    tamperings(driver.render(samplesFor(driver.enforces).baseState).split('\n').filter(isFlow)),
  );
  const tamper = async (title: string): Promise<void> => {
    const change = tamperings(ownFlows(layout, await device.dumpFlows()))[title]!;
    if ('bundle' in change) device.tamperFlows(change.bundle);
    else device.setPort(change.port);
  };
  let lastPort = 50_000;
  const open = (): Promise<OpenConnection> => {
    const [source, destination] = [at(conformanceNetwork.pump[0]), at(conformanceNetwork.server[0])];
    const packet = { source, destination, protocol: 6, port: 8443 };
    const sourcePort = ++lastPort;
    device.forward({ ...packet, sourcePort });
    return Promise.resolve({
      connection: { source, destination, protocol: 6, sourcePort, destinationPort: 8443 },
      echoes: () =>
        Promise.resolve(
          device.forward({ ...packet, state: 'established' }) === 'passed' &&
            device.forward(replyTo(packet)) === 'passed',
        ),
      close: () => Promise.resolve(),
    });
  };
  return {
    connect: () => new OpenvswitchSession(layout, injector.wrap<OvsDevice>(device, ovsChanges, halfOf(device))),
    tamper: Object.fromEntries(titles.map((title) => [title, () => tamper(title)])),
    readForeign: async () => {
      const uplink = (await device.listPorts()).filter(({ name }) => name === 'uplink');
      const foreign = (await device.dumpFlows()).split('\n').filter((line) => dump.includes(line));
      return JSON.stringify([uplink, foreign]);
    },
    traffic: {
      send: (packet) =>
        Promise.resolve(device.forward(packet) !== 'dropped' && device.forward(replyTo(packet)) !== 'dropped'),
      open,
    },
    dispose: () => Promise.resolve(),
  };
}

const isFlow = (line: string): boolean => line.startsWith('cookie=');

describeConformance({
  title: 'openvswitch, simulated',
  driver,
  movesPackets: true,
  fixture: simulatedFixture,
  unreachable: () => {
    driver.simulated('silent').isReachable = false;
    return { kind: 'simulated', name: 'silent' };
  },
  judge: judgeByFlows,
  inexpressible: wordless,
});

describe('simulated bridge', () => {
  const { baseState } = samplesFor(driver.enforces);
  const whole = driver
    .render(baseState)
    .split('\n')
    .filter(isFlow)
    .map((line) => `add ${line}\n`)
    .join('');
  const own = 'cookie=0xc0d1000000000000';

  it.each<[string, string, RegExp]>([
    ['a flow added twice', `add ${own},table=7,ip,actions=drop\n`.repeat(2), /exists/],
    ['the deletion of no flow', 'delete_strict table=7,priority=9,ip\n', /no flow/],
    ['a call of an empty table', `add ${own},table=7,ip,actions=resubmit(,99)\n`, /nothing is in table 99/],
    ['a clause of no conjunction', `add ${own},table=7,ip,actions=conjunction(5,1/2)\n`, /no flow for when they hold/],
    ['a conjunction without clauses', `add ${own},table=7,conj_id=5,ip,actions=drop\n`, /has no clauses/],
    ['a condition that can’t be known', `add ${own},table=7,ip,ct_nw_src=10.0.0.1,actions=drop\n`, /can't be known/],
    ['a port of no protocol', `add ${own},table=7,ct_state=-inv+trk,ip,ct_tp_dst=1,actions=drop\n`, /can't be known/],
    ['tracking of what is no IP', `add ${own},table=7,actions=ct(commit,zone=1)\n`, /only IP/],
    ['an action that is not known', `add ${own},table=7,actions=FLOOD\n`, /FLOOD/],
    ['another command', 'modify table=7,actions=drop\n', /no command/],
  ])('refuses %s, and the whole bundle with it', async (_, bundle, why) => {
    const device = new SimulatedOvs();
    await expect(device.changeFlows(whole + bundle)).rejects.toThrow(why);
    await expect(device.changeFlows(whole + bundle)).rejects.toThrow(TerminalFault);
    expect(await device.dumpFlows()).toBe('');
  });

  it('remembers what it lets pass', async () => {
    const device = new SimulatedOvs();
    await device.changeFlows(whole);
    const packet = { source: at('10.20.0.11'), destination: at('10.10.0.10'), protocol: 6, port: 8443 };
    expect(device.forward(packet)).toBe('passed');
    expect(device.forward({ ...packet, port: 9000 })).toBe('dropped');
    expect(device.connections.map(({ destinationPort }) => destinationPort)).toEqual([8443]);
  });

  it('changes no port that changed since it was read, and none that is not there', async () => {
    const device = new SimulatedOvs();
    device.setPort({ ...port('p1'), tag: 7 });
    const after = { name: 'p1', tag: 210, mode: 'access', isOurs: true };
    await expect(device.changePorts([{ before: port('p1'), after }])).rejects.toThrow('not as it was');
    await expect(device.changePorts([{ before: port('p9'), after: port('p9') }])).rejects.toThrow('no port');
    expect(await device.listPorts()).toEqual([{ ...port('p1'), tag: 7 }]);
  });
});

describe('ports', () => {
  const { baseState } = samplesFor(driver.enforces);
  const withPorts = (...ports: [string, number][]) => ({ ...baseState, ports: new Map(ports) });
  const bring = async (name: string, state: typeof baseState): Promise<void> => {
    const session = driver.connect({ kind: 'simulated', name });
    const text = await session.read();
    await session.apply(driver.plan(state, text === null ? null : driver.parse(text)));
  };

  it('all get their VLAN, and one that the bridge does not have is a fault that names it', async () => {
    const device = driver.simulated('a port is missing');
    for (const name of ['p1', 'p3']) device.setPort(port(name));
    const state = withPorts(['p1', 210], ['p2', 210], ['p3', 999]);
    for (let time = 0; time < 2; time++)
      await expect(bring('a port is missing', state)).rejects.toThrow('bridge `br0` has no port `p2`');
    expect((await device.listPorts()).map(({ name, tag, isOurs }) => [name, tag, isOurs])).toEqual([
      ['p1', 210, true],
      ['p3', 999, true],
    ]);
    device.setPort(port('p2'));
    await bring('a port is missing', state);
    expect((await device.listPorts()).at(-1)).toEqual({ name: 'p2', tag: 210, mode: 'access', isOurs: true });
  });

  it('are refused where the point says that they are none of ours', () => {
    const gateway = createOpenvswitchDriver({ bridge: 'br0', ports: 'none' });
    expect(gateway.enforces).toEqual(['flows']);
    expect(gateway.check(withPorts())).toEqual([]);
    expect(gateway.check(withPorts(['p1', 210])).map(({ code }) => code)).toEqual(['driver-part']);
  });

  it('keep their VLAN when they are let go, and what they were is put back whole', async () => {
    const device = driver.simulated('let go');
    const before = { name: 'p1', tag: 7, mode: 'native-untagged', isOurs: false };
    device.setPort(before);
    const session = driver.connect({ kind: 'simulated', name: 'let go' });
    const next = async (state: typeof baseState) => {
      const text = await session.read();
      await session.apply(driver.plan(state, text === null ? null : driver.parse(text)));
    };
    await next(withPorts(['p1', 210]));
    await session.rollback();
    expect(await device.listPorts()).toEqual([before]);
    await next(withPorts(['p1', 210]));
    await session.confirm();
    await next(withPorts());
    expect(await device.listPorts()).toEqual([{ name: 'p1', tag: 210, mode: 'access', isOurs: false }]);
  });
});

describe('a point', () => {
  it('has tables and a zone of its own, and needs a bridge', () => {
    const { baseState } = samplesFor(driver.enforces);
    const elsewhere = createOpenvswitchDriver({ bridge: 'br0', table: '10', zone: '7' });
    const text = elsewhere.render(baseState);
    expect(new Set([...text.matchAll(/table=(\d+)/g)].map(([, table]) => Number(table)))).toEqual(
      new Set([0, 10, 11, 12, 13, 14, 15]),
    );
    expect(new Set([...text.matchAll(/zone=(\d+)/g)].map(([, zone]) => zone))).toEqual(new Set(['7']));
    // what stands in other tables with our mark is what options said before
    expect(elsewhere.plan(baseState, elsewhere.parse(driver.render(baseState))).kind).toBe('rules');
    expect(() => createOpenvswitchDriver({}).connect({ kind: 'simulated', name: 'x' })).toThrow('option `bridge`');
    expect(() => driver.connect({ kind: 'local' })).toThrow(TerminalFault);
  });

  it('refuses more lines about one thing than a flow can name', () => {
    const { baseState } = samplesFor(driver.enforces);
    const entry = baseState.rules.entries[0]!;
    const entries = Array.from({ length: 4001 }, (_, i) => ({ ...entry, id: i.toString(16).padStart(12, '0') }));
    const codes = driver.check({ ...baseState, rules: { ...baseState.rules, entries } }).map(({ code }) => code);
    expect(codes).toEqual(['openvswitch-too-many-lines']);
  });
});

describe('a change of policy', () => {
  it('leaves members and other lines alone, and their counts with them', async () => {
    const { baseState } = samplesFor(driver.enforces);
    const device = driver.simulated('counts');
    for (const name of ['p1', 'p2']) device.setPort(port(name));
    const session = driver.connect({ kind: 'simulated', name: 'counts' });
    const bundles: string[] = [];
    const change = device.changeFlows.bind(device);
    device.changeFlows = (bundle) => (bundles.push(bundle), change(bundle));
    await session.apply(driver.plan(baseState, null));
    device.forward({ source: at('10.20.0.11'), destination: at('10.10.0.10'), protocol: 6, port: 8443 });
    const { rules } = baseState;
    const fewer = {
      ...baseState,
      rules: { ...rules, entries: rules.entries.filter(({ id }) => !id.startsWith('a5')) },
    };
    await session.apply(driver.plan(fewer, driver.parse((await session.read()) ?? '')));
    expect(bundles[1]).not.toMatch(/table=20[0-3]|table=205/);
    expect(await session.counters()).toContainEqual({ id: 'a10000000000', packets: 1, bytes: 64 });
  });
});
