import { describe, expect, it } from 'vitest';
import { fullest, LoadMonitor } from './load-monitor.js';

const monitorAfter = (...loads: (readonly [lag: number, queue: number])[]): LoadMonitor => {
  const monitor = new LoadMonitor(
    () => 0,
    () => 0,
  );
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

  it('reads the queue of a port out of the table of the kernel', () => {
    const table = [
      '   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops',
      ' 1234: 0100007F:0714 00000000:0000 07 00000000:00000300 00:00000000 00000000     0        0 1 2 0 0',
      ' 1235: 0200007F:0714 00000000:0000 07 00000000:0003FF00 00:00000000 00000000     0        0 1 2 0 7',
      ' 1236: 0200007F:0715 00000000:0000 07 00000000:00FFFF00 00:00000000 00000000     0        0 1 2 0 0',
      '',
    ].join('\n');
    expect(fullest(table, 1812)).toBe(0x3ff00);
    expect(fullest(table, 53)).toBe(0);
    expect(fullest('', 1812)).toBe(0);
  });
});
