import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { describeConformance, type ConformanceFixture } from '../conformance.js';
import { samplesFor } from '../conformance-states.js';
import { RemoteFault, TerminalFault, type EnforcementSession } from '../driver.js';
import type { FaultInjector } from '../fault-injection.js';
import type { OpenChannel } from '../transport-ssh.js';
import { CliClient } from './client.js';
import { createCliDriver } from './index.js';
import { aosCx, pendingMark } from './aos-cx.js';
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

const limits = { commandMilliseconds: 1000, mostOutput: 100_000, confirmMinutes: 2 };

describe.each([iosXe, aosCx])('a change of $name', (make) => {
  const driver = createCliDriver({ make: make.name });
  const { baseState, otherRules, emptyState } = samplesFor(driver.enforces);
  let count = 0;
  const fresh = () => {
    const target = { kind: 'simulated', name: `${++count}` } as const;
    return { target, device: driver.simulated(target.name), session: driver.connect(target) };
  };
  const planFrom = async (session: EnforcementSession, state = otherRules) => {
    const text = await session.read();
    return driver.plan(state, text === null ? null : driver.parse(text));
  };
  const bring = async (session: EnforcementSession, state = otherRules): Promise<void> => {
    await session.apply(await planFrom(session, state));
    await session.confirm();
  };

  /** What becomes of a line: it takes effect and the conversation breaks, it breaks before, or nothing is ever said to it. */
  it.each(['is cut behind', 'is cut before', 'hangs at'] as const)(
    'comes to the goal whichever line the conversation %s',
    async (fate) => {
      for (let at = 1, isDone = false; !isDone; at++) {
        const { device, target, session } = fresh();
        await bring(session, baseState);
        let lines = 0;
        const breaking: OpenChannel = (events) => {
          const channel = device.openChannel(events);
          const cut = (): void => {
            channel.end();
            events.ended(new RemoteFault('cut'));
          };
          return {
            send: (bytes) => {
              const isLast = ++lines === at;
              if (!isLast || fate === 'is cut behind') channel.send(bytes);
              if (isLast && fate !== 'hangs at') queueMicrotask(cut);
            },
            end: () => channel.end(),
          };
        };
        const hasty = { ...limits, commandMilliseconds: 30 };
        const doomed = new CliSession(make, new CliClient(breaking, make, 'cordon', hasty));
        isDone = await bring(doomed).then(
          () => true,
          () => false,
        );
        const next = driver.connect(target);
        await bring(next);
        expect({ at, kind: (await planFrom(next)).kind }).toEqual({ at, kind: 'none' });
        expect({ at, pending: device.pending }).toEqual({ at, pending: null });
        expect(device.list((head) => head.includes(pendingMark))).toBe('');
        expect(at).toBeLessThan(80);
      }
    },
  );

  it('is saved once it is confirmed, and not before', async () => {
    const { device, session } = fresh();
    await session.apply(await planFrom(session));
    expect(device.saved.size).toBe(0);
    await session.confirm();
    expect(device.saved).toEqual(device.lists);
    await session.apply(await planFrom(session, emptyState));
    await session.rollback();
    expect(device.saved).toEqual(device.lists);
  });

  it('is saved later where saving did not work', async () => {
    const { device, session, target } = fresh();
    const client = driver.clientOf(target);
    let isFull = true;
    const save = (): Promise<void> => (isFull ? Promise.reject(new RemoteFault('flash is full')) : client.save());
    const full = new Proxy<CliDevice>(client, {
      get: (of, key) =>
        key === 'save' ? save : (Reflect.get(of, key, of) as (...args: unknown[]) => unknown).bind(of),
    });
    const troubled = new CliSession(make, full);
    await expect(bring(troubled)).rejects.toThrow(/flash is full/);
    isFull = false;
    await troubled.read();
    expect(device.saved).toEqual(device.lists);
    await session.close();
  });

  it('waits while a change of somebody else does', async () => {
    const { device, session, target } = fresh();
    device.beginChange('admin', 10);
    // and again, by this session and by another
    for (const by of [session, session, driver.connect(target)])
      await expect(bring(by)).rejects.toThrow(
        make === iosXe ? /a change of `admin`/ : /auto checkpoint mode is on already/,
      );
    expect(device.pending?.user).toBe('admin');
    device.keepChange();
    await bring(session);
    expect((await planFrom(session)).kind).toBe('none');
  });

  it('says what the switch refuses, and leaves nothing of the change', async () => {
    const { device, session } = fresh();
    await bring(session, baseState);
    const before = device.list(() => true);
    const plan = await planFrom(session);
    const commands = `${plan.commands.trimEnd()}\n${make.head({ family: 4, name: 'cordon-z' })}\n 10 permit tcp any nowhere\n`;
    await expect(session.apply({ ...plan, commands })).rejects.toThrow(
      /`10 permit tcp any nowhere` is refused: .*[Ii]nvalid input/,
    );
    await session.rollback();
    await session.read();
    expect(device.list(() => true)).toBe(before);
  });

  describe('in time', () => {
    beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
    afterEach(() => void vi.useRealTimers());

    it('is taken back when nobody confirms it, and a late confirmation is told', async () => {
      const { device, session } = fresh();
      await bring(session, baseState);
      const before = device.list(() => true);
      await session.apply(await planFrom(session));
      await vi.advanceTimersByTimeAsync(2 * 60_000 + 1);
      await expect(session.confirm()).rejects.toThrow(/has taken the change back/);
      expect((await planFrom(session, baseState)).kind).toBe('none');
      expect(device.list(() => true)).toBe(before);
    });
  });
});

describe('IOS XE without a configuration archive', () => {
  it('is not changed, and the refusal says what to do', async () => {
    const driver = createCliDriver({ make: 'ios-xe' });
    const session = driver.connect({ kind: 'simulated', name: 'x' });
    driver.simulated('x').hasArchive = false;
    const { baseState } = samplesFor(driver.enforces);
    await session.read();
    await expect(session.apply(driver.plan(baseState, null))).rejects.toThrow(TerminalFault);
    await expect(session.apply(driver.plan(baseState, null))).rejects.toThrow(/configure `archive`/);
    expect(driver.simulated('x').lists.size).toBe(0);
  });
});
