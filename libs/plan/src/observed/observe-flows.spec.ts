import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseAddress, parseService, portOf, protocolOf } from '#net';
import { accessFor, decideFlow } from '#policy';
import { policyFiles } from '#testkit';
import { parseInventory } from '../inventory/parse-inventory.js';
import { planPolicy } from '../make-plan.js';
import type { ObservedPlan, PolicyPlan } from '../plan.js';
import { planned, planOf } from '../spec/planned.js';

const tiny = policyFiles();
const closed = policyFiles({
  'rules/flows.csv': tiny.get('rules/flows.csv')!.replace('p, infusion-pump, drug-library', '# p'),
});
const header = 'first,last,source,destination,protocol,port,packets,bytes';
const inventory = `mac,class,site,nas,posture,ip
00:00:00:00:00:01,infusion-pump,main,sw1,verified,10.21.0.1;fd21::1
00:00:00:00:00:02,infusion-pump,main,sw1,verified,10.21.0.2
00:00:00:00:00:03,infusion-pump,main,sw1,quarantined,10.66.0.3
00:00:00:00:00:04,toaster,main,sw1,verified,10.21.0.4`;

const row = (source: string, destination: string, service: string, day = 1): string => {
  const [protocol, port] = service.split('/');
  return `2026-11-0${day}T08:00:00Z,2026-11-0${day}T08:00:10Z,${source},${destination},${protocol},${port},5,500`;
};
const observe = (lines: readonly string[], given: { to?: Map<string, string>; inventory?: string } = {}): PolicyPlan =>
  planOf(tiny, given.to ?? closed, { inventory: given.inventory ?? inventory, flows: lines.join('\n') });
const observed = (...lines: string[]): ObservedPlan => observe([header, ...lines]).observed!;

describe('observed flows', () => {
  it('that break are told with devices, last time and the lines that do it', () => {
    const plan = observe([
      header,
      row('10.21.0.1', '10.10.4.20', 'tcp/443', 1),
      row('10.21.0.2', '10.10.4.20', 'tcp/443', 3),
      row('fd21::1', 'fd10:4::20', 'tcp/443', 2),
    ]);
    expect(plan.observed!.broken).toEqual([
      {
        source: 'infusion-pump',
        destination: 'drug-library',
        service: 'https (tcp/443)',
        connections: 3,
        devices: 2,
        packets: 15,
        lastSeen: '2026-11-03T08:00:10.000Z',
        reason: 'no rule allows it',
        lines: [expect.objectContaining({ sign: '-', file: 'rules/flows.csv', line: 2 })],
      },
    ]);
    expect(plan.observed!.brokenDevices).toBe(2);
    const [flow] = plan.flows;
    expect(flow).toMatchObject({ risk: 'high', inUse: { connections: 3, devices: 2, watched: true } });
  });

  it('that are denied by both policies are told with the lines that deny them', () => {
    const { deniedAlready, broken } = observed(
      row('10.21.0.1', '8.8.8.8', 'udp/53'),
      row('10.21.0.1', '10.9.9.9', 'tcp/1'),
    );
    expect(broken).toEqual([]);
    expect(
      deniedAlready.map(({ destination, reason, lines }) => [destination, reason, lines.map((l) => l.sign)]),
    ).toEqual([
      ['internal', 'no rule allows it', []],
      ['internet', 'denied by rule', ['=']],
    ]);
  });

  it('of a device that counts as another class afterwards break for that reason', () => {
    const moved = policyFiles({
      'catalog/segments.yaml': tiny
        .get('catalog/segments.yaml')!
        .replace('  dedicatedTo', '  role: quarantined\n  dedicatedTo'),
    });
    const [flow] = observe([header, row('10.21.0.1', '10.10.4.20', 'tcp/443')], { to: moved }).observed!.broken;
    expect(flow!.reason).toBe('infusion-pump counts as quarantined instead of infusion-pump');
    expect(flow!.lines).toMatchObject([
      { sign: '~', file: 'rules/access.csv', because: 'segment `pumps` has another role' },
    ]);
  });

  it('are attributed by inventory, else by a segment that one role can hold, else not at all', () => {
    const unknown = policyFiles({
      'rules/more.csv':
        'p2, unknown, main, verified, mixed, always, x\np2, medical-device, main, verified, mixed, always, x',
      'catalog/segments-mixed.yaml': 'mixed: { sites: { main: { vlan: 300, prefixes: [10.30.0.0/24, "fd30::/64"] } } }',
    });
    const lines = [
      header,
      row('10.21.0.77', '10.10.4.20', 'tcp/443'), // segment: pumps only
      row('10.66.0.77', '10.10.9.9', 'tcp/443'), // segment: role quarantined only
      row('10.30.0.77', '10.10.4.20', 'tcp/443'), // unknown or medical-device
      row('10.21.0.4', '10.10.4.20', 'tcp/443'), // the inventory's class is in no policy
      row('10.10.4.20', '10.10.9.9', 'tcp/443'), // server to server
      row('10.21.0.1', '10.30.0.77', 'tcp/443'),
    ];
    const plan = planOf(unknown, unknown, { inventory, flows: lines.join('\n') });
    expect(plan.observed!.window).toMatchObject({ records: 6, connections: 2, unattributed: 3, foreign: 1 });
  });

  it('take the device by its MAC where a record names one of the inventory', () => {
    const macs = `${header},source_mac,destination_mac`;
    const plan = observe([
      macs,
      `${row('10.30.9.9', '10.10.4.20', 'tcp/443')},00-00-00-00-00-01,`,
      `${row('10.21.0.2', '10.10.4.20', 'tcp/443')},00:00:00:00:00:99,`,
    ]);
    expect(plan.observed!.broken).toMatchObject([{ source: 'infusion-pump', devices: 2, connections: 2 }]);
  });

  it('say which classes were never seen in a direction that they are allowed', () => {
    const { window } = observed(row('10.66.0.3', '10.10.9.9', 'tcp/443'));
    expect(window.neverSeen).toEqual([{ class: 'infusion-pump', direction: 'outbound' }]);
    const silent = observe([header, row('10.66.0.77', '10.10.9.9', 'tcp/443')]);
    expect(silent.flows[0]).toMatchObject({ risk: 'low', inUse: { connections: 0, watched: false } });
    expect(silent.flows[0]!.reasons[0]).toContain('nothing of these classes was seen');
  });

  it('that can not be read are counted and told with their line, not dropped', () => {
    const plan = observe([
      header,
      row('10.21.0.1', '10.10.4.20', 'tcp/443'),
      'nonsense',
      row('10.21.0.256', '10.10.4.20', 'tcp/443'),
      row('10.21.0.1', '10.10.4.20', 'quic/443'),
      row('10.21.0.1', '10.10.4.20', 'tcp/65536'),
      row('10.21.0.1', '10.10.4.20', 'tcp/443').replace('2026-11-01T08:00:10Z', '2026-10-01T08:00:10Z'),
      row('10.21.0.1', '10.10.4.20', 'tcp/443').replace('2026-11-01T08:00:00Z', 'yesterday'),
    ]);
    expect(plan.observed!.window).toMatchObject({ records: 1, connections: 1, malformed: 6 });
    const told = plan.findings.filter(({ code }) => code === 'flow-malformed');
    expect(told.map(({ code, span }) => [code, span?.line])).toEqual(
      [3, 4, 5, 6, 7].map((line) => ['flow-malformed', line]),
    );
  });

  it('are read with quotes, blanks, Windows line ends and addresses in any spelling', () => {
    const library = row('10.21.0.1', '10.10.4.20', 'tcp/443');
    const plan = observe([
      `\uFEFF${header}\r`,
      `${library.split(',').join(' , ').replace('tcp', 'TCP')}\r`,
      `${library.replaceAll(/[^,]+/g, '"$&"')}\r`,
      `${row('FD21:0:0:0::1', 'fd10:0004::20', '6/443')}\r`,
      `${row('fd21::0.0.0.1', 'fd10:4:0:0:0:0:0.0.0.32', 'tcp/443')}\r`,
      '',
      '# a remark',
    ]);
    expect(plan.observed!.window).toMatchObject({ records: 4, connections: 4, malformed: 0 });
    expect(plan.observed!.broken).toMatchObject([{ destination: 'drug-library', connections: 4, devices: 1 }]);
  });

  it('with a quote that is not closed, an address that is none or a blank in a protocol are malformed', () => {
    const library = row('10.21.0.1', '10.10.4.20', 'tcp/443');
    const csv = [
      library.replace(',5,', ',"5,'),
      row('10.21.0.1', '::ffff:10.10.4.20', 'tcp/443'),
      row('fe80::1%eth0', '10.10.4.20', 'tcp/443'),
      row('10.21.0.1', '10.10.4.20', 't cp/443'),
      library.replace('00Z', '00é'),
    ];
    expect(observed(...csv).window).toMatchObject({ records: 0, malformed: csv.length });
    const [first, last, source, destination] = library.split(',');
    const json = { first, last, source, destination, protocol: ' 6', port: 443, packets: 5 };
    expect(observe([JSON.stringify(json)]).observed!.window).toMatchObject({ records: 0, malformed: 1 });
  });

  it('in no known format are refused', () => {
    for (const text of ['', 'a,b,c\n1,2,3', '"first'])
      expect(
        planPolicy({ from: planned(tiny), to: planned(tiny), inventory: null, flows: { file: 'f', text } }).diagnostics,
      ).toMatchObject([{ code: 'flows-unknown-format', span: { file: 'f' } }]);
  });

  it('mean the same in CSV and in JSON lines', () => {
    const lines = [row('10.21.0.1', '10.10.4.20', 'tcp/443'), row('fd21::1', '2001:db8::1', 'icmp6/128')];
    const json = lines.map((line) => {
      const [first, last, source, destination, protocol, port, packets, bytes] = line.split(',');
      return JSON.stringify({
        first,
        last,
        source,
        destination,
        protocol,
        port: Number(port),
        packets: Number(packets),
        bytes: Number(bytes),
      });
    });
    const { window: _, ...fromCsv } = observed(...lines);
    const { window, ...fromJson } = observe(json).observed!;
    expect(fromJson).toEqual(fromCsv);
    expect(window.format).toBe('jsonl');
  });

  it('of which several are alike may be told together', () => {
    const short = header.replace(',bytes', ',connections,answered');
    const together = row('10.21.0.1', '10.10.4.20', 'tcp/443').replace(/,500$/, ',7,yes');
    const blank = together.replace(',7,yes', ',,');
    const { broken, window } = observe([short, together, blank]).observed!;
    expect(broken).toMatchObject([{ connections: 8, packets: 10, devices: 1 }]);
    expect(window).toMatchObject({ records: 2, connections: 8, malformed: 0 });
    const wrong = [together.replace('7,yes', '0,yes'), together.replace('7,yes', '7,maybe')];
    expect(observe([short, ...wrong]).observed!.window).toMatchObject({ records: 0, malformed: 2 });
    const ends = { source: '10.21.0.1', destination: '10.10.4.20', protocol: 'tcp', port: 443 };
    const [first, last] = ['2026-11-01T08:00:00Z', '2026-11-01T08:00:10Z'];
    const json = { first, last, ...ends, packets: 5, connections: 7, answered: 'no' };
    const lines = [json, { ...json, connections: 0 }, { ...json, answered: false }].map((one) => JSON.stringify(one));
    expect(observe(lines).observed!.window).toMatchObject({ connections: 7, malformed: 2 });
  });

  it('are counted as judging each record by itself would', () => {
    const hosts = [
      '10.21.0.1',
      '10.21.0.2',
      '10.66.0.3',
      '10.10.4.20',
      '10.10.9.9',
      '8.8.8.8',
      'fd21::1',
      'fd10:4::20',
      '10.21.0.99',
    ];
    const record = fc.tuple(
      fc.constantFrom(...hosts),
      fc.constantFrom(...hosts),
      fc.constantFrom('tcp/443', 'tcp/80', 'udp/53'),
    );
    const rules = [
      'p, quarantined, library-1, https, allow, always, x',
      'p, infusion-pump, infusion-pump, any, allow, always, x',
    ];
    const [before, after] = [
      tiny,
      policyFiles({ 'rules/flows.csv': closed.get('rules/flows.csv')!, 'rules/plan.csv': rules.join('\n') }),
    ];
    const parsed = parseInventory(inventory, 'devices.csv');
    const devices = parsed.ok ? parsed.value.devices : [];
    const [a, b] = [planned(before), planned(after)];
    const sideOf = (address: string, snapshot: typeof a.snapshot) => {
      const { family, value } = parseAddress(address)!;
      const index = parsed.ok ? parsed.value.byAddress.get(family === 6 ? address : Number(value)) : undefined;
      const device = index === undefined ? null : devices[index]!;
      // The segment of pumps holds nobody else.
      const grant = device ? accessFor(snapshot, device.class, 'main', device.posture) : null;
      const role = grant?.role ?? (address === '10.21.0.99' ? 'infusion-pump' : null);
      return { class: role, address: parseAddress(address)! };
    };
    fc.assert(
      fc.property(fc.array(record, { maxLength: 30 }), (records) => {
        const expected = { broken: 0, deniedAlready: 0, opened: 0 };
        for (const [source, destination, service] of records) {
          const key = parseService(service)!.first;
          const [was, is] = [a.snapshot, b.snapshot].map((snapshot) => {
            const [from, to] = [sideOf(source, snapshot), sideOf(destination, snapshot)];
            if (from.class === null && to.class === null) return 'foreign';
            return decideFlow(snapshot, { source: from, destination: to, protocol: protocolOf(key), port: portOf(key) })
              .verdict;
          });
          if (was === 'allow' && is === 'deny') expected.broken++;
          if (was === 'deny' && is === 'deny') expected.deniedAlready++;
          if (was === 'deny' && is === 'allow') expected.opened++;
        }
        const text = [header, ...records.map((one) => row(...one))].join('\n');
        const plan = planOf(before, after, { inventory, flows: text }).observed!;
        const counted = (['broken', 'deniedAlready', 'opened'] as const).map((what) => [
          what,
          plan[what].reduce((sum, { connections }) => sum + connections, 0),
        ]);
        expect(Object.fromEntries(counted)).toEqual(expected);
      }),
      { numRuns: 60 },
    );
  });
});

describe('nfdump records', () => {
  const head = 'ts,te,td,sa,da,sp,dp,pr,flg,fwd,stos,ipkt,ibyt,opkt,obyt';
  const flow = (source: string, destination: string, protocol = 'TCP', second = 0): string => {
    const [from, sourcePort] = source.split(' ');
    const [to, destinationPort] = destination.split(' ');
    const at = `2026-11-01 08:00:0${second}`;
    return `${at},${at}.500,0.500,${from},${to},${sourcePort},${destinationPort},${protocol},...AP.SF,0,0,12,3000,0,0`;
  };
  const window = (...lines: string[]) => observe([head, ...lines]).observed!.window;
  const pump = '10.21.0.1 51000';
  const library = '10.10.4.20 443';

  it.each([
    ['a reply that began later', [flow(pump, library), flow(library, pump, 'TCP', 1)], [1, 1, 0]],
    ['a reply that stands first in the file', [flow(library, pump, 'TCP', 1), flow(pump, library)], [1, 1, 0]],
    ['a reply of the same instant: from the lower port', [flow(library, pump), flow(pump, library)], [1, 1, 0]],
    [
      'a connection to a higher port that began first',
      [flow('10.10.4.20 443', '10.21.0.1 3613'), flow('10.21.0.1 3613', '10.10.4.20 443', 'TCP', 2)],
      [1, 1, 0],
    ],
    [
      'equal ports at the same instant',
      [flow('10.21.0.1 123', '10.10.9.9 123', 'UDP'), flow('10.10.9.9 123', '10.21.0.1 123', 'UDP')],
      [0, 0, 2],
    ],
    [
      'a long connection in several records',
      [
        flow(pump, library),
        flow(library, pump, 'TCP', 1),
        flow(pump, library, 'TCP', 5),
        flow(library, pump, 'TCP', 6),
      ],
      [2, 2, 0],
    ],
    ['an opening that nobody answered', [flow(pump, library)], [1, 0, 0]],
    ['a reply whose opening is not there', [flow(library, pump)], [0, 0, 1]],
    [
      'a reply whose opening is not there, from where another was answered',
      [
        flow(pump, '10.10.4.20 11112'),
        flow('10.10.4.20 11112', pump, 'TCP', 1),
        flow('10.10.4.20 11112', '10.21.0.2 51000'),
        flow('10.10.4.20 8443', '10.21.0.2 51000'),
      ],
      [2, 1, 1],
    ],
    [
      'other ports: another connection',
      [flow(pump, library), flow('10.10.4.20 443', '10.21.0.1 51001', 'TCP', 1)],
      [1, 0, 1],
    ],
    [
      'ICMP, as type.code',
      [flow('10.21.0.1 0', '10.10.9.9 8.0', 'ICMP'), flow('10.10.9.9 0', '10.21.0.1 0.0', 'ICMP')],
      [1, 1, 0],
    ],
    [
      'ICMP, as a number',
      [flow('10.21.0.1 0', '10.10.9.9 2048', 'ICMP'), flow('10.10.9.9 0', '10.21.0.1 769', 'ICMP')],
      [1, 1, 0],
    ],
    [
      'ICMPv6',
      [flow('fd21::1 0', 'fd10:9::9 128.0', 'ICMP6'), flow('fd10:9::9 0', 'fd21::1 129.0', 'ICMP6')],
      [1, 1, 0],
    ],
  ])('%s', (_, lines, [connections, replies, undecided]) => {
    expect(window(...lines)).toMatchObject({ format: 'nfdump', connections, replies, undecided, malformed: 0 });
  });

  it('end with the sum that nfdump writes', () => {
    const plan = observe([
      head,
      flow(pump, library),
      'Summary',
      'flows,bytes,packets,avg_bps,avg_pps,avg_bpp',
      '1,2,3,4,5,6',
    ]);
    expect(plan.observed!.window).toMatchObject({ records: 1, malformed: 0 });
    expect(plan.observed!.broken).toMatchObject([
      { connections: 1, packets: 12, lastSeen: '2026-11-01T08:00:00.500Z' },
    ]);
  });

  it('are paired alike however many there are', () => {
    const pairs = Array.from({ length: 6000 }, (_, i) => [
      flow(`10.21.${i % 8}.1 ${30_000 + (i >> 3)}`, library),
      flow(library, `10.21.${i % 8}.1 ${30_000 + (i >> 3)}`, 'TCP', 1),
    ]).flat();
    expect(window(...pairs)).toMatchObject({ records: 12_000, connections: 6000, replies: 6000, undecided: 0 });
  });
});

describe('readers of observed flows', () => {
  it('never throw', () => {
    const parts = fc.constantFrom(
      '10.21.0.1',
      'fd21::1',
      ',',
      '"',
      '\n',
      '2026-11-01T08:00:00Z',
      'tcp',
      '443',
      '{',
      '}',
      '"first":',
      ':',
      '',
      '-',
      '9'.repeat(30),
    );
    const start = fc.constantFrom(`${header}\n`, 'ts,te,td,sa,da,sp,dp,pr,ipkt\n', '{"first":"x"}\n', '');
    const [from, to] = [planned(tiny), planned(closed)];
    fc.assert(
      fc.property(start, fc.array(parts, { maxLength: 60 }), (head, list) => {
        planPolicy({ from, to, inventory: null, flows: { file: 'f', text: head + list.join('') } });
      }),
      { numRuns: 60 },
    );
  });
});
