import { describe, expect, it } from 'vitest';
import { Reconciler, type ReconcilerOptions } from './reconciler.js';

class Retryable extends Error {}

/** A clock that only `advance` moves; timers fire in order of time. */
class FakeTime {
  private at = 0;
  private timers: { at: number; fire: () => void }[] = [];
  readonly clock = { now: () => new Date(this.at) };
  readonly startTimer = (milliseconds: number, fire: () => void) => {
    const timer = { at: this.at + milliseconds, fire };
    this.timers.push(timer);
    return () => {
      this.timers = this.timers.filter((other) => other !== timer);
    };
  };
  get due(): number[] {
    return this.timers.map(({ at }) => at - this.at);
  }
  async advance(milliseconds: number): Promise<void> {
    const end = this.at + milliseconds;
    for (;;) {
      const next = this.timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (!next) break;
      this.at = next.at;
      this.timers = this.timers.filter((other) => other !== next);
      next.fire();
      await settle();
    }
    this.at = end;
  }
}

/** Lets every promise that can go on do so. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

interface Run {
  readonly key: string;
  end(error?: unknown): Promise<void>;
}

function setUp(options: Partial<ReconcilerOptions<string>> = {}) {
  const time = new FakeTime();
  const runs: Run[] = [];
  const reconciler = new Reconciler<string>({
    run: (key) =>
      new Promise((resolve, reject) => {
        const end = (error?: unknown) => {
          if (error === undefined) resolve();
          else reject(error);
          return settle();
        };
        runs.push({ key, end });
      }),
    isRetryable: (error) => error instanceof Retryable,
    clock: time.clock,
    startTimer: time.startTimer,
    random: () => 1 - Number.EPSILON,
    firstRetryMilliseconds: 100,
    lastRetryMilliseconds: () => 1000,
    resyncMilliseconds: 60_000,
    ...options,
  });
  return { time, runs, reconciler };
}

describe('Reconciler', () => {
  it('runs a key at once and is idle after it', async () => {
    const { runs, reconciler } = setUp();
    reconciler.trigger('a');
    expect(reconciler.state('a').phase).toBe('running');
    await runs[0]!.end();
    expect(reconciler.state('a')).toMatchObject({ phase: 'idle', lastSuccess: new Date(0), lastError: null });
  });

  it('makes one more run of any number of triggers during a run', async () => {
    const { runs, reconciler } = setUp();
    for (let i = 0; i < 5; i++) reconciler.trigger('a');
    expect(runs).toHaveLength(1);
    await runs[0]!.end();
    expect(runs).toHaveLength(2);
    await runs[1]!.end();
    expect(runs).toHaveLength(2);
  });

  it('runs keys beside each other, each one once at a time', () => {
    const { runs, reconciler } = setUp();
    for (const key of ['a', 'b', 'a', 'c', 'b']) reconciler.trigger(key);
    expect(runs.map(({ key }) => key)).toEqual(['a', 'b', 'c']);
  });

  it('waits no longer than a failure of its kind is worth', async () => {
    const { time, runs, reconciler } = setUp({
      resyncMilliseconds: null,
      isRetryable: () => true,
      lastRetryMilliseconds: (error) => (error instanceof Retryable ? 200 : 1000),
    });
    reconciler.trigger('a');
    const waits: number[] = [];
    for (const [i, error] of [
      new Retryable(),
      new Retryable(),
      new Retryable(),
      new Error(),
      new Retryable(),
    ].entries()) {
      await runs[i]!.end(error);
      waits.push(time.due[0]!);
      await time.advance(time.due[0]!);
    }
    expect(waits).toEqual([100, 200, 200, 800, 200]);
  });

  it('backs off exponentially up to the limit, and starts over after a success', async () => {
    const { time, runs, reconciler } = setUp({ resyncMilliseconds: null });
    reconciler.trigger('a');
    const waits: number[] = [];
    for (let i = 0; i < 6; i++) {
      await runs[i]!.end(new Retryable());
      expect(reconciler.state('a')).toMatchObject({ phase: 'waiting', failures: i + 1 });
      waits.push(time.due[0]!);
      await time.advance(time.due[0]!);
    }
    expect(waits).toEqual([100, 200, 400, 800, 1000, 1000]);
    await runs[6]!.end();
    expect(reconciler.state('a')).toMatchObject({ phase: 'idle', failures: 0, lastError: null });
    expect(time.due).toEqual([]);
  });

  it.each([
    [0, 50],
    [0.5, 75],
  ])('spreads retries by chance: %d gives %d ms', async (random, wait) => {
    const { time, runs, reconciler } = setUp({ random: () => random });
    reconciler.trigger('a');
    await runs[0]!.end(new Retryable());
    expect(time.due).toEqual([wait]);
  });

  it('runs at once when something changes while it waits for a retry', async () => {
    const { time, runs, reconciler } = setUp();
    reconciler.trigger('a');
    await runs[0]!.end(new Retryable());
    reconciler.trigger('a');
    expect(runs).toHaveLength(2);
    expect(time.due).toEqual([]);
  });

  it('does not turn back-off into a busy loop when triggers come during failing runs', async () => {
    const { time, runs, reconciler } = setUp();
    reconciler.trigger('a');
    reconciler.trigger('a');
    await runs[0]!.end(new Retryable());
    expect(runs).toHaveLength(1);
    await time.advance(100);
    expect(runs).toHaveLength(2);
  });

  it('stops on a fault that retrying won’t cure, until a change', async () => {
    const { time, runs, reconciler } = setUp();
    const error = new Error('no such driver');
    reconciler.trigger('a');
    await runs[0]!.end(error);
    await time.advance(3_600_000);
    expect(runs).toHaveLength(1);
    expect(reconciler.state('a')).toMatchObject({ phase: 'failed', lastError: { at: new Date(0), error } });
    reconciler.trigger('a');
    await runs[1]!.end();
    expect(reconciler.state('a').phase).toBe('idle');
  });

  it('runs again by itself after the resync interval', async () => {
    const { time, runs, reconciler } = setUp();
    reconciler.trigger('a');
    await runs[0]!.end();
    await time.advance(59_999);
    expect(runs).toHaveLength(1);
    await time.advance(1);
    expect(runs).toHaveLength(2);
  });

  it('waits for runs that are on when it stops, and starts none after', async () => {
    const { time, runs, reconciler } = setUp();
    reconciler.trigger('a');
    reconciler.trigger('a');
    let isStopped = false;
    const stopped = reconciler.stop().then(() => (isStopped = true));
    await settle();
    expect(isStopped).toBe(false);
    await runs[0]!.end();
    await stopped;
    reconciler.trigger('b');
    await time.advance(3_600_000);
    expect(runs).toHaveLength(1);
  });

  it('forgets a key, its retry included', async () => {
    const { time, runs, reconciler } = setUp();
    reconciler.trigger('a');
    await runs[0]!.end(new Retryable());
    reconciler.forget('a');
    await time.advance(3_600_000);
    expect(runs).toHaveLength(1);
    expect(reconciler.states().size).toBe(0);
  });

  it('never runs a key twice at a time, even when it is forgotten and comes back', async () => {
    const { runs, reconciler } = setUp();
    reconciler.trigger('a');
    reconciler.forget('a');
    reconciler.trigger('a');
    expect(runs).toHaveLength(1);
    await runs[0]!.end();
    expect(runs).toHaveLength(2);
    reconciler.forget('a');
    await runs[1]!.end();
    expect(reconciler.states().size).toBe(0);
  });

  const orders: [string, string[]][] = [
    ['in order', ['a', 'b', 'c']],
    ['reversed', ['c', 'b', 'a']],
    ['duplicated', ['a', 'a', 'b', 'b', 'c', 'c']],
    ['squashed into few', ['a', 'c', 'b', 'a']],
  ];
  it.each(orders)('ends in the same place when triggers come %s', async (_, keys) => {
    const desired = new Map([
      ['a', 1],
      ['b', 2],
      ['c', 3],
    ]);
    const actual = new Map<string, number | undefined>();
    const { reconciler } = setUp({
      resyncMilliseconds: null,
      run: async (key) => {
        const value = desired.get(key);
        await settle();
        actual.set(key, value);
      },
    });
    for (const key of keys) reconciler.trigger(key);
    // this change comes while every run has read the old value
    desired.set('b', 20);
    for (const key of keys) reconciler.trigger(key);
    for (let i = 0; i < 5; i++) await settle();
    expect(actual).toEqual(desired);
  });
});
