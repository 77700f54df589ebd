import { readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { listPackets, stateWithList } from '../conformance-states.js';
import { isConsistentEntry, matchAcl, parsePrefix, type AclEntry, type Prefix } from '#net';
import { TerminalFault } from '../driver.js';
import { aosCx } from './aos-cx.js';
import { createCliDriver } from './index.js';
import { iosXe } from './ios-xe.js';
import type { MakeName } from './make.js';
import { readMeaning } from './meaning.js';
import { parse } from './parse.js';

const makes = [iosXe, aosCx];
const fixture = (name: string): string => readFileSync(path.join(import.meta.dirname, 'testdata', name), 'utf8');
const name = 'cordon-pump-4f2a91c0b3d75e68';
const listing = (make: MakeName): string => fixture(`${make}-access-lists.txt`);

describe('a listing of IOS XE', () => {
  const observed = parse(iosXe, listing('ios-xe'));
  const entries = (key: string) => observed.lists.get(key)?.entries ?? [];

  it('has our lists, and no others', () => {
    expect([...observed.lists.keys()]).toEqual([`4 ${name}`, `6 ${name}-V6`]);
    expect([...observed.ruleIds]).toEqual([name]);
  });

  it('is read without counters, and with names as numbers', () => {
    expect(entries(`4 ${name}`).map(({ number }) => number)).toEqual([10, 20, 30, 40, 50, 60, 70, 80]);
    expect(entries(`6 ${name}-V6`).map(({ number, text }) => `${number} ${text}`)).toEqual([
      '10 permit tcp any host FD10:4::20 eq 443',
      '20 permit icmp any any nd-ns',
      '30 deny ipv6 any any',
    ]);
    const meaning = readMeaning(iosXe, observed, name);
    const at = (text: string) => parsePrefix(text) as Prefix;
    const verdict = (protocol: number, from: number | null, to: string, port: number | null, established = false) =>
      matchAcl(meaning, { destination: at(to), protocol, sourcePort: from, destinationPort: port, established });
    expect(verdict(17, 68, '255.255.255.255', 67)).toBe('permit');
    expect(verdict(6, 3615, '10.10.7.1', 9, true)).toBe('permit');
    expect(verdict(6, 3615, '10.10.7.1', 9)).toBe('deny');
    expect(verdict(6, 9, '10.10.4.30', 80)).toBe('permit');
    expect(verdict(1, null, '10.10.9.9', 8)).toBe('permit');
    expect(verdict(58, null, 'ff02::1', 135)).toBe('permit');
    expect(verdict(50, null, '10.10.4.99', null)).toBe('deny');
  });
});

describe('a listing of AOS-CX', () => {
  const observed = parse(aosCx, listing('aos-cx'));

  it('has our lists of both families under one name, and no others', () => {
    expect([...observed.lists.keys()]).toEqual(['4 cordon-closed-00000000000000ff', `4 ${name}`, `6 ${name}`]);
    expect(readMeaning(aosCx, observed, name)).toHaveLength(7);
  });

  it('gives no meaning to a list that hardware has not taken', () => {
    const only4 = (text: string) => text.replace('access-list ip cordon-closed', 'access-list ipv6 cordon-closed');
    const closed = 'cordon-closed-00000000000000ff';
    expect(observed.lists.get(`4 ${closed}`)?.notes).toEqual([expect.stringContaining('does not match active')]);
    expect(() => readMeaning(aosCx, parse(aosCx, only4(listing('aos-cx'))), closed)).toThrow(/no list/);
    expect(() => readMeaning(aosCx, observed, closed)).toThrow(/does not match active/);
  });
});

describe.each(makes)('a text of $name', (make) => {
  const driver = createCliDriver({ make: make.name });
  const head = make.head({ family: 4, name: 'cordon-x' });

  it.each([
    ['a number that is taken', `${head}\n 10 deny ${make === iosXe ? 'ip' : 'any'} any any\n 10 permit tcp any any`],
    ['an entry that goes and is not there', `${head}\n no 10`],
    ['a list that goes and is not there', `no ${head}`],
  ])('is not understood with %s', (_, text) => {
    expect(() => parse(make, text)).toThrow(TerminalFault);
  });

  it.each([
    ['permit tcp any any dscp ef', /not understood/],
    ['permit tcp 10.0.0.0 0.0.0.255 any', /not understood/],
    ['evaluate MIRROR', /not understood/],
    ['permit tcp any any', /does not say what becomes/],
  ])('has a list without meaning with `%s`', (ace, why) => {
    const text = `${head}\n 10 ${ace}\n${make.head({ family: 6, name: make.listName('cordon-x', 6) })}\n`;
    expect(() => readMeaning(make, parse(make, text), 'cordon-x')).toThrow(why);
  });

  it('never makes the parser fail otherwise', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        head,
        ` ${make.head({ family: 6, name: 'cordon-y' })}`,
        ' no 10',
        'no',
        ' 10 permit',
        '!',
        `no ${head}`,
      ),
      fc.string(),
      fc.constantFrom(...listing(make.name).split('\n')),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 20 }), (lines) => {
        try {
          parse(make, lines.join('\n'));
        } catch (fault) {
          expect(fault).toBeInstanceOf(TerminalFault);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('means the entries it was made of, for any that can be said', () => {
    const range = fc.tuple(fc.nat(300), fc.nat(300)).map(([first, more]) => ({ first, last: first + more }));
    const prefixes = ['10.10.0.0/24', '10.10.0.66', '0.0.0.0/0', 'fd00:10::/64', '::/0', 'fd00:10::66'];
    const entry: fc.Arbitrary<AclEntry> = fc
      .record({
        action: fc.constantFrom('permit' as const, 'deny' as const),
        family: fc.constantFrom(4 as const, 6 as const),
        protocol: fc.constantFrom(null, 0, 1, 6, 17, 50, 58, 132, 255),
        sourcePorts: fc.option(range),
        destination: fc.option(fc.constantFrom(...prefixes.map((text) => parsePrefix(text) as Prefix))),
        destinationPorts: fc.option(fc.oneof(range, fc.constantFrom({ first: 8, last: 8 }, { first: 128, last: 129 }))),
        established: fc.boolean(),
      })
      .filter(isConsistentEntry);
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 6 }), (entries) => {
        const state = stateWithList({ name: 'cordon-x', entries });
        fc.pre(driver.check(state).length === 0);
        const meaning = readMeaning(make, driver.parse(driver.render(state)), 'cordon-x');
        for (const packet of listPackets) expect(matchAcl(meaning, packet)).toBe(matchAcl(entries, packet));
      }),
      { numRuns: 200 },
    );
  });
});
