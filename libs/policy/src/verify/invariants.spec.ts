import { policyFiles } from '#testkit';
import { describe, expect, it } from 'vitest';
import { compilePolicy } from '../compile/compile.js';
import { accessFor } from '../decide.js';
import { decideFlow } from '../decider.js';
import { loadPolicy } from '../load/load.js';
import { at } from '../spec/generated.js';
import { buildSnapshot } from './check.js';
import type { CounterexampleSide, PolicyTestFailure } from './failure.js';
import { runPolicyTests } from './policy-tests.js';

type Parts = Record<string, string>;
/** A Monday noon: office hours. */
const noon = new Date('2026-11-23T11:00:00Z');
const rules = (...lines: string[]): Parts => ({ 'rules/x.csv': lines.join('\n') });

function failures(invariant: string, parts: Parts = {}, instant = noon): readonly PolicyTestFailure[] {
  const files = policyFiles({ ...parts, 'tests/flows.yaml': `invariants:\n  - { name: i, ${invariant} }` });
  const loaded = loadPolicy(files);
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.diagnostics));
  const compiled = compilePolicy(loaded.value, instant);
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.diagnostics));
  return runPolicyTests(loaded.value, compiled.value);
}

const summaries = (...args: Parameters<typeof failures>): string[] => failures(...args).map(({ summary }) => summary);

const toRemediation = 'p, infusion-pump, remediation, https, allow, always, x';
const limited = {
  'catalog/classes-x.yaml': 'pump-limited: {}\nworkstation: {}\nsyringe-pump: {}',
  'catalog/segments-x.yaml': [
    'limited: { role: pump-limited, sites: { main: { vlan: 211, prefixes: [10.22.0.0/20, "fd22::/64"] } } }',
    'office: { sites: { main: { vlan: 300, prefixes: [10.30.0.0/20, "fd30::/64"] } } }',
  ].join('\n'),
};
/** Without a certificate a pump is in another segment and counts as another class. */
const placed = (...lines: string[]): Parts => ({
  ...limited,
  ...rules(
    'g, pump-limited, medical-device',
    'g, syringe-pump, infusion-pump',
    'p2, infusion-pump, main, unverified, limited, always, x',
    ...lines,
  ),
});

describe('an invariant over sites and postures', () => {
  it.each([
    [
      'asks about the role that a posture gives',
      'never: { from: infusion-pump, to: remediation, postures: [at-risk] }',
      {},
      [
        'quarantined -> remediation any: expected DENY, got ALLOW by rules/flows.csv:4, where infusion-pump at main, at-risk counts as quarantined',
      ],
    ],
    ['and about no other', 'never: { from: infusion-pump, to: remediation, postures: [verified, unverified] }', {}, []],
    [
      'takes the class itself only where it keeps it',
      'never: { from: infusion-pump, to: library-1, postures: unverified }',
      placed(),
      [],
    ],
    [
      'and names the place',
      'never: { from: infusion-pump, to: library-1, postures: [verified, unverified] }',
      placed(),
      ['infusion-pump -> library-1 any: expected DENY, got ALLOW by rules/flows.csv:2, where it is at main, verified'],
    ],
    [
      'asks about classes below',
      'never: { from: infusion-pump, to: remediation, posture: verified }',
      placed('p, syringe-pump, remediation, https, allow, always, x'),
      ['syringe-pump -> remediation any: expected DENY, got ALLOW by rules/x.csv:4, where it is at main, verified'],
    ],
    [
      'asks at the sites that are named',
      'never: { from: infusion-pump, to: library-1, site: main-wifi, posture: verified }',
      placed('p2, infusion-pump, main-wifi, verified, limited, always, x'),
      [],
    ],
    [
      'and at those below',
      'never: { from: infusion-pump, to: remediation, site: main, posture: verified }',
      placed(
        'p2, infusion-pump, main-wifi, verified, limited, always, x',
        'p, pump-limited, remediation, https, allow, always, x',
      ),
      [
        'pump-limited -> remediation any: expected DENY, got ALLOW by rules/x.csv:5, where infusion-pump at main-wifi, verified counts as pump-limited',
      ],
    ],
    [
      'holds for always in each role',
      'always: { from: infusion-pump, to: library-1, app: https, postures: [verified, unverified] }',
      placed(),
      [
        'pump-limited -> library-1 https: expected ALLOW, got DENY: no rule allows it, where infusion-pump at main, unverified counts as pump-limited',
      ],
    ],
    [
      'is broken for always where such devices are rejected',
      'always: { from: medical-device, to: library-1, app: https, sites: [main], postures: [verified] }',
      { 'rules/access.csv': 'p2, device, everywhere, quarantined, quarantine, always, x' },
      ['medical-device at main, verified: expected ALLOW, got reject, no rule gives it a segment'],
    ],
    [
      'judges both ends of only',
      'only: { from: library-1, to: infusion-pump, posture: unverified }',
      placed(
        'p, remediation, pump-limited, https, allow, always, x',
        'p, remediation, infusion-pump, https, allow, always, x',
      ),
      [
        'any -> pump-limited any: expected DENY, got ALLOW by rules/x.csv:4, where infusion-pump at main, unverified counts as pump-limited',
      ],
    ],
  ] as const)('%s', (_, invariant, parts, expected) =>
    expect(summaries(invariant, parts).map((text) => text.replace(/ \(for example .*?\)/, ''))).toEqual(expected),
  );
});

describe('an invariant with exceptions', () => {
  const net = { 'catalog/endpoints-x.yaml': 'net: { addresses: [10.10.9.0/24, "fd10:9::/64"] }' };
  const quarantine = 'never: { from: quarantined, to: any';
  it.each([
    ['is broken without one', `${quarantine} }`, {}, 1],
    ['holds with the endpoint', `${quarantine}, except: { to: remediation } }`, {}, 0],
    ['holds with an endpoint around it', `${quarantine}, except: { to: net } }`, net, 0],
    ['is broken by another address of the endpoint', `${quarantine}, except: { to: 10.10.9.9 } }`, {}, 1],
    ['holds with all its addresses', `${quarantine}, except: { to: [10.10.9.9, "fd10:9::9"] } }`, {}, 0],
    ['holds with the application', `${quarantine}, except: { app: web } }`, {}, 0],
    ['holds with the port', `${quarantine}, except: { app: tcp/443 } }`, {}, 0],
    ['is broken by another port', `${quarantine}, except: { app: tcp/444 } }`, {}, 1],
    [
      'holds with the class',
      'never: { from: device, to: any, app: https, except: { from: [quarantined, medical-device] } }',
      {},
      0,
    ],
    [
      'excepts what is below a class',
      'never: { from: device, to: library-1, except: { from: medical-device } }',
      {},
      0,
    ],
    ['of any to any names everything that is open', 'never: { from: any, to: any }', {}, 2],
    [
      'covers devices as well as addresses',
      `${quarantine}, except: { to: remediation } }`,
      rules('p, quarantined, infusion-pump, https, allow, always, x'),
      1,
    ],
    ['of only', 'only: { from: quarantined, to: remediation, except: { app: tcp/443 } }', rules(toRemediation), 0],
  ] as const)('%s', (_, invariant, parts, count) => expect(summaries(invariant, parts)).toHaveLength(count));

  it('shows a packet beside the exception', () => {
    const [found] = failures(`${quarantine}, except: { to: 10.10.9.9 } }`);
    expect(found!.counterexample).toMatchObject({ to: { class: null, address: 'fd10:9::9' }, protocol: 6, port: 443 });
  });
});

describe('a device counts as its class and as every endpoint around its address', () => {
  const campus = {
    'catalog/endpoints-x.yaml': 'campus: { addresses: [10.21.0.0/24, "fd21::/64"] }',
    ...rules('p, quarantined, campus, https, allow, always, x'),
  };
  it.each([
    ['never: { from: quarantined, to: infusion-pump }', 'infusion-pump at 10.21.0.0 tcp/443'],
    ['only: { from: library-1, to: infusion-pump }', 'infusion-pump at 10.21.0.0 tcp/443'],
    ['never: { from: quarantined, to: any, except: { to: [remediation] } }', 'infusion-pump at 10.21.0.0 tcp/443'],
    ['never: { from: quarantined, to: campus, except: { app: any } }', null],
    ['never: { from: quarantined, to: infusion-pump, except: { to: campus } }', null],
    ['never: { from: quarantined, to: medical-device, postures: [at-risk] }', null],
  ] as const)('so that %s', (invariant, example) => {
    const found = summaries(invariant, campus);
    if (example === null) expect(found).toEqual([]);
    else expect(found).toContainEqual(expect.stringContaining(example));
  });

  it('and a deny to the endpoint closes what a rule to the class opens', () => {
    const parts = {
      ...campus,
      ...rules('p, remediation, infusion-pump, https, allow, always, x', 'p, device, campus, any, deny, always, x'),
    };
    expect(summaries('always: { from: remediation, to: infusion-pump, app: https }', parts)).toEqual([]);
    const other = {
      ...campus,
      ...rules(
        'p, quarantined, infusion-pump, https, allow, always, x',
        'p, quarantined, campus, https, deny, always, x',
      ),
    };
    expect(summaries('always: { from: quarantined, to: infusion-pump, app: https }', other)).toEqual([
      'quarantined -> infusion-pump https: expected ALLOW, got DENY by rules/x.csv:2 (for example quarantined -> infusion-pump at 10.21.0.0 tcp/443)',
    ]);
  });
});

describe('an invariant about placement', () => {
  const pcs = (...lines: string[]): Parts => placed('p2, workstation, main, verified, office, always, x', ...lines);
  it.each([
    ['never, where it holds', 'never: { class: workstation, segment: pumps }', pcs(), []],
    [
      'never, where it does not',
      'never: { class: workstation, segment: [pumps, limited] }',
      pcs('p2, workstation, main, unverified, limited, always, x'),
      ['workstation at main, unverified: expected not `pumps` or `limited`, got `limited` by rules/x.csv:5'],
    ],
    [
      'never, in another posture',
      'never: { class: workstation, segment: limited, postures: [verified] }',
      pcs('p2, workstation, main, unverified, limited, always, x'),
      [],
    ],
    ['only, where it holds', 'only: { class: medical-device, segment: [pumps, limited] }', pcs(), []],
    [
      'only, of a class above',
      'only: { class: syringe-pump, segment: limited }',
      pcs(),
      ['infusion-pump at main, unverified: expected not `limited`, got `limited` by rules/x.csv:3'],
    ],
    ['always, where it holds', 'always: { class: device, posture: quarantined, segment: quarantine }', pcs(), []],
    [
      'always, where another rule is nearer',
      'always: { class: device, posture: quarantined, segment: quarantine }',
      pcs('p2, workstation, main-wifi, quarantined, office, always, x'),
      ['workstation at main-wifi, quarantined: expected `quarantine`, got `office` by rules/x.csv:5'],
    ],
    [
      'always, where nothing is',
      'always: { class: workstation, posture: unverified, site: main-wifi, segment: office }',
      pcs(),
      ['workstation at main-wifi, unverified: expected `office`, got reject, no rule gives it a segment'],
    ],
  ] as const)('%s', (_, invariant, parts, expected) => expect(summaries(invariant, parts)).toEqual(expected));

  it('is broken at the instant at which a schedule moves the device', () => {
    const parts = pcs(
      'p2, workstation, main, unverified, limited, office, x',
      'p2, workstation, everywhere, unverified, office, always, x',
    );
    const sunday = new Date('2026-11-22T11:00:00Z');
    const claim = 'never: { class: workstation, segment: limited }';
    expect(summaries(claim, parts, sunday)).toEqual([]);
    expect(summaries(`at: [2026-11-22T23:00:00Z, 2026-11-23T08:00:00Z], ${claim}`, parts, sunday)).toEqual([
      'workstation at main, unverified: expected not `limited`, got `limited` by rules/x.csv:5, at 2026-11-23T08:00:00Z',
    ]);
    expect(summaries(`throughout: 7 days, ${claim}`, parts, sunday)).toEqual([
      'workstation at main, unverified: expected not `limited`, got `limited` by rules/x.csv:5, first at 2026-11-23T06:00:00Z',
    ]);
  });
});

describe('an invariant over time', () => {
  const claim = 'never: { from: infusion-pump, to: remediation, postures: [verified] }';
  const until = rules('p, infusion-pump, remediation, https, deny, until 2027-03-31, x', toRemediation);
  it.each([
    ['at the instant of the check', '', until, []],
    ['at an instant before', 'at: 2027-03-31T23:59:59Z, ', until, []],
    ['at an instant after', 'at: 2027-04-01T00:00:00Z, ', until, [', at 2027-04-01T00:00:00Z']],
    ['over too short a time', 'throughout: 128 days, ', until, []],
    ['over the time that reaches it', 'throughout: 129 days, ', until, [', first at 2027-04-01T00:00:00Z']],
    [
      'in a window',
      'throughout: 1 day, ',
      rules('p, infusion-pump, remediation, https, deny, office, x', toRemediation),
      [', first at 2026-11-23T18:00:00Z'],
    ],
    [
      'where two windows meet',
      'throughout: 365 days, ',
      {
        'catalog/schedules-x.yaml':
          'rest: { days: [mon, tue, wed, thu, fri], from: "19:00", to: "07:00", timezone: Europe/Berlin }\nweekend: { days: [sat], from: "07:00", to: "24:00", timezone: Europe/Berlin }\nsunday: { days: [sun, mon], from: "00:00", to: "24:00", timezone: Europe/Berlin }',
        ...rules(
          'p, infusion-pump, remediation, https, deny, office, x',
          'p, infusion-pump, remediation, https, deny, rest, x',
          'p, infusion-pump, remediation, https, deny, weekend, x',
          'p, infusion-pump, remediation, https, deny, sunday, x',
          toRemediation,
        ),
      },
      [],
    ],
    [
      'with an expired allow',
      'throughout: 365 days, ',
      rules('p, infusion-pump, remediation, https, allow, until 2026-11-22, x'),
      [],
    ],
  ] as const)('%s', (_, time, parts, ends) => {
    const found = summaries(`${time}${claim}`, parts);
    expect(found).toHaveLength(ends.length);
    for (const [i, end] of ends.entries()) expect(found[i]).toMatch(new RegExp(`${end}$`));
  });
});

describe('a broken invariant is shown by', () => {
  const sideOf = ({ class: device, address }: CounterexampleSide) => ({
    class: device,
    address: address === null ? null : at(address),
  });

  it('a packet that is really judged so, the lines that do it, and the instant', () => {
    const [found] = failures(
      'throughout: 365 days, never: { from: quarantined, to: internal }',
      {},
      new Date('2026-11-22T11:00:00Z'),
    );
    expect(found).toMatchObject({
      counterexample: {
        kind: 'packet',
        from: { class: 'quarantined', address: null },
        to: { class: null, address: '10.10.9.9' },
        protocol: 6,
        port: 443,
      },
      rules: [{ file: 'rules/flows.csv', line: 4, text: expect.stringContaining('p, quarantined') }],
      at: '2026-11-23T06:00:00.000Z',
    });
    const loaded = loadPolicy(policyFiles());
    const compiled = loaded.ok && compilePolicy(loaded.value, new Date(found!.at));
    const { counterexample: shown } = found!;
    if (!compiled || !compiled.ok || shown?.kind !== 'packet') throw new Error('no packet');
    const packet = { ...shown, source: sideOf(shown.from), destination: sideOf(shown.to) };
    expect(decideFlow(compiled.value, packet)).toMatchObject({ verdict: 'allow', rules: found!.rules });
  });

  it('a device that is really placed so', () => {
    const [found] = failures('never: { class: device, segment: quarantine, postures: [at-risk] }');
    expect(found).toMatchObject({
      counterexample: { kind: 'device', class: 'device', site: 'main', posture: 'at-risk', segment: 'quarantine' },
      rules: [{ file: 'rules/access.csv', line: 2 }],
      at: noon.toISOString(),
    });
    const built = buildSnapshot(policyFiles(), noon, () => []);
    expect(built.ok && accessFor(built.value, 'device', 'main', 'at-risk')?.segment).toBe('quarantine');
  });

  it.each([
    ['always: { from: infusion-pump, to: old, app: icmp6/128 }'],
    ['always: { from: infusion-pump, to: 10.10.7.7, app: icmp6/128 }'],
    ['always: { from: 10.10.7.7, to: "fd10::7", app: https }'],
  ])('no packet where none fits: %s', (invariant) => {
    const parts = { 'catalog/endpoints-x.yaml': 'old: { addresses: [10.10.7.7] }' };
    expect(failures(invariant, parts)).toMatchObject([{ counterexample: null, rules: [] }]);
  });

  it('the case in the hint of the diagnostic', () => {
    const files = policyFiles({
      'tests/x.yaml': 'invariants:\n  - { name: i, never: { from: infusion-pump, to: internal } }',
    });
    const found = buildSnapshot(files, noon, () => []).diagnostics.find(({ code }) => code === 'test-failed');
    expect(found?.hint).toContain(
      'seen with infusion-pump -> 10.10.4.20 tcp/443 at 2026-11-23T11:00:00Z; correct the rule',
    );
  });

  it('one case for each set of lines, however many classes they are for', () => {
    expect(summaries('never: { from: device, to: any }', placed(toRemediation))).toHaveLength(3);
  });
});

describe('no class lands in the segment of another', () => {
  const night = 'p2, workstation, main, verified, pumps, night, x';
  const schedules = 'night: { days: [sun], from: "22:00", to: "05:00", timezone: Europe/Berlin }';
  const found = (parts: Parts, instant = noon) =>
    buildSnapshot(
      policyFiles({ ...parts, 'catalog/schedules-x.yaml': schedules }),
      instant,
      () => [],
    ).diagnostics.filter(({ code }) => code === 'dedicated-segment');

  it.each([
    [
      'in a night to come',
      placed(
        'p2, workstation, main, verified, office, always, x',
        'p2, workstation, main-wifi, verified, pumps, night, x',
      ),
      ' from 2026-11-29T21:00:00Z on',
      5,
    ],
    [
      'when a nearer rule ends',
      placed(
        'p2, workstation, main, verified, office, until 2027-03-31, x',
        'p2, workstation, everywhere, verified, pumps, always, x',
      ),
      ' from 2027-04-01T00:00:00Z on',
      5,
    ],
    [
      'now, as compiling says',
      placed('p2, workstation, main, verified, pumps, always, x'),
      ' puts `workstation` there',
      4,
    ],
  ] as const)('%s', (_, parts, text, line) => {
    const errors = found(parts);
    expect(errors).toMatchObject([{ severity: 'error', span: { file: 'rules/x.csv', line } }]);
    expect(errors[0]!.summary).toMatch(new RegExp(`segment \`pumps\` is dedicated to \`infusion-pump\`.*${text}$`));
  });

  it.each([
    ['a class below its own', placed('p2, syringe-pump, main, verified, pumps, night, x')],
    [
      'a rule that a nearer one always hides',
      placed(
        'p2, workstation, main, verified, office, always, x',
        'p2, workstation, everywhere, verified, pumps, always, x',
      ),
    ],
    [
      'what happens after the year',
      placed(
        'p2, workstation, main, verified, office, until 2028-03-31, x',
        'p2, workstation, everywhere, verified, pumps, always, x',
      ),
    ],
    ['a date that is past', placed('p2, workstation, main, verified, pumps, until 2026-11-20, x')],
  ])('except %s', (_, parts) => expect(found(parts)).toEqual([]));

  it('is told before the night comes, and by compiling in it', () => {
    expect(found(placed(night))).toMatchObject([{ summary: expect.stringContaining('2026-11-29T21:00:00Z') }]);
    expect(found(placed(night), new Date('2026-11-29T22:00:00Z'))).toMatchObject([
      { summary: expect.not.stringContaining('from 2026') },
    ]);
  });
});
