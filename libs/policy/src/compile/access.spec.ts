import { policyFiles } from '#testkit';
import { describe, expect, it } from 'vitest';
import { loadPolicy } from '../load/load.js';
import type { AccessGrant } from '../snapshot.js';
import { compilePolicy } from './compile.js';

const at = new Date('2026-11-23T11:00:00Z');

/** With a ward below a wing below the main hospital, segments that no class owns, and a class with two parents. */
const catalog = {
  'catalog/sites-x.yaml': 'wing: {}\nward: {}\nclinic: {}\n',
  'rules/membership-x.csv': 'g3, wing, main\ng3, ward, wing\ng, cart, medical-device\ng, cart, mobile\n',
  'catalog/classes-x.yaml': 'mobile: {}\ncart: {}\n',
  'catalog/segments-x.yaml': [
    'office:',
    '  sites:',
    '    main: { vlan: 300, prefixes: [10.30.0.0/24, "fd30:0::/64"] }',
    '    wing: { vlan: 301, prefixes: [10.30.1.0/24, "fd30:1::/64"] }',
    'other: { sites: { main: { vlan: 310, prefixes: [10.31.0.0/24, "fd31::/64"] } } }',
    '',
  ].join('\n'),
};

function compile(rules: readonly string[]) {
  const text = rules.map((rule) => `${rule}, always, note\n`).join('');
  const policy = loadPolicy(policyFiles({ ...catalog, 'rules/access-x.csv': text }));
  if (!policy.ok) throw new Error(policy.diagnostics[0]?.summary);
  return compilePolicy(policy.value, at);
}

const findings = (rules: readonly string[]): string[] =>
  compile(rules)
    .diagnostics.filter(({ span }) => span?.file === 'rules/access-x.csv')
    .map(({ code, severity, span }) => `${severity} ${code} ${span!.line}`);

describe('an access rule', () => {
  it.each<[string, string[], string[]]>([
    ['is good', ['p2, medical-device, main, verified, office'], []],
    [
      'must not match as well as another that says otherwise',
      ['p2, medical-device, main, verified, office', 'p2, medical-device, main, verified, other'],
      ['error access-tie 1'],
    ],
    [
      'must not match by one parent as well as another by the other',
      ['p2, medical-device, main, verified, office', 'p2, mobile, main, verified, other'],
      ['error access-tie 1'],
    ],
    [
      'may match as well as another that says the same',
      ['p2, medical-device, main, verified, office', 'p2, mobile, main, verified, office'],
      [],
    ],
    [
      'must not put a class into the segment of another',
      ['p2, quarantined, main, verified, pumps'],
      ['error dedicated-segment 1'],
    ],
    [
      'must not put a parent into the segment of one of its classes',
      ['p2, medical-device, main, verified, pumps'],
      ['error dedicated-segment 1'],
    ],
    [
      'names a segment that is at the site',
      ['p2, medical-device, clinic, verified, office'],
      ['warning segment-not-at-site 1'],
    ],
  ])('%s', (_, rules, expected) => {
    expect(findings(rules)).toEqual(expected);
  });
});

describe('a grant', () => {
  const grants = (rules: readonly string[], device: string, posture: string): [string, number][] => {
    const compiled = compile(rules);
    if (!compiled.ok) throw new Error(compiled.diagnostics[0]?.summary);
    const found = compiled.value.accessTable.filter(
      (grant: AccessGrant) => grant.class === device && grant.posture === posture,
    );
    return found.map(({ site, vlan }) => [site, vlan]);
  };

  it('has the segment of the site itself, else of the nearest site above that has it', () => {
    const found = grants(['p2, medical-device, main, verified, office'], 'medical-device', 'verified');
    expect(Object.fromEntries(found)).toEqual({ main: 300, 'main-wifi': 300, wing: 301, ward: 301 });
  });

  it('is by the rule nearest to the class, wherever it is, and then by the nearest to the site', () => {
    const rules = [
      'p2, medical-device, everywhere, verified, other',
      'p2, medical-device, wing, verified, office',
      'p2, device, ward, verified, quarantine',
    ];
    const found = grants(rules, 'medical-device', 'verified');
    expect(Object.fromEntries(found)).toEqual({ main: 310, 'main-wifi': 310, wing: 301, ward: 301 });
  });
});
