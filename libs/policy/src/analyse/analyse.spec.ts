import type { Diagnostic } from '#base';
import { policyFiles } from '#testkit';
import { describe, expect, it } from 'vitest';
import type { PolicyCode } from '../codes.js';
import { loadPolicy } from '../load/load.js';
import { samplePolicy, sampleInstant } from '../spec/sample.js';
import { analysePolicy } from './analyse.js';

type Parts = Readonly<Record<string, string | null>>;

const now = new Date('2026-11-23T12:00:00Z');

/** The rules stand in x.csv, one per line; nothing else of the small good policy speaks of the packets in question. */
function analyse(rules: readonly string[], parts: Parts = {}): readonly Diagnostic[] {
  const text = rules.map((rule) => (rule.startsWith('p') || rule.startsWith('g') ? `${rule}, note` : rule)).join('\n');
  const loaded = loadPolicy(
    policyFiles({ ...catalog, ...parts, 'rules/x.csv': text.replaceAll(/^(g2?,.*), note$/gm, '$1') }),
  );
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.diagnostics[0]));
  return analysePolicy(loaded.value, now);
}

const catalog: Parts = {
  'tests/flows.yaml': null,
  'rules/flows.csv': 'p, quarantined, remediation, web, allow, office, "uses the schedule"\n',
  'rules/access-x.csv': 'p2, monitor, everywhere, unverified, monitors, always, note\n',
  'catalog/classes-x.yaml': 'monitor: { criticality: high }\nicu-monitor: {}\nward-monitor: {}\nghost: {}\n',
  'rules/membership-x.csv': 'g, monitor, medical-device\ng, icu-monitor, monitor\ng, ward-monitor, monitor\n',
  'catalog/segments-x.yaml': 'monitors: { sites: { main: { vlan: 220, prefixes: [10.22.0.0/20, "fd22::/64"] } } }\n',
  'catalog/endpoints-x.yaml': [
    's1: { addresses: [10.10.5.1, "fd10:5::1"] }',
    's2: { addresses: [10.10.5.2, "fd10:5::2"] }',
    'pair: { addresses: [10.10.5.1, 10.10.5.2, "fd10:5::1", "fd10:5::2"] }',
    'four: { addresses: [10.10.7.4] }',
    'six: { addresses: ["fd10:7::6"] }',
    'floor: { addresses: [10.10.5.0/24] }',
    'busy: { addresses: [10.10.4.16/28] }',
  ].join('\n'),
  'catalog/applications-x.yaml': [
    'low: { ports: [tcp/100-199] }',
    'high: { ports: [tcp/200-299] }',
    'both: { ports: [tcp/100-299] }',
    'ping4: { ports: [icmp/8] }',
  ].join('\n'),
  'catalog/schedules-x.yaml':
    'night: { days: [mon], from: "22:00", to: "05:00", timezone: UTC }\nnever: { days: [mon], from: "24:00", to: "00:00", timezone: UTC }\n',
};

/** `code line` of the findings in x.csv: those of one code. */
function linesOf(code: PolicyCode, found: readonly Diagnostic[]): number[] {
  return found.filter((each) => each.code === code && each.span?.file === 'rules/x.csv').map(({ span }) => span!.line);
}

interface Row {
  readonly says: string;
  readonly code: PolicyCode;
  readonly rules: readonly string[];
  readonly lines: readonly number[];
  /** Lines of x.csv that the first finding names as the cause. */
  readonly by?: readonly number[];
  readonly parts?: Parts;
}

const row = (
  code: PolicyCode,
  says: string,
  rules: readonly string[],
  lines: readonly number[],
  more: Partial<Row> = {},
): Row => ({ code, says, rules, lines, ...more });

const rows: readonly Row[] = [
  // Shadowed
  row(
    'rule-shadowed',
    'an allow under a wider deny',
    ['p, monitor, s1, low, allow, always', 'p, medical-device, pair, any, deny, always'],
    [1],
    { by: [2] },
  ),
  row(
    'rule-shadowed',
    'an allow that only several denies close together',
    [
      'p, monitor, pair, both, allow, always',
      'p, monitor, s1, both, deny, always',
      'p, monitor, s2, low, deny, always',
      'p, device, s2, high, deny, always',
    ],
    [1],
    { by: [2, 3, 4] },
  ),
  row(
    'rule-shadowed',
    'no deny is named that the others make spare',
    [
      'p, monitor, pair, low, allow, always',
      'p, monitor, s1, any, deny, always',
      'p, medical-device, pair, low, deny, always',
    ],
    [1],
    { by: [3] },
  ),
  row(
    'rule-shadowed',
    'an allow of which one port stays open is not',
    [
      'p, monitor, pair, both, allow, always',
      'p, monitor, s1, both, deny, always',
      'p, monitor, s2, low, deny, always',
    ],
    [],
  ),
  row(
    'rule-shadowed',
    'an allow whose IPv6 stays open is not',
    [
      'p, monitor, floor, low, allow, always',
      'p, monitor, s1, low, allow, always',
      'p, monitor, floor, any, deny, always',
    ],
    [1],
    { by: [3] },
  ),
  row(
    'rule-shadowed',
    'an allow between devices, under a deny to where they are',
    ['p, infusion-pump, monitor, low, allow, always', 'p, device, internal, any, deny, always'],
    [1],
    { by: [2] },
  ),
  row(
    'rule-shadowed',
    'not when the deny does not hold all segments of the class',
    ['p, infusion-pump, monitor, low, allow, always', 'p, device, part, any, deny, always'],
    [],
    { parts: { 'catalog/endpoints-y.yaml': 'part: { addresses: [10.22.0.0/21, "fd22::/64"] }' } },
  ),
  row(
    'rule-shadowed',
    'not under a deny of the subclasses alone: the class itself stays',
    [
      'p, monitor, s1, low, allow, always',
      'p, icu-monitor, s1, low, deny, always',
      'p, ward-monitor, s1, low, deny, always',
    ],
    [],
  ),
  row(
    'rule-shadowed',
    'an allow for a time under a deny for always',
    ['p, monitor, s1, low, allow, night', 'p, medical-device, s1, low, deny, always'],
    [1],
    { by: [2] },
  ),
  row(
    'rule-shadowed',
    'an allow for always is not, under a deny for a time',
    ['p, monitor, s1, low, allow, always', 'p, medical-device, s1, low, deny, night'],
    [],
  ),
  row(
    'rule-shadowed',
    'an allow until a day, under a deny until a later one',
    ['p, monitor, s1, low, allow, until 2027-05-01', 'p, medical-device, s1, low, deny, until 2027-06-01'],
    [1],
    { by: [2] },
  ),
  row(
    'rule-shadowed',
    'not under a deny until an earlier day',
    ['p, monitor, s1, low, allow, until 2027-05-01', 'p, medical-device, s1, low, deny, until 2027-04-01'],
    [],
  ),
  row(
    'rule-shadowed',
    'not under a deny of another schedule, or one that is over',
    [
      'p, monitor, s1, low, allow, night',
      'p, medical-device, s1, low, deny, office',
      'p, medical-device, s1, low, deny, until 2026-01-01',
    ],
    [],
  ),
  row(
    'rule-shadowed',
    'server to device',
    ['p, s1, icu-monitor, low, allow, always', 'p, pair, medical-device, any, deny, always'],
    [1],
    { by: [2] },
  ),
  // Partly
  row(
    'rule-partly-shadowed',
    'an allow that a deny cuts',
    ['p, monitor, pair, both, allow, always', 'p, icu-monitor, s1, low, deny, always'],
    [1],
    { by: [2] },
  ),
  row(
    'rule-partly-shadowed',
    'not one beside a deny',
    ['p, monitor, pair, low, allow, always', 'p, monitor, pair, high, deny, always'],
    [],
  ),
  // Contradiction
  row(
    'rules-contradict',
    'the same with the other effect',
    ['p, monitor, s1, low, allow, always', 'p, monitor, s1, low, deny, always'],
    [1],
    { by: [2] },
  ),
  row(
    'rules-contradict',
    'the same packets under other names',
    [
      'p, monitor, pair, both, allow, always',
      'p, monitor, group, lows, deny, always',
      'g, s1, group',
      'g, s2, group',
      'g2, low, lows',
      'g2, high, lows',
    ],
    [1],
    { by: [2] },
  ),
  row(
    'rules-contradict',
    'a deny that is wider shadows, and does not contradict',
    ['p, monitor, s1, low, allow, always', 'p, monitor, s1, any, deny, always'],
    [],
  ),
  row(
    'rules-contradict',
    'an allow with an exception by the hour does not',
    ['p, monitor, s1, low, allow, always', 'p, monitor, s1, low, deny, night'],
    [],
  ),
  // Redundant
  row(
    'rule-redundant',
    'an allow within another',
    ['p, icu-monitor, s1, low, allow, always', 'p, monitor, pair, both, allow, always'],
    [1],
    { by: [2] },
  ),
  row(
    'rule-redundant',
    'an allow that others give together',
    [
      'p, monitor, s1, both, allow, always',
      'p, monitor, pair, low, allow, always',
      'p, monitor, pair, high, allow, always',
    ],
    [1],
    { by: [2, 3] },
  ),
  row(
    'rule-redundant',
    'of two equal ones only the later',
    ['p, monitor, pair, low, allow, always', 'p, monitor, group, low, allow, always', 'g, s1, group', 'g, s2, group'],
    [2],
    { by: [1] },
  ),
  row(
    'rule-redundant',
    'the narrow ones, not the wide one that they make up',
    [
      'p, monitor, pair, both, allow, always',
      'p, monitor, pair, low, allow, always',
      'p, monitor, pair, high, allow, always',
    ],
    [2, 3],
    { by: [1] },
  ),
  row(
    'rule-redundant',
    'an allow whose open part others give',
    [
      'p, monitor, pair, low, allow, always',
      'p, monitor, s1, both, allow, always',
      'p, medical-device, s2, any, deny, always',
    ],
    [1],
    { by: [2] },
  ),
  row(
    'rule-redundant',
    'the allow until a day, not the one for always',
    [
      'p, monitor, pair, low, allow, until 2027-05-01',
      'p, monitor, group, low, allow, always',
      'g, s1, group',
      'g, s2, group',
    ],
    [1],
    { by: [2] },
  ),
  row(
    'rule-redundant',
    'a deny within another, also where nothing is open',
    ['p, icu-monitor, s1, low, deny, always', 'p, medical-device, pair, any, deny, always'],
    [1],
    { by: [2] },
  ),
  row(
    'rule-redundant',
    'not an allow beside a deny of the same',
    ['p, monitor, s1, low, allow, always', 'p, monitor, s1, high, deny, always'],
    [],
  ),
  row(
    'rule-redundant',
    'not an allow that the other gives only for a time',
    ['p, monitor, s1, low, allow, always', 'p, monitor, pair, low, allow, night'],
    [],
  ),
  // Deny without effect
  row(
    'deny-without-effect',
    'a deny under which nothing is open',
    ['p, monitor, s1, low, deny, always', 'p, monitor, s2, low, allow, always'],
    [1],
    { by: [] },
  ),
  row(
    'deny-without-effect',
    'of two that overlap over an allow, one',
    [
      'p, monitor, s1, low, allow, always',
      'p, monitor, pair, low, deny, always',
      'p, medical-device, s1, both, deny, always',
    ],
    [3],
    { by: [2] },
  ),
  row(
    'deny-without-effect',
    'not a deny over an allow',
    ['p, monitor, pair, low, allow, always', 'p, monitor, s1, any, deny, always'],
    [],
  ),
  row(
    'deny-without-effect',
    'not a deny over an allow of another time: the two may meet',
    ['p, monitor, pair, low, allow, night', 'p, monitor, s1, any, deny, office'],
    [],
  ),
  // Never matches
  row(
    'rule-never-matches',
    'a class that is placed nowhere',
    ['p, ghost, s1, low, allow, always', 'p, s1, ghost, low, allow, always'],
    [1, 2],
  ),
  row(
    'rule-never-matches',
    'not a class of which only those below are placed, nor a role',
    ['p, medical-device, s1, low, allow, always', 'p, quarantined, s1, low, allow, always'],
    [],
  ),
  row('rule-never-matches', 'an endpoint without addresses', ['p, monitor, internet, low, allow, always'], [1], {
    parts: {
      'catalog/endpoints.yaml':
        'internal: { addresses: [0.0.0.0/0, "::/0"] }\nlibrary-1: { addresses: [10.10.4.20] }\nremediation: { addresses: [10.10.9.9] }',
    },
  }),
  row(
    'rule-never-matches',
    'ends of different families',
    ['p, four, ghost, low, allow, always', 'p, four, six, low, allow, always'],
    [1, 2],
  ),
  row(
    'rule-never-matches',
    'an application of the other family',
    ['p, monitor, six, ping4, allow, always', 'p, monitor, four, ping4, allow, always'],
    [1],
  ),
  row(
    'rule-never-matches',
    'a window that never opens',
    [
      'p, monitor, s1, low, allow, never',
      'p, monitor, s1, low, deny, always',
      'p2, monitor, main, verified, monitors, never',
    ],
    [1, 3],
  ),
  row(
    'rule-never-matches',
    'an access rule that nearer ones leave nothing to',
    [
      'p2, monitor, everywhere, verified, monitors, always',
      'p2, monitor, main, verified, monitors, always',
      'p2, monitor, main, at-risk, monitors, night',
      'p2, medical-device, main, at-risk, monitors, always',
    ],
    [1],
  ),
  row(
    'rule-never-matches',
    'not an access rule behind a nearer one with hours',
    ['p2, monitor, main, at-risk, monitors, night', 'p2, monitor, everywhere, at-risk, monitors, always'],
    [],
  ),
  // Too broad
  row(
    'rule-too-broad',
    'everything to everybody',
    ['p, device, device, any, allow, always', 'p, device, internal, any, allow, always'],
    [1, 2],
  ),
  row(
    'rule-too-broad',
    'any to or from the internet',
    [
      'p, icu-monitor, internet, any, allow, always',
      'p, internet, icu-monitor, any, allow, always',
      'p, icu-monitor, internet, low, allow, always',
    ],
    [1, 2],
  ),
  row(
    'rule-too-broad',
    'any to or from life-critical classes, below the one that is named too',
    [
      'p, infusion-pump, s1, any, allow, always',
      'p, s1, medical-device, any, allow, always',
      'p, monitor, s1, any, allow, always',
    ],
    [1, 2],
  ),
  row(
    'rule-too-broad',
    'a wide prefix of which few addresses are known',
    [
      'p, monitor, floor, low, allow, always',
      'p, monitor, busy, low, allow, always',
      'p, monitor, floor, high, deny, always',
    ],
    [1],
  ),
  row(
    'rule-too-broad',
    'not what a deny takes back',
    ['p, icu-monitor, internet, any, allow, always', 'p, device, internet, any, deny, always'],
    [],
  ),
  // Dates
  row(
    'rule-expires-soon',
    'within 30 days, allows and access rules',
    [
      'p, monitor, s1, low, allow, until 2026-12-22',
      'p, monitor, s2, low, allow, until 2026-12-23',
      'p2, monitor, main, at-risk, monitors, until 2026-11-23',
      'p, monitor, s1, high, deny, until 2026-12-01',
      'p, monitor, s2, high, allow, until 2026-11-22',
    ],
    [1, 3],
  ),
  row(
    'rule-expires-soon',
    'within as many days as cordon.yaml says',
    ['p, monitor, s1, low, allow, until 2026-12-22', 'p, monitor, s2, low, allow, until 2026-11-27'],
    [2],
    { parts: { 'cordon.yaml': 'check: { expiresSoonDays: 5 }' } },
  ),
];

describe('analysis finds', () => {
  it.each(rows.map((each) => [`${each.code}: ${each.says}`, each] as const))(
    '%s',
    (_, { code, rules, lines, by, parts }) => {
      const found = analyse(rules, parts);
      expect(linesOf(code, found)).toEqual(lines);
      const first = found.find((each) => each.code === code && each.span?.file === 'rules/x.csv');
      if (by) expect((first?.related ?? []).map(({ span }) => span.line)).toEqual(by);
      for (const { summary, hint } of found) expect([summary, hint].join()).not.toMatch(/undefined|``|\.$/);
    },
  );

  it('one thing about a rule that does nothing', () => {
    const found = analyse(['p, infusion-pump, s1, any, allow, always', 'p, device, s1, any, deny, always']);
    expect(found.filter(({ span }) => span?.file === 'rules/x.csv').map(({ code }) => code)).toEqual(['rule-shadowed']);
  });

  it('an example that fits each finding about packets', () => {
    const found = analyse(['p, monitor, s1, low, allow, always', 'p, medical-device, pair, any, deny, always']);
    expect(found.find(({ code }) => code === 'rule-shadowed')?.summary).toBe(
      '`p, monitor, s1, low, allow` never takes effect: a deny closes all of it, for example monitor (10.22.0.1) → 10.10.5.1 tcp/100',
    );
  });
});

describe('names that nothing uses', () => {
  const unused = (parts: Parts): string[] =>
    analyse(Object.keys(parts).length > 0 ? ['p, monitor, s1, low, allow, always'] : [], parts)
      .filter(({ code }) => code === 'name-unused')
      .map(({ summary }) => /`([^`]+)`/.exec(summary)![1]!)
      .filter((name) => name.startsWith('u-'));
  it.each<[string, Parts, string[]]>([
    ['a class that nothing places', { 'catalog/classes-u.yaml': 'u-a: {}' }, ['u-a']],
    [
      'not a class below one that is placed',
      { 'catalog/classes-u.yaml': 'u-a: {}', 'rules/u.csv': 'g, u-a, monitor' },
      [],
    ],
    [
      'not a class in a rule',
      { 'catalog/classes-u.yaml': 'u-a: {}', 'rules/u.csv': 'p, u-a, s1, low, allow, always, x' },
      [],
    ],
    [
      'an endpoint, and not one of a group that is used',
      {
        'catalog/endpoints-u.yaml': 'u-a: { addresses: [10.9.9.1] }\nu-b: { addresses: [10.9.9.2] }',
        'rules/u.csv': 'g, u-b, u-g\np, monitor, u-g, low, allow, always, x',
      },
      ['u-a'],
    ],
    [
      'not an endpoint in a test',
      {
        'catalog/endpoints-u.yaml': 'u-a: { addresses: [10.9.9.1] }',
        'tests/u.yaml': 'invariants: [{ name: x, never: { from: monitor, to: u-a } }]',
      },
      [],
    ],
    [
      'an application',
      {
        'catalog/applications-u.yaml': 'u-a: { ports: [tcp/1] }\nu-b: { ports: [tcp/2] }',
        'rules/u.csv': 'g2, u-b, u-g\np, monitor, s1, u-g, allow, always, x',
      },
      ['u-a'],
    ],
    [
      'a segment',
      { 'catalog/segments-u.yaml': 'u-a: { sites: { main: { vlan: 9, prefixes: [10.99.0.0/24, "fd99::/64"] } } }' },
      ['u-a'],
    ],
    [
      'a schedule',
      {
        'catalog/schedules-u.yaml':
          'u-a: { days: [mon], from: "01:00", to: "02:00", timezone: UTC }\nu-b: { days: [mon], from: "01:00", to: "02:00", timezone: UTC }',
        'rules/u.csv': 'p, monitor, s1, low, allow, u-b, x',
      },
      ['u-a'],
    ],
    [
      'a site, and not one that has a switch',
      {
        'catalog/sites-u.yaml': 'u-a: {}\nu-b: {}',
        'network/nas-u.yaml': 'u: { address: 10.0.9.9, site: u-b, profile: rfc, secret: "env:X" }',
      },
      ['u-a'],
    ],
  ])('%s', (_, parts, names) => {
    expect(unused(parts)).toEqual(names);
  });
});

describe('the sample hospital', () => {
  it('has no warning from analysis, at any time of the week', () => {
    const policy = samplePolicy();
    const hours = Array.from({ length: 14 }, (_, i) => new Date(sampleInstant.getTime() + i * 13 * 3_600_000));
    const all = hours.map((at) => analysePolicy(policy, at));
    expect(all[0]!.filter(({ severity }) => severity !== 'info')).toEqual([]);
    for (const found of all) expect(found).toEqual(all[0]);
  });
});
