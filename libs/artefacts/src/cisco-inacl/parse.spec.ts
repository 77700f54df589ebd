import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { asking } from '../spec/ask.js';
import { parse } from './parse.js';

const users = readFileSync(join(import.meta.dirname, 'testdata/freeradius-users.txt'), 'utf8');

describe('inline ACEs of a RADIUS server', () => {
  const passes = asking(parse(users));

  it.each([
    ['tcp/443 > 10.10.4.20', false, 'the switch orders by number: 10 denies before 20 permits'],
    ['udp/53 > 10.10.4.9', true, 'port names'],
    ['udp/53 > fd10:4::53', true, 'IPv6'],
    ['udp/53 > fd10:4::54', false, 'implicit deny'],
    ['icmp6/135 > ff02::1', true, 'implicit permit of neighbour discovery'],
  ])('%s: %s (%s)', (text, expected) => expect(passes(text)).toBe(expected));

  it('leave a family unfiltered that they do not name', () => {
    const passes = asking(parse('ip:inacl#1=deny ip any any'));
    expect([passes('tcp/1 > 10.0.0.1'), passes('tcp/1 > fd00::1')]).toEqual([false, true]);
  });

  it.each([
    ['ip:inacl#1=permit ip any any\nip:inacl#1=deny ip any any', 'taken'],
    ['ip:inacl=permit ip any any', 'no entry number'],
    ['ip:outacl#1=permit ip any any', 'no entry of an inbound list'],
    ['ip:inacl#1=permit tcp any object-group A', 'object group'],
    ['permit ip any any', 'no AVPair'],
    ['cts:security-group-tag=0015-00', 'there is no `ip:inacl#`'],
    ['', 'there is no `ip:inacl#`'],
  ])('are refused: %j', (text, why) => {
    const parsed = parse(text);
    expect(parsed.ok ? '' : parsed.diagnostics[0]?.summary).toContain(why);
  });
});
