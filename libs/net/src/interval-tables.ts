import type { Interval } from './interval.js';

/** What a table has for an interval: a positive number. */
export interface Entry<T extends number | bigint> extends Interval<T> {
  readonly value: number;
}

/**
 * Tables of disjoint intervals of 32-bit numbers; what lies in none of a table's intervals has the value 0. They are asked
 * at random, so that memory is what costs: all of them stand in one array.
 *
 *   table ─▶ count of cells │ first of each cell, ascending from 0 │ value of each cell
 */
export class IntervalTables {
  private used = 0;
  private cells = new Uint32Array(1024);

  constructor() {
    this.add([]);
  }

  /** The number of the new table. 0 is one without intervals, which is there from the start. */
  add(entries: readonly Entry<number>[]): number {
    const firsts: number[] = [];
    const values: number[] = [];
    const begin = (first: number, value: number): void => {
      if (values.at(-1) === value) return;
      firsts.push(first);
      values.push(value);
    };
    let end = 0;
    for (const { first, last, value } of entries.toSorted((a, b) => a.first - b.first)) {
      if (first > end) begin(end, 0);
      begin(first, value);
      end = last + 1;
    }
    if (end <= 0xffff_ffff) begin(end, 0);
    return this.write([firsts.length, ...firsts, ...values]);
  }

  find(table: number, at: number): number {
    const { cells } = this;
    const count = cells[table]!;
    let cell = table + 1;
    // No branch depends on what is found: a processor would guess it wrongly half of the time.
    for (let left = count; left > 1;) {
      const half = left >> 1;
      cell += half * Number(cells[cell + half]! <= at);
      left -= half;
    }
    return cells[cell + count]!;
  }

  private write(table: readonly number[]): number {
    const at = this.used;
    this.used += table.length;
    if (this.used > this.cells.length) {
      const grown = new Uint32Array(Math.max(this.used, this.cells.length * 2));
      grown.set(this.cells);
      this.cells = grown;
    }
    this.cells.set(table, at);
    return at;
  }
}
