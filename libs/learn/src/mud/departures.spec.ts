import { describe, expect, it } from 'vitest';
import { fromName, mudText, tcpFrom, tcpTo, toName, udpFrom, udpTo, word } from '../spec/mud-text.js';
import { baseInput, compiled, homePolicy, imported, setOf } from '../spec/mud-world.js';
import { departuresFrom } from './departures.js';

const cloud = 'api.example.com';
const made = imported({
  ...baseInput,
  resolved: new Map([[cloud, setOf('198.51.100.7')]]),
  text: mudText({
    from: [
      { matches: { ...toName(cloud), ...tcpTo(443, 'from-device') } },
      { matches: { ...word('controller', 'urn:ietf:params:mud:dns'), ...udpTo(53) } },
    ],
    to: [
      { matches: { ...fromName(cloud), ...tcpFrom(443, 'from-device') } },
      { matches: { ...word('controller', 'urn:ietf:params:mud:dns'), ...udpFrom(53) } },
    ],
  }),
});
const snapshot = compiled(
  new Map([...homePolicy, ...made.files, ['rules/x.csv', 'p, thing, hub, https, allow, always, x\n']]),
);

const header = 'first,last,source,destination,protocol,port,packets,bytes';
const at = '2026-11-01T08:00:00Z,2026-11-01T08:00:10Z';
const departures = (...lines: string[]) => {
  const text = [header, ...lines.map((line) => `${at},${line},1,40`)].join('\n');
  const read = departuresFrom(made, snapshot, setOf('10.77.0.0/29'), { file: 'flows.csv', text });
  if (!read.ok) throw new Error(JSON.stringify(read.diagnostics));
  return read.value;
};

describe('observed traffic beside a MUD file', () => {
  it('is explained by it, or departs from it with what the policy does', () => {
    const found = departures(
      '10.77.0.5,198.51.100.7,tcp,443',
      '10.77.0.5,198.51.100.7,tcp,80',
      '10.77.0.6,198.51.100.7,tcp,80',
      '10.77.0.5,10.10.4.4,tcp,443',
      '192.168.1.9,10.77.0.5,tcp,22',
      '192.168.1.9,198.51.100.7,tcp,22',
    );
    expect(found).toMatchObject({ connections: 5, explained: 1, malformed: 0 });
    expect(
      found.seen.map((one) => [one.direction, one.far, one.service, one.connections, one.devices, one.verdict]),
    ).toEqual([
      ['from-device', '198.51.100.7', 'tcp/80', 2, 2, 'deny'],
      ['from-device', '10.10.4.4', 'tcp/443', 1, 1, 'allow'],
      ['to-device', '192.168.1.9', 'tcp/22', 1, 1, 'deny'],
    ]);
    expect(found.seen[1]!.rules.map(({ file }) => file)).toEqual(['rules/x.csv']);
  });

  it('tells which rules nothing was seen of', () => {
    expect(departures('10.77.0.5,198.51.100.7,tcp,443').unseen.map(({ text }) => text.slice(0, 30))).toEqual([
      expect.stringContaining('p, thing, thing-resolver-ipv4'),
    ]);
    expect(departures('10.77.0.5,10.10.0.10,udp,53', '10.77.0.5,198.51.100.7,tcp,443').unseen).toEqual([]);
  });

  it('fails for a file of no known format', () => {
    const read = departuresFrom(made, snapshot, setOf('10.77.0.5'), { file: 'f', text: 'what\n' });
    expect(read.diagnostics.map(({ code }) => code)).toEqual(['flows-unknown-format']);
  });
});
