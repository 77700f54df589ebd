import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { asking } from '../spec/ask.js';
import { parse } from './parse.js';

const dump = readFileSync(join(import.meta.dirname, 'testdata/dump-flows.txt'), 'utf8');

describe('flows of a table', () => {
  const passes = asking(parse(dump));
  it.each([
    ['tcp/443 > 10.10.4.99', false, 'the higher priority decides'],
    ['tcp/443 > 10.10.7.255', true, 'prefix and port'],
    ['tcp/440 > fd10:4::1', true, 'a mask of ports, IPv6'],
    ['tcp/447 > fd10:4::1', true, 'its end'],
    ['tcp/448 > fd10:4::1', false, 'and behind it'],
    ['tcp/9 from 3613 established > 10.0.0.1', true, '+ack and +rst together are established'],
    ['tcp/9 from 3613 > 10.0.0.1', false, 'the opening is not'],
    ['icmp/8 > 10.0.0.1', true, 'ICMP type'],
    ['ip/50 > 10.0.0.1 by 10.21.15.1', true, 'a dotted mask'],
    ['ip/50 > 10.0.0.1 by 10.21.16.1', false, 'outside of it'],
    ['udp/9 > 10.0.0.1', false, 'table miss'],
  ])('%s: %s (%s)', (text, expected) => expect(passes(text)).toBe(expected));

  it.each([
    ['priority=9,tcp,tcp_flags=+ack actions=NORMAL', 'without its twin'],
    ['priority=9,tcp,tcp_flags=+syn actions=NORMAL', 'not modelled'],
    ['priority=9,tcp,tp_dst=0x1/0xfffd actions=NORMAL', 'gaps'],
    ['priority=9,tcp,tp_dst=0x1/0xfffe actions=NORMAL', 'outside its mask'],
    ['priority=9,ip,nw_dst=10.0.0.0/255.0.255.0 actions=NORMAL', 'no prefix'],
    ['priority=9,ip,nw_dst=fd00::1 actions=NORMAL', 'IPv4'],
    ['priority=9,ip,tp_dst=443 actions=NORMAL', '`tp_dst`'],
    ['priority=9,ct_state=+trk,ip actions=NORMAL', '`ct_state`'],
    ['priority=9,ip,nw_frag=later actions=NORMAL', '`nw_frag`'],
    ['priority=9,dl_vlan=10,ip actions=NORMAL', '`dl_vlan`'],
    ['priority=9,ip actions=ct(table=1)', 'the action'],
    ['priority=9,ip actions=resubmit(,1)', 'the action'],
    ['priority=9,ip actions=goto_table:1', 'the action'],
    ['priority=9,idle_timeout=5,ip actions=NORMAL', '`idle_timeout`'],
    ['priority=9,ip', 'no `actions='],
    ['priority=70000,ip actions=drop', '70000'],
    ['table=0,ip actions=drop\ntable=1,ip actions=NORMAL', 'another `table`'],
    ['in_port=1,ip actions=drop\nin_port=2,ip actions=NORMAL', 'another `in_port`'],
    ['priority=9,ip actions=drop\npriority=9,tcp actions=NORMAL', 'not defined'],
    ['', 'no flow'],
  ])('are refused: %j', (text, why) => {
    const parsed = parse(text);
    expect(parsed.ok ? '' : parsed.diagnostics[0]?.summary).toContain(why);
  });

  it('of one priority may do different things where they do not overlap', () => {
    expect(parse('priority=9,udp actions=drop\npriority=9,tcp actions=NORMAL').ok).toBe(true);
  });
});
