import { policyFiles } from '#testkit';
import { describe, expect, it } from 'vitest';
import { compilePolicy } from '../compile/compile.js';
import type { FlowQuery } from '../explain.js';
import { loadPolicy } from '../load/load.js';
import type { Snapshot } from '../snapshot.js';
import { explainFlow, type FlowExplanation } from './explain-flow.js';
import type { Placement } from './placement.js';

/** A pharmacy with a group in a group, a vendor with a window and a contract that ended, and a class outside medicine. */
const hospital = {
  'catalog/classes.yaml': `medical-device: { criticality: high }
infusion-pump: { criticality: life-critical }
quarantined: {}
workstation: {}
`,
  'catalog/endpoints.yaml': `internal: { addresses: [10.0.0.0/8, "fd00::/8"] }
library-1: { addresses: [10.10.4.20, "fd10:4::20"] }
library-2: { addresses: [10.10.4.21, "fd10:4::21"] }
pacs: { addresses: [10.10.5.0/24, "fd10:5::/64"] }
vendor: { addresses: [10.10.6.1, "fd10:6::1"] }
remediation: { addresses: [10.10.9.9, "fd10:9::9"] }
`,
  'catalog/applications.yaml': `https: { ports: [tcp/443] }
dicom: { ports: [tcp/104] }
`,
  'rules/membership.csv': `g, infusion-pump, medical-device
g, library-1, drug-library
g, library-2, drug-library
g, drug-library, pharmacy
g2, https, web
g3, main-wifi, main
`,
  'rules/flows.csv': `p, infusion-pump, pharmacy, web, allow, always, "CHG-1"
p, medical-device, internet, any, deny, always, "SEC-1"
p, medical-device, pacs, dicom, allow, always, "CHG-2"
p, infusion-pump, vendor, https, allow, office, "CHG-3"
p, infusion-pump, vendor, dicom, allow, until 2026-01-01, "CHG-4"
p, vendor, infusion-pump, https, allow, always, "CHG-5"
p, workstation, vendor, dicom, allow, always, "CHG-6"
p, workstation, library-2, any, deny, always, "SEC-2"
p, workstation, drug-library, https, allow, always, "CHG-7"
`,
  'tests/flows.yaml': null,
};
const sunday = new Date('2026-11-22T11:00:00Z');

function snapshot(at = sunday): Snapshot {
  const policy = loadPolicy(policyFiles(hospital));
  const compiled = policy.ok ? compilePolicy(policy.value, at) : policy;
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.diagnostics));
  return compiled.value;
}

function ask(text: string, placement: Placement | null = null, at = sunday): FlowExplanation {
  const answer = explainFlow(snapshot(at), queryOf(text), placement);
  if (!answer.ok) throw new Error(JSON.stringify(answer.diagnostics));
  return answer.value;
}

function queryOf(text: string): FlowQuery {
  const [from = '', to = '', app = ''] = text.split(' ');
  return { from, to, app };
}

describe('the memberships by which a rule matches', () => {
  it.each([
    [
      'infusion-pump 10.10.4.20 tcp/443',
      1,
      'infusion-pump | 10.10.4.20 > library-1 > drug-library > pharmacy | tcp/443 > https > web',
    ],
    [
      'infusion-pump fd10:4::21 https',
      1,
      'infusion-pump | fd10:4::21 > library-2 > drug-library > pharmacy | https > web',
    ],
    ['infusion-pump library-1 web', 1, 'infusion-pump | library-1 > drug-library > pharmacy | web'],
    ['infusion-pump pharmacy https', 1, 'infusion-pump | pharmacy | https > web'],
    ['infusion-pump internet udp/53', 2, 'infusion-pump > medical-device | internet | udp/53 > any'],
    ['infusion-pump 192.0.2.7 https', 2, 'infusion-pump > medical-device | 192.0.2.7 > internet | https > web > any'],
    ['10.10.6.1 infusion-pump tcp/443', 6, '10.10.6.1 > vendor | infusion-pump | tcp/443 > https'],
  ])('%s', (query, line, chain) => {
    const [rule, ...others] = ask(query).parts.flatMap(({ rules }) => rules);
    expect(others).toEqual([]);
    expect(rule?.line).toBe(line);
    const { subject, object, application } = rule!.paths;
    expect([subject, object, application].map((path) => path.join(' > ')).join(' | ')).toBe(chain);
  });

  it('are those of the two ends only in a snapshot of before parents were kept', () => {
    const old = structuredClone(snapshot()) as unknown as Record<string, { parents?: unknown }[]>;
    for (const named of [...old['classes']!, ...old['endpoints']!, ...old['applications']!]) delete named.parents;
    delete old['schedules'];
    const answer = explainFlow(old as unknown as Snapshot, queryOf('infusion-pump 10.10.4.20 tcp/443'));
    expect(answer.ok && answer.value.parts[0]!.rules[0]!.paths.object).toEqual(['10.10.4.20', 'library-1', 'pharmacy']);
    const denied = explainFlow(old as unknown as Snapshot, queryOf('infusion-pump vendor https'));
    expect(denied.ok && denied.value.parts[0]!.nearest[0]!.mismatches[0]!.why).toBe('holds only in `office`');
  });
});

describe('the nearest rules', () => {
  it.each([
    ['infusion-pump drug-library tcp/80', 1, ['`pharmacy` is allowed on `web` (tcp/443), you asked for `tcp/80`']],
    ['infusion-pump vendor https', 4, ['holds only in `office`, next from Mon 2026-11-23 07:00 Europe/Berlin']],
    ['infusion-pump vendor dicom', 5, ['ended on 2026-01-01']],
    ['workstation pacs dicom', 3, ['the class is `medical-device`; `workstation` does not belong to it']],
    ['infusion-pump 10.10.4.20 tcp/104', 1, ['`pharmacy` is allowed on `web` (tcp/443), you asked for `tcp/104`']],
    ['medical-device 10.10.4.20 dicom', 3, ['the object is `pacs`, which `10.10.4.20` is not in']],
    ['workstation infusion-pump https', 6, ['the subject is `vendor`, which `workstation`, a device class, is not in']],
    ['10.10.9.9 pacs dicom', 3, ['the class is `medical-device`; `10.10.9.9` is an address, no device class']],
    [
      'remediation pacs dicom',
      3,
      ['the class is `medical-device`; `remediation` (10.10.9.9) is an address, no device class'],
    ],
    ['workstation pharmacy dicom', 9, ['`drug-library` is allowed on `https` (tcp/443), you asked for `dicom`']],
    [
      'quarantined pacs https',
      3,
      [
        '`pacs` is allowed on `dicom` (tcp/104), you asked for `https`',
        'the class is `medical-device`; `quarantined` does not belong to it',
      ],
    ],
  ])('of %s: first line %d', (query, line, why) => {
    const { verdict, reason, rules, parts } = ask(query);
    expect(verdict).toBe('deny');
    const [near] = parts.find((part) => part.rules.length === 0)!.nearest;
    expect(near?.mismatches.map((mismatch) => mismatch.why)).toEqual(why);
    expect(near?.line).toBe(line);
    if (parts.length === 1) expect([reason, rules]).toEqual(['no rule allows it', []]);
  });

  it('name the deny that would still win', () => {
    const near = ask('infusion-pump library-2 dicom').parts[0]!.nearest.map(({ line, overriddenBy }) => [
      line,
      overriddenBy.map((deny) => deny.line),
    ]);
    expect(near).toContainEqual([1, []]);
    expect(near).toContainEqual([9, [8]]);
  });

  it('are none when no rule names a side', () => {
    const { parts } = ask('remediation remediation udp/7');
    expect(parts.map(({ nearest }) => nearest)).toEqual([[]]);
  });
});

describe('a question of several parts', () => {
  it('is divided by verdict and rules, allowed first, with packets that can be told apart', () => {
    const { verdict, reason, rules, parts } = ask('infusion-pump pharmacy any');
    expect(parts.map((part) => [part.verdict, part.packets, part.example, part.rules.map(({ line }) => line)])).toEqual(
      [
        [
          'allow',
          [{ from: ['infusion-pump'], to: ['pharmacy'], services: 'tcp/443' }],
          { from: 'infusion-pump', to: '10.10.4.20', service: 'tcp/443' },
          [1],
        ],
        [
          'deny',
          [{ from: ['infusion-pump'], to: ['pharmacy'], services: 'any except tcp/443' }],
          { from: 'infusion-pump', to: '10.10.4.20', service: 'tcp/80' },
          [],
        ],
      ],
    );
    expect([verdict, rules]).toEqual(['deny', []]);
    expect(reason).toBe('only part of it is allowed: infusion-pump → 10.10.4.20 tcp/80 is not (no rule allows it)');
  });

  it('names an allow that a deny overrides, after the deny', () => {
    const { parts } = ask('workstation drug-library https');
    expect(parts.map(({ verdict, packets }) => [verdict, packets[0]!.to])).toEqual([
      ['allow', ['10.10.4.20', 'fd10:4::20']],
      ['deny', ['10.10.4.21', 'fd10:4::21']],
    ]);
    expect(parts[1]!.rules.map(({ line, decides }) => [line, decides])).toEqual([
      [8, true],
      [9, false],
    ]);
  });

  it('has no part when no packet fits', () => {
    const answer = ask('10.10.4.20 fd10:4::20 https');
    expect(answer).toMatchObject({ verdict: 'deny', reason: expect.stringContaining('no packet fits'), parts: [] });
  });
});

describe('a device that is placed', () => {
  const at = (posture: Placement['posture'], site = 'main'): Placement => ({ site, posture });

  it.each([
    ['infusion-pump pharmacy https', at('verified'), 'allow', 'pumps', 'infusion-pump'],
    ['infusion-pump pharmacy https', at('quarantined', 'main-wifi'), 'deny', 'quarantine', 'quarantined'],
    ['vendor infusion-pump https', at('verified'), 'allow', 'pumps', 'infusion-pump'],
    ['vendor infusion-pump https', at('at-risk'), 'deny', 'quarantine', 'quarantined'],
  ])('%s, %o: %s', (query, placement, verdict, segment, role) => {
    const { query: asked, ...answer } = ask(query, placement);
    expect(answer).toMatchObject({ verdict, role: { class: 'infusion-pump', ...placement, segment, role } });
    expect([asked.from, asked.to]).toContain(role);
    expect(answer.role?.rule?.file).toBe('rules/access.csv');
  });

  it('is on no network where the access table has nothing for it', () => {
    expect(ask('workstation drug-library https', at('verified'))).toMatchObject({
      verdict: 'deny',
      reason: '`workstation` is rejected at `main` when verified: no access rule gives it a segment there',
      role: { segment: null, role: null, rule: null },
      rules: [],
      parts: [],
    });
  });

  it.each([
    ['infusion-pump pharmacy https', 'mian', 'did you mean `main`'],
    ['infusion-pump pharmacy https', 'everywhere', 'use one of main, main-wifi'],
    ['vendor pacs https', 'main', 'leave them out'],
  ])('%s at %s is refused: %s', (query, site, hint) => {
    const answer = explainFlow(snapshot(), queryOf(query), at('verified', site));
    expect(answer.ok).toBe(false);
    expect(answer.diagnostics.map((diagnostic) => diagnostic.hint).join()).toContain(hint);
  });
});

describe('hints', () => {
  it.each([
    ['10.21.0.7', 'segment `pumps` at `main`: whatever sits there is of class `infusion-pump` or one below it'],
    ['fd66::1', 'segment `quarantine` at `main`: whatever sits there counts as `quarantined`'],
  ])('%s is the address of a device, whose class must be asked about', (address, text) => {
    expect(ask(`${address} pharmacy https`).hints).toEqual([expect.stringContaining(text)]);
    expect(ask(`vendor ${address} https`).hints).toHaveLength(1);
  });

  it('are none for names and for addresses outside of segments', () => {
    expect(ask('infusion-pump 10.10.4.20 https').hints).toEqual([]);
  });
});
