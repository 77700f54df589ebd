import { getHeapStatistics, setFlagsFromString } from 'node:v8';

const lookMilliseconds = 1000;
const megabyte = 1024 * 1024;
/** What a heap of any size may grow by between two collections, at least. */
const room = 48 * megabyte;
const least = 20;
const most = 100;

/** By how much of its size a heap may grow before the old generation is collected, percent. */
export const growthOf = (bytes: number): number => Math.round(Math.max(least, Math.min(most, (100 * room) / bytes)));

/**
 * V8 lets a large heap grow to about twice its size before it collects the old generation, and a small one by some megabytes. Here it is
 * the other way round: what is kept of 100,000 devices and their sessions hardly changes, so twice as much would be wasted; and a
 * small heap would be collected every few seconds under load, each time with a pause of some milliseconds.
 *
 * V8 reads the flag whenever it has collected.
 */
export function boundHeapGrowth(): void {
  let set = 0;
  const look = (): void => {
    const growth = growthOf(getHeapStatistics().used_heap_size);
    if (growth !== set) setFlagsFromString(`--heap-growing-percent=${(set = growth)}`);
  };
  look();
  setInterval(look, lookMilliseconds).unref();
}
