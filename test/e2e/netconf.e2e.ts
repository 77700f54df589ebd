import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createNetconfDriver, RemoteFault, TerminalFault, type EnforcementSession, type NetconfDriver } from '#drivers';
import type { EnforcementState } from '#model';
import { describeConformance, type ConformanceFixture } from '../../libs/drivers/src/conformance.js';
import { samplesFor } from '../../libs/drivers/src/conformance-states.js';
import type { FaultInjector } from '../../libs/drivers/src/fault-injection.js';
import { NetconfClient, type Channel } from '../../libs/drivers/src/netconf/client.js';
import { namespaces, type ModelName } from '../../libs/drivers/src/netconf/model.js';
import { NetconfSession, type NetconfDevice } from '../../libs/drivers/src/netconf/session.js';
import {
  defaultInstance,
  foreignConfig,
  foreignIn,
  halfEdit,
  judgeListBy,
  netconfChanges,
  tamperings,
  wordless,
} from '../../libs/drivers/src/netconf/tampering.js';
import { sshChannel } from '../../libs/drivers/src/netconf/transport.js';
import { tag } from '../../libs/drivers/src/netconf/xml.js';
import { missingNetconfTools, startNetconfd, yangFolder, type TestNetconfd } from './netconfd.js';
import { freePort, startSshdWith } from './nftables-sshd.js';

const missing = missingNetconfTools();
if (missing.length > 0) {
  const message = `NETCONF with a real server is not tested here: ${missing.join(', ')} missing`;
  if (process.env['CI']) throw new Error(message);
  console.warn(message);
}

const models = ['ietf-acl', 'openconfig'] as const satisfies readonly ModelName[];
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
  const changeByHand = async (driver: NetconfDriver, commands: string): Promise<void> => {
    const session = driver.connect(server.sshd.target);
    await session.apply({ kind: 'rules', steps: [], commands });
    await session.confirm();
    await session.close();
  };

  const fixtureOf = async (driver: NetconfDriver, model: ModelName, injector: FaultInjector) => {
    if (model === 'openconfig') await changeByHand(driver, defaultInstance);
    await changeByHand(driver, foreignConfig[model]);
    const fixture: ConformanceFixture = {
      connect: () => {
        const client = driver.clientOf(server.sshd.target);
        const half = halfEdit((config) => client.edit(config));
        const faulty = injector.wrap<NetconfDevice>(client, netconfChanges, half);
        return new NetconfSession(faulty, driver.parse, limits.confirmSeconds);
      },
      tamper: Object.fromEntries(
        Object.entries(tamperings(model)).map(([title, config]) => [title, () => changeByHand(driver, config)]),
      ),
      readForeign: async () => {
        const everything = [
          tag('acls', '', { xmlns: namespaces.ietfAcl }),
          tag('acl', '', { xmlns: namespaces.acl }),
          tag('network-instances', '', { xmlns: namespaces.networkInstance }),
        ];
        const client = new NetconfClient(sshChannel(server.sshd.target), everything, limits);
        const text = await client.running();
        await client.close();
        return foreignIn(text);
      },
      traffic: null,
      dispose: () => Promise.resolve(),
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
      judgeList: judgeListBy(driver.parse),
      inexpressible: wordless[model],
    });
  }
});
