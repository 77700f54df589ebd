import { describeConformance, type ConformanceFixture } from '../conformance.js';
import type { FaultInjector } from '../fault-injection.js';
import { createNetconfDriver } from './index.js';
import type { ModelName } from './model.js';
import { NetconfSession, type NetconfDevice } from './session.js';
import { foreignConfig, foreignIn, halfEdit, judgeListBy, netconfChanges, tamperings, wordless } from './tampering.js';

for (const model of ['ietf-acl', 'openconfig'] as const satisfies readonly ModelName[]) {
  const driver = createNetconfDriver({ model });
  const target = { kind: 'simulated', name: 'under-test' } as const;

  const fixture = (injector: FaultInjector): Promise<ConformanceFixture> => {
    const device = driver.simulated(target.name);
    device.load(foreignConfig[model]);
    return Promise.resolve({
      connect: () => {
        const client = driver.clientOf(target);
        const half = halfEdit((config) => client.edit(config));
        const faulty = injector.wrap<NetconfDevice>(client, netconfChanges, half);
        return new NetconfSession(faulty, driver.parse, 60);
      },
      tamper: Object.fromEntries(
        Object.entries(tamperings(model)).map(([title, config]) => [title, async () => device.load(config)]),
      ),
      readForeign: () => Promise.resolve(foreignIn(device.list())),
      traffic: null,
      dispose: () => Promise.resolve(),
    });
  };

  describeConformance({
    title: `netconf, ${model}, simulated`,
    driver,
    movesPackets: false,
    fixture,
    unreachable: () => {
      driver.simulated('silent').isReachable = false;
      return { kind: 'simulated', name: 'silent' };
    },
    judgeList: judgeListBy(driver.parse),
    inexpressible: wordless[model],
  });
}
