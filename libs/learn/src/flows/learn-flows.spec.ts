import { describe, expect, it } from 'vitest';
import { loadPolicy } from '#policy';
import { policyFiles } from '#testkit';
import { parseInventory } from '#plan';
import { learnFlows } from './learn-flows.js';
import { learnDefaults, type Learned } from './learned.js';
import { lineText } from './render.js';
import { learn, learnedAt, told } from './spec/learning.js';
import { flowHeader } from './spec/traffic.js';

const tiny = policyFiles({
  'rules/more.csv': `g, big-pump, infusion-pump
g, small-pump, infusion-pump
p, infusion-pump, archive, https, allow, office, "by day"
p, infusion-pump, forbidden, any, deny, always, "never"
`,
  'catalog/classes-more.yaml': 'big-pump: {}\nsmall-pump: {}\n',
  'catalog/endpoints-more.yaml': `server-a: { addresses: [10.10.5.1, "fd10:5::1"] }
archive: { addresses: [10.10.5.2] }
forbidden: { addresses: [10.10.5.3] }
network: { addresses: [10.10.6.0/24] }
`,
  'catalog/applications-more.yaml': 'dicom: { ports: [tcp/104, tcp/11112] }\nstream: { ports: [udp/5000-5002] }\n',
});

const inventory = `id,class,site,posture,ip
big-1,big-pump,main,verified,10.21.0.1;fd21::1
big-2,big-pump,main,verified,10.21.0.2
big-3,big-pump,main,verified,10.21.0.3
small-1,small-pump,main,verified,10.21.1.1
small-2,small-pump,main,verified,10.21.1.2
jailed,small-pump,main,quarantined,10.66.0.9
lost,small-pump,nowhere,verified,10.21.1.9`;

const big = ['10.21.0.1', '10.21.0.2'];
const small = ['10.21.1.1', '10.21.1.2'];

/** Three connections of each source, a day apart. */
function seen(sources: readonly string[], destination: string, ...services: string[]): string[] {
  return services.flatMap((service) =>
    sources.flatMap((source) => [1, 2, 3].map((day) => once(source, destination, service, day))),
  );
}

function once(source: string, destination: string, service: string, day = 1, second = 0): string {
  const [protocol, port = ''] = service.split('/');
  const at = `2026-11-0${day}T08:00:${`${second}`.padStart(2, '0')}Z`;
  return `${at},${at},${source},${destination},${protocol},${port},5,500`;
}

const from = (rows: readonly string[], options = {}): Learned => learn(tiny, inventory, [flowHeader, ...rows], options);
const leftOut = (learned: Learned): string[] =>
  learned.leftOut.map(({ kind, source, destination, reason }) => `${kind}: ${source} -> ${destination}: ${reason}`);

describe('seen connections', () => {
  it('become a line in the words of the policy, with what was seen', () => {
    const learned = from(seen(big, '10.10.5.1', 'tcp/443'));
    expect(learned.lines.map(lineText)).toEqual([
      'p, big-pump, server-a, https, allow, always, "learned: 6 connections of 2 devices, 2026-11-01 to 2026-11-03"',
    ]);
    expect(learned.lines[0]!.evidence.example).toBe('10.21.0.1 (big-1) -> 10.10.5.1 tcp/443');
    expect([...learned.files.keys()]).toEqual(['rules/learned-2026-11-24.csv']);
    expect(loadPolicy(new Map([...tiny, ...learned.files])).diagnostics.filter((d) => d.severity === 'error')).toEqual(
      [],
    );
  });

  it('that are told together are the same as one by one', () => {
    const rows = [...seen(big, '10.10.5.1', 'tcp/443'), ...seen(small, '10.10.5.1', 'tcp/104', 'tcp/11112')];
    const byFlow = Map.groupBy(rows, (row) => row.split(',').slice(2, 6).join());
    const together = [...byFlow].map(([ends, [first, , last]]) => {
      const times = [first!.split(',')[0], last!.split(',')[1]];
      return `${times.join()},${ends},15,3,yes`;
    });
    const header = flowHeader.replace(',bytes', ',connections,answered');
    const { window, ...learned } = learn(tiny, inventory, [header, ...together]);
    const { window: one, ...expected } = from(rows);
    expect(learned).toEqual(expected);
    expect([learned.lines.length, window.records, one.records]).toEqual([2, 6, 18]);
  });

  it('of every class below a parent become one line', () => {
    const rows = [...seen(big, '10.10.5.1', 'tcp/443'), ...seen(small, '10.10.5.1', 'tcp/443')];
    // Both are leaves, and no pump is an infusion-pump and nothing else.
    expect(told(from(rows))).toEqual(['infusion-pump server-a https']);
  });

  it('that policy allows already need no line', () => {
    const learned = from(seen(big, '10.10.4.20', 'tcp/443'));
    expect(learned.lines).toEqual([]);
    expect(learned.files.size).toBe(0);
    expect(learned.window).toMatchObject({ records: 6, allowed: 6 });
  });

  it('take an application only when all of it was seen', () => {
    expect(told(from(seen(big, '10.10.5.1', 'tcp/104', 'tcp/11112')))).toEqual(['big-pump server-a dicom']);
    const part = from(seen(big, '10.10.5.1', 'tcp/104'));
    expect(told(part)).toEqual(['big-pump server-a seen-tcp-104']);
    expect(part.applications).toEqual([{ name: 'seen-tcp-104', ports: ['tcp/104'] }]);
    const broader = from(seen(big, '10.10.5.1', 'tcp/104'), { broader: true });
    expect(told(broader)).toEqual(['big-pump server-a dicom']);
    expect(broader.lines[0]!.broader).toEqual(['tcp/11112 of big-pump to server-a']);
  });

  it('of ports that no application has get one, and of protocols without ports, too', () => {
    const learned = from(seen(big, '10.10.5.1', 'tcp/7000', 'tcp/7001', '47'));
    expect(learned.applications).toEqual([{ name: 'seen-tcp-7000-7001-ip-47', ports: ['tcp/7000-7001', 'ip/47'] }]);
  });

  it('to an address that no server has get an endpoint, not the network that it lies in', () => {
    const learned = from([...seen(big, '10.10.6.7', 'tcp/443'), ...seen(big, '10.99.0.1', 'tcp/443')]);
    expect(told(learned)).toEqual(['big-pump seen-10-10-6-7 https', 'big-pump seen-10-99-0-1 https']);
    expect(learned.endpoints).toEqual([
      { name: 'seen-10-10-6-7', address: '10.10.6.7' },
      { name: 'seen-10-99-0-1', address: '10.99.0.1' },
    ]);
    expect([...learned.files.keys()]).toContain('catalog/endpoints-learned-2026-11-24.yaml');
  });

  it('of a server to devices become a line towards their class', () => {
    const rows = big.flatMap((device) => seen(['10.10.5.1'], device, 'udp/5000', 'udp/5001', 'udp/5002'));
    expect(told(from(rows))).toEqual(['server-a big-pump stream']);
  });

  it('of a class with others below it need a line that holds for these, too', () => {
    const mixed = `${inventory}\nplain-1,infusion-pump,main,verified,10.21.2.1`;
    const rows = [flowHeader, ...seen(['10.21.2.1'], '10.10.5.1', 'tcp/443')];
    const exact = learn(tiny, mixed, rows);
    expect(exact.lines).toEqual([]);
    expect(leftOut(exact)).toEqual([
      'no-exact-line: infusion-pump -> server-a: a line for it holds for big-pump, small-pump, too, of which it was not seen; --broader takes it',
    ]);
    const broader = learn(tiny, mixed, [...rows, ...seen(big, '10.10.5.1', 'tcp/443')], { broader: true });
    expect(told(broader)).toEqual(['infusion-pump server-a https']);
    expect(broader.lines[0]!.broader).toEqual(['class small-pump, of which nothing was seen']);
  });
});

describe('left out', () => {
  it.each<[string, string[], string]>([
    [
      'what was seen too seldom',
      [once('10.21.0.1', '10.10.5.1', 'tcp/443')],
      'one-off: big-pump -> server-a: seen once, 3 are wanted',
    ],
    [
      'what one device of many does',
      seen(['10.21.0.1'], '10.10.5.1', 'tcp/443'),
      'one-off: big-pump -> server-a: seen of 1 of 3 devices of class big-pump, 2 are wanted',
    ],
    [
      'the internet',
      seen(big, '198.51.100.1', 'tcp/443'),
      'denied: big-pump -> internet: rules/flows.csv:3 forbids it',
    ],
    [
      'what comes from the internet',
      seen(['198.51.100.1'], '10.21.0.1', 'tcp/22'),
      'internet: internet -> big-pump: nothing from the internet is proposed without --internet',
    ],
    [
      'what a line denies',
      seen(big, '10.10.5.3', 'tcp/443'),
      'denied: big-pump -> forbidden: rules/more.csv:4 forbids it',
    ],
    [
      'sources that nobody knows',
      seen(['10.99.0.1'], '10.21.0.1', 'tcp/22'),
      'unknown-source: unnamed address -> big-pump: no endpoint of the catalog has this address',
    ],
    [
      'sources of no known class',
      seen(['10.21.1.9'], '10.10.5.1', 'tcp/22'),
      'unknown-source: unknown device in pumps -> server-a: nobody knows which device this is',
    ],
    [
      'addresses that nobody has',
      seen(['127.0.0.1'], '10.21.0.1', 'tcp/22'),
      'unknown-source: internet -> big-pump: no host may send from this address',
    ],
  ])('is %s', (_, rows, expected) => {
    const learned = from(rows);
    expect(told(learned)).toEqual([]);
    expect(leftOut(learned)).toEqual([expected]);
  });

  it('is what a line allows at other times, however it is judged now', () => {
    const night = new Date('2026-11-24T23:00:00Z');
    const parsed = parseInventory(inventory, 'devices.csv');
    const learned = learnFlows({
      files: tiny,
      at: night,
      inventory: parsed.ok ? parsed.value : (null as never),
      flows: { file: 'flows.csv', text: [flowHeader, ...seen(big, '10.10.5.2', 'tcp/443')].join('\n') },
      options: learnDefaults,
      checkPoint: () => [],
    });
    expect(learned.ok && leftOut(learned.value)).toEqual([
      'other-hours: big-pump -> archive: rules/more.csv:3 allows it at other times',
    ]);
  });

  it('is a device that shows the address of another segment', () => {
    const macs = `${flowHeader},source_mac`;
    const known = 'mac,class,site,posture,ip\n00:00:00:00:00:01,big-pump,main,verified,10.21.0.1';
    const rows = [1, 2, 3].map((day) => `${once('10.66.0.77', '10.10.5.1', 'tcp/443', day)},00:00:00:00:00:01`);
    const learned = learn(tiny, known, [macs, ...rows]);
    expect(leftOut(learned)).toEqual([
      'unknown-source: big-pump -> server-a: the address is in segment `quarantine`, where policy does not place this device',
    ]);
  });

  it('is what breaks a test of the policy, and only that', () => {
    const tested = new Map([
      ...tiny,
      ['tests/more.yaml', 'invariants:\n  - { name: big pumps stay away, never: { from: big-pump, to: server-a } }\n'],
    ]);
    const rows = [...seen(big, '10.10.5.1', 'tcp/443'), ...seen(small, '10.10.5.1', 'tcp/443')];
    const learned = learn(tested, inventory, [flowHeader, ...rows]);
    expect(told(learned)).toEqual(['small-pump server-a https']);
    expect(leftOut(learned)).toEqual([
      'test: big-pump -> server-a: it would break `big pumps stay away` (tests/more.yaml:2)',
    ]);
    expect(learned.failingTests).toEqual({ before: 0, after: 0 });
  });

  it('is nothing of the internet when it is asked for', () => {
    const open = new Map([
      ...tiny,
      ['rules/flows.csv', tiny.get('rules/flows.csv')!.replace('p, medical-device, internet', '# p')],
    ]);
    const rows = [flowHeader, ...seen(big, '198.51.100.1', 'tcp/443')];
    expect(leftOut(learn(open, inventory, rows))).toEqual([
      'internet: big-pump -> internet: nothing to the internet is proposed without --internet',
    ]);
    // The policy's own invariant has the last word.
    const asked = learn(open, inventory, rows, { internet: true });
    expect(leftOut(asked)).toEqual([
      'test: big-pump -> 198.51.100.1: it would break `pumps never reach the internet` (tests/flows.yaml:5)',
    ]);
    const untested = learn(new Map([...open, ['tests/flows.yaml', '']]), inventory, rows, { internet: true });
    expect(told(untested)).toEqual(['big-pump seen-198-51-100-1 https']);
  });

  it('are scans with all that the source does meanwhile, and nothing that it does else', () => {
    const scan = Array.from({ length: 30 }, (_, i) => once('10.21.0.1', `10.10.7.${i + 1}`, 'tcp/22', 5, i));
    const meanwhile = [1, 2, 3, 4].map((i) => once('10.21.0.1', '10.10.5.1', 'tcp/104', 5, 20 + i));
    const learned = from([...seen(big, '10.10.5.1', 'tcp/443'), ...scan, ...meanwhile]);
    expect(told(learned)).toEqual(['big-pump server-a https']);
    expect(learned.leftOut).toMatchObject([{ kind: 'scan', evidence: { connections: 34 } }]);
  });
});

describe('refused', () => {
  it('is a class that the policy does not have', () => {
    const parsed = parseInventory(inventory, 'devices.csv');
    const learned = learnFlows({
      files: tiny,
      at: learnedAt,
      inventory: parsed.ok ? parsed.value : (null as never),
      flows: { file: 'flows.csv', text: flowHeader },
      options: { ...learnDefaults, classes: ['infusion-pmp'] },
      checkPoint: () => [],
    });
    expect(learned.ok).toBe(false);
    expect(learned.diagnostics[0]!.hint).toContain('infusion-pump');
  });
});
