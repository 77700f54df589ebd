import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Mirror, type MirrorRow } from './mirror.js';

type Row = MirrorRow<number>;
const rowOf = (row: Row): Row => row;
const keys = ['a', 'b', 'c', 'd'];
const contents = (mirror: Mirror<number>): [string, number][] =>
  keys.flatMap((key) => {
    const value = mirror.get(key);
    return value === undefined ? [] : [[key, value] as [string, number]];
  });

function mirrorOf(...rows: [string, number][]): Mirror<number> {
  const mirror = new Mirror<number>();
  mirror.load(rows, 5);
  return mirror;
}

describe('mirror', () => {
  it('takes changes one after the other', () => {
    const mirror = mirrorOf(['a', 1], ['b', 1]);
    mirror.apply(false, 6, [['a', 2]], rowOf);
    mirror.apply(
      false,
      8,
      [
        ['b', null],
        ['c', 3],
      ],
      rowOf,
    );
    expect(contents(mirror)).toEqual([
      ['a', 2],
      ['c', 3],
    ]);
    expect([mirror.size, mirror.revision]).toEqual([2, 8]);
    expect(mirror.settle()).toBeNull();
  });

  it('keeps what it had until a reset is complete, and then only what the reset named', () => {
    const mirror = mirrorOf(['a', 1], ['b', 1], ['c', 1]);
    expect(mirror.apply(true, 20, [['a', 2]], rowOf).revision).toBeNull();
    mirror.apply(
      false,
      21,
      [
        ['b', 2],
        ['d', 2],
      ],
      rowOf,
    );
    mirror.apply(false, 22, [['d', null]], rowOf);
    expect(mirror.revision).toBe(5);
    expect(mirror.get('c')).toBe(1);
    expect(mirror.settle()).toMatchObject({ prune: true, revision: 22 });
    expect(contents(mirror)).toEqual([
      ['a', 2],
      ['b', 2],
    ]);
    expect(mirror.revision).toBe(22);
  });

  it('asks for a reset again whose connection broke, and forgets nothing meanwhile', () => {
    const mirror = mirrorOf(['a', 1], ['b', 1]);
    mirror.apply(true, 20, [['a', 2]], rowOf);
    mirror.disconnected();
    expect(mirror.settle()).toBeNull();
    expect([mirror.revision, mirror.size]).toEqual([5, 2]);
    mirror.apply(true, 20, [], rowOf);
    mirror.settle();
    expect([mirror.revision, mirror.size]).toEqual([20, 0]);
  });

  it('is what the controller has after any changes, resets and broken connections', () => {
    const change = fc.tuple(fc.constantFrom(...keys), fc.option(fc.nat(9)));
    const step = fc.oneof(
      fc.record({ kind: fc.constant('changes' as const), changes: fc.array(change) }),
      fc.record({ kind: fc.constant('reset' as const), upTo: fc.nat(4) }),
    );
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const table = new Map<string, number>();
        const told: [number | undefined, number | undefined][] = [];
        const mirror = new Mirror<number>((before, now) => told.push([before, now]));
        let revision = 0;
        for (const each of steps) {
          revision++;
          if (each.kind === 'changes') {
            for (const [key, value] of each.changes)
              if (value === null) table.delete(key);
              else table.set(key, value);
            mirror.apply(false, revision, each.changes, rowOf);
          } else {
            // The connection breaks after some of the messages; the next one brings all of it.
            const rows = [...table];
            mirror.apply(true, revision, rows.slice(0, each.upTo), rowOf);
            mirror.disconnected();
            mirror.apply(true, revision, rows.slice(0, 1), rowOf);
            mirror.apply(false, revision, rows.slice(1), rowOf);
          }
          mirror.settle();
          expect(contents(mirror)).toEqual([...table].toSorted(([a], [b]) => (a < b ? -1 : 1)));
          expect(mirror.revision).toBe(revision);
        }
        const left = told.reduce(
          (sum, [before, now]) => sum + Number(now !== undefined) - Number(before !== undefined),
          0,
        );
        expect(left).toBe(mirror.size);
      }),
    );
  });
});
