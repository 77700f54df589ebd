import fc from 'fast-check';
import { matchAcl, PacketSpace, type AclEntry, type ConcretePacket } from '#net';
import { aclPackets } from '#radius';
import { beforeAll, describe, expect, it } from 'vitest';
import { samplePolicy, sampleSnapshot } from '../../policy/src/spec/sample.js';
import { checkExpressible } from './expressible.js';
import { filterPackets } from './filter.js';
import { compare, renderProved } from './prove.js';
import { portTargets } from './registry.js';
import { anyAcl, anyEntry, entry, ports, prefix } from './spec/generated.js';
import type { PortTarget } from './target.js';

/*
 * What every target must do, whatever its language: mean what it was told, packet for packet, or refuse. And whatever happens to
 * a text, nobody may be told that it means what it does not.
 */

/**
 * Every line decides some packet that no other line decides in the same way; the first two of each family by their order. Split
 * by what targets can say, so that each has some of it.
 */
const lines: readonly AclEntry[] = [
  entry({ action: 'deny', destination: prefix('10.1.0.9') }),
  entry({ destination: prefix('10.1.0.0/16'), destinationPorts: ports(443) }),
  entry({ destination: prefix('10.2.0.0/16'), sourcePorts: ports(3613), established: true }),
  entry({ protocol: 17, destination: prefix('10.3.0.0/16'), destinationPorts: ports(5000, 5010) }),
  entry({ protocol: 17, sourcePorts: ports(68), destinationPorts: ports(67) }),
  entry({ protocol: 1, destination: prefix('10.4.0.0/16'), destinationPorts: ports(8) }),
  entry({ protocol: 50, destination: prefix('10.5.0.0/16') }),
  entry({ protocol: null, destination: prefix('10.6.0.0/24') }),
  entry({ family: 6, action: 'deny', destination: prefix('fd10::9') }),
  entry({ family: 6, destination: prefix('fd10::/64'), destinationPorts: ports(443) }),
  entry({ family: 6, protocol: 58, destinationPorts: ports(128, 129) }),
];

const sayable = (target: PortTarget, acl: readonly AclEntry[]): AclEntry[] =>
  acl.filter((each) => checkExpressible(target.name, target.capabilities, [each]).length === 0);

const samples = sampleSnapshot(samplePolicy()).portAcls;

/** The others give nothing out; their own specs say what they do. */
const closing = [...portTargets.values()].filter(({ capabilities }) => capabilities.closesIpv6);

describe.each(closing)('target $name', (target) => {
  const space = new PacketSpace();
  const acl = sayable(target, lines);
  const meaning = aclPackets(space, acl);
  let text = '';
  beforeAll(() => {
    const proved = renderProved(space, target, acl, 'PUMP');
    if (!proved.ok) throw new Error(proved.diagnostics[0]?.summary);
    text = proved.value.text;
  });

  /** The packet by which a text differs from what is meant, null when it does not, `refused` when it is not understood. */
  function judge(changed: string): ConcretePacket | 'refused' | null {
    const parsed = target.parse(changed);
    if (!parsed.ok) return 'refused';
    const { extra, missing } = compare(meaning, filterPackets(space, parsed.value));
    const packet = extra.witness ?? missing.witness;
    if (packet) expect(meaning.has(packet)).toBe(extra.witness === null);
    return packet;
  }

  it('means what the sample hospital says for every role, or refuses with the entry', () => {
    let said = 0;
    for (const [role, list] of Object.entries(samples)) {
      const proved = renderProved(new PacketSpace(), target, list, role);
      if (proved.ok) said++;
      else
        expect(proved.diagnostics.map(({ code }) => code)).toEqual(
          checkExpressible(target.name, target.capabilities, list).map(() => 'not-expressible'),
        );
      // What it can say of it, it says.
      const part = sayable(target, list);
      if (!part.every(({ action }) => action === 'deny'))
        expect(renderProved(new PacketSpace(), target, part, role)).toMatchObject({ ok: true });
    }
    const { sourcePorts, established, ipv6 } = target.capabilities;
    if (sourcePorts && established && ipv6) expect(said).toBe(Object.keys(samples).length);
  });

  it('means what any list says that it has words for', () => {
    fc.assert(
      fc.property(anyAcl, (list) => {
        const proved = renderProved(new PacketSpace(), target, sayable(target, list), 'ANY');
        expect(proved.ok ? '' : proved.diagnostics[0]?.summary).toBe('');
      }),
      { numRuns: 60 },
    );
  });

  it('refuses an entry that it has no words for, and one whose conditions do not fit together', () => {
    fc.assert(
      fc.property(anyEntry, (each) => {
        const isSayable = sayable(target, [each]).length === 1;
        expect(renderProved(new PacketSpace(), target, [each], 'ONE').ok).toBe(isSayable);
      }),
      { numRuns: 60 },
    );
    const odd = entry({ protocol: null, destinationPorts: ports(443) });
    expect(renderProved(new PacketSpace(), target, [odd], 'ODD')).toMatchObject({
      ok: false,
      diagnostics: [{ code: 'not-expressible' }],
    });
  });

  it('finds each line dropped, each two swapped and each condition changed, by a packet that a naive reader judges alike', () => {
    const damaged: AclEntry[][] = [
      ...acl.map((_, i) => acl.toSpliced(i, 1)),
      ...acl.slice(1).map((_, i) => acl.toSpliced(i, 2, acl[i + 1]!, acl[i]!)),
      ...acl.map((each, i) => acl.with(i, { ...each, destination: null })),
      ...acl.map((each, i) => acl.with(i, { ...each, action: each.action === 'permit' ? 'deny' : 'permit' })),
      acl.filter(({ family }) => family === 4),
      acl.filter(({ family }) => family === 6),
    ];
    for (const wrong of damaged) {
      const rendered = target.render(sayable(target, wrong), 'PUMP');
      if (!rendered.ok) continue;
      const found = judge(rendered.value);
      const isSame = aclPackets(space, sayable(target, wrong)).equals(meaning);
      expect(found === null).toBe(isSame);
      if (!found || found === 'refused') continue;
      const { port, ...packet } = found;
      const naive = (list: readonly AclEntry[]) => matchAcl(list, { ...packet, destinationPort: port });
      expect(naive(acl)).not.toBe(naive(sayable(target, wrong)));
    }
  });

  /** A deny of all, which the device adds anyway, or nothing about IP. */
  const isClosing = (line: string): boolean =>
    /deny|drop|discard|,arp |^[!#[\]{} ,]*$/.test(line) && !/10\.|fd10/.test(line);

  it('is refused or refuted with any line of the text missing', () => {
    const all = text.trimEnd().split('\n');
    expect(all.length).toBeGreaterThanOrEqual(3);
    for (const [i, line] of all.entries()) {
      const found = judge(all.toSpliced(i, 1).join('\n'));
      if (found === null) expect(isClosing(line) ? '' : line).toBe('');
    }
  });

  it('is refused or refuted when it is cut off anywhere', () => {
    for (let length = 0; length < text.length; length++) {
      const found = judge(text.slice(0, length));
      if (found === null) expect(text.slice(length).split('\n').slice(1).every(isClosing)).toBe(true);
    }
  });

  it('is refused or refuted with a port, an address or an action changed', () => {
    const changes: readonly (readonly [RegExp, string])[] = [
      [/443/g, '444'],
      [/5010/g, '5011'],
      [/10\.1\.0\.9/g, '10.1.0.8'],
      [/10\.3\.0\.0/g, '10.13.0.0'],
      [/fd10::\/64/g, 'fd10::/63'],
      [/fd10::9/g, 'fd10::8'],
      [/permit/g, 'deny'],
      [/accept/g, 'drop'],
    ];
    let changed = 0;
    for (const [from, to] of changes) {
      for (const { index, 0: found } of text.matchAll(from)) {
        const damaged = text.slice(0, index) + to + text.slice(index + found.length);
        changed++;
        expect({ damaged, verdict: judge(damaged) }).not.toEqual({ damaged, verdict: null });
      }
    }
    expect(changed).toBeGreaterThan(0);
  });

  it('is read from any bytes without a throw, and noise in it is never taken for the same', () => {
    const junk = fc.string({
      unit: fc.constantFrom(...Array.from('permit in deny tcp any 10.0.0.0/8 eq 443 :#=-{}[]"\n')),
      maxLength: 80,
    });
    fc.assert(
      fc.property(junk, fc.nat(), (noise, at) => {
        target.parse(noise);
        target.parse(text.slice(0, at % text.length) + noise + text.slice(at % text.length));
      }),
    );
  });
});
