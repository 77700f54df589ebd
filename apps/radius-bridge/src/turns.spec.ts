import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Turns } from './turns.js';

describe('work that may wait', () => {
  it('is done in order, all of it, also what comes meanwhile', async () => {
    const turns = new Turns(() => undefined);
    const done: number[] = [];
    for (let i = 0; i < 3000; i++) {
      turns.later(() => {
        done.push(i);
        if (i % 100 === 0) turns.later(() => done.push(3000 + i / 100));
      });
    }
    while (turns.size > 0) await turn();
    expect(done).toEqual(Array.from({ length: 3030 }, (_, i) => i));
  });

  it('lets other work in between', async () => {
    const turns = new Turns(() => undefined);
    const done: string[] = [];
    for (let i = 0; i < 20; i++) turns.later(() => done.push('task'));
    await turn();
    const first = done.length;
    done.push('other');
    while (turns.size > 0) await turn();
    expect(first).toBeLessThan(10);
    expect(done).toHaveLength(21);
  });

  it('does what a task left for the microtasks before the next task', async () => {
    const turns = new Turns(() => undefined);
    const done: string[] = [];
    for (const name of ['a', 'b', 'c']) {
      turns.later(() => {
        done.push(name);
        void Promise.resolve().then(() => done.push(`${name} after`));
      });
    }
    while (turns.size > 0) await turn();
    await turn();
    expect(done).toEqual(['a', 'a after', 'b', 'b after', 'c', 'c after']);
  });

  it('tells how long it keeps the first one waiting', async () => {
    const turns = new Turns(() => undefined);
    expect(turns.behind).toBe(0);
    turns.later(() => undefined);
    const until = performance.now() + 20;
    while (performance.now() < until);
    expect(turns.behind).toBeGreaterThanOrEqual(20);
    while (turns.size > 0) await turn();
    expect(turns.behind).toBe(0);
  });

  it('goes on after a fault', async () => {
    const faults: unknown[] = [];
    const turns = new Turns((error) => faults.push(error));
    let isDone = false;
    turns.later(() => {
      throw new Error('no');
    });
    turns.later(() => void (isDone = true));
    while (turns.size > 0) await turn();
    await turn();
    expect(faults).toEqual([new Error('no')]);
    expect(isDone).toBe(true);
  });
});
