import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createNftablesDriver, TerminalFault, type EnforcementSession } from '#drivers';
import type { Connection, EnforcementState } from '#model';
import { formatAddress, serviceAlgebra } from '#net';
import {
  describeConformance,
  type ConformanceFixture,
  type OpenConnection,
} from '../../libs/drivers/src/conformance.js';
import {
  at,
  baseState,
  closedRules,
  conformanceNetwork,
  emptyState,
  pumpLine,
  samplesFor,
  services,
} from '../../libs/drivers/src/conformance-states.js';
import type { FaultInjector } from '../../libs/drivers/src/fault-injection.js';
import { judgeByTable } from '../../libs/drivers/src/nftables/evaluate.js';
import { NftablesSession, type NftDevice } from '../../libs/drivers/src/nftables/session.js';
import {
  halfLoad,
  nftChanges,
  tamperingCommands,
  tamperings,
  wordless,
} from '../../libs/drivers/src/nftables/tampering.js';
import { CommandTransport, type CommandTarget } from '../../libs/drivers/src/nftables/transport.js';
import { missingTools, run, TestNetwork } from './nftables-network.js';
import { freePort, startSshd, type TestSshd } from './nftables-sshd.js';

const missing = missingTools();
if (missing.length > 0) {
  const message = `nftables on a real kernel is not tested here: ${missing.join(', ')} missing`;
  if (process.env['CI']) throw new Error(message);
  console.warn(message);
}

const driver = createNftablesDriver();
const foreign = `table ip theirs {
  chain forward { type filter hook forward priority 10; policy accept; tcp dport 1 drop comment "theirs"; }
}
table inet other {
  set s { type ipv4_addr; elements = { 10.0.0.1 }; }
}`;

async function open(network: TestNetwork, family: 0 | 1 = 0): Promise<OpenConnection & { readonly handle: number }> {
  const source = conformanceNetwork.pump[family];
  const address = conformanceNetwork.server[family];
  const handle = await network.devices.ask<number>('open', { source, address, port: 8443 });
  const tuple = { source: at(source), destination: at(address), protocol: 6 };
  return {
    handle,
    connection: { ...tuple, sourcePort: handle, destinationPort: 8443 },
    echoes: () => network.devices.ask('echo', { handle }),
    close: async () => void (await network.devices.ask('close', { handle })),
  };
}

function fixtureOn(network: TestNetwork, target: CommandTarget, injector: FaultInjector): ConformanceFixture {
  network.nft('flush ruleset');
  network.load('nft -f', foreign);
  const list = (): string => network.nft('-j list table inet cordon');
  const servers = new Set<string>([...conformanceNetwork.server, ...conformanceNetwork.internet]);
  return {
    connect() {
      const device = new CommandTransport(target);
      return new NftablesSession(
        injector.wrap<NftDevice>(
          device,
          nftChanges,
          halfLoad((text) => device.load(text)),
        ),
      );
    },
    tamper: Object.fromEntries(
      tamperings.map((name) => [name, async () => network.load('nft -j -f', tamperingCommands(name, list()))]),
    ),
    readForeign: () => Promise.resolve(network.nft('list table ip theirs') + network.nft('list table inet other')),
    traffic: {
      send: ({ source, destination, protocol, port }) => {
        const from = formatAddress(source);
        const agent = servers.has(from) ? network.servers : network.devices;
        return agent.ask('send', { source: from, address: formatAddress(destination), protocol, port });
      },
      open: () => open(network),
    },
    dispose: () => Promise.resolve(),
  };
}

describe.runIf(missing.length === 0)('nftables on a real kernel', () => {
  let network: TestNetwork;
  let sshd: TestSshd;
  let closedPort: number;

  beforeAll(async () => {
    network = await TestNetwork.create('a');
    sshd = await startSshd(network.firewall);
    closedPort = await freePort();
  });
  afterAll(async () => {
    await sshd?.stop();
    await network?.dispose();
  });

  describeConformance({
    title: 'nftables in a network namespace',
    driver,
    movesPackets: true,
    fixture: (injector) =>
      Promise.resolve(fixtureOn(network, { kind: 'netns', namespace: network.firewall }, injector)),
    unreachable: () => ({ kind: 'netns', namespace: 'cordon-nowhere' }),
    judge: judgeByTable,
    inexpressible: wordless,
  });

  describeConformance({
    title: 'nftables over ssh',
    driver,
    movesPackets: true,
    fixture: (injector) => Promise.resolve(fixtureOn(network, sshd.target, injector)),
    unreachable: () => ({ ...sshd.target, port: closedPort }),
    judge: judgeByTable,
    inexpressible: wordless,
  });

  describe('beyond the kit', () => {
    let session: EnforcementSession;
    const bring = async (state: EnforcementState): Promise<void> => {
      const text = await session.read();
      await session.apply(driver.plan(state, text === null ? null : driver.parse(text)));
      await session.confirm();
    };
    beforeAll(() => {
      network.nft('flush ruleset');
      session = driver.connect({ kind: 'netns', namespace: network.firewall });
    });
    afterAll(() => session.close());

    it.each([0, 1] as const)('ends also what the far side still sends, once cut (family %i)', async (family) => {
      await bring(baseState);
      const connection = await open(network, family);
      const { handle } = connection;
      expect(await connection.echoes()).toBe(true);
      await bring(closedRules);
      expect(await connection.echoes()).toBe(false);
      await session.cut([connection.connection]);
      const received = network.devices.ask('received', { handle });
      expect(await network.servers.ask('push', { handle })).toBe(true);
      expect(await received).toBe(false);
      await connection.close();
    });

    it('applies nothing of a transaction of which one command fails', async () => {
      await bring(baseState);
      const before = driver.parse((await session.read()) ?? '');
      const element = (name: string) => ({
        add: { element: { family: 'inet', table: 'cordon', name, elem: ['10.20.0.77'] } },
      });
      const commands = JSON.stringify({ nftables: [element('infusion-pump_4'), element('no-such-set')] });
      await expect(session.apply({ kind: 'membership', steps: [], commands })).rejects.toThrow('No such file');
      expect(driver.parse((await session.read()) ?? '')).toEqual(before);
    });

    it('reads the listing with names as it reads the one with numbers', async () => {
      await bring(baseState);
      expect(driver.parse(network.nft('-j list table inet cordon'))).toEqual(
        driver.parse((await session.read()) ?? ''),
      );
    });

    it.each([0, 1] as const)(
      'counts what a candidate would drop, lets it pass, and forgets it (family %i)',
      async (family) => {
        const { baseState } = samplesFor(['flows']);
        const { rules } = baseState;
        // TCP stays allowed: what is sent again of connections that an earlier test cut must not count here
        const candidate = rules.entries.map((entry) =>
          entry.id === pumpLine
            ? { ...entry, services: serviceAlgebra.subtract(entry.services, services('udp/8443')) }
            : entry,
        );
        const watched: EnforcementState = { ...baseState, rules: { ...rules, candidate } };
        const kindOf = async (state: EnforcementState): Promise<string> => {
          const plan = driver.plan(state, driver.parse((await session.read()) ?? ''));
          await bring(state);
          return plan.kind;
        };
        const packets = async (id: string): Promise<number> =>
          (await session.counters()).find((counter) => counter.id === id)?.packets ?? -1;
        const send = (port: number): Promise<boolean> =>
          network.devices.ask('send', {
            source: conformanceNetwork.pump[family],
            address: conformanceNetwork.server[family],
            port,
            protocol: 17,
          });
        await bring(baseState);
        expect(await send(8443)).toBe(true);
        const [before, told] = [await packets(pumpLine), await packets('audit')];
        expect(before).toBeGreaterThan(0);
        expect(await kindOf(watched)).toBe('watching');
        expect(await kindOf(watched)).toBe('none');
        expect(await send(8443)).toBe(true);
        expect(await packets('audit')).toBe(told + 1);
        // the counters of the rules went on
        expect(await packets(pumpLine)).toBeGreaterThan(before);
        // what is denied is not told as what passes
        expect(await send(9000)).toBe(false);
        expect(await packets('audit')).toBe(told + 1);
        expect(await kindOf(baseState)).toBe('watching');
        expect(network.nft('list table inet cordon')).not.toMatch(/goto audit|comment "audit:/);
        expect(await send(8443)).toBe(true);
        expect(await packets('audit')).toBe(told + 1);
      },
    );

    it('lets nothing through while the rules are replaced', async () => {
      await bring(baseState);
      const [, servers] = network.firewall.match(/^(.*)-fw$/)!;
      const inside = (name: string, command: string): string => run(`ip netns exec ${servers}-${name} ${command}`);
      // 10.20.0.11 is a pump, and nothing is said of UDP 9; the server counts what arrives
      inside('srv', 'nft add table inet arrivals');
      inside('srv', 'nft add chain inet arrivals in { type filter hook input priority 0 ; }');
      inside('srv', 'nft add rule inet arrivals in udp dport 9 counter');
      const script = `import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("10.20.0.11", 0))
while True:
    try: s.sendto(b"x", ("10.10.0.10", 9))
    except OSError: pass
`;
      const flood = spawn('ip', ['netns', 'exec', `${servers}-dev`, '/usr/bin/python3', '-c', script]);
      const arrived = (): number => Number(/packets (\d+)/.exec(inside('srv', 'nft list table inet arrivals'))![1]);
      try {
        for (let i = 0; i < 40; i++) await bring(i % 2 === 0 ? closedRules : baseState);
        expect(arrived()).toBe(0);
        network.nft('delete table inet cordon');
        await expect.poll(arrived, { timeout: 10_000 }).toBeGreaterThan(100);
      } finally {
        flood.kill();
        inside('srv', 'nft delete table inet arrivals');
      }
    });

    it('cuts hundreds of connections in one go', async () => {
      await bring(emptyState);
      // below the ports that the system gives to the connections of other tests
      const rows = Array.from({ length: 450 }, (_, i) => ({
        source: at('10.20.0.11'),
        destination: at('10.10.0.10'),
        protocol: 17,
        sourcePort: 10_000 + i,
        destinationPort: 8443,
      }));
      const insert = '-I -p udp -t 100 -s 10.20.0.11 -d 10.10.0.10 --dport 8443 --sport';
      network.load('conntrack -R', rows.map(({ sourcePort }) => `${insert} ${sourcePort}\n`).join(''));
      const isOurs = ({ protocol, sourcePort }: Connection): boolean => protocol === 17 && sourcePort < 11_000;
      const ours = async () => (await session.connections()).filter(isOurs).length;
      expect(await ours()).toBe(450);
      await session.cut(rows);
      expect(await ours()).toBe(0);
    });

    it.each(['netns', 'ssh'] as const)('says when the table is gone, and nothing of members (%s)', async (kind) => {
      await bring(baseState);
      const target = kind === 'ssh' ? sshd.target : { kind, namespace: network.firewall };
      const watching = driver.connect(target);
      const soon = { timeout: 10_000 };
      let lost = 0;
      watching.watch!(() => lost++);
      const pids = (): string[] => run(`ip netns pids ${network.firewall}`).split('\n').filter(Boolean);
      const monitors = (): number =>
        pids().filter((pid) => readFileSync(`/proc/${pid}/comm`, 'utf8') === 'nft\n').length;
      await expect.poll(monitors, soon).toBe(1);
      network.nft('add element inet cordon infusion-pump_4 { 10.20.0.78 }');
      network.nft('add table inet theirs');
      network.nft('delete table inet theirs');
      network.nft('flush ruleset');
      await expect.poll(() => lost, soon).toBe(1);
      await watching.close();
      // also where nobody else would end it
      await expect.poll(monitors, soon).toBe(0);
    });

    it('stops at a host key that is not the one in the policy', async () => {
      const impostor = driver.connect({ ...sshd.target, hostKey: sshd.otherHostKey });
      await expect(impostor.read()).rejects.toThrow(TerminalFault);
      await impostor.close();
    });
  });
});
