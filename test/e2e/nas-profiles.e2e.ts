import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { goldenSecret, readGolden } from '../../libs/radius/src/spec/golden-packets.js';
import { nasProfileNames } from '#radius';

/*
 * The golden packets of every NAS profile, read by FreeRADIUS: its decoder and its vendors' dictionaries print what they find in the
 * bytes, and that must be what we say is in them.
 */

const testdata = join(import.meta.dirname, '../../libs/radius/src/nas-profiles/testdata');
const folder = mkdtempSync(join(tmpdir(), 'cordon-radsniff-'));

function hasRadsniff(): boolean {
  const isThere = spawnSync('radsniff', ['-v']).error === undefined;
  if (!isThere && process.env['CI']) throw new Error('radsniff is missing: install freeradius-utils');
  return isThere;
}

/** A capture file with a datagram in each frame, sums left out; a port of its own, so that none counts as another's repetition. */
function capture(packets: readonly Buffer[]): Buffer {
  const header = Buffer.alloc(24);
  header.writeUInt32LE(0xa1b2c3d4, 0);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(65_535, 16);
  header.writeUInt32LE(1, 20);
  return Buffer.concat([header, ...packets.map(frame)]);
}

function frame(radius: Buffer, i: number): Buffer {
  const isReply = radius[0]! < 40;
  const port = isReply ? 1812 : 3799;
  const length = 14 + 28 + radius.length;
  const head = Buffer.alloc(16 + 14 + 28);
  head.writeUInt32LE(1_000 + i, 0);
  head.writeUInt32LE(length, 8);
  head.writeUInt32LE(length, 12);
  head.writeUInt16BE(0x0800, 16 + 12);
  const ip = head.subarray(30);
  ip[0] = 0x45;
  ip.writeUInt16BE(28 + radius.length, 2);
  ip[8] = 64;
  ip[9] = 17;
  ip.writeUInt32BE(0x0a00_0001, 12);
  ip.writeUInt32BE(0x0a00_0002, 16);
  ip.writeUInt16BE(isReply ? port : 40_000 + i, 20);
  ip.writeUInt16BE(isReply ? 40_000 + i : port, 22);
  ip.writeUInt16BE(8 + radius.length, 24);
  return Buffer.concat([head, radius]);
}

interface Printed {
  readonly code: string;
  /** `Name:tag = value`. */
  readonly printed: string[];
}

function readByFreeradius(packets: readonly Buffer[]): Printed[] {
  const file = join(folder, 'packets.pcap');
  writeFileSync(file, capture(packets));
  const { stdout, stderr } = spawnSync('radsniff', ['-I', file, '-x', '-s', goldenSecret], { encoding: 'utf8' });
  const lists: Printed[] = [];
  for (const row of `${stdout}${stderr}`.split('\n')) {
    const code = / (\S+) Id \d+ /.exec(row)?.[1];
    if (code) lists.push({ code, printed: [] });
    else if (/^\t\S+ = /.test(row)) lists.at(-1)?.printed.push(row.trim());
  }
  return lists;
}

/** As FreeRADIUS prints it: a tag beside the name, each rule by itself, numbers where it has no words. */
function asFreeradius(told: string): string[] {
  const [, name = '', value = ''] = /^ {2}(\S+) = (.*)$/.exec(told) ?? [];
  if (name === 'NAS-Filter-Rule') return value.split(' | ').map((rule) => `${name} = ${rule}`);
  if (name === 'Egress-VLANID') return [`${name} = ${0x3100_0000 + Number.parseInt(value, 10)}`];
  if (name === 'Event-Timestamp') return [`${name} = ${Date.parse(value)}`];
  if (name === 'Mikrotik-Wireless-VLANID-Type') return [`${name} = ${value === '0' ? '802.1q' : value}`];
  if (!name.startsWith('Tunnel-')) return [`${name} = ${value}`];
  const [, bare = value, tag = '0'] = /^(.*) \(tag (\d+)\)$/.exec(value) ?? [];
  return [`${name}:${tag} = ${bare}`];
}

function plain(printed: string): string[] {
  const [, name = '', quoted = ''] = /^(\S+) = (.*)$/.exec(printed) ?? [];
  const value = /^".*"$/.test(quoted) ? quoted.slice(1, -1) : quoted;
  if (name === 'Authenticator-Field') return [];
  return [`${name} = ${name === 'Event-Timestamp' ? Date.parse(value) : value}`];
}

describe.skipIf(!hasRadsniff())('golden packets, read by FreeRADIUS', () => {
  afterAll(() => rmSync(folder, { recursive: true }));

  it.each(nasProfileNames)('of `%s` say what we say that they say', (name) => {
    const packets = readGolden(readFileSync(join(testdata, `${name}.txt`), 'utf8'));
    const found = readByFreeradius(packets.map(({ bytes }) => bytes));
    expect(found).toHaveLength(packets.length);
    for (const [i, { title, told }] of packets.entries()) {
      const [code, ...attributes] = told;
      expect({ title, code: found[i]!.code, told: found[i]!.printed.flatMap(plain).sort() }).toEqual({
        title,
        code,
        told: attributes.flatMap(asFreeradius).sort(),
      });
    }
  });

  it('are there for every profile, and for no other', () => {
    const files = readdirSync(testdata).map((file) => basename(file, '.txt'));
    expect(files.sort()).toEqual([...nasProfileNames].sort());
  });
});
