import { describe, expect, it } from 'vitest';
import { createNftablesDriver, RemoteFault, type EnforcementSession } from '#drivers';
import type { EnforcementState } from '#model';
import { addressSet, parseRange } from '#net';
import { reconcilePoint } from './point.js';

const addresses = (text: string) => addressSet([parseRange(text)!]);

function stateOf(members: readonly string[], service = 0x06_01bb, protocolOf = service): EnforcementState {
  return {
    rules: {
      snapshotDigest: 'd',
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
    close: () => session.close(),
  };
}

const meddling =
  '{"nftables":[{"add":{"element":{"family":"inet","table":"cordon","name":"pump_4","elem":["10.20.0.66"]}}}]}';

describe('reconcilePoint', () => {
  it('applies what is missing, says what it did, and then finds nothing to do', async () => {
    const { driver, session } = setUp();
    const first = await reconcilePoint(driver, session, wanted);
    expect(first).toMatchObject({ kind: 'applied', change: 'rules', hasDrifted: false });
    expect(first.steps).not.toEqual([]);
    expect(await reconcilePoint(driver, session, wanted, wanted)).toMatchObject({ kind: 'unchanged', change: 'none' });
  });

  it('calls a change drift only when nothing else was asked for', async () => {
    const { driver, device, session } = setUp();
    await reconcilePoint(driver, session, wanted);
    const more = stateOf(['10.20.0.1', '10.20.0.2']);
    expect(await reconcilePoint(driver, session, more, wanted)).toMatchObject({
      change: 'membership',
      hasDrifted: false,
    });
    await device.load(meddling);
    const equal = stateOf(['10.20.0.2', '10.20.0.1']);
    expect(await reconcilePoint(driver, session, equal, more)).toMatchObject({ kind: 'applied', hasDrifted: true });
    await device.load(meddling);
    expect(await reconcilePoint(driver, session, more)).toMatchObject({ kind: 'applied', hasDrifted: false });
  });

  it('rolls back when it reads back something else', async () => {
    const { driver, device, session } = setUp();
    await reconcilePoint(driver, session, wanted);
    const more = stateOf(['10.20.0.1', '10.20.0.2']);
    const outcome = await reconcilePoint(
      driver,
      meddled(session, () => device.load(meddling)),
      more,
    );
    expect(outcome).toMatchObject({ kind: 'rolled-back', change: 'membership' });
    expect(outcome.steps.at(-1)).toContain('10.20.0.66');
    expect(await reconcilePoint(driver, session, wanted)).toMatchObject({ kind: 'unchanged' });
  });

  it('touches nothing when the make can’t express a line', async () => {
    const { driver, session } = setUp();
    const outcome = await reconcilePoint(driver, session, stateOf([], 0x32_0001, 0x32_0002));
    expect(outcome).toMatchObject({ kind: 'refused', diagnostics: [{ code: 'nftables-service' }] });
    expect(await session.read()).toBeNull();
  });

  it('lets faults through, and tries to leave what was there', async () => {
    const { driver, device, session } = setUp();
    await reconcilePoint(driver, session, wanted);
    const fails = meddled(session, () => Promise.reject(new RemoteFault('the line broke')));
    await expect(reconcilePoint(driver, fails, stateOf([]))).rejects.toThrow('the line broke');
    expect(await reconcilePoint(driver, session, wanted)).toMatchObject({ kind: 'unchanged' });
    device.isReachable = false;
    await expect(reconcilePoint(driver, session, stateOf([]))).rejects.toThrow(RemoteFault);
  });
});
