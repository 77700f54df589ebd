import { describe, expect, it } from 'vitest';
import { readRecordedFlows } from '#plan';
import { readFlowLines } from './flow-lines.js';

const event = (port: number, second: number): string =>
  `[17960788${second}.000000]\t[DESTROY] ipv4     2 tcp      6 TIME_WAIT src=10.21.0.1 dst=10.10.4.20 sport=5${port} dport=${port} ` +
  `packets=5 bytes=270 src=10.10.4.20 dst=10.21.0.1 sport=${port} dport=5${port} packets=3 bytes=164 [ASSURED] delta-time=2`;

describe('readFlowLines', () => {
  it('tells who spoke to whom with what, and nothing else, in what is read again as the same', () => {
    const { text, ...counts } = readFlowLines(`${event(443, 10)}\n${event(443, 20)}\n${event(104, 20)}\n`, 'log');
    expect(text.split('\n')).toEqual([
      'first,last,source,destination,protocol,port,packets,connections,answered',
      '2026-11-30T22:46:48.000Z,2026-11-30T22:47:00.000Z,10.21.0.1,10.10.4.20,6,443,16,2,yes',
      '2026-11-30T22:46:58.000Z,2026-11-30T22:47:00.000Z,10.21.0.1,10.10.4.20,6,104,8,1,yes',
      '',
    ]);
    expect(counts).toEqual({ ignored: 0, malformed: 0 });
    const again = readRecordedFlows(text, 'sent');
    expect(again.ok && again.value.flows).toMatchObject([
      { port: 443, connections: 2, packets: 16, answered: 'yes' },
      { port: 104, connections: 1, answered: 'yes' },
    ]);
  });

  it('takes a log that begins, or goes on, with half a line', () => {
    const log = `[1796\t${event(443, 10).slice(30)}\n${event(443, 20)}\n${event(104, 20).slice(0, 90)}\n`;
    const { text, malformed } = readFlowLines(log, 'log');
    expect(text.split('\n')).toHaveLength(3);
    expect(malformed).toBe(2);
  });

  it('sends nothing of what it does not understand', () => {
    expect(readFlowLines('what\nis\nthis\n', 'log')).toEqual({ text: '', ignored: 0, malformed: 3 });
    expect(readFlowLines('\n', 'log')).toEqual({ text: '', ignored: 0, malformed: 0 });
  });
});
