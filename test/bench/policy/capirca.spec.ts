import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bitsOf, parseAddress, rangesOf, type Address, type AddressRange } from '#net';
import { decideFlow, type Policy, type Snapshot } from '#policy';
import { policyFiles } from '#testkit';
import { capircaSources } from './capirca.ts';
import { parseAccessLists, permits, type AccessLists } from './cisco-acl.ts';
import { generatePolicy } from './generated-policy.ts';
import { compiled, loaded } from './loaded.ts';
import { Numbers } from './numbers.ts';
import { parametersOf, type PolicyParameters } from './parameters.ts';
import { capircaOutput, hasCapirca, noCapirca, runCapirca, writeCapirca } from './tools.ts';

const structured = parametersOf('structured', 400);
const cases: readonly [string, PolicyParameters][] = [
  ['random', { ...parametersOf('random', 200), classes: 20, denies: 0.2, ipv6: 0.5, depth: 2 }],
  ['structured', structured],
  ['structured, many denies', { ...structured, seed: 2, denies: 0.3, wideFarms: 0.3, prefixesPerEndpoint: 2 }],
];

function capircaLists(policy: Policy, classes: readonly string[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'cordon-bench-'));
  try {
    writeCapirca(folder, capircaSources(policy, classes));
    runCapirca(folder);
    return capircaOutput(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

interface Question {
  readonly address: Address;
  readonly protocol: number;
  readonly port: number;
}

/**
 * Packets inside and around what rules of this class speak of, at their borders above all, and inside and around what any
 * other endpoint and application is.
 */
function questions(snapshot: Snapshot, name: string, count: number, numbers: Numbers): Question[] {
  const { ancestors } = snapshot.classes.find((one) => one.name === name)!;
  const own = snapshot.flowRules.filter(({ subject }) => subject === name || ancestors.includes(subject));
  const endpoints = new Map(snapshot.endpoints.map((one) => [one.name, rangesOf(one.addresses)]));
  const applications = new Map(snapshot.applications.map((one) => [one.name, one.services]));
  const groups = new Map(snapshot.endpoints.flatMap((one) => one.ancestors.map((group) => [group, one.name] as const)));
  const rangesOfObject = (object: string): readonly AddressRange[] =>
    endpoints.get(object) ?? endpoints.get(groups.get(object)!)!;
  const everywhere = [...endpoints.values()].flat();
  const everything = [...applications.values()].flat();
  return Array.from({ length: count }, (): Question => {
    const rule = own.length > 0 && numbers.chance(0.8) ? numbers.pick(own) : null;
    const { family, first, last } = numbers.pick(rule ? rangesOfObject(rule.object) : everywhere);
    const inRange = first + (BigInt(numbers.below(2 ** 32)) % (last - first + 1n));
    const border = numbers.pick([first - 1n, first, last, last + 1n]);
    const value = BigInt.asUintN(bitsOf(family), numbers.chance(0.5) ? inRange : border);
    const other = numbers.chance(0.2) ? undefined : applications.get(rule?.application ?? '');
    const service = numbers.pick(other?.length ? other : everything);
    const key = numbers.pick([service.first - 1, service.first, service.first, service.last, service.last + 1]);
    return { address: { family, value }, protocol: (key >>> 16) & 0xff, port: key & 0xffff };
    // ICMP of the other family is no packet.
  }).filter(({ address: { family }, protocol }) => protocol !== (family === 4 ? 58 : 1));
}

const noLists: AccessLists = { ipv4: [], ipv6: [] };

/** Questions to which Capirca's lists and the policy give different answers, and how many were allowed. */
function compare(snapshot: Snapshot, lists: ReadonlyMap<string, AccessLists>, perClass: number) {
  const numbers = new Numbers(1);
  const wrong: (Question & { class: string })[] = [];
  let allowed = 0;
  for (const name of Object.keys(snapshot.portAcls)) {
    const { ipv4, ipv6 } = lists.get(name) ?? noLists;
    for (const question of questions(snapshot, name, perClass, numbers)) {
      const { address, protocol, port } = question;
      const source = { class: name };
      const expected = decideFlow(snapshot, { source, destination: { address }, protocol, port }).verdict === 'allow';
      if (expected) allowed += 1;
      const found = permits(address.family === 4 ? ipv4 : ipv6, address.value, protocol, port);
      if (found !== expected) wrong.push({ class: name, ...question });
    }
  }
  return { wrong, allowed };
}

describe("the policy in Capirca's words", () => {
  if (!hasCapirca() && process.env['CI']) it('needs Capirca in CI', () => expect.fail(noCapirca));

  it.skipIf(!hasCapirca()).each(cases)('opens what Cordon opens, and nothing else: %s', (_, parameters) => {
    const policy = loaded(generatePolicy({ ...parameters, towardsDevices: 0 }));
    const snapshot = compiled(policy);
    const text = capircaLists(policy, Object.keys(snapshot.portAcls));
    const { wrong, allowed } = compare(snapshot, parseAccessLists(text), 100);
    expect(wrong.slice(0, 3)).toEqual([]);
    expect(allowed).toBeGreaterThan(300);
    expect(text).toMatch(/^ deny ip/m);
  });

  it.skipIf(!hasCapirca())('is compared closely enough to miss a deny that is gone', () => {
    const policy = loaded(generatePolicy({ ...structured, denies: 0.3, towardsDevices: 0 }));
    const snapshot = compiled(policy);
    const text = capircaLists(policy, Object.keys(snapshot.portAcls)).replaceAll(/^ deny .*$/gm, '');
    expect(compare(snapshot, parseAccessLists(text), 100).wrong.length).toBeGreaterThan(10);
  });

  it('keeps groups as groups, and leaves out denies that take nothing away', () => {
    const policy = loaded(policyFiles());
    expect(() => capircaSources(policy, ['infusion-pump'])).toThrow('no schedules');
    const always = loaded(
      policyFiles({
        'rules/flows.csv':
          'p, infusion-pump, drug-library, https, allow, always, note\np, medical-device, internet, any, deny, always, note\n',
      }),
    );
    const { networks, services, filters } = capircaSources(always, ['infusion-pump', 'medical-device']);
    expect(networks).toContain('n-drug-library = n-library-1\n');
    expect(networks).toContain('n-library-1 = 10.10.4.20/32\n    fd10:4::20/128\n');
    expect(services).toContain('s-https = 443/tcp\n');
    expect([...filters.keys()]).toEqual(['infusion-pump']);
    expect(filters.get('infusion-pump')).toContain('destination-address:: n-drug-library\n');
    expect(filters.get('infusion-pump')).not.toContain('deny');
  });
});

describe('a Cisco access list', () => {
  const lists = parseAccessLists(
    [
      '! $Id:$',
      'no ip access-list extended pump',
      'ip access-list extended pump',
      ' deny ip any host 10.0.0.1',
      ' permit tcp any 10.0.0.0 0.0.0.255 range 80 82',
      ' permit icmp any any 8',
      'exit',
      'ipv6 access-list ipv6-pump',
      ' permit udp any fd00::/64 eq 53',
      ' permit 58 any host fd00::1 128',
    ].join('\n'),
  ).get('pump')!;
  const at = (text: string): bigint => parseAddress(text)!.value;

  it.each([
    ['10.0.0.1', 6, 80, false],
    ['10.0.0.2', 6, 80, true],
    ['10.0.0.2', 6, 83, false],
    ['10.0.1.0', 6, 80, false],
    ['10.0.0.2', 17, 80, false],
    ['192.0.2.1', 1, 8, true],
    ['192.0.2.1', 1, 0, false],
    ['fd00::7', 17, 53, true],
    ['fd00:0:0:1::', 17, 53, false],
    ['fd00::1', 58, 128, true],
    ['fd00::2', 58, 128, false],
  ])('towards %s with protocol %i and port %i: %s', (address, protocol, port, expected) => {
    expect(permits(address.includes(':') ? lists.ipv6 : lists.ipv4, at(address), protocol, port)).toBe(expected);
  });

  it.each([' permit tcp host 10.0.0.1 any', ' permit tcp any 10.0.0.0 0.0.255.1', ' permit tcp any any gt 80', 'what'])(
    'with a line that is not understood is refused: %s',
    (line) => {
      expect(() => parseAccessLists(`ip access-list extended pump\n${line}`)).toThrow(/not understood|no prefix/);
    },
  );
});
