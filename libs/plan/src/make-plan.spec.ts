import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Criticality } from '#policy';
import { policyFiles } from '#testkit';
import { newFindings } from './compare-findings.js';
import { planCodes } from './codes.js';
import { formatPlan } from './format/format-plan.js';
import type { CoaPlan } from './plan.js';
import { planOf, plannedAt } from './spec/planned.js';

const tiny = policyFiles();
const withLines = (lines: string): Map<string, string> => policyFiles({ 'rules/plan.csv': lines });
const replaced = (file: string, from: string, to: string): Map<string, string> => {
  const text = tiny.get(file)!;
  if (!text.includes(from)) throw new Error(`${file} has no ${from}`);
  return policyFiles({ [file]: text.replace(from, to) });
};
const noMessage = { change: 0, reauthenticate: 0, disconnect: 0, bounce: 0, untold: 0, unknown: 0 };
const inventory = `id,class,site,nas,posture
p1,infusion-pump,main,sw1,verified
p2,infusion-pump,main,sw1,verified
p3,infusion-pump,main,,unverified
q1,infusion-pump,main,sw1,quarantined
u1,unknown,main,sw1,verified`;

describe('a plan', () => {
  it('of a policy and itself says that nothing changes', () => {
    const plan = planOf(tiny, tiny, { inventory });
    expect(plan).toMatchObject({ changed: false, flows: [], dormant: [], network: [], findings: [] });
    expect(plan.access).toEqual({ changes: [], rendered: [] });
    expect(plan.coa).toMatchObject({ total: 0, perNas: [] });
    expect(plan.tests).toMatchObject({ total: 3, newlyBroken: [], stillBroken: [], newlyFixed: [], removed: [] });
  });

  it('is the same bytes for the same input, whatever the order of the files', () => {
    const to = withLines('p, device, library-1, any, allow, always, x');
    const turned = new Map([...to].reverse());
    const flows = `first,last,source,destination,protocol,port,packets,bytes\n2026-11-01T00:00:00Z,2026-11-01T00:00:01Z,10.21.0.9,10.10.4.20,tcp,443,1,1`;
    const [a, b] = [planOf(tiny, to, { inventory, flows }), planOf(tiny, turned, { inventory, flows })];
    expect(JSON.stringify(a)).toBe(JSON.stringify(b));
  });

  it('has no counts without an inventory, which is not zero', () => {
    const plan = planOf(tiny, replaced('catalog/segments.yaml', 'vlan: 210', 'vlan: 211'));
    expect(plan.summary.devices).toBeNull();
    expect(plan.coa).toBeNull();
    expect(plan.access.changes.length).toBeGreaterThan(0);
    expect(plan.access.changes.every(({ devices }) => devices === null)).toBe(true);
  });

  it('counts the devices that move, and shows what their switches are told', () => {
    const plan = planOf(tiny, replaced('catalog/segments.yaml', 'vlan: 210', 'vlan: 211'), { inventory });
    expect(plan.summary.devices).toEqual({ total: 5, changed: 3, unplaced: 0 });
    expect(
      plan.access.changes.map((c) => [c.posture, c.profile, c.devices, c.aspects, c.before?.vlan, c.after?.vlan]),
    ).toEqual([
      ['unverified', null, 1, ['vlan'], 210, 211],
      ['verified', 'rfc', 2, ['vlan'], 210, 211],
    ]);
    expect(plan.access.rendered).toEqual([
      {
        profile: 'rfc',
        roles: [{ before: 'infusion-pump', after: 'infusion-pump' }],
        lines: [
          { sign: '-', text: 'Tunnel-Private-Group-Id = 210' },
          { sign: '+', text: 'Tunnel-Private-Group-Id = 211' },
        ],
        moved: 0,
        appliesTo: ['infusion-pump at main, unverified', 'infusion-pump at main, verified'],
      },
    ]);
  });

  it('sends one message per session that is told something else, by what the switch takes', () => {
    const closed = replaced('rules/flows.csv', 'p, infusion-pump, drug-library', '# p, infusion-pump, drug-library');
    const coa = planOf(tiny, closed, { inventory }).coa!;
    expect(coa.byKind).toEqual({ ...noMessage, change: 2, unknown: 1 });
    expect(coa.byCriticality).toEqual({ 'life-critical': 3, high: 0, standard: 0 });
    expect(coa.perNas.map(({ nas, messages }) => [nas, messages])).toEqual([
      ['sw1', 2],
      [null, 1],
    ]);
    const cisco = (files: Map<string, string>): Map<string, string> =>
      new Map([...files].map(([file, text]) => [file, text.replace('profile: rfc', 'profile: cisco-ios-xe')]));
    expect(planOf(cisco(tiny), cisco(closed), { inventory }).coa!.byKind.reauthenticate).toBe(2);
  });

  it.each<[string, Criticality, string, string, Partial<CoaPlan['byKind']>]>([
    ['the usual step', 'high', '', 'rfc', { change: 2, unknown: 1 }],
    ['what the switch knows', 'high', '', 'cisco-ios-xe', { reauthenticate: 2, unknown: 1 }],
    ['the order of the class', 'high', '[disconnect, coa]', 'rfc', { disconnect: 2, unknown: 1 }],
    ['a bounce where the class begins with it', 'standard', '[bounce]', 'cisco-ios-xe', { bounce: 2, unknown: 1 }],
    ['nothing where no step is left', 'standard', '[bounce]', 'rfc', { untold: 2, unknown: 1 }],
  ])('foresees the first step of the ladder: %s', (_, criticality, steps, profile, expected) => {
    const care = steps === '' ? '' : `, dynamicAuthorization: ${steps}`;
    const policies = [tiny, replaced('rules/flows.csv', 'p, infusion-pump, drug-library', '# p, infusion-pump')].map(
      (files) =>
        new Map(
          [...files].map(([file, text]) => [
            file,
            text
              .replace('criticality: life-critical', `criticality: ${criticality}${care}`)
              .replace('profile: rfc', `profile: ${profile}`),
          ]),
        ),
    );
    const plan = planOf(policies[0]!, policies[1]!, { inventory });
    expect(plan.coa!.byKind).toEqual({ ...noMessage, ...expected });
    const untold = expected.untold ?? 0;
    expect(plan.coa!.total).toBe(3 - untold);
    expect(formatPlan(plan, 'human').replaceAll(/\s+/g, ' ').includes('2 devices told nothing before the next')).toBe(
      untold > 0,
    );
  });

  it('names classes whose devices the network treats with other care', () => {
    const plan = planOf(tiny, replaced('catalog/classes.yaml', 'life-critical', 'high'));
    expect(plan.network).toEqual([
      { kind: 'class', name: 'infusion-pump', change: 'changed', fields: ['criticality', 'dynamicAuthorization'] },
    ]);
  });

  it('cuts off no life-critical device that has no access any more, and tells nothing to who had none', () => {
    const gone = replaced(
      'rules/access.csv',
      'p2, infusion-pump, everywhere, verified',
      '# p2, infusion-pump, verified',
    );
    const leaves = planOf(tiny, gone, { inventory });
    expect(leaves.coa!.byKind).toEqual({ ...noMessage, untold: 2 });
    expect(leaves.coa).toMatchObject({ total: 0, perNas: [] });
    expect(leaves.access.changes.map(({ aspects, devices }) => [aspects, devices])).toEqual([[['rejected'], 2]]);
    const comes = planOf(gone, tiny, { inventory });
    expect(comes.coa!.total).toBe(0);
    expect(comes.access.changes.map(({ aspects }) => aspects)).toEqual([['admitted']]);
  });

  it('reports names that no policy knows and leaves their devices out, counted', () => {
    const text = 'class,site,nas,count\ntoaster,main,sw1,4\ninfusion-pump,moon,,3\ninfusion-pump,main,sw9,2';
    const plan = planOf(tiny, tiny, { inventory: text });
    expect(plan.summary.devices).toEqual({ total: 9, changed: 0, unplaced: 7 });
    expect(plan.findings.map(({ code, span }) => [code, span?.line])).toEqual([
      ['inventory-unknown-class', 2],
      ['inventory-unknown-site', 3],
      ['inventory-unknown-nas', 4],
    ]);
  });

  it('says that a switch leaves the policy while devices are on it', () => {
    const nas = `sw2: { address: 10.0.3.12, site: main, profile: rfc, secret: "env:RADIUS_SECRET" }\n`;
    const plan = planOf(tiny, policyFiles({ 'network/nas.yaml': nas }), { inventory });
    expect(plan.findings.map(({ code }) => code)).toEqual(['nas-removed']);
    expect(plan.network).toEqual([
      { kind: 'nas', name: 'sw1', change: 'removed', fields: [] },
      { kind: 'nas', name: 'sw2', change: 'added', fields: [] },
    ]);
    expect(plan.coa!.total).toBe(0);
    expect(plan.access.changes.flatMap(({ aspects }) => aspects)).toContain('rejected');
  });

  it('names fields of switches and segments that differ, not their values', () => {
    const plan = planOf(tiny, replaced('network/nas.yaml', 'env:RADIUS_SECRET', 'env:RADIUS_OTHER'));
    expect(plan.network).toEqual([{ kind: 'nas', name: 'sw1', change: 'changed', fields: ['secret'] }]);
    expect(plan.changed).toBe(true);
    expect(JSON.stringify(plan)).not.toContain('RADIUS_OTHER');
  });

  it('says of which switches another thing is wanted while no RADIUS server answers', () => {
    const down = (text: string) =>
      policyFiles({
        'network/server-down.yaml': text,
        'catalog/segments-x.yaml':
          'newcomers: { role: unknown, sites: { main: { vlan: 997, prefixes: [10.97.0.0/20, "fd97::/64"] } } }',
      });
    const plan = planOf(
      down('sites: { main: none }'),
      down('servers: { a: { address: 10.0.8.10 } }\nsites: { main: { segment: newcomers } }'),
    );
    expect(plan.network).toEqual([{ kind: 'nas', name: 'sw1', change: 'changed', fields: ['serverDown'] }]);
    expect(plan.findings.map(({ code }) => code)).toContain('server-down-flows');
  });

  it('says that another fingerprint of a class is asked for', () => {
    const suspicions = (value: string) =>
      policyFiles({
        'network/suspicions.yaml': `classes: { infusion-pump: { fingerprints: { dhcp-host-name: ["${value}"] } } }`,
      });
    const { network } = planOf(suspicions('pump-*'), suspicions('alaris-*'));
    expect(network).toEqual([{ kind: 'suspicions', name: 'suspicions', change: 'changed', fields: ['classes'] }]);
  });

  it('shows a switch that no longer enforces port ACLs, and its replies as those of such a switch', () => {
    const none = replaced('network/nas.yaml', 'profile: rfc', 'profile: rfc, portAcl: none');
    const plan = planOf(tiny, none, { inventory });
    expect(plan.network).toEqual([{ kind: 'nas', name: 'sw1', change: 'changed', fields: ['portAcl'] }]);
    expect(plan.coa).toMatchObject({ total: 3, byKind: { change: 3 } });
    const moved = new Map([
      ...none,
      ['catalog/segments.yaml', tiny.get('catalog/segments.yaml')!.replace('210', '211')],
    ]);
    const [rendered] = planOf(none, moved, { inventory }).access.rendered;
    expect(rendered).toMatchObject({ profile: 'rfc (portAcl: none)', roles: [{ after: 'infusion-pump' }] });
    expect(planOf(none, moved, { inventory }).budgets[0]?.after).toMatchObject({ entries: 0 });
  });

  it('says that a segment becomes one for telephones, and what switches are told', () => {
    const voice = replaced('catalog/segments.yaml', '  dedicatedTo:', '  voice: true\n  dedicatedTo:');
    const { access, network } = planOf(tiny, voice, { inventory });
    expect(network).toEqual([{ kind: 'segment', name: 'pumps', change: 'changed', fields: ['voice'] }]);
    expect(access.changes.map(({ aspects }) => aspects)).toEqual([['voice'], ['voice']]);
    expect(access.rendered[0]?.lines.map(({ sign, text }) => sign + text)).toContain('+Egress-VLANID = 210 tagged');
  });

  it('compares the longest ACL of each switch with what its ports take', () => {
    const limit = replaced('network/nas.yaml', 'profile: rfc', 'profile: rfc, aclEntries: 20');
    const more = new Map([...limit, ['rules/plan.csv', 'p, infusion-pump, remediation, https, allow, always, x']]);
    const [row] = planOf(limit, more).budgets;
    expect(row).toMatchObject({ nas: 'sw1', limit: 20, exceeded: false });
    expect(row!.after!.entries).toBe(row!.before!.entries + 2);
    expect(row!.after!.role).toBe('infusion-pump');
  });
});

describe('tests and invariants in a plan', () => {
  const close = replaced('rules/flows.csv', 'p, infusion-pump, drug-library', '# p, infusion-pump, drug-library');
  const names = (list: readonly { name: string }[]): string[] => list.map(({ name }) => name);

  it('are newly broken, still broken or fixed', () => {
    expect(names(planOf(tiny, close).tests.newlyBroken)).toEqual(['pumps reach the library']);
    expect(planOf(tiny, close).tests.newlyBroken[0]!.failures[0]).toContain('expected ALLOW, got DENY');
    expect(names(planOf(close, close).tests.stillBroken)).toEqual(['pumps reach the library']);
    expect(names(planOf(close, tiny).tests.newlyFixed)).toEqual(['pumps reach the library']);
  });

  it('are not fixed by being taken away or rewritten', () => {
    const without = new Map([...close, ['tests/flows.yaml', 'invariants: []\n']]);
    const { tests } = planOf(close, without);
    expect(tests.newlyFixed).toEqual([]);
    expect(names(tests.removed)).toHaveLength(3);
    const weaker = tiny.get('tests/flows.yaml')!.replace('never: { from: infusion-pump', 'never: { from: quarantined');
    const rewritten = planOf(tiny, policyFiles({ 'tests/flows.yaml': weaker }));
    expect(names(rewritten.tests.removed)).toEqual(['pumps never reach the internet']);
    expect(rewritten.changed).toBe(true);
  });
});

describe('a changed line without effect at this time', () => {
  const always = 'p, infusion-pump, remediation, https, allow, always, x';
  const night = 'catalog/schedules-night.yaml';
  const hours = (from: string): string =>
    `night: { days: [mon, tue, wed, thu, fri, sat, sun], from: "${from}", to: "05:00", timezone: Europe/Berlin }`;
  const scheduled = (from: string, rule = always.replace('always', 'night')): Map<string, string> =>
    policyFiles({ [night]: hours(from), 'rules/plan.csv': rule });
  const marks = (from: Map<string, string>, to: Map<string, string>): string[] =>
    planOf(from, to).dormant.map(({ sign, file, line }) => `${sign}${file}:${line}`);

  it('is listed, because nothing else shows it', () => {
    const none = policyFiles({ [night]: hours('22:00') });
    expect(marks(none, scheduled('22:00'))).toEqual(['+rules/plan.csv:1']);
    expect(marks(scheduled('22:00'), none)).toEqual(['-rules/plan.csv:1']);
    expect(planOf(none, scheduled('22:00')).changed).toBe(true);
    const tonight = planOf(none, scheduled('22:00'), { at: new Date('2026-11-24T23:00:00Z') });
    expect(tonight.dormant).toEqual([]);
    expect(tonight.flows).toHaveLength(1);
  });

  it('is listed when another line covers it now', () => {
    const both = scheduled('22:00', `${always}\n${always.replace('always', 'night')}`);
    expect(marks(scheduled('22:00', always), both)).toEqual(['+rules/plan.csv:2']);
  });

  it('is listed when its schedule has other hours', () => {
    expect(marks(scheduled('22:00'), scheduled('20:00'))).toEqual(['~rules/plan.csv:1']);
  });

  it('is not listed for another note or place', () => {
    expect(
      marks(scheduled('22:00', always), scheduled('22:00', `# moved\n${always}`.replace('always, x', 'always, y'))),
    ).toEqual([]);
  });
});

describe('findings in a plan', () => {
  const finding = (summary: string, line = 1) => ({
    severity: 'warning' as const,
    code: 'a',
    summary,
    hint: 'h',
    span: { file: 'rules/a.csv', line, column: 1 },
  });

  it.each([
    [
      'another line number, in place and text',
      [finding('as rules/b.csv:4 says', 1)],
      [finding('as rules/b.csv:9 says', 7)],
      0,
    ],
    ['another text', [finding('x')], [finding('y')], 1],
    ['a second one alike', [finding('x')], [finding('x', 1), finding('x', 2)], 1],
    ['one that is gone', [finding('x')], [], 0],
  ])('%s', (_, before, after, count) => expect(newFindings(before, after)).toHaveLength(count));

  it('are told when a change brings them', () => {
    const plan = planOf(tiny, withLines('p, infusion-pump, remediation, https, deny, until 2027-03-31, x'));
    expect(plan.findings.map(({ code }) => code)).toEqual(['expiring-deny']);
    expect(plan.at).toBe(plannedAt.toISOString());
  });

  it('of the plan itself all stand in its guide, with a remedy, in order', () => {
    const guide = readFileSync(join(import.meta.dirname, '../../../docs/reading-a-plan.md'), 'utf8');
    const rows = [...guide.matchAll(/^\| `([a-z-]+)` +\| (error|warning) +\| [^|]+\w[^|]+ \| [^|]+\w[^|]+ \|$/gm)];
    const expected = Object.entries(planCodes).map(([code, [severity]]) => `${code} ${severity}`);
    expect(rows.map(([, code, severity]) => `${code} ${severity}`)).toEqual(expected.sort());
  });
});
