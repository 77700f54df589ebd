import { describe, expect, it } from 'vitest';
import { Turns } from './turns.js';

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('turns', () => {
  it('are taken one after the other, with others in between', async () => {
    const turns = new Turns();
    const order: string[] = [];
    const work = [1, 2, 3].map((n) => turns.take().then(() => order.push(`work ${n}`)));
    const others = (async () => {
      for (let n = 1; n <= 3; n++) {
        await nextTurn();
        order.push(`other ${n}`);
      }
    })();
    await Promise.all([...work, others]);
    expect(order.filter((name) => name.startsWith('work'))).toEqual(['work 1', 'work 2', 'work 3']);
    expect(order.indexOf('work 3')).toBeGreaterThan(order.indexOf('other 1'));
  });

  it('wait while something urgent is under way', async () => {
    const turns = new Turns();
    const ends = [turns.urgent(), turns.urgent()];
    let isTaken = false;
    const taken = turns.take().then(() => (isTaken = true));
    ends[0]!();
    ends[0]!();
    for (let n = 0; n < 5; n++) await nextTurn();
    expect(isTaken).toBe(false);
    ends[1]!();
    await taken;
  });

  it('do not wait for ever: work goes on after a tenth of a second, and what is urgent for long is not', async () => {
    const turns = new Turns();
    turns.urgent();
    const began = performance.now();
    await turns.take();
    expect(performance.now() - began).toBeGreaterThan(80);
    await turns.take();
    await turns.take();
    await turns.take();
    await turns.take();
    expect(performance.now() - began).toBeLessThan(450);
  });
});
