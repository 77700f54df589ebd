import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createNftablesDriver, type EnforcementSession } from '#drivers';
import { stateOf, type EnforcementRules, type EnforcementState, type FlowSide } from '#model';
import { formatAddress } from '#net';
import { PointReconciler } from '#reconcile';
import { at, baseState, flow, ranges } from '../../libs/drivers/src/conformance-states.js';
import { missingTools, run } from './nftables-network.js';

/** A gateway of a whole site: figures are printed, and only limits are asserted that a busy machine keeps, too. */

const missing = missingTools();
if (missing.length > 0) {
  const message = `nftables at scale is not tested here: ${missing.join(', ')} missing`;
  if (process.env['CI']) throw new Error(message);
  console.warn(message);
}

const memberCount = 100_000;
const classes = Array.from({ length: 20 }, (_, i) => `class-${i}`);
const members = Array.from({ length: memberCount }, (_, i) =>
  formatAddress({ family: 4, value: 0x0a80_0000n + BigInt(i) }),
);
const ofClasses = (...names: string[]): FlowSide => ({ kind: 'classes', classes: names });
const toAddresses = (...texts: string[]): FlowSide => ({ kind: 'addresses', addresses: ranges(...texts) });
const entries = [
  ...classes.map((name, i) => flow(`a${i}`, 'allow', ofClasses(name), toAddresses(`10.10.0.${i}`), 'tcp/443')),
  flow('b1', 'deny', ofClasses(...classes), toAddresses('10.99.0.0/16'), 'any'),
];
const rules: EnforcementRules = {
  ...baseState.rules,
  scope: ranges('10.128.0.0/9', 'fd00:128::/32'),
  entries,
  lists: [],
  vlans: [],
  workloads: [],
};

/** Devices that come and go by the thousand. */
class Population {
  private readonly classOf = members.map((_, i) => i % classes.length);
  private readonly membership = new Map(classes.map((name) => [name, new Set<string>()]));
  private next = 0;

  constructor() {
    for (const [i, member] of members.entries()) this.setOf(i).add(member);
  }

  /** That many devices become another class. */
  move(count: number): void {
    for (let i = 0; i < count; i++) {
      const device = (this.next++ * 7919) % memberCount;
      this.setOf(device).delete(members[device]!);
      this.classOf[device] = (this.classOf[device]! + 1) % classes.length;
      this.setOf(device).add(members[device]!);
    }
  }

  state(of = rules): EnforcementState {
    return stateOf(of, new Map([...this.membership].map(([name, set]) => [name, new Set(set)])));
  }

  private setOf(device: number): Set<string> {
    return this.membership.get(classes[this.classOf[device]!]!)!;
  }
}

describe.runIf(missing.length === 0)('nftables with 100,000 members in 20 classes', () => {
  const namespace = `cordon-${process.pid}-scale`;
  const driver = createNftablesDriver();
  const population = new Population();
  let session: EnforcementSession;
  let point: PointReconciler;

  const timed = async <T>(what: string, work: () => Promise<T>): Promise<{ value: T; milliseconds: number }> => {
    const began = performance.now();
    const value = await work();
    const milliseconds = Math.round(performance.now() - began);
    console.info(`${what}: ${milliseconds} ms, process ${Math.round(process.memoryUsage().rss / 1e6)} MB`);
    return { value, milliseconds };
  };
  const expectDevice = async (state: EnforcementState): Promise<void> => {
    const observed = driver.parse((await session.read())!);
    expect(driver.plan(state, observed).kind).toBe('none');
  };

  beforeAll(() => {
    run(`ip netns add ${namespace}`);
    session = driver.connect({ kind: 'netns', namespace });
    point = new PointReconciler(driver, session);
  });
  afterAll(async () => {
    await session.close();
    run(`ip netns del ${namespace}`);
  });

  it('takes rules and members in one transaction, and a whole look finds nothing to do', async () => {
    const state = population.state();
    const first = await timed('first rules with all members', () => point.run(state));
    expect(first.value).toMatchObject({ kind: 'applied', change: 'rules' });
    const look = await timed('whole look', () => point.run(state));
    expect(look.value).toMatchObject({ kind: 'unchanged' });
    expect(Math.max(first.milliseconds, look.milliseconds)).toBeLessThan(20_000);
  });

  it('moves one member, and proves it, without a listing', async () => {
    for (let i = 0; i < 5; i++) {
      population.move(1);
      const state = population.state();
      const { value, milliseconds } = await timed('one member to another class', () => point.run(state, 'changes'));
      expect(value).toMatchObject({ kind: 'applied', change: 'membership', hasDrifted: false });
      expect(milliseconds).toBeLessThan(5000);
    }
    await expectDevice(population.state());
  });

  it('keeps up with 5,000 changes a second, and loses none', async () => {
    const seconds = 4;
    const began = performance.now();
    let moved = 0;
    let runs = 0;
    let slowest = 0;
    while (moved < 5000 * seconds) {
      const due = Math.min(Math.floor((performance.now() - began) * 5), 5000 * seconds);
      population.move(due - moved);
      moved = due;
      const asked = performance.now();
      await point.run(population.state(), 'changes');
      slowest = Math.max(slowest, performance.now() - asked);
      runs++;
    }
    console.info(`${moved} changes in ${runs} runs, the slowest took ${Math.round(slowest)} ms`);
    // from the last change to the proof of it, on top of the time in which the changes came
    expect(performance.now() - began).toBeLessThan(seconds * 1000 + 5000);
    await expectDevice(population.state());
  });

  it('ends the connections of one device of a thousand, of 50,000 that are tracked', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'cordon-conntrack-'));
    const lines = Array.from({ length: 50_000 }, (_, i) => {
      const device = members[i % 1000];
      const tuple = `-s ${device} -d 10.10.0.${i % 20} --sport ${20_000 + Math.floor(i / 1000)} --dport 443`;
      return `-I -p tcp -t 3600 --state ESTABLISHED -u SEEN_REPLY,ASSURED ${tuple}\n`;
    });
    writeFileSync(path.join(folder, 'connections'), lines.join(''));
    run(`ip netns exec ${namespace} conntrack -R ${path.join(folder, 'connections')}`);
    rmSync(folder, { recursive: true });
    const count = (): number => Number(run(`ip netns exec ${namespace} conntrack -C`));
    expect(count()).toBe(50_000);
    await timed('listing all connections', () => session.connections());
    const of = [at(members[7]!)];
    const { milliseconds } = await timed('ending those of one device', async () => {
      const connections = await session.connections(of);
      expect(connections).toHaveLength(50);
      await session.cut(connections, { of, connections });
    });
    expect(milliseconds).toBeLessThan(5000);
    expect(count()).toBe(49_950);
    expect(await session.connections(of)).toEqual([]);
    // one of which others stay: the device has no deletion to itself
    const next = [at(members[8]!)];
    const connections = await session.connections(next);
    const [first, ...more] = connections;
    await timed('ending one of fifty', () => session.cut([first!], { of: next, connections }));
    expect(await session.connections(next)).toEqual(more);
  });

  it('replaces the rules under all members in one transaction', async () => {
    const others = { ...rules, entries: entries.slice(1) };
    const state = population.state(others);
    const { value } = await timed('other rules', () => point.run(state));
    expect(value).toMatchObject({ kind: 'applied', change: 'rules' });
    await expectDevice(state);
  });
});
