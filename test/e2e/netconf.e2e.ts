import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createNetconfDriver, RemoteFault, TerminalFault, type EnforcementSession, type NetconfDriver } from '#drivers';
import type { EnforcementState } from '#model';
import { describeConformance, type ConformanceFixture } from '../../libs/drivers/src/conformance.js';
import { samplesFor } from '../../libs/drivers/src/conformance-states.js';
import type { FaultInjector } from '../../libs/drivers/src/fault-injection.js';
import { NetconfClient } from '../../libs/drivers/src/netconf/client.js';
import { namespaces, type ModelName } from '../../libs/drivers/src/netconf/model.js';
import { filterOf } from '../../libs/drivers/src/netconf/render.js';
import { NetconfSession, type NetconfDevice } from '../../libs/drivers/src/netconf/session.js';
import {
  defaultInstance,
  foreignConfig,
  foreignIn,
  halfEdit,
  netconfChanges,
  tamperings,
  wordless,
} from '../../libs/drivers/src/netconf/tampering.js';
import { sshChannel } from '../../libs/drivers/src/netconf/transport.js';
import { tag } from '../../libs/drivers/src/netconf/xml.js';
import type { Channel, OpenChannel } from '../../libs/drivers/src/transport-ssh.js';
import { missingNetconfTools, startNetconfd, yangFolder, type TestNetconfd } from './netconfd.js';
import { freePort, startSshdWith } from './nftables-sshd.js';

const missing = missingNetconfTools();
if (missing.length > 0) {
  const message = `NETCONF with a real server is not tested here: ${missing.join(', ')} missing`;
  if (process.env['CI']) throw new Error(message);
  console.warn(message);
}

const models = ['ietf-acl', 'openconfig'] as const satisfies readonly ModelName[];
const allModels = [
  tag('acls', '', { xmlns: namespaces.ietfAcl }),
  tag('acl', '', { xmlns: namespaces.acl }),
  tag('network-instances', '', { xmlns: namespaces.networkInstance }),
];
const limits = { exchangeMilliseconds: 5000, confirmSeconds: 30 };

describe.runIf(missing.length === 0)('NETCONF with netconfd', () => {
  let server: TestNetconfd;
  let closedPort: number;

  beforeAll(async () => {
    server = await startNetconfd();
    closedPort = await freePort();
  });
  afterAll(() => server?.stop());

  /** As somebody else who has the right to: what no driver would write. */
  const changeByHand = async (hand: EnforcementSession, commands: string): Promise<void> => {
    await hand.apply({ kind: 'rules', steps: [], commands });
    await hand.confirm();
  };

  const fixtureOf = async (driver: NetconfDriver, model: ModelName, injector: FaultInjector) => {
    const hand = driver.connect(server.sshd.target);
    if (model === 'openconfig') await changeByHand(hand, defaultInstance);
    await changeByHand(hand, foreignConfig[model]);
    const everything = new NetconfClient(sshChannel(server.sshd.target), allModels, limits);
    const fixture: ConformanceFixture = {
      connect: () => {
        const client = driver.clientOf(server.sshd.target);
        const half = halfEdit((config) => client.edit(config));
        const faulty = injector.wrap<NetconfDevice>(client, netconfChanges, half);
        return new NetconfSession(faulty, driver.parse, limits.confirmSeconds);
      },
      tamper: Object.fromEntries(
        Object.entries(tamperings(model)).map(([title, config]) => [title, () => changeByHand(hand, config)]),
      ),
      readForeign: async () => foreignIn(await everything.running()),
      traffic: null,
      dispose: async () => {
        await hand.close();
        await everything.close();
      },
    };
    return fixture;
  };

  for (const model of models) {
    const driver = createNetconfDriver({ model }, limits);
    describeConformance({
      title: `netconf, ${model}, netconfd over ssh`,
      driver,
      movesPackets: false,
      fixture: (injector) => fixtureOf(driver, model, injector),
      unreachable: () => ({ ...server.sshd.target, port: closedPort }),
      inexpressible: wordless[model],
      // an exchange is what it is, whatever the model of what it carries
      ...(model === 'openconfig' && { faultsElsewhere: 'netconf, ietf-acl, netconfd over ssh' }),
    });
  }

  describe('beyond the kit', () => {
    const model = 'ietf-acl';
    const driver = createNetconfDriver({ model }, limits);
    const { baseState, otherRules } = samplesFor(driver.enforces);
    const bring = async (session: EnforcementSession, state: EnforcementState): Promise<void> => {
      const text = await session.read();
      await session.apply(driver.plan(state, text === null ? null : driver.parse(text)));
      await session.confirm();
    };
    const kindNow = async (state: EnforcementState): Promise<string> => {
      const session = driver.connect(server.sshd.target);
      const text = await session.read();
      await session.close();
      return driver.plan(state, text === null ? null : driver.parse(text)).kind;
    };
    let session: EnforcementSession;
    beforeEach(async () => {
      session = driver.connect(server.sshd.target);
      await bring(session, baseState);
    });
    afterEach(() => session.close());

    it('is taken back by the server when we die before we confirm', async () => {
      let channel: Channel | null = null;
      const open: OpenChannel = (events) => (channel = sshChannel(server.sshd.target)(events));
      const client = new NetconfClient(open, filterOf({ model, networkInstance: 'DEFAULT' }), limits);
      const doomed = new NetconfSession(client, driver.parse, limits.confirmSeconds);
      await doomed.apply(driver.plan(otherRules, driver.expect(baseState)));
      expect(await kindNow(otherRules)).toBe('none');
      // at once, as the kernel ends the processes of a machine that goes down
      (channel as Channel | null)?.end();
      await vi.waitFor(async () => expect(await kindNow(baseState)).toBe('none'), { timeout: 5000, interval: 100 });
      await expect(doomed.confirm()).rejects.toThrow(RemoteFault);
    });

    it('is taken back by the server when we say nothing for too long', async () => {
      const hasty = createNetconfDriver({ model }, { ...limits, confirmSeconds: 1 }).connect(server.sshd.target);
      await hasty.apply(driver.plan(otherRules, driver.expect(baseState)));
      // netconfd looks at its clock only while nobody asks it anything
      await new Promise((resolve) => setTimeout(resolve, 3500));
      expect(await kindNow(baseState)).toBe('none');
      await hasty.close();
    });

    it('tells a server that hangs within the time-out, and goes on when it is back', async () => {
      const impatient = createNetconfDriver({ model }, { ...limits, exchangeMilliseconds: 1500 });
      const [before, fresh] = [impatient.connect(server.sshd.target), impatient.connect(server.sshd.target)];
      await before.read();
      process.kill(server.pid, 'SIGSTOP');
      try {
        const begun = performance.now();
        for (const each of [before, fresh]) await expect(each.read()).rejects.toThrow(RemoteFault);
        expect(performance.now() - begun).toBeLessThan(6000);
      } finally {
        process.kill(server.pid, 'SIGCONT');
      }
      await vi.waitFor(() => before.read(), { timeout: 10_000, interval: 200 });
      await before.close();
      await fresh.close();
    });

    it('stops at a host key that is not the one in the policy, and at a server without NETCONF', async () => {
      const impostor = driver.connect({ ...server.sshd.target, hostKey: server.sshd.otherHostKey });
      await expect(impostor.read()).rejects.toThrow(TerminalFault);
      await impostor.close();
      const plain = await startSshdWith(() => ({}));
      const wrong = driver.connect(plain.target);
      await expect(wrong.read()).rejects.toThrow(/has no NETCONF/);
      await wrong.close();
      await plain.stop();
    });

    it('says what the server refuses', async () => {
      const wrong = { kind: 'rules', steps: [] } as const;
      const commands = driver.plan(baseState, null).commands.replace('acl:accept', 'acl:no-such-action');
      await expect(session.apply({ ...wrong, commands })).rejects.toThrow(/changing the candidate: invalid-value/);
      expect(await kindNow(baseState)).toBe('none');
    });
  });
});

/** Features that the published module of RFC 8519 hides nodes behind. */
const features =
  'ietf-access-control-list:match-on-eth,match-on-ipv4,match-on-ipv6,match-on-tcp,match-on-udp,match-on-icmp,eth,ipv4,ipv6,' +
  'mixed-eth-ipv4,mixed-eth-ipv6,mixed-eth-ipv4-ipv6';
const modulesOf = {
  'ietf-acl': ['ietf-access-control-list'],
  openconfig: [
    'packet-match-types',
    'icmpv4-types',
    'icmpv6-types',
    'network-instance-types',
    'acl',
    'network-instance',
  ].map((name) => `openconfig-${name}`),
} as const;

/** A folder with all modules that OpenConfig and the IETF publish, in one heap: they are not ours to keep. */
const published = process.env['CORDON_YANG'];

describe.runIf(missing.length === 0)('what is rendered, to yanglint', () => {
  const validate = (model: ModelName, folder: string, text: string): string => {
    const files = readdirSync(folder);
    const modules = modulesOf[model].flatMap((name) => files.find((file) => file.split(/[.@]/)[0] === name) ?? []);
    const place = mkdtempSync(path.join(tmpdir(), 'cordon-yanglint-'));
    const data = path.join(place, 'data.xml');
    // the instance of VLANs is the switch's
    const instance =
      '<name>DEFAULT</name><config><name>DEFAULT</name>' +
      (folder === yangFolder
        ? ''
        : '<type xmlns:t="http://openconfig.net/yang/network-instance-types">t:DEFAULT_INSTANCE</type>') +
      '</config>';
    // what is in `config` is what the modules speak of
    const content = text.trim().split('\n').slice(1, -1).join('\n');
    writeFileSync(data, content.replace('<name>DEFAULT</name>', instance));
    const options = folder === yangFolder ? [] : ['-i', ...(model === 'ietf-acl' ? ['-F', features] : [])];
    const schemas = modules.map((file) => path.join(folder, file));
    const done = spawnSync('yanglint', [...options, '-t', 'config', '-p', folder, ...schemas, data], {
      encoding: 'utf8',
    });
    rmSync(place, { recursive: true });
    const errors = done.stderr.split('\n').filter((line) => line !== '' && !line.startsWith('libyang warn'));
    return done.status === 0 ? '' : errors.join('\n') || `exit code ${done.status}`;
  };

  describe.each([yangFolder, ...(published ? [published] : [])])('with the models in %s', (folder) => {
    it.each(models)('is valid in %s', (model) => {
      const driver = createNetconfDriver({ model });
      const { emptyState: _, ...states } = samplesFor(driver.enforces);
      for (const [name, state] of Object.entries(states))
        expect({ name, errors: validate(model, folder, driver.render(state)) }).toEqual({ name, errors: '' });
    });

    it.each(models)('is looked at in %s', (model) => {
      const driver = createNetconfDriver({ model });
      const text = driver.render(samplesFor(driver.enforces).baseState);
      for (const [from, to] of [
        ['8443<', '84430<'],
        ['10.10.0.0/24', '10.10.0.0/33'],
      ] as const)
        expect(validate(model, folder, text.replace(from, to))).not.toBe('');
    });
  });
});
