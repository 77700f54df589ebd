import { describe, expect, it } from 'vitest';
import { CoaQueue, lanes, type Lane } from './coa-queue.js';

const always = (): boolean => true;

describe('the queue of sessions that wait for a CoA', () => {
  it('lets NASes take turns, lane after lane, and a session wait once, in its fastest lane', () => {
    const queue = new CoaQueue();
    for (const id of ['a1', 'a2']) queue.add(id, 'a', 'policy');
    queue.add('b1', 'b', 'policy');
    queue.add('b1', 'b', 'urgent');
    queue.add('b1', 'b', 'device');
    queue.add('c1', 'c', 'device');
    const order: string[] = [];
    for (let taken = queue.take(always, always); taken; taken = queue.take(always, always)) order.push(taken.id);
    expect(order).toEqual(['b1', 'c1', 'a1', 'a2']);
  });

  it('asks about no NAS of a lane that is closed, and takes what it would have taken had each NAS said no', () => {
    for (let seed = 1; seed <= 200; seed++) {
      let state = seed;
      const random = (below: number): number => (state = (state * 48_271) % 2_147_483_647) % below;
      const [queue, naive] = [new CoaQueue(), new CoaQueue()];
      for (let i = 0; i < 40; i++) {
        const [id, nas, lane] = [`s${random(30)}`, `n${random(5)}`, lanes[random(3)]!] as const;
        for (const each of [queue, naive]) each.add(id, nas, lane);
        const closed = lanes[random(4)];
        const busy = `n${random(5)}`;
        const isFree = (nas: string): boolean => nas !== busy;
        const isOpen = (lane: Lane): boolean => lane !== closed;
        const asked: Lane[] = [];
        const taken = queue.take(isOpen, (nas, lane) => {
          asked.push(lane);
          return isFree(nas);
        });
        expect(taken).toEqual(naive.take(always, (nas, lane) => isOpen(lane) && isFree(nas)));
        expect(asked).not.toContain(closed);
      }
      expect(queue.size).toBe(naive.size);
    }
  });
});
