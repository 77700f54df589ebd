import { readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { samplesFor } from '../conformance-states.js';
import { TerminalFault } from '../driver.js';
import { createOpenvswitchDriver } from './index.js';
import { layoutOf } from './layout.js';
import { ownFlows, parse, parseArtefact, parseCounters } from './parse.js';

const testdata = (name: string): string => readFileSync(path.join(import.meta.dirname, 'testdata', name), 'utf8');
const layout = layoutOf({ bridge: 'br0' });
const driver = createOpenvswitchDriver({ bridge: 'br0' });
const { baseState } = samplesFor(driver.enforces);
const rendered = driver.render({ ...baseState, ports: new Map() });

describe('parse', () => {
  it('reads what Open vSwitch 3.1 dumped as the state that was loaded', () => {
    const text = ownFlows(layout, testdata('base-state.dump.txt')).join('\n');
    expect(driver.plan({ ...baseState, ports: new Map() }, parse(layout, text)).kind).toBe('none');
  });

  it('reads counts by line of policy, and the final drops', () => {
    expect(parseCounters(testdata('base-state.counters.txt'))).toEqual([
      { id: 'denied', packets: 1, bytes: 98 },
      { id: 'a30000000000', packets: 8, bytes: 824 },
      { id: 'd10000000000', packets: 0, bytes: 0 },
    ]);
  });

  const line = 'cookie=0xc0d1000000000000,table=204,priority=1,ct_nw_src=10.0.0.0/8,ct_state=-inv+trk,ip,actions=drop';
  it.each<[string, string]>([
    [
      'fields in any order',
      'cookie=0xc0d1000000000000, table=204, priority=1,ip,ct_state=-inv+trk,ct_nw_src=10.0.0.0/8 actions=drop',
    ],
    [
      'statistics',
      'cookie=0xc0d1000000000000, duration=1.5s, table=204, n_packets=4, n_bytes=9, idle_age=4, priority=1,ct_state=-inv+trk,ip,ct_nw_src=10.0.0.0/8 actions=drop',
    ],
  ])('takes no notice of %s', (_, text) => {
    expect(parse(layout, text)).toEqual(parse(layout, line));
  });

  it('reads addresses however they are spelt', () => {
    const at = (text: string) => parse(layout, `table=7, ipv6,ipv6_src=${text} actions=drop`);
    expect(at('::10.20.0.0/112')).toEqual(at('::a14:0/112'));
    expect(at('::ffff:10.20.0.0/112')).toEqual(at('::ffff:a14:0/112'));
    expect(at('fd00:0020::/32')).toEqual(at('fd00:20::/32'));
  });

  it.each<[string, string]>([
    ['a priority', line.replace('priority=1', 'priority=2')],
    ['a table', line.replace('table=204', 'table=203')],
    ['a mark', line.replace('c0d1', 'c0d0')],
    ['a field more', line.replace(',ip,', ',ip,in_port=3,')],
    ['a field less', line.replace('ct_nw_src=10.0.0.0/8,', '')],
    ['an action', line.replace('drop', 'NORMAL')],
    ['a time-out', line.replace('priority', 'idle_timeout=5,priority')],
    ['a flag', line.replace('priority', 'send_flow_rem priority')],
    ['a flow more', `${line}\n${line.replace('/8', '/9')}`],
  ])('notices %s', (_, text) => {
    expect(parse(layout, text)?.rulesFingerprint).not.toBe(parse(layout, line)?.rulesFingerprint);
  });

  it('takes a member for one only if it is one to the last detail', () => {
    const member =
      'cookie=0xc0d1000000000001,table=202,priority=1,ct_nw_src=10.0.0.1,ct_state=-inv+trk,ip,actions=load:0x7->NXM_NX_REG13[],resubmit(,203)';
    const nobody = parse(layout, 'table=7 actions=drop')!.rulesFingerprint;
    const isMember = (text: string): boolean =>
      parse(layout, `table=7 actions=drop\n${text}`)!.rulesFingerprint === nobody;
    expect(isMember(member)).toBe(true);
    expect(parse(layout, member)?.membership).toEqual(new Map([['opener_7_4', new Set(['10.0.0.1'])]]));
    const others: [string, string][] = [
      ['priority=1', 'priority=2'],
      ['000001,', '000000,'],
      ['table=202', 'table=203'],
      ['10.0.0.1', '10.0.0.0/8'],
      [',ip,', ',ipv6,'],
      ['REG13', 'REG14'],
      ['0x7', '0'],
      [',203', ',204'],
      ['resubmit', 'load:0x8->NXM_NX_REG13[],resubmit'],
      [',ip,', ',in_port=1,ip,'],
    ];
    for (const [from, to] of others) expect({ to, is: isMember(member.replace(from, to)) }).toEqual({ to, is: false });
  });

  it('finds nothing of ours in a bridge of others, and all that stands where only ours may', () => {
    const flows = {
      normal: 'priority=0 actions=NORMAL',
      arp: 'cookie=0x1001, priority=65535,arp,in_port=3 actions=NORMAL',
      other: 'cookie=0x1001, table=9, priority=10,in_port=3 actions=drop',
      beside: 'cookie=0x1001, priority=65535,in_port=3 actions=drop',
      inside: 'cookie=0x1001, table=205, priority=10 actions=NORMAL',
      marked: 'cookie=0xc0d1000000000000, table=9, priority=11 actions=drop',
    };
    const found = Object.entries(flows).filter(([, flow]) => ownFlows(layout, ` ${flow}\n`).length > 0);
    expect(found.map(([name]) => name)).toEqual(['beside', 'inside', 'marked']);
  });

  it.each([
    ['no flow', 'what is this'],
    ['a table that there can’t be', 'table=300, ip actions=drop'],
    ['two flows with one match', 'table=1, ip actions=drop\ntable=1, ip actions=NORMAL'],
    ['a port without a name', 'port p1 tag=7'],
    ['a port without a VLAN', 'port "p1" tag=none'],
  ])('refuses %s', (_, text) => {
    expect(() => parseArtefact(text)).toThrow(TerminalFault);
  });

  it('throws nothing but TerminalFault, whatever the text', () => {
    const good = rendered;
    const broken = fc
      .tuple(fc.nat(good.length), fc.nat(40), fc.string({ maxLength: 8 }))
      .map(([at, cut, put]) => good.slice(0, at) + put + good.slice(at + cut));
    const word = fc.constantFrom(
      'table=1',
      ' ',
      ',',
      'actions=',
      'port "',
      '" tag=1',
      'ct_nw_src=1',
      '=',
      '/',
      '(',
      'ip',
    );
    const words = fc.array(word, { maxLength: 12 }).map((list) => list.join(''));
    fc.assert(
      fc.property(fc.oneof(broken, words, fc.string()), (text) => {
        for (const read of [
          (text: string) => parse(layout, text),
          (text: string) => ownFlows(layout, text),
          parseCounters,
        ])
          try {
            read(text);
          } catch (error) {
            expect(error).toBeInstanceOf(TerminalFault);
          }
      }),
      { numRuns: 400 },
    );
  });
});
