import { readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { policyFiles } from '#testkit';
import { planOf } from '../spec/planned.js';
import { readLoggedPacket } from './ulogd.js';

const recorded = readFileSync(path.join(import.meta.dirname, 'testdata/ulogd-2.0.8.ndjson'), 'utf8')
  .trim()
  .split('\n');
const first = JSON.parse(recorded[3]!) as Record<string, unknown>;
const changed = (change: object): string => JSON.stringify({ ...first, ...change });

describe('readLoggedPacket', () => {
  it('reads every line that ulogd 2.0.8 wrote', () => {
    const [device, server, device6, server6] = ['10.20.0.11', '10.10.0.11', 'fd00:20::11', 'fd00:10::11'];
    const shown = recorded.map((line) => {
      const packet = readLoggedPacket(line);
      if (typeof packet === 'string') return packet;
      const { source, destination, protocol, port, prefix, packets, kind } = packet;
      expect([prefix, packets, kind]).toEqual(['cordon-deny ', 1, 'opening']);
      return [source, destination, protocol, port];
    });
    expect(shown).toEqual([
      [device, server, 1, 8],
      [device6, server6, 58, 128],
      [server, device, 1, 8],
      [device, server, 6, 9000],
      [device, server, 17, 161],
      [device6, server6, 6, 443],
      [device6, server6, 17, 53],
      [device, server, 50, 0],
      [device, server, 47, 0],
      [server, device, 6, 22],
    ]);
    expect(readLoggedPacket(recorded[0]!)).toMatchObject({ at: new Date(1_796_044_906_700) });
  });

  it.each<[string, string]>([
    ['no JSON', '{"timestamp": '],
    ['no JSON object', 'null'],
    ['oob.time.sec', changed({ 'oob.time.sec': undefined })],
    ['IP2STR', changed({ src_ip: undefined })],
    ['ip.protocol', changed({ 'ip.protocol': 256 })],
    ['dest_port', changed({ dest_port: undefined })],
  ])('says what is wrong: %s', (why, line) => {
    expect(readLoggedPacket(line)).toEqual(expect.stringContaining(why));
  });

  it.each<[string, object, string]>([
    ['an ICMP error', { 'ip.protocol': 1, 'icmp.type': 3 }, 'reply'],
    ['what a server sends within a connection', { 'tcp.syn': 0, src_port: 443, dest_port: 50_000 }, 'undecided'],
    ['what a client sends within a connection', { 'tcp.syn': 0, src_port: 50_000, dest_port: 443 }, 'opening'],
  ])('tells %s from an opening', (_, change, kind) => {
    expect(readLoggedPacket(changed(change))).toMatchObject({ kind });
  });

  it('throws at nothing', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.json(),
          fc.string(),
          fc.dictionary(fc.constantFrom(...Object.keys(first)), fc.jsonValue()).map((one) => JSON.stringify(one)),
        ),
        (line) => {
          const packet = readLoggedPacket(line);
          if (typeof packet !== 'string') expect(Number.isFinite(packet.at.getTime())).toBe(true);
        },
      ),
    );
  });
});

it('a file of ulogd is planned with', () => {
  const tiny = policyFiles();
  const line = changed({ src_ip: '10.21.0.1', dest_ip: '10.10.4.20', dest_port: 443 });
  const reply = changed({ 'tcp.syn': 0, src_port: 443, dest_port: 50_000 });
  const text = tiny.get('rules/flows.csv')!.replace('p, infusion-pump, drug-library', '# p');
  const inventory = 'mac,class,site,nas,posture,ip\n00:00:00:00:00:01,infusion-pump,main,sw1,verified,10.21.0.1';
  const flows = [line, line, reply, '{"oob'].join('\n');
  const { observed } = planOf(tiny, policyFiles({ 'rules/flows.csv': text }), { inventory, flows });
  expect(observed!.broken).toMatchObject([{ destination: 'drug-library', service: 'https (tcp/443)', connections: 2 }]);
  expect(observed!.window).toMatchObject({ format: 'ulogd', records: 3, undecided: 1, malformed: 1 });
});
