import { describe, expect, it } from 'vitest';
import { LoadMonitor } from './load-monitor.js';

const monitorAfter = (...loads: (readonly [lag: number, queue: number])[]): LoadMonitor => {
  const monitor = new LoadMonitor(() => 0);
  for (const [lag, queue] of loads) monitor.take({ lag, queue });
  return monitor;
};
const well = [0, 0] as const;

describe('the load monitor', () => {
  it.each([
    ['all is well', [well], false],
    ['the event loop is late', [[900, 0]], true],
    ['datagrams pile up', [[0, 0.5]], true],
    ['it was overloaded a moment ago', [[900, 0], well, well, well, well], true],
    ['it was overloaded a while ago', [[900, 0], well, well, well, well, well], false],
  ] as const)('when %s', (_, loads, expected) => {
    expect(monitorAfter(...loads).isOverloaded).toBe(expected);
  });
});
