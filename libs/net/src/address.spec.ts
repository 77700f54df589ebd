import ipaddr from 'ipaddr.js';
import fc from 'fast-check';
import { isIP } from 'node:net';
import { describe, expect, it } from 'vitest';
import { ipv6Value, readIpv4, readIpv6 } from './address-bytes.js';
import {
  addressSet,
  bitsOf,
  formatAddress,
  formatPrefix,
  formatRange,
  hasAddress,
  intersectAddresses,
  isEmptyAddressSet,
  maxOf,
  parseAddress,
  parsePrefix,
  parseRange,
  prefixesOfRange,
  rangeOfPrefix,
  rangesOf,
  subtractAddresses,
  unionAddresses,
  type AddressRange,
  type Family,
} from './address.js';

const family = fc.constantFrom<Family>(4, 6);
const address = family.chain((family) =>
  fc.bigInt({ min: 0n, max: maxOf(family) }).map((value) => ({ family, value })),
);
const isMapped = (value: bigint): boolean => value >> 32n === 0xffffn;

describe('an address', () => {
  it.each([
    ['0.0.0.0', '0.0.0.0'],
    ['255.255.255.255', '255.255.255.255'],
    ['::', '::'],
    ['2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:db8::0001', '2001:db8::1'],
    ['64:ff9b::10.1.2.3', '64:ff9b::a01:203'],
  ])('%s reads as %s', (text, canonical) => expect(formatAddress(parseAddress(text)!)).toBe(canonical));

  it.each([
    '',
    '10.0.0',
    '10.0.0.256',
    '10.0.0.01',
    '010.0.0.1',
    '0x0a.0.0.1',
    '10.0.0.1.',
    ' 10.0.0.1',
    '167772161',
    '10.0.0.1\n',
    ':::',
    '1::2::3',
    '12345::',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    'fe80::1%eth0',
    '::ffff:10.0.0.1',
    '::ffff:a00:1',
    '0:0:0:0:0:ffff:10.0.0.1',
    '[::1]',
    'example.org',
  ])('`%s` is refused', (text) => expect(parseAddress(text)).toBeNull());

  it('is written as ipaddr.js writes it, wherever its zeros are', () => {
    const group = fc.oneof(
      { weight: 3, arbitrary: fc.constant(0) },
      { weight: 1, arbitrary: fc.integer({ min: 0, max: 0xffff }) },
    );
    fc.assert(
      fc.property(fc.array(group, { minLength: 8, maxLength: 8 }), (groups) => {
        const value = groups.reduce((sum, one) => (sum << 16n) | BigInt(one), 0n);
        const bytes = groups.flatMap((one) => [one >> 8, one & 255]);
        expect(formatAddress({ family: 6, value })).toBe(new ipaddr.IPv6(bytes).toRFC5952String());
        const low = { family: 4, value: value & 0xffff_ffffn } as const;
        expect(formatAddress(low)).toBe(new ipaddr.IPv4(bytes.slice(12)).toString());
      }),
      { numRuns: 2000 },
    );
  });

  it('is read back from its text', () => {
    fc.assert(
      fc.property(address, (one) => {
        fc.pre(one.family === 4 || !isMapped(one.value));
        expect(parseAddress(formatAddress(one))).toEqual(one);
      }),
    );
  });

  it('is what ipaddr.js takes for IPv6, without zones and v4-mapped addresses', () => {
    const group = fc.oneof(
      { weight: 8, arbitrary: fc.nat({ max: 0xffff }).map((number) => number.toString(16)) },
      { weight: 1, arbitrary: fc.constantFrom('', '0', '0000', '00001', 'FFFF', 'g', '10.1.2.3', 'é', '１', '٠') },
    );
    const text = fc.oneof(
      fc.array(group, { minLength: 1, maxLength: 9 }).map((groups) => groups.join(':')),
      fc
        .tuple(fc.array(group, { maxLength: 8 }), fc.array(group, { maxLength: 8 }))
        .map((parts) => parts.map((groups) => groups.join(':')).join('::')),
      fc.array(fc.constantFrom('0', '1', 'ff', ':', '::', '.', '%'), { maxLength: 17 }).map((parts) => parts.join('')),
      fc.ipV6(),
    );
    const strict = (one: string): bigint | null => {
      if (!/^[0-9a-f.:]+$/i.test(one) || !ipaddr.IPv6.isValid(one)) return null;
      const parsed = ipaddr.IPv6.parse(one);
      if (parsed.isIPv4MappedAddress()) return null;
      return parsed.toByteArray().reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
    };
    fc.assert(
      fc.property(text, (one) => {
        const parsed = parseAddress(one);
        expect(parsed?.family === 6 ? parsed.value : null).toBe(strict(one));
      }),
      { numRuns: 5_000 },
    );
  });

  it.each([
    ['10.0.0.1', 0x0a00_0001],
    ['255.255.255.255', 0xffff_ffff],
    ['10.0.0', -1],
    ['10.0.0.01', -1],
  ])('%s is read between two places', (text, value) => {
    expect(readIpv4(Buffer.from(`1${text}1`), 1, text.length + 1)).toBe(value);
    const out = new DataView(new ArrayBuffer(16));
    const tail = Buffer.from(`1${text.replaceAll('.', ':')}::1`);
    expect(readIpv6(tail, 1, tail.length - 1, out)).toBe(true);
    expect(ipv6Value(out)).toBe(parseAddress(tail.toString('latin1', 1, tail.length - 1))!.value);
  });

  it('is only what Node takes for one, too', () => {
    const text = fc.oneof(
      fc
        .array(fc.constantFrom('0', '1', 'ff', '255', '256', ':', '::', '.', '01', 'g', '%'), { maxLength: 14 })
        .map((parts) => parts.join('')),
      fc.ipV4(),
      fc.ipV6(),
    );
    fc.assert(
      fc.property(text, (one) => {
        const parsed = parseAddress(one);
        if (parsed) expect(isIP(one)).toBe(parsed.family);
        else if (isIP(one) === 4) throw new Error(`${one} was refused`);
        else if (isIP(one) === 6 && !one.includes('%')) expect(one).toMatch(/ffff:|\./i);
      }),
      { numRuns: 3_000 },
    );
  });
});

describe('a prefix', () => {
  it.each([
    ['10.0.0.0/8', '10.0.0.0/8'],
    ['10.0.0.1', '10.0.0.1'],
    ['10.0.0.1/32', '10.0.0.1'],
    ['0.0.0.0/0', '0.0.0.0/0'],
    ['FD00::/8', 'fd00::/8'],
    ['::1/128', '::1'],
    ['::ffff:1', '::ffff:1'],
  ])('%s reads as %s', (text, canonical) => {
    const prefix = parsePrefix(text);
    if (typeof prefix === 'string') throw new Error(prefix);
    expect(formatPrefix(prefix)).toBe(canonical);
  });

  it.each([
    ['10.0.0.1/8', 'host-bits'],
    ['fd00::1/64', 'host-bits'],
    ['10.0.0.0/33', 'bad-length'],
    ['fd00::/129', 'bad-length'],
    ['10.0.0.0/', 'bad-length'],
    ['10.0.0.0/08', 'bad-length'],
    ['10.0.0.0/-1', 'bad-length'],
    ['10.0.0.0/8.0', 'bad-length'],
    ['10.0.0.0/255.0.0.0', 'bad-length'],
    ['10.0.0.0/8/8', 'not-an-address'],
    ['10.0.0/8', 'not-an-address'],
    ['fe80::%eth0/64', 'not-an-address'],
    ['', 'not-an-address'],
    ['::ffff:10.0.0.0/104', 'v4-mapped'],
    ['::FFFF:a00:0/104', 'v4-mapped'],
    ['0:0:0:0:0:ffff:10.0.0.1', 'v4-mapped'],
  ])('`%s` has the problem %s', (text, problem) => expect(parsePrefix(text)).toBe(problem));
});

/** A short range near the middle of a family, so that brute force can look at each address. */
const base = (family: Family): bigint => 10n << BigInt(bitsOf(family) - 8);
const small = fc.tuple(family, fc.nat({ max: 63 }), fc.nat({ max: 63 })).map(([family, a, b]): AddressRange => {
  const at = base(family);
  return { family, first: at + BigInt(Math.min(a, b)), last: at + BigInt(Math.max(a, b)) };
});

/** Fewest prefixes for a range within 2^free addresses: all of it, or the sum of both halves. */
function fewest(first: number, last: number, low: number, free: number): number {
  const high = low + 2 ** free - 1;
  if (last < low || first > high) return 0;
  if (first <= low && last >= high) return 1;
  return fewest(first, last, low, free - 1) + fewest(first, last, low + 2 ** (free - 1), free - 1);
}

describe('a range', () => {
  it('is cut into the fewest prefixes, which cover exactly it', () => {
    fc.assert(
      fc.property(small, (range) => {
        const prefixes = prefixesOfRange(range);
        const covered = prefixes.map(rangeOfPrefix);
        for (let i = -1n; i <= 64n; i++) {
          const value = base(range.family) + i;
          const hits = covered.filter(({ first, last }) => first <= value && value <= last).length;
          expect(hits).toBe(value >= range.first && value <= range.last ? 1 : 0);
        }
        const offset = (value: bigint): number => Number(value - base(range.family));
        expect(prefixes).toHaveLength(fewest(offset(range.first), offset(range.last), 0, 6));
      }),
    );
  });

  it('reaches over a whole family', () => {
    for (const family of [4, 6] as const)
      expect(prefixesOfRange({ family, first: 0n, last: maxOf(family) })).toEqual([{ family, value: 0n, length: 0 }]);
    expect(prefixesOfRange({ family: 6, first: 1n, last: maxOf(6) })).toHaveLength(128);
  });

  it('is read back from its text', () => {
    fc.assert(
      fc.property(small, (range) => {
        expect(parseRange(formatRange(range))).toEqual(range);
      }),
    );
    expect(formatRange(parseRange('10.0.0.0-10.0.0.255')!)).toBe('10.0.0.0/24');
    expect(formatRange(parseRange('10.0.0.1-10.0.0.9')!)).toBe('10.0.0.1-10.0.0.9');
  });

  it.each(['10.0.0.9-10.0.0.1', '10.0.0.1-fd00::1', '10.0.0.1-', '-', '10.0.0.1-10.0.0.2-10.0.0.3', '10.0.0.1/8'])(
    '`%s` is refused',
    (text) => expect(parseRange(text)).toBeNull(),
  );
});

describe('address sets', () => {
  it('combine as sets of single addresses do', () => {
    const ranges = fc.array(small, { maxLength: 6 });
    fc.assert(
      fc.property(ranges, ranges, (left, right) => {
        const [a, b] = [addressSet(left), addressSet(right)];
        for (const family of [4, 6] as const) {
          for (let i = -1n; i <= 64n; i++) {
            const one = { family, value: base(family) + i };
            const [inA, inB] = [hasAddress(a, one), hasAddress(b, one)];
            expect(inA).toBe(
              left.some((range) => range.family === family && range.first <= one.value && one.value <= range.last),
            );
            expect(hasAddress(unionAddresses(a, b), one)).toBe(inA || inB);
            expect(hasAddress(intersectAddresses(a, b), one)).toBe(inA && inB);
            expect(hasAddress(subtractAddresses(a, b), one)).toBe(inA && !inB);
          }
        }
        expect(addressSet(rangesOf(a))).toEqual(a);
        expect(isEmptyAddressSet(a)).toBe(left.length === 0);
      }),
      { numRuns: 50 },
    );
  });
});
