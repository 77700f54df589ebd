import { describeConformance, type ConformanceFixture } from '../conformance.js';
import type { FaultInjector } from '../fault-injection.js';
import { createCliDriver } from './index.js';
import { aosCx } from './aos-cx.js';
import { iosXe } from './ios-xe.js';
import { CliSession, type CliDevice } from './session.js';
import { cliChanges, doNothing, foreignLines, foreignOn, tamperings, wordless } from './tampering.js';

for (const make of [iosXe, aosCx]) {
  const driver = createCliDriver({ make: make.name });
  const target = { kind: 'simulated', name: 'under-test' } as const;

  const fixture = (injector: FaultInjector): Promise<ConformanceFixture> => {
    const device = driver.simulated(target.name);
    device.type(foreignLines(make.name));
    return Promise.resolve({
      connect: () => new CliSession(make, injector.wrap<CliDevice>(driver.clientOf(target), cliChanges, doNothing)),
      tamper: tamperings(device, make.name),
      readForeign: () => Promise.resolve(foreignOn(device)),
      traffic: null,
      dispose: () => Promise.resolve(),
    });
  };

  describeConformance({
    title: `cli-over-ssh, ${make.name}, simulated`,
    driver,
    movesPackets: false,
    fixture,
    unreachable: () => {
      driver.simulated('silent').isReachable = false;
      return { kind: 'simulated', name: 'silent' };
    },
    inexpressible: wordless,
  });
}
