import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { RemoteFault, TerminalFault, type EnforcementSession } from '#drivers';
import type { EnforcementState } from '#model';
import { aosCx } from '../../libs/drivers/src/cli-over-ssh/aos-cx.js';
import { createCliDriver } from '../../libs/drivers/src/cli-over-ssh/index.js';
import { iosXe } from '../../libs/drivers/src/cli-over-ssh/ios-xe.js';
import { CliSession, type CliDevice } from '../../libs/drivers/src/cli-over-ssh/session.js';
import type { SimulatedCli } from '../../libs/drivers/src/cli-over-ssh/simulated.js';
import {
  cliChanges,
  doNothing,
  foreignLines,
  foreignOn,
  tamperings,
  wordless,
} from '../../libs/drivers/src/cli-over-ssh/tampering.js';
import { describeConformance, type ConformanceFixture } from '../../libs/drivers/src/conformance.js';
import { samplesFor } from '../../libs/drivers/src/conformance-states.js';
import type { FaultInjector } from '../../libs/drivers/src/fault-injection.js';
import { missingSshTools, startSwitch, type TestSwitch } from './cli-switch.js';
import { freePort, startSshdWith } from './nftables-sshd.js';

const missing = missingSshTools();
if (missing.length > 0) {
  const message = `the command line over SSH is not tested here: ${missing.join(', ')} missing`;
  if (process.env['CI']) throw new Error(message);
  console.warn(message);
}

const limits = { commandMilliseconds: 5000, mostOutput: 1024 * 1024, confirmMinutes: 2 };

describe.runIf(missing.length === 0)('switches by their command line, behind sshd', () => {
  let closedPort: number;
  beforeAll(async () => {
    closedPort = await freePort();
  });

  for (const make of [iosXe, aosCx]) {
    const driver = createCliDriver({ make: make.name }, limits);
    const device = driver.simulated('behind-sshd');
    let peer: TestSwitch;

    const fixture = async (injector: FaultInjector): Promise<ConformanceFixture> => {
      peer = await startSwitch(device);
      device.type(foreignLines(make.name));
      return {
        connect: () =>
          new CliSession(make, injector.wrap<CliDevice>(driver.clientOf(peer.sshd.target), cliChanges, doNothing)),
        tamper: tamperings(device, make.name),
        readForeign: () => Promise.resolve(foreignOn(device)),
        traffic: null,
        dispose: () => peer.stop(),
      };
    };

    describeConformance({
      title: `cli-over-ssh, ${make.name}, behind sshd`,
      driver,
      movesPackets: false,
      fixture,
      unreachable: () => ({ ...peer.sshd.target, port: closedPort }),
      inexpressible: wordless,
      // an exchange is what it is, whatever the make says in it
      ...(make === aosCx && { faultsElsewhere: 'cli-over-ssh, ios-xe, behind sshd' }),
    });
  }

  describe('beyond the kit', () => {
    const driver = createCliDriver({ make: 'ios-xe' }, { ...limits, commandMilliseconds: 4000 });
    const { baseState, otherRules } = samplesFor(driver.enforces);
    let device: SimulatedCli;
    let peer: TestSwitch;
    let session: EnforcementSession;
    const kindNow = async (state: EnforcementState, by = session): Promise<string> => {
      const text = await by.read();
      return driver.plan(state, text === null ? null : driver.parse(text)).kind;
    };
    const bring = async (state: EnforcementState, by = session): Promise<void> => {
      const text = await by.read();
      await by.apply(driver.plan(state, text === null ? null : driver.parse(text)));
      await by.confirm();
    };

    beforeEach(async () => {
      device = createCliDriver({ make: 'ios-xe' }).simulated('behind-sshd');
      peer = await startSwitch(device);
      session = driver.connect(peer.sshd.target);
      await bring(baseState);
    });
    afterEach(async () => {
      await session.close();
      await peer.stop();
    });

    it('goes on from what a conversation left that was cut', async () => {
      await session.apply(driver.plan(otherRules, driver.expect(baseState)));
      for (const socket of peer.sockets) socket.destroy();
      await expect(session.confirm()).rejects.toThrow(RemoteFault);
      expect(device.pending).not.toBeNull();
      expect(await kindNow(otherRules)).toBe('none');
      expect(device.pending).toBeNull();
    });

    it('tells a switch that hangs within the time limit, and goes on when it is back', async () => {
      peer.hang(true);
      const begun = performance.now();
      await expect(session.read()).rejects.toThrow(/no answer within 4 s/);
      expect(performance.now() - begun).toBeLessThan(8000);
      peer.hang(false);
      expect(await kindNow(baseState)).toBe('none');
    });

    it('stops at a host key that is not the one in the policy', async () => {
      const impostor = driver.connect({ ...peer.sshd.target, hostKey: peer.sshd.otherHostKey });
      await expect(impostor.read()).rejects.toThrow(TerminalFault);
      await impostor.close();
    });

    it('does not take a shell for a switch', async () => {
      const plain = await startSshdWith(() => ({ ForceCommand: 'echo "shell# "; exec cat' }));
      const wrong = driver.connect(plain.target);
      await expect(wrong.read()).rejects.toThrow(RemoteFault);
      await wrong.close();
      await plain.stop();
    });
  });
});
