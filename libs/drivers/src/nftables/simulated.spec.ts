import { describe, expect, it } from 'vitest';
import { describeConformance, type ConformanceFixture, type OpenConnection } from '../conformance.js';
import { at, baseState, conformanceNetwork } from '../conformance-states.js';
import { RemoteFault } from '../driver.js';
import type { FaultInjector } from '../fault-injection.js';
import { judgeByTable } from './evaluate.js';
import { createNftablesDriver } from './index.js';
import { NftablesSession, type NftDevice } from './session.js';
import { SimulatedNft } from './simulated.js';
import { halfLoad, nftChanges, tamperingCommands, tamperings, wordless } from './tampering.js';

const driver = createNftablesDriver();

async function simulatedFixture(injector: FaultInjector): Promise<ConformanceFixture> {
  const device = driver.simulated('under-test');
  await device.load(
    '{"nftables":[{"add":{"table":{"family":"inet","name":"theirs"}}},{"add":{"chain":{"family":"inet","table":"theirs","name":"input"}}}]}',
  );
  const tamper = Object.fromEntries(
    tamperings.map((name) => [name, async () => device.load(tamperingCommands(name, (await device.list()) ?? ''))]),
  );
  let lastPort = 50_000;
  const open = (): Promise<OpenConnection> => {
    const source = at(conformanceNetwork.pump[0]);
    const destination = at(conformanceNetwork.server[0]);
    const packet = { source, destination, protocol: 6, port: 8443 };
    const connection = { source, destination, protocol: 6, sourcePort: ++lastPort, destinationPort: 8443 };
    device.track(connection);
    return Promise.resolve({
      connection,
      echoes: () => Promise.resolve(device.route({ ...packet, state: 'established' }) === 'passed'),
      close: () => Promise.resolve(),
    });
  };
  return {
    connect: () =>
      new NftablesSession(
        injector.wrap<NftDevice>(
          device,
          nftChanges,
          halfLoad((text) => device.load(text)),
        ),
      ),
    tamper,
    readForeign: () => Promise.resolve(device.listForeign()),
    traffic: { send: (packet) => Promise.resolve(device.route(packet) !== 'dropped'), open },
    dispose: () => Promise.resolve(),
  };
}

describeConformance({
  title: 'nftables, simulated',
  driver,
  movesPackets: true,
  fixture: simulatedFixture,
  unreachable: () => {
    driver.simulated('silent').isReachable = false;
    return { kind: 'simulated', name: 'silent' };
  },
  judge: judgeByTable,
  inexpressible: wordless,
});

describe('simulated nft', () => {
  const table = '{"add":{"table":{"family":"inet","name":"cordon"}}}';
  const inOurs = (verb: string, kind: string, body: object): string =>
    JSON.stringify({ [verb]: { [kind]: { family: 'inet', table: 'cordon', ...body } } });
  const jump = { chain: 'a', expr: [{ jump: { target: 'b' } }] };
  const set = inOurs('add', 'set', { name: 's', type: 'ipv4_addr' });
  const one = { name: 's', elem: ['10.0.0.1'] };

  it.each<[string, string[]]>([
    ['a jump to no chain', [inOurs('add', 'chain', { name: 'a' }), inOurs('add', 'rule', jump)]],
    [
      'a counter that isn’t there',
      [inOurs('add', 'chain', { name: 'a' }), inOurs('add', 'rule', { chain: 'a', expr: [{ counter: 'c' }] })],
    ],
    ['a set added twice', [set, set]],
    ['an element added twice', [set, inOurs('add', 'element', one), inOurs('add', 'element', one)]],
    ['the deletion of no element', [set, inOurs('delete', 'element', one)]],
    ['an element of no set', [inOurs('add', 'element', one)]],
    [
      'the deletion of a chain in use',
      [
        inOurs('add', 'chain', { name: 'a' }),
        inOurs('add', 'chain', { name: 'b' }),
        inOurs('add', 'rule', jump),
        inOurs('delete', 'chain', { name: 'b' }),
      ],
    ],
  ])('refuses %s, and the whole transaction with it', async (_, commands) => {
    const device = new SimulatedNft();
    await expect(device.load(`{"nftables":[${[table, ...commands].join(',')}]}`)).rejects.toThrow(RemoteFault);
    expect(await device.list()).toBeNull();
  });

  it('tracks what it lets pass', async () => {
    const device = new SimulatedNft();
    await device.load(driver.render(baseState));
    const packet = { source: at('10.20.0.11'), destination: at('10.10.0.10'), protocol: 6, port: 8443 };
    expect(device.route(packet)).toBe('passed');
    expect(device.route({ ...packet, port: 9000 })).toBe('dropped');
    expect((await device.connections()).map(({ destinationPort }) => destinationPort)).toEqual([8443]);
  });
});
