import { describe, expect, it } from 'vitest';
import { createNftablesDriver, RemoteFault, type EnforcementSession } from '#drivers';
import { noRules, type EnforcementState } from '#model';
import { addressSet, parseRange } from '#net';
import { PointReconciler } from './point.js';

const addresses = (text: string) => addressSet([parseRange(text)!]);

function stateOf(members: readonly string[], service = 0x06_01bb, protocolOf = service): EnforcementState {
  return {
    rules: {
      ...noRules,
      scope: addresses('10.20.0.0/16'),
      entries: [
        {
          id: '0123456789ab',
          action: 'allow',
          source: { kind: 'classes', classes: ['pump'] },
          destination: { kind: 'addresses', addresses: addresses('10.10.0.10') },
          services: [{ first: service, last: protocolOf }],
          line: 'rules/flows.csv:1',
        },
      ],
    },
    membership: new Map([['pump', new Set(members)]]),
    ports: new Map(),
  };
}

const wanted = stateOf(['10.20.0.1']);

function setUp() {
  const driver = createNftablesDriver();
  const device = driver.simulated('point');
  return { driver, device, session: driver.connect({ kind: 'simulated', name: 'point' }) };
}

/** A device on which somebody else undoes half of each change before it is read back. */
function meddled(session: EnforcementSession, meddle: () => Promise<void>): EnforcementSession {
  const apply = async (plan: Parameters<EnforcementSession['apply']>[0]) => {
    await session.apply(plan);
    await meddle();
  };
  return {
    apply,
    read: () => session.read(),
    confirm: () => session.confirm(),
    rollback: () => session.rollback(),
    counters: () => session.counters(),
    connections: () => session.connections(),
    cut: (connections) => session.cut(connections),
    holds: (plan) => session.holds!(plan),
    close: () => session.close(),
  };
}

const meddling =
  '{"nftables":[{"add":{"element":{"family":"inet","table":"cordon","name":"pump_4","elem":["10.20.0.66"]}}}]}';

describe('PointReconciler', () => {
  it('applies what is missing, says what it did, and then finds nothing to do', async () => {
    const { driver, session } = setUp();
    const point = new PointReconciler(driver, session);
    const first = await point.run(wanted);
    expect(first).toMatchObject({ kind: 'applied', change: 'rules', hasDrifted: false });
    expect(first.steps).not.toEqual([]);
    expect(await point.run(wanted)).toMatchObject({ kind: 'unchanged', change: 'none' });
  });

  it('says what it read of the rules, before and after: members make no difference', async () => {
    const { driver, session } = setUp();
    const point = new PointReconciler(driver, session);
    const { rules: first } = await point.run(wanted);
    const there = driver.expect(wanted).rulesFingerprint;
    expect(first).toEqual({ before: '', after: there, isAsked: false });
    const { rules: members } = await new PointReconciler(driver, session).run(more);
    expect(members).toEqual({ before: there, after: there, isAsked: true });
    const { rules: others } = await new PointReconciler(driver, session).run(stateOf([], 0x06_0050));
    expect(others).toMatchObject({ before: there, isAsked: false });
    expect(others?.after).not.toBe(there);
    expect((await point.run(wanted, 'changes')).rules).toBeNull();
  });

  const more = stateOf(['10.20.0.1', '10.20.0.2']);
  const asOften = (session: EnforcementSession, calls: string[]): EnforcementSession =>
    new Proxy(session, {
      get(target, key: 'read' | 'apply') {
        const method = target[key] as (...args: unknown[]) => unknown;
        return (...args: unknown[]) => {
          calls.push(key);
          return method.apply(target, args);
        };
      },
    });

  it('changes members before it reads, then proves them', async () => {
    const { driver, device, session } = setUp();
    const calls: string[] = [];
    const point = new PointReconciler(driver, asOften(session, calls));
    await point.run(wanted);
    calls.length = 0;
    const { rules } = wanted;
    const outcome = await point.run({ ...more, rules });
    expect(outcome).toMatchObject({ kind: 'applied', change: 'membership', hasDrifted: false });
    expect(outcome.steps).toEqual(['add 10.20.0.2 to set pump_4']);
    expect(calls).toEqual(['apply', 'confirm', 'read']);
    expect(await device.list()).toContain('10.20.0.2');
  });

  it('brings a device that was tampered with to the new members all the same, and calls the rest drift', async () => {
    for (const [tamper, change] of [
      [meddling, 'membership'],
      ['{"nftables":[{"delete":{"table":{"family":"inet","name":"cordon"}}}]}', 'rules'],
    ] as const) {
      const { driver, device, session } = setUp();
      const point = new PointReconciler(driver, session);
      await point.run(wanted);
      await device.load(tamper);
      expect(await point.run(more)).toMatchObject({ kind: 'applied', change, hasDrifted: true });
      expect(await point.run(more)).toMatchObject({ kind: 'unchanged' });
    }
  });

  it('calls a change drift only when nothing else was asked for', async () => {
    const { driver, device, session } = setUp();
    const point = new PointReconciler(driver, session);
    await point.run(wanted);
    expect(await point.run(more)).toMatchObject({ change: 'membership', hasDrifted: false });
    await device.load(meddling);
    const equal = stateOf(['10.20.0.2', '10.20.0.1']);
    expect(await point.run(equal)).toMatchObject({ kind: 'applied', hasDrifted: true });
    await device.load(meddling);
    const restarted = new PointReconciler(driver, session);
    expect(await restarted.run(more)).toMatchObject({ kind: 'applied', hasDrifted: false });
  });

  describe('looking at changes only', () => {
    const { rules } = wanted;

    it('changes members, proves these, and reads nothing else', async () => {
      const { driver, device, session } = setUp();
      const calls: string[] = [];
      const point = new PointReconciler(driver, asOften(session, calls));
      await point.run(wanted);
      calls.length = 0;
      const outcome = await point.run({ ...more, rules }, 'changes');
      expect(outcome).toMatchObject({ kind: 'applied', change: 'membership', hasDrifted: false });
      expect(outcome.steps).toEqual(['add 10.20.0.2 to set pump_4']);
      expect(calls).toEqual(['apply', 'confirm', 'holds']);
      expect(await device.list()).toContain('10.20.0.2');
      calls.length = 0;
      expect(await point.run({ ...more, rules }, 'changes')).toMatchObject({ kind: 'unchanged' });
      expect(calls).toEqual([]);
    });

    it('leaves drift elsewhere to the next whole look, which calls it so', async () => {
      const { driver, device, session } = setUp();
      const point = new PointReconciler(driver, session);
      await point.run(wanted);
      await device.load(meddling);
      expect(await point.run(more, 'changes')).toMatchObject({ hasDrifted: false });
      expect(await point.run(more)).toMatchObject({ kind: 'applied', hasDrifted: true });
      expect(await device.list()).not.toContain('10.20.0.66');
    });

    it.each<[string, Partial<EnforcementSession>]>([
      ['the device says yes and does nothing', { apply: () => Promise.resolve() }],
      ['the device refuses', { apply: () => Promise.reject(new RemoteFault('busy')) }],
      ['the device can’t tell', { holds: () => Promise.resolve(false) }],
    ])('looks at all when %s', async (_, lie) => {
      const { driver, device, session } = setUp();
      let lies = 0;
      const liar = new Proxy(session, {
        get(target, key: 'apply') {
          const lying = lies > 0 ? (lie as typeof session)[key] : undefined;
          if (lying) lies--;
          return (lying ?? target[key]).bind(target);
        },
      });
      const point = new PointReconciler(driver, liar);
      await point.run(wanted);
      lies = 1;
      expect(await point.run(more, 'changes')).toMatchObject({ kind: 'applied', change: 'membership' });
      expect(lies).toBe(0);
      expect(await device.list()).toContain('10.20.0.2');
      expect(await point.run(more)).toMatchObject({ kind: 'unchanged' });
    });

    it('asks for all in its first run, and for new rules', async () => {
      const { driver, session } = setUp();
      const calls: string[] = [];
      const point = new PointReconciler(driver, asOften(session, calls));
      await point.run(wanted, 'changes');
      expect(calls).toContain('read');
      calls.length = 0;
      expect(await point.run(stateOf(['10.20.0.1'], 0x06_0050), 'changes')).toMatchObject({ change: 'rules' });
      expect(calls).toEqual(['read', 'apply', 'read', 'confirm']);
    });

    it('brings the device to the last of many states, as whole looks do', async () => {
      const { driver, session } = setUp();
      const point = new PointReconciler(driver, session);
      await point.run(wanted);
      for (let round = 0; round < 50; round++) {
        const members = Array.from({ length: 40 }, (_, i) => `10.20.1.${i}`).filter((_, i) => (i * 7 + round) % 3 > 0);
        await point.run(stateOf(members), 'changes');
        const read = driver.parse((await session.read())!);
        expect(driver.plan(stateOf(members), read).kind).toBe('none');
      }
    });
  });

  it('rolls back when it reads back something else', async () => {
    const { driver, device, session } = setUp();
    await new PointReconciler(driver, session).run(wanted);
    const outcome = await new PointReconciler(
      driver,
      meddled(session, () => device.load(meddling)),
    ).run(more);
    expect(outcome).toMatchObject({ kind: 'rolled-back', change: 'membership' });
    expect(outcome.steps.at(-1)).toContain('10.20.0.66');
    await device.load(meddling.replace('add', 'delete'));
    expect(await new PointReconciler(driver, session).run(wanted)).toMatchObject({ kind: 'unchanged' });
  });

  it('touches nothing when the make can’t express a line', async () => {
    const { driver, session } = setUp();
    const outcome = await new PointReconciler(driver, session).run(stateOf([], 0x32_0001, 0x32_0002));
    expect(outcome).toMatchObject({ kind: 'refused', diagnostics: [{ code: 'nftables-service' }] });
    expect(await session.read()).toBeNull();
  });

  it('lets faults through, and tries to leave what was there', async () => {
    const { driver, device, session } = setUp();
    await new PointReconciler(driver, session).run(wanted);
    const fails = meddled(session, () => Promise.reject(new RemoteFault('the line broke')));
    await expect(new PointReconciler(driver, fails).run(stateOf([]))).rejects.toThrow('the line broke');
    const point = new PointReconciler(driver, session);
    expect(await point.run(wanted)).toMatchObject({ kind: 'unchanged' });
    device.isReachable = false;
    await expect(point.run(stateOf([]))).rejects.toThrow(RemoteFault);
  });
});
