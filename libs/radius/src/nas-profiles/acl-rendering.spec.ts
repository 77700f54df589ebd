import fc from 'fast-check';
import {
  finalDenies,
  hasPorts,
  isConsistentEntry,
  isIcmpEntry,
  matchAcl,
  parsePrefix,
  prefixesOfRange,
  rangeOfPrefix,
  type AclEntry,
  type AclPacket,
  type Family,
  type Prefix,
} from '#net';
import type { Result } from '#base';
import { describe, expect, it } from 'vitest';
import { readCiscoAvPairs, readConcatenated } from '../attributes.js';
import { ciscoAvPairAttribute, concatenatedAttributes } from '../build.js';
import { types } from '../dictionary.js';
import type { Attribute } from '../packet.js';
import type { AclForm } from './acl-form.js';
import { inlineAces } from './cisco-aces.js';
import { filterRules } from './filter-rules.js';
import { parseCiscoAces } from './parse-cisco-aces.js';
import { parseNasFilterRules } from './parse-filter-rules.js';

type Read = (attributes: readonly Attribute[]) => Result<readonly AclEntry[]>;
const kit: readonly { name: string; form: AclForm; read: Read }[] = [
  { name: 'NAS-Filter-Rule', form: filterRules, read: parseNasFilterRules },
  { name: 'inline ACEs', form: inlineAces, read: parseCiscoAces },
];
const of = (entries: readonly AclEntry[]) => ({ role: 'pump', entries });

const any = { sourcePorts: null, destination: null, destinationPorts: null, established: false };
const prefix = (text: string): Prefix => parsePrefix(text) as Prefix;
const port = (first: number, last = first) => ({ first, last });
const permit = (family: Family, protocol: number | null, over: Partial<AclEntry> = {}): AclEntry => ({
  action: 'permit',
  family,
  protocol,
  ...any,
  ...over,
});

const sample: readonly AclEntry[] = [
  permit(4, 17, { sourcePorts: port(68), destinationPorts: port(67) }),
  permit(4, 6, { destination: prefix('10.10.4.20'), destinationPorts: port(443) }),
  permit(6, 6, { destination: prefix('fd10:4::20'), destinationPorts: port(443) }),
  { ...permit(4, 6, { destination: prefix('10.10.4.21'), destinationPorts: port(1, 79) }), action: 'deny' },
  permit(4, 6, { destination: prefix('10.10.4.0/22'), sourcePorts: port(3613), established: true }),
  permit(6, 6, { destination: prefix('fd10:4::/64'), sourcePorts: port(3613, 3620), established: true }),
  permit(4, 1, { destination: prefix('10.10.0.0/16'), destinationPorts: port(8, 9) }),
  permit(6, 58, { destinationPorts: port(135, 136) }),
  permit(4, 132, { destination: prefix('10.10.4.20'), destinationPorts: port(2905) }),
  permit(4, 50, { destination: prefix('10.10.4.0/31') }),
  permit(4, 17),
];

describe('NAS-Filter-Rule (profile `rfc`)', () => {
  it('has this text', () => {
    const bytes = readConcatenated(filterRules.render(of(sample)), types.nasFilterRule)!;
    expect(bytes.toString('ascii').split('\0')).toEqual([
      'permit in udp from any 68 to 0.0.0.0/0 67',
      'permit in tcp from any to 10.10.4.20 443',
      'permit in tcp from any to fd10:4::20 443',
      'deny in tcp from any to 10.10.4.21 1-79',
      'permit in tcp from any 3613 to 10.10.4.0/22 established',
      'permit in tcp from any 3613-3620 to fd10:4::/64 established',
      'permit in icmp from any to 10.10.0.0/16 icmptypes 8-9',
      'permit in 58 from any to ::/0 icmptypes 135-136',
      'permit in 132 from any to 10.10.4.20 2905',
      'permit in 50 from any to 10.10.4.0/31',
      'permit in udp from any to 0.0.0.0/0',
      'deny in ip from any to any',
    ]);
  });

  it('runs on over attribute borders, at any place of a rule', () => {
    const attributes = filterRules.render(of([...sample, ...sample]));
    expect(attributes.length).toBeGreaterThan(2);
    expect(attributes.slice(0, -1).every(({ value }) => value.length === 253)).toBe(true);
    expect(parseNasFilterRules(attributes)).toMatchObject({ ok: true });
  });

  it('must be there: a reply without it leaves the port unfiltered', () => {
    expect(parseNasFilterRules([])).toMatchObject({ ok: false, diagnostics: [{ code: 'acl-missing' }] });
  });

  it.each([
    ['permit out ip from any to any'],
    ['permit in ip from 10.0.0.1 to any'],
    ['permit in ip from any to any 443'],
    ['permit in tcp from any to any 443 setup'],
    ['permit in tcp from any to any frag'],
    ['permit in tcp from any to !10.0.0.1'],
    ['permit in tcp from any to 10.0.0.1/8'],
    ['permit in tcp from any to 010.0.0.1'],
    ['permit in tcp from any to any 99999'],
    ['permit in tcp from any to any 5-4'],
    ['permit in tcp from any to any 4-5-6'],
    ['permit in tcp from any to any 80,443'],
    ['permit in tcp from any to any 443 443'],
    ['permit in 256 from any to any'],
    ['permit in udp from any to any established'],
    ['permit in icmp from any to any icmptypes 256'],
    ['permit in icmp from any to ::/0 icmptypes 8'],
    ['permit in tcp from any'],
    ['permit  in tcp from any to any'],
    ['PERMIT in tcp from any to any'],
    ['allow in tcp from any to any'],
    ['permit in ip from any to any\0'],
    ['permit in ip from any to any\n'],
    [`permit${' x'.repeat(2000)}`],
  ])('is refused, not guessed at: %s', (rule) => {
    const read = parseNasFilterRules(concatenatedAttributes(types.nasFilterRule, Buffer.from(rule)));
    expect(read).toMatchObject({ ok: false, diagnostics: [{ code: 'bad-filter-rule' }] });
  });
});

describe('inline ACEs (profile `cisco-ios-xe`)', () => {
  it('have this text', () => {
    expect(readCiscoAvPairs(inlineAces.render(of(sample)))).toEqual([
      'ip:inacl#1=permit udp any eq 68 any eq 67',
      'ip:inacl#2=permit tcp any host 10.10.4.20 eq 443',
      'ip:inacl#3=deny tcp any host 10.10.4.21 range 1 79',
      'ip:inacl#4=permit tcp any eq 3613 10.10.4.0 0.0.3.255 established',
      'ip:inacl#5=permit icmp any 10.10.0.0 0.0.255.255 8',
      'ip:inacl#6=permit icmp any 10.10.0.0 0.0.255.255 9',
      'ip:inacl#7=permit sctp any host 10.10.4.20 eq 2905',
      'ip:inacl#8=permit 50 any 10.10.4.0 0.0.0.1',
      'ip:inacl#9=permit udp any any',
      'ip:inacl#10=deny ip any any',
      'ipv6:inacl#1=permit tcp any host fd10:4::20 eq 443',
      'ipv6:inacl#2=permit tcp any range 3613 3620 fd10:4::/64 established',
      'ipv6:inacl#3=permit icmp any any 135',
      'ipv6:inacl#4=permit icmp any any 136',
      'ipv6:inacl#5=deny ipv6 any any',
    ]);
  });

  it('are read in the order of their numbers', () => {
    const pairs = [
      'ip:inacl#20=deny ip any any',
      'ip:inacl#3=permit tcp any any eq 443',
      'shell:priv-lvl=1',
      'ipv6:inacl#1=deny ipv6 any any',
    ];
    const read = parseCiscoAces(pairs.map(ciscoAvPairAttribute));
    expect(read.ok && read.value.map(({ action }) => action)).toEqual(['permit', 'deny', 'deny']);
  });

  it.each([
    ['ip:inacl#1=permit ipv6 any any'],
    ['ipv6:inacl#1=permit ip any any'],
    ['ip:inacl#1=permit tcp any host fd10::1'],
    ['ipv6:inacl#1=permit tcp any host 10.0.0.1'],
    ['ip:inacl#1=permit tcp host 10.0.0.1 any'],
    ['ip:inacl#1=permit tcp any 10.0.0.0 255.0.0.255'],
    ['ip:inacl#1=permit tcp any 10.0.0.0 0.0.255.0'],
    ['ip:inacl#1=permit tcp any 10.0.0.1 0.0.0.255'],
    ['ip:inacl#1=permit tcp any host 10.0.0.0/8'],
    ['ip:inacl#1=permit tcp any any gt 1023'],
    ['ip:inacl#1=permit tcp any any eq https'],
    ['ip:inacl#1=permit tcp any any range 9 8'],
    ['ip:inacl#1=permit udp any any established'],
    ['ip:inacl#1=permit ip any any eq 443'],
    ['ip:inacl#1=permit icmp any any echo'],
    ['ip:inacl#1=permit ip any any log'],
    ['ip:inacl#1=permit ip any'],
    ['ip:inacl#=permit ip any any'],
    ['ip:inacl#x=permit ip any any'],
    ['ip:inacl#1 permit ip any any'],
    ['ip:inacl#1=remark hello'],
  ])('is refused, not guessed at: %s', (pair) => {
    expect(parseCiscoAces([ciscoAvPairAttribute(pair)])).toMatchObject({
      ok: false,
      diagnostics: [{ code: 'bad-ace' }],
    });
  });

  it.each([[['ip:inacl#1=deny ip any any']], [['ipv6:inacl#1=deny ipv6 any any']], [[]]])(
    'must be there for both families: %j leaves one unfiltered',
    (pairs) => {
      const read = parseCiscoAces(pairs.map(ciscoAvPairAttribute));
      expect(read.diagnostics.map(({ code }) => code)).toEqual(Array(2 - pairs.length).fill('acl-missing'));
    },
  );

  it('of one number twice are refused', () => {
    const ace = ciscoAvPairAttribute('ip:inacl#1=permit ip any any');
    expect(parseCiscoAces([ace, ace])).toMatchObject({ ok: false });
  });
});

const interval = (limit: number) =>
  fc
    .tuple(fc.integer({ min: 0, max: limit }), fc.integer({ min: 0, max: limit }))
    .map(([a, b]) => port(Math.min(a, b), Math.max(a, b)));

/** Few addresses and ports, so that entries overlap and their order matters; of both families. */
const anyPrefix = (family: Family) =>
  fc.integer({ min: 0, max: family === 4 ? 32 : 128 }).chain((length) =>
    fc.bigInt({ min: 0n, max: 3n }).map((low): Prefix => {
      const bits = family === 4 ? 32 : 128;
      const value = ((0x0a00_0000n << BigInt(bits - 32)) | low) >> BigInt(bits - length);
      return { family, length, value: value << BigInt(bits - length) };
    }),
  );

const anyEntry: fc.Arbitrary<AclEntry> = fc.constantFrom<Family>(4, 6).chain((family) =>
  fc
    .record({
      action: fc.constantFrom('permit' as const, 'deny' as const),
      family: fc.constant(family),
      protocol: fc.constantFrom(null, 1, 6, 17, 47, 58, 132),
      sourcePorts: fc.option(interval(9)),
      destination: fc.option(anyPrefix(family)),
      destinationPorts: fc.option(interval(9)),
      established: fc.boolean(),
    })
    .map((entry) => {
      const ported = entry.protocol !== null && hasPorts(entry.protocol);
      return {
        ...entry,
        sourcePorts: ported ? entry.sourcePorts : null,
        destinationPorts: ported || isIcmpEntry(entry) ? entry.destinationPorts : null,
        established: entry.protocol === 6 && entry.established,
      };
    }),
);
const anyAcl = fc.array(anyEntry, { maxLength: 20 });

const anyPacket: fc.Arbitrary<AclPacket> = fc.record({
  destination: fc.constantFrom<Family>(4, 6).chain((family) =>
    fc.bigInt({ min: -1n, max: 5n }).map((low) => ({
      family,
      value: (0x0a00_0000n << BigInt(family === 4 ? 0 : 96)) + low,
    })),
  ),
  protocol: fc.constantFrom(1, 6, 17, 47, 58, 132, 2),
  sourcePort: fc.option(fc.integer({ min: 0, max: 10 })),
  destinationPort: fc.option(fc.integer({ min: 0, max: 10 })),
  established: fc.boolean(),
});

describe.each(kit)('ACL in $name', ({ form, read }) => {
  const reread = (acl: readonly AclEntry[]): readonly AclEntry[] => {
    const result = read(form.render(of(acl)));
    if (!result.ok) throw new Error(result.diagnostics[0]?.summary);
    return result.value;
  };
  /** A zero prefix is "any"; an ACE takes one ICMP type. */
  const written = (acl: readonly AclEntry[]): AclEntry[] =>
    acl
      .map((entry) => ({ ...entry, destination: entry.destination?.length === 0 ? null : entry.destination }))
      .flatMap((entry) => {
        const range = entry.destinationPorts;
        if (form === filterRules || !range || !isIcmpEntry(entry)) return [entry];
        return Array.from({ length: range.last - range.first + 1 }, (_, i) => ({
          ...entry,
          destinationPorts: port(range.first + i),
        }));
      });
  const byFamily = (acl: readonly AclEntry[]) =>
    ([4, 6] as const).map((family) => acl.filter((e) => e.family === family));

  it('reads back as what was written, and both families end in a deny', () => {
    fc.assert(
      fc.property(anyAcl, (acl) => {
        expect(byFamily(reread(acl))).toEqual(byFamily([...written(acl), ...finalDenies()]));
      }),
    );
  });

  it('lets the same packets pass before and after', () => {
    fc.assert(
      fc.property(anyAcl, fc.array(anyPacket, { minLength: 20, maxLength: 40 }), (acl, packets) => {
        const back = reread(acl);
        for (const packet of packets) expect(matchAcl(back, packet)).toBe(matchAcl(acl, packet));
      }),
    );
  });

  it('closes a family that has no permit', () => {
    const packet = { protocol: 6, sourcePort: 1, destinationPort: 443, established: false };
    const v6 = { family: 6 as const, value: 1n };
    expect(matchAcl(reread([permit(4, null)]), { ...packet, destination: v6 })).toBe('deny');
    expect(matchAcl(reread([permit(6, null)]), { ...packet, destination: { family: 4, value: 1n } })).toBe('deny');
    expect(reread([])).toEqual(finalDenies());
  });

  it('covers a range by its prefixes', () => {
    const range = { family: 4 as const, first: 10n, last: 17n };
    const acl = prefixesOfRange(range).map((destination) => permit(4, null, { destination }));
    expect(reread(acl).flatMap(({ destination }) => (destination ? [rangeOfPrefix(destination)] : []))).toEqual([
      { family: 4, first: 10n, last: 11n },
      { family: 4, first: 12n, last: 15n },
      { family: 4, first: 16n, last: 17n },
    ]);
  });

  it('refuses an entry whose conditions do not fit together', () => {
    const odd = permit(4, null, { destinationPorts: port(443) });
    expect(isConsistentEntry(odd)).toBe(false);
    expect(form.renderEntry(odd)).toBeNull();
    expect(() => form.render(of([odd]))).toThrow(TypeError);
  });

  it('is read from any bytes without a throw', () => {
    const text = fc.string({
      unit: fc.constantFrom(...Array.from('permit in deny tcp any host 10.0.0.0/8 eq 443 :#=-\0')),
      maxLength: 200,
    });
    fc.assert(
      fc.property(text, (noise) => {
        const head = noise.length % 2 === 0 ? 'ip:inacl#1=' : '';
        const bytes = Buffer.from(`${head}${noise}`);
        read([...concatenatedAttributes(types.nasFilterRule, bytes), ciscoAvPairAttribute(bytes.toString('latin1'))]);
      }),
    );
  });
});
