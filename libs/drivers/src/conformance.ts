import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Connection, EnforcementState, FlowEntry } from '#model';
import { intersectAddresses, isEmptyAddressSet, matchAcl, parseAddress, type AddressSet } from '#net';
import * as sample from './conformance-states.js';
import {
  RemoteFault,
  TerminalFault,
  type ChangePlan,
  type Driver,
  type EnforcementSession,
  type EnforcementTarget,
} from './driver.js';
import { FaultInjector, type DeviceFault } from './fault-injection.js';
import { judgeByInvariant, type Packet, type PacketVerdict } from './invariant.js';

/** A device to test against, real or simulated; for drivers of flows with `conformanceNetwork` around it. */
export interface ConformanceFixture {
  /** A session that knows nothing of earlier ones, as after a restart. Its exchanges go through the injector that the fixture got. */
  connect(): EnforcementSession;
  /** Changes behind the driver's back, made while `baseState` is in force. */
  readonly tamper: Readonly<Record<string, () => Promise<void>>>;
  /** Objects on the device that aren't ours, as text. There is at least one. */
  readForeign(): Promise<string>;
  /** Null where the subject says that it moves no packets. */
  readonly traffic: ConformanceTraffic | null;
  dispose(): Promise<void>;
}

export interface ConformanceTraffic {
  /** Sends a packet that opens a connection; true if it arrived and an answer came back. */
  send(packet: Packet): Promise<boolean>;
  /** Opens TCP from the pump to port 8443 of the server and keeps it. */
  open(): Promise<OpenConnection>;
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
  /** False for a device that keeps its rules and has no traffic to judge. */
  readonly movesPackets: boolean;
  /** The fixture puts `injector.wrap(…)` between the driver's own code and the device. */
  readonly fixture: (injector: FaultInjector) => Promise<ConformanceFixture>;
  /** A target that nothing answers at; the test says what becomes of it. */
  readonly unreachable: () => EnforcementTarget;
  /** For drivers of flows: what the device would do by this text of its own. */
  readonly judge?: (text: string) => (packet: Packet) => PacketVerdict;
  /**
   * Where its faults are tried at every exchange, if not here: for subjects that are slow and have their exchanges in common with
   * another.
   */
  readonly faultsElsewhere?: string;
  /** States that this make has no words for, and a word of the refusal. */
  readonly inexpressible: Readonly<Record<string, readonly [state: EnforcementState, summary: RegExp]>>;
}

/** What every driver must prove on every kind of target. Register it in a spec file. */
export function describeConformance(subject: ConformanceSubject): void {
  describe(`conformance: ${subject.title}`, () => {
    describePureConformance(subject);
    describeDeviceConformance(subject);
  });
}

const asksForSomething = ({ rules: { scope, lists, vlans, workloads } }: EnforcementState): boolean =>
  !isEmptyAddressSet(scope) || lists.length + vlans.length + workloads.length > 0;
const evaluable = (text: string | null): string => text ?? expect.fail('nothing of ours is on the device');

function describePureConformance(subject: ConformanceSubject): void {
  const { driver, inexpressible } = subject;
  const states = sample.samplesFor(driver.enforces);
  const { baseState } = states;

  it.each(Object.entries(states))('renders %s to what parses back as it', (_, state) => {
    expect(driver.check(state)).toEqual([]);
    const parsed = driver.parse(driver.render(state));
    expect(driver.plan(state, parsed)).toMatchObject({ kind: 'none', steps: [] });
    expect([...(parsed?.ruleIds ?? [])].sort()).toEqual(idsOf(state));
  });

  it.each(Object.entries(states))('expects of %s exactly what its artefact says', (_, state) => {
    for (const time of ['first', 'second'])
      expect({ time, observed: driver.expect(state) }).toEqual({ time, observed: driver.parse(driver.render(state)) });
  });

  it('renders the same bytes whatever the order of entries', () => {
    const { rules } = baseState;
    const reversed = {
      ...rules,
      entries: [...rules.entries].reverse(),
      lists: [...rules.lists].reverse(),
      vlans: [...rules.vlans].reverse(),
      workloads: [...rules.workloads].reverse(),
    };
    expect(driver.render({ ...baseState, rules: reversed })).toBe(driver.render(baseState));
  });

  it.each(Object.entries(states))('renders %s to what judges every sample packet as it must', (_, state) => {
    expectMeaning(subject, state, driver.render(state));
  });

  it('refuses what it does not enforce, and what its make has no words for, with a remedy', () => {
    const whole = sample.samplesFor(['flows', 'lists', 'vlans', 'ports', 'workloads']).baseState;
    for (const { code, summary, hint } of driver.check(whole)) expect([code, summary, hint]).not.toContain('');
    if (driver.enforces.length < 5)
      expect(driver.check(whole).filter(({ severity }) => severity === 'error')).not.toEqual([]);
    expect(Object.keys(inexpressible)).not.toEqual([]);
    for (const [title, [state, summary]] of Object.entries(inexpressible)) {
      const errors = driver.check(state).filter(({ severity }) => severity === 'error');
      expect({ title, errors }).toEqual({
        title,
        errors: [
          expect.objectContaining({ summary: expect.stringMatching(summary), hint: expect.stringMatching(/./) }),
        ],
      });
    }
  });
}

/** Ids of the policy's lines, and names of lists, that a device must show; where there are workloads, of the lines that name one. */
function idsOf({ rules: { entries, lists, workloads } }: EnforcementState): string[] {
  const names = ({ source, destination }: FlowEntry): boolean =>
    workloads.length === 0 ||
    [source, destination].some((side) =>
      workloads.some((workload) => side.kind === 'addresses' && overlap(side.addresses, workload.addresses)),
    );
  return [...new Set([...entries.filter(names).map(({ id }) => id), ...lists.map(({ name }) => name)])].sort();
}

const overlap = (a: AddressSet, b: AddressSet): boolean => !isEmptyAddressSet(intersectAddresses(a, b));

function expectMeaning({ driver, judge }: ConformanceSubject, state: EnforcementState, text: string): void {
  if (driver.enforces.includes('flows')) {
    const verdict = judge?.(text) ?? expect.fail('a driver of flows needs `judge`');
    const wrong = sample.samplePackets.filter((packet) => verdict(packet) !== judgeByInvariant(state, packet));
    expect(wrong).toEqual([]);
  }
  const observed = driver.parse(text);
  const meaning = observed && driver.meaningOf?.(observed);
  for (const { name, entries } of state.rules.lists) {
    const found = meaning?.list(name) ?? expect.fail('a driver of lists needs `meaningOf`');
    const wrong = sample.listPackets.filter((packet) => matchAcl(found, packet) !== matchAcl(entries, packet));
    expect({ name, wrong }).toEqual({ name, wrong: [] });
  }
}

const trafficOf = ({ traffic }: ConformanceFixture): ConformanceTraffic =>
  traffic ?? expect.fail('the fixture moves no packets');

/** More exchanges than any change takes. */
const mostExchanges = 60;

function describeDeviceConformance(subject: ConformanceSubject): void {
  const { driver, fixture, unreachable, movesPackets } = subject;
  const { enforces, capabilities } = driver;
  const states = sample.samplesFor(enforces);
  const { baseState, otherRules, otherMembers, emptyState } = states;
  const injector = new FaultInjector();
  let device: ConformanceFixture;
  let session: EnforcementSession;

  const nextPlan = async (state: EnforcementState, by = session): Promise<ChangePlan> => {
    const text = await by.read();
    return driver.plan(state, text === null ? null : driver.parse(text));
  };
  const bring = async (state: EnforcementState, by = session): Promise<ChangePlan> => {
    const plan = await nextPlan(state, by);
    await by.apply(plan);
    await by.confirm();
    return plan;
  };
  /** As after a restart. */
  const withNewSession = async <T>(work: (session: EnforcementSession) => Promise<T>): Promise<T> => {
    const fresh = device.connect();
    try {
      return await work(fresh);
    } finally {
      await fresh.close();
    }
  };

  beforeAll(async () => {
    device = await fixture(injector);
    session = device.connect();
  });
  afterAll(async () => {
    await session?.close();
    await device?.dispose();
  });

  it('reads nothing before the first change, and puts nothing back as nothing', async () => {
    expect(await session.read()).toBeNull();
    expect(await session.counters()).toEqual([]);
    await session.apply(await nextPlan(baseState));
    expect((await nextPlan(baseState)).kind).toBe('none');
    await session.rollback();
    expect(await session.read()).toBeNull();
  });

  it.each(Object.entries(states))('brings %s, reads it back as such, and has nothing left to do', async (_, state) => {
    await bring(state);
    expect(await nextPlan(state)).toEqual({ kind: 'none', steps: [], commands: '' });
    const text = await session.read();
    // where rules are lists and nothing else, no list leaves nothing
    if (text !== null || asksForSomething(state)) expectMeaning(subject, state, evaluable(text));
  });

  if (enforces.includes('flows') || enforces.includes('ports'))
    it('changes members and ports one by one, without the rules', async () => {
      await bring(baseState);
      const plan = await bring(otherMembers);
      expect(plan.kind).toBe('membership');
      if (enforces.includes('flows')) {
        // one member of a class made place for another in each family, and another class's only member went
        const named = plan.steps.flatMap((step) => step.split(' ').filter((word) => parseAddress(word)));
        expect([...new Set(named)].sort()).toEqual(
          ['10.20.0.21', '10.20.0.31', '10.20.1.1', 'fd00:20::21', 'fd00:20::31'].sort(),
        );
      }
      if (enforces.includes('ports'))
        for (const port of ['p1', 'p2', 'p3']) expect(plan.steps.join()).toMatch(new RegExp(`\\b${port}\\b`));
      expect((await nextPlan(otherMembers)).kind).toBe('none');
    });

  it('tells whether the device holds a change of members, wherever it can tell', async () => {
    await bring(baseState);
    const plan = await nextPlan(otherMembers);
    if (!session.holds || plan.kind !== 'membership') return;
    expect(await session.holds(plan)).toBe(false);
    for (const fault of ['ignored', 'halved'] as const) {
      await bring(baseState);
      injector.arm(fault, 1);
      await session.apply(plan);
      await session.confirm();
      expect({ fault, happened: injector.disarm() }).toEqual({ fault, happened: true });
      expect({ fault, holds: await session.holds(plan) }).toEqual({ fault, holds: false });
    }
    await bring(baseState);
    await session.apply(plan);
    await session.confirm();
    expect(await session.holds(plan)).toBe(true);
    expect((await nextPlan(otherMembers)).kind).toBe('none');
  });

  it('replaces the rules, and what of them stays keeps its members', async () => {
    await bring(baseState);
    expect((await bring(otherRules)).kind).toBe('rules');
    expect((await nextPlan(otherRules)).kind).toBe('none');
  });

  if (enforces.includes('flows') && capabilities.stateful) {
    it('keeps established connections and members over a replacement of the rules', async () => {
      await bring(baseState);
      const open = await trafficOf(device).open();
      await bring(otherRules);
      expect(await open.echoes()).toBe(true);
      if (capabilities.cutsConnections) expect(await session.connections()).toContainEqual(open.connection);
      await open.close();
    });

    it.each([
      ['its line is gone', states.closedRules],
      ['its device left the class', states.withoutPump],
    ])('stops an established connection once %s', async (_, state) => {
      await bring(baseState);
      const open = await trafficOf(device).open();
      expect(await open.echoes()).toBe(true);
      await bring(state);
      expect(await open.echoes()).toBe(false);
      await open.close();
    });
  }

  if (capabilities.cutsConnections)
    it('cuts the connection it is told to, and is content when it is gone already', async () => {
      await bring(baseState);
      const traffic = trafficOf(device);
      const [first, second] = [await traffic.open(), await traffic.open()];
      await session.cut([first.connection]);
      expect(await session.connections()).not.toContainEqual(first.connection);
      await session.cut([first.connection]);
      await session.cut([]);
      expect(await second.echoes()).toBe(true);
      await first.close();
      await second.close();
    });

  if (enforces.includes('flows') && movesPackets)
    it('lets pass what the invariant passes, drops the rest, and counts both by policy line', async () => {
      const traffic = trafficOf(device);
      await bring(emptyState);
      await bring(baseState);
      for (const packet of sample.livePackets)
        expect({ packet, passed: await traffic.send(packet) }).toEqual({
          packet,
          passed: judgeByInvariant(baseState, packet) !== 'dropped',
        });
      const counters = new Map((await session.counters()).map(({ id, packets, bytes }) => [id, { packets, bytes }]));
      expect([...counters.keys()].sort()).toEqual(
        [
          'denied',
          ...(capabilities.watchesCandidates ? ['audit'] : []),
          ...new Set(baseState.rules.entries.map(({ id }) => id)),
        ].sort(),
      );
      for (const id of [sample.pumpLine, 'denied', 'd10000000000'])
        expect(counters.get(id)).toEqual({
          packets: expect.toSatisfy(isPositive),
          bytes: expect.toSatisfy(isPositive),
        });
    });

  it('sees and repairs every change behind its back, and leaves foreign objects alone', async () => {
    const foreign = await device.readForeign();
    expect(foreign).not.toBe('');
    expect(Object.keys(device.tamper)).not.toEqual([]);
    for (const [title, tamper] of Object.entries(device.tamper)) {
      await bring(baseState);
      await tamper();
      expect({ title, drift: (await bring(baseState)).kind !== 'none' }).toEqual({ title, drift: true });
      expect({ title, left: (await nextPlan(baseState)).kind }).toEqual({ title, left: 'none' });
    }
    expect(await device.readForeign()).toBe(foreign);
  });

  it('puts back what was there before an unconfirmed change', async () => {
    await bring(baseState);
    for (const state of [otherRules, otherMembers]) {
      await session.apply(await nextPlan(state));
      await session.rollback();
      expect((await nextPlan(baseState)).kind).toBe('none');
    }
    await bring(otherRules);
    await session.rollback();
    expect((await nextPlan(otherRules)).kind).toBe('none');
  });

  const tried = <T>(faults: readonly T[]): readonly T[] => (subject.faultsElsewhere === undefined ? faults : []);
  /** Every exchange of a change in turn; what becomes of it is `judge`d with the fault gone. */
  const atEveryExchange = async (fault: DeviceFault, judge: (at: number) => Promise<void>): Promise<void> => {
    const foreign = await device.readForeign();
    for (let at = 1; ; at++) {
      expect(at).toBeLessThan(mostExchanges);
      await bring(baseState);
      injector.arm(fault, at);
      const failed = await withNewSession((fresh) => bring(otherRules, fresh)).then(
        () => null,
        (error: unknown) => error,
      );
      if (!injector.disarm()) {
        expect({ fault, at, failed }).toEqual({ fault, at, failed: null });
        // at least one to read and one to change, else nothing was tried
        expect(at).toBeGreaterThan(fault === 'ignored' || fault === 'halved' ? 1 : 2);
        break;
      }
      if (failed !== null && !(failed instanceof RemoteFault) && !(failed instanceof TerminalFault)) throw failed;
      await judge(at);
    }
    expect(await device.readForeign()).toBe(foreign);
  };

  it.each(tried(['dies-before', 'dies-after', 'refused', 'halved'] as const))(
    'comes to the goal by another session when the device %s, at whichever exchange',
    async (fault) => {
      await atEveryExchange(fault, async () => {
        await withNewSession((fresh) => bring(otherRules, fresh));
        expect((await nextPlan(otherRules)).kind).toBe('none');
      });
    },
  );

  it.each(tried(['ignored', 'halved'] as const))(
    'claims nothing that is not there when a change was %s',
    async (fault) => {
      await atEveryExchange(fault, async () => {
        const text = await withNewSession((fresh) => fresh.read());
        const isClaimed = text !== null && driver.plan(otherRules, driver.parse(text)).kind === 'none';
        if (capabilities.atomic) expect(isClaimed).toBe(false);
        if (!isClaimed) return;
        expectMeaning(subject, otherRules, text);
        for (const packet of movesPackets ? sample.livePackets : [])
          expect({ packet, passed: await trafficOf(device).send(packet) }).toEqual({
            packet,
            passed: judgeByInvariant(otherRules, packet) !== 'dropped',
          });
      });
    },
  );

  it('does not take a change for done when the device answers what it answered before', async () => {
    await bring(baseState);
    await session.apply(await nextPlan(otherRules));
    const claims: boolean[] = [];
    for (let at = 1; at < mostExchanges; at++) {
      injector.arm('stale', at);
      const text = await session.read();
      const isClaimed = text !== null && driver.plan(otherRules, driver.parse(text)).kind === 'none';
      if (!injector.disarm()) break;
      claims.push(isClaimed);
    }
    expect(claims).toContain(false);
    await session.rollback();
    expect((await nextPlan(baseState)).kind).toBe('none');
  });

  it('tells a device that does not answer from everything else', async () => {
    const silent = driver.connect(unreachable());
    await expect(silent.read()).rejects.toThrow(RemoteFault);
    await expect(silent.apply(driver.plan(baseState, null))).rejects.toThrow(RemoteFault);
    if (capabilities.cutsConnections) await expect(silent.connections()).rejects.toThrow(RemoteFault);
    await silent.close();
  });
}

const isPositive = (value: unknown): boolean => typeof value === 'number' && value > 0;
