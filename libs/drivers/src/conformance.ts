import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Connection, EnforcementState } from '#model';
import { parseAddress } from '#net';
import * as sample from './conformance-states.js';
import {
  RemoteFault,
  type ChangePlan,
  type Driver,
  type EnforcementSession,
  type EnforcementTarget,
} from './driver.js';
import { judgeByInvariant, type Packet, type PacketVerdict } from './invariant.js';

/** A device to test against, real or simulated, with `conformanceNetwork` around it. */
export interface ConformanceFixture {
  readonly target: EnforcementTarget;
  /** Changes behind the driver's back, made while `baseState` is in force. */
  readonly tamper: Readonly<Record<string, () => Promise<void>>>;
  /** Objects on the device that aren't ours, as text. There is at least one. */
  readForeign(): Promise<string>;
  /** Sends a packet that opens a connection; true if it arrived and an answer came back. */
  send(packet: Packet): Promise<boolean>;
  /** Opens TCP from the pump to port 8443 of the server and keeps it. */
  open(): Promise<OpenConnection>;
  dispose(): Promise<void>;
}

export interface OpenConnection {
  readonly connection: Connection;
  /** Sends some bytes; true if they were echoed. */
  echoes(): Promise<boolean>;
  close(): Promise<void>;
}

export interface ConformanceSubject {
  readonly title: string;
  readonly driver: Driver;
  readonly fixture: () => Promise<ConformanceFixture>;
  /** A target that nothing answers at; the test says what becomes of it. */
  readonly unreachable: () => EnforcementTarget;
  /** What the device would do by this text of its own. */
  readonly judge: (text: string) => (packet: Packet) => PacketVerdict;
}

/** What every driver must prove on every kind of target. Register it in a spec file. */
export function describeConformance(subject: ConformanceSubject): void {
  describe(`conformance: ${subject.title}`, () => {
    describePureConformance(subject);
    describeDeviceConformance(subject);
  });
}

const evaluable = (text: string | null): string => text ?? expect.fail('nothing of ours is on the device');

function describePureConformance({ driver, judge }: ConformanceSubject): void {
  it.each([...sample.sampleStates])('renders %s to what parses back as it', (_, state) => {
    expect(driver.check(state)).toEqual([]);
    const parsed = driver.parse(driver.render(state));
    expect(driver.plan(state, parsed)).toMatchObject({ kind: 'none', steps: [] });
    expect([...(parsed?.ruleIds ?? [])].sort()).toEqual([...new Set(state.rules.entries.map(({ id }) => id))].sort());
  });

  it.each([...sample.sampleStates])('expects of %s exactly what its artefact says', (_, state) => {
    for (const time of ['first', 'second'])
      expect({ time, observed: driver.expect(state) }).toEqual({ time, observed: driver.parse(driver.render(state)) });
  });

  it('renders the same bytes whatever the order of entries', () => {
    const { rules } = sample.baseState;
    const reversed = { ...sample.baseState, rules: { ...rules, entries: [...rules.entries].reverse() } };
    expect(driver.render(reversed)).toBe(driver.render(sample.baseState));
  });

  it.each([...sample.sampleStates])('renders %s to what judges every sample packet by the invariant', (_, state) => {
    expectInvariant(state, judge(driver.render(state)));
  });
}

function expectInvariant(state: EnforcementState, judge: (packet: Packet) => PacketVerdict): void {
  const wrong = sample.samplePackets.filter((packet) => judge(packet) !== judgeByInvariant(state, packet));
  expect(wrong).toEqual([]);
}

function describeDeviceConformance({ driver, fixture, unreachable, judge }: ConformanceSubject): void {
  let device: ConformanceFixture;
  let session: EnforcementSession;
  const nextPlan = async (state: EnforcementState): Promise<ChangePlan> => {
    const text = await session.read();
    return driver.plan(state, text === null ? null : driver.parse(text));
  };
  const bring = async (state: EnforcementState): Promise<ChangePlan> => {
    const plan = await nextPlan(state);
    await session.apply(plan);
    await session.confirm();
    return plan;
  };

  beforeAll(async () => {
    device = await fixture();
    session = driver.connect(device.target);
  });
  afterAll(async () => {
    await session?.close();
    await device?.dispose();
  });

  it('reads nothing before the first change, and puts nothing back as nothing', async () => {
    expect(await session.read()).toBeNull();
    expect(await session.counters()).toEqual([]);
    await session.apply(await nextPlan(sample.baseState));
    expect((await nextPlan(sample.baseState)).kind).toBe('none');
    await session.rollback();
    expect(await session.read()).toBeNull();
  });

  it.each([...sample.sampleStates])(
    'brings %s, reads it back as such, and has nothing left to do',
    async (_, state) => {
      await bring(state);
      expect(await nextPlan(state)).toEqual({ kind: 'none', steps: [], commands: '' });
      const text = evaluable(await session.read());
      expectInvariant(state, judge(text));
    },
  );

  it('changes members one by one, without the rules', async () => {
    await bring(sample.baseState);
    const plan = await bring(sample.otherMembers);
    expect(plan.kind).toBe('membership');
    // one member of a class made place for another in each family, and another class's only member went
    const named = plan.steps.flatMap((step) => step.split(' ').filter((word) => parseAddress(word)));
    expect([...new Set(named)].sort()).toEqual(
      ['10.20.0.21', '10.20.0.31', '10.20.1.1', 'fd00:20::21', 'fd00:20::31'].sort(),
    );
    expect((await nextPlan(sample.otherMembers)).kind).toBe('none');
  });

  it('keeps established connections and members over a replacement of the rules', async () => {
    await bring(sample.baseState);
    const open = await device.open();
    const plan = await bring(sample.otherRules);
    expect(plan.kind).toBe('rules');
    expect(await open.echoes()).toBe(true);
    expect(await session.connections()).toContainEqual(open.connection);
    expect((await nextPlan(sample.otherRules)).kind).toBe('none');
    await open.close();
  });

  it.each([
    ['its line is gone', sample.closedRules],
    ['its device left the class', sample.withoutPump],
  ])('stops an established connection once %s', async (_, state) => {
    await bring(sample.baseState);
    const open = await device.open();
    expect(await open.echoes()).toBe(true);
    await bring(state);
    expect(await open.echoes()).toBe(false);
    await open.close();
  });

  it('cuts the connection it is told to, and is content when it is gone already', async () => {
    await bring(sample.baseState);
    const [first, second] = [await device.open(), await device.open()];
    await session.cut([first.connection]);
    expect(await session.connections()).not.toContainEqual(first.connection);
    await session.cut([first.connection]);
    await session.cut([]);
    expect(await second.echoes()).toBe(true);
    await first.close();
    await second.close();
  });

  it('lets pass what the invariant passes, drops the rest, and counts both by policy line', async () => {
    await bring(sample.emptyState);
    await bring(sample.baseState);
    for (const packet of sample.livePackets)
      expect({ packet, passed: await device.send(packet) }).toEqual({
        packet,
        passed: judgeByInvariant(sample.baseState, packet) !== 'dropped',
      });
    const counters = new Map((await session.counters()).map(({ id, packets, bytes }) => [id, { packets, bytes }]));
    expect([...counters.keys()].sort()).toEqual(
      ['denied', ...new Set(sample.baseState.rules.entries.map(({ id }) => id))].sort(),
    );
    for (const id of [sample.pumpLine, 'denied', 'd10000000000'])
      expect(counters.get(id)).toEqual({ packets: expect.toSatisfy(isPositive), bytes: expect.toSatisfy(isPositive) });
  });

  it('sees and repairs every change behind its back, and leaves foreign objects alone', async () => {
    const foreign = await device.readForeign();
    expect(foreign).not.toBe('');
    expect(Object.keys(device.tamper)).not.toEqual([]);
    for (const [title, tamper] of Object.entries(device.tamper)) {
      await bring(sample.baseState);
      await tamper();
      expect({ title, drift: (await bring(sample.baseState)).kind !== 'none' }).toEqual({ title, drift: true });
      expect({ title, left: (await nextPlan(sample.baseState)).kind }).toEqual({ title, left: 'none' });
    }
    expect(await device.readForeign()).toBe(foreign);
  });

  it('puts back what was there before an unconfirmed change', async () => {
    await bring(sample.baseState);
    for (const state of [sample.otherRules, sample.otherMembers]) {
      await session.apply(await nextPlan(state));
      await session.rollback();
      expect((await nextPlan(sample.baseState)).kind).toBe('none');
    }
    await bring(sample.otherRules);
    await session.rollback();
    expect((await nextPlan(sample.otherRules)).kind).toBe('none');
  });

  it('tells a device that does not answer from everything else', async () => {
    const silent = driver.connect(unreachable());
    await expect(silent.read()).rejects.toThrow(RemoteFault);
    await expect(silent.apply(driver.plan(sample.baseState, null))).rejects.toThrow(RemoteFault);
    await expect(silent.connections()).rejects.toThrow(RemoteFault);
    await silent.close();
  });
}

const isPositive = (value: unknown): boolean => typeof value === 'number' && value > 0;
