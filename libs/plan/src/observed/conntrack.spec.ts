import { readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatAddress } from '#net';
import { readRecordedFlows, type RecordedFlow } from './recorded-flows.js';

const recorded = readFileSync(path.join(import.meta.dirname, 'testdata/conntrack-1.4.7.txt'), 'utf8');
const lines = recorded.trim().split('\n');
const [refused = '', , served = '', ping = ''] = lines;

function read(...text: readonly string[]) {
  const found = readRecordedFlows(text.join('\n'), 'conntrack.log');
  if (!found.ok) throw new Error(JSON.stringify(found.diagnostics));
  return found.value;
}
const told = ({ source, destination, protocol, port, answered, packets }: RecordedFlow) =>
  [formatAddress(source), formatAddress(destination), protocol, port, answered, packets] as const;

describe('ConntrackReader', () => {
  it('reads every line that conntrack 1.4.7 wrote', () => {
    const { format, flows, malformed, ignored } = read(...lines);
    expect([format, malformed, ignored]).toEqual(['conntrack', 0, 0]);
    expect(flows.map(told)).toEqual([
      ['127.0.0.1', '127.0.0.1', 6, 82, 'no', 2],
      ['127.0.0.1', '127.0.0.1', 6, 81, 'no', 1],
      ['127.0.0.1', '127.0.0.1', 6, 80, 'yes', 8],
      ['127.0.0.1', '127.0.0.1', 1, 8, 'yes', 2],
      ['127.0.0.1', '127.0.0.1', 17, 5000, 'no', 1],
      ['::1', '::1', 58, 128, 'yes', 2],
      ['127.0.0.1', '127.0.0.1', 17, 5001, 'yes', 2],
    ]);
    const { first, last } = flows[2]!;
    expect([first, last]).toEqual([new Date(1_796_078_798_938), new Date(1_796_078_800_938)]);
  });

  it.each<[string, string, readonly unknown[]]>([
    [
      'the server as it is inside and the client as it is outside, where addresses are translated',
      served.replace(' dst=127.0.0.1 sport=56288 dport=80', ' dst=192.0.2.9 sport=56288 dport=8080'),
      ['127.0.0.1', '127.0.0.1', 6, 80, 'yes', 8],
    ],
    [
      'a protocol without ports',
      served.replace('tcp      6 ', 'unknown  50 '),
      ['127.0.0.1', '127.0.0.1', 50, 0, 'yes', 8],
    ],
    [
      'no counters as no packets',
      served.replaceAll(/packets=\d+ bytes=\d+ /g, ''),
      ['127.0.0.1', '127.0.0.1', 6, 80, 'yes', 0],
    ],
  ])('takes %s', (_, line, flow) => expect(read(line).flows.map(told)).toEqual([flow]));

  it('takes microseconds that are padded with blanks, and nothing of what is new or goes on', () => {
    const early = served.replace('.938642]', '.42    ]');
    expect(read(early).flows[0]!.last).toEqual(new Date(1_796_078_800_000));
    expect(read(served.replace('DESTROY', 'NEW'), served.replace('DESTROY', 'UPDATE')).flows).toEqual([]);
    expect(read(ping.replace('type=8', 'type=3'))).toMatchObject({ flows: [], ignored: 1 });
  });

  it.each<[string, string]>([
    ['no time', served.replace(/^\S+\s/, '')],
    ['no protocol', served.replace(/tcp +6/, 'tcp x')],
    ['one direction', served.replace(/ src=127.0.0.1 dst=127.0.0.1 sport=80.*/, '')],
    ['no port', served.replace('sport=80 ', '')],
    ['no address', served.replace('src=127', 'src=1270')],
    ['a cut line', refused.slice(0, 60)],
  ])('counts as malformed what has %s', (_, line) => {
    expect(read(served, line)).toMatchObject({ malformed: 1, flows: [{ port: 80 }] });
  });

  it('throws at nothing', () => {
    const pieces = fc.constantFrom(
      ...served.split(/(?=[ =[\]])/),
      '[1.2]',
      '[DESTROY]',
      '99999999999999999999',
      'src=',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.array(pieces).map((all) => all.join('')),
          fc.string(),
        ),
        (line) => {
          for (const { first, last } of read(served, line).flows) expect(first <= last).toBe(true);
        },
      ),
    );
  });
});
