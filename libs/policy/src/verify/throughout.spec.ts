import { policyFiles } from '#testkit';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Report } from '../codes.js';
import { compileAccess } from '../compile/access.js';
import { compilePolicy } from '../compile/compile.js';
import { loadPolicy } from '../load/load.js';
import type { Policy } from '../policy.js';
import { at } from '../spec/generated.js';
import { naiveVerdict } from '../spec/naive.js';
import { runPolicyTests } from './policy-tests.js';
import { periodsAhead } from './timeline.js';

const check = new Date('2026-11-23T11:00:00Z');
const hour = 3_600_000;
const days = 9;
const horizon = Array.from({ length: days * 24 + 1 }, (_, i) => new Date(check.getTime() + i * hour));

/** The first broken instant of each invariant, by name. */
function firstBroken(policy: Policy): Record<string, string> {
  const compiled = compilePolicy(policy, check);
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.diagnostics));
  const first: Record<string, string> = {};
  for (const { name, at: instant } of runPolicyTests(policy, compiled.value))
    if (first[name] === undefined || instant < first[name]) first[name] = instant;
  return first;
}

function load(parts: Record<string, string>): Policy {
  const loaded = loadPolicy(policyFiles(parts));
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.diagnostics));
  return loaded.value;
}

const some = <T>(from: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...from);
const clock = fc.integer({ min: 0, max: 24 }).map((hours) => `${String(hours).padStart(2, '0')}:00`);
const weekdays = fc.uniqueArray(some(['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']), { minLength: 1 });
const schedule = fc.record({
  days: weekdays,
  from: clock,
  to: clock,
  timezone: some(['Europe/Berlin', 'America/New_York']),
});
const conditions = ['s0', 's1', 's2', 'always', 'until 2026-11-27', 'until 2026-11-20'];
const flow = fc
  .tuple(
    some(['infusion-pump', 'quarantined', 'device']),
    some(['library-1', 'remediation']),
    some(['allow', 'deny']),
    some(conditions),
  )
  .map(([from, to, effect, when]) => `p, ${from}, ${to}, web, ${effect}, ${when}, x`);
const placed = fc
  .tuple(some(['main', 'main-wifi']), some(['verified', 'unverified']), some(conditions.slice(0, 3)))
  .map(([site, posture, when]) => ({
    key: `${site} ${posture}`,
    line: `p2, infusion-pump, ${site}, ${posture}, quarantine, ${when}, x`,
  }));

const invariants = [
  'name: never, never: { from: infusion-pump, to: remediation, postures: [verified, unverified] }',
  'name: role, never: { from: infusion-pump, to: library-1 }',
  'name: only, only: { from: quarantined, to: remediation }',
  'name: always, always: { from: infusion-pump, to: library-1, app: https }',
  'name: placed, always: { class: infusion-pump, site: main, posture: verified, segment: pumps }',
];

/** The same, asked hour by hour. All that a rule of these can tell apart is these classes and addresses. */
function steppedThrough(policy: Policy): Record<string, string> {
  const first: Record<string, string> = {};
  const classes = [...policy.classes.keys()];
  for (const instant of horizon) {
    const grants = compileAccess(policy, instant, new Report()).filter((grant) => grant.class === 'infusion-pump');
    const isAllowed = (from: string, to: string): boolean =>
      naiveVerdict(
        policy,
        { source: { class: from }, destination: { address: at(to) }, protocol: 6, port: 443 },
        instant,
      ) === 'allow';
    const roles = (of: readonly string[]): string[] =>
      grants.filter(({ posture }) => of.includes(posture)).map(({ role }) => role);
    const broken = {
      never: roles(['verified', 'unverified']).some((role) => isAllowed(role, '10.10.9.9')),
      role: ['infusion-pump', ...grants.map(({ role }) => role)].some((role) => isAllowed(role, '10.10.4.20')),
      only: classes.some((name) => name !== 'quarantined' && isAllowed(name, '10.10.9.9')),
      always: !isAllowed('infusion-pump', '10.10.4.20'),
      placed: ['main', 'main-wifi'].some(
        (site) => grants.find((grant) => grant.site === site && grant.posture === 'verified')?.segment !== 'pumps',
      ),
    };
    for (const [name, isBroken] of Object.entries(broken)) if (isBroken) first[name] ??= instant.toISOString();
  }
  return first;
}

describe('throughout', () => {
  it('is broken at the first hour at which asking hour by hour finds it broken, and holds if none is', () => {
    let late = 0;
    fc.assert(
      fc.property(
        fc.array(schedule, { minLength: 3, maxLength: 3 }),
        fc.uniqueArray(flow, { maxLength: 4 }),
        fc.uniqueArray(placed, { maxLength: 2, selector: ({ key }) => key }),
        (schedules, flows, places) => {
          const policy = load({
            'catalog/schedules-x.yaml': schedules.map((one, i) => `s${i}: ${JSON.stringify(one)}`).join('\n'),
            'rules/x.csv': [...flows, ...places.map(({ line }) => line)].join('\n'),
            'tests/flows.yaml': `invariants:\n${invariants.map((text) => `  - { ${text}, throughout: ${days} days }`).join('\n')}`,
          });
          const expected = steppedThrough(policy);
          expect(firstBroken(policy)).toEqual(expected);
          late += Object.values(expected).filter((instant) => instant !== check.toISOString()).length;
        },
      ),
      { numRuns: 40 },
    );
    expect(late).toBeGreaterThan(0);
  });

  it('looks at each set of rules in force once, at its first instant', () => {
    const policy = load({
      'catalog/schedules-x.yaml':
        'night: { days: [mon, tue, wed, thu, fri, sat, sun], from: "22:00", to: "05:00", timezone: Europe/Berlin }',
      'rules/x.csv':
        'p, infusion-pump, remediation, https, allow, night, x\np, device, remediation, https, deny, until 2027-03-31, x',
    });
    const found = periodsAhead(policy, check, 365).map((period) => [
      period.at.toISOString(),
      [...period.ever].sort().join(),
    ]);
    expect(found).toEqual([
      ['2026-11-23T11:00:00.000Z', 'always,office,until 2027-03-31'],
      ['2026-11-23T18:00:00.000Z', 'always,until 2027-03-31'],
      ['2026-11-23T21:00:00.000Z', 'always,night,until 2027-03-31'],
      ['2027-04-01T00:00:00.000Z', 'always,night'],
      ['2027-04-01T03:00:00.000Z', 'always'],
      ['2027-04-01T05:00:00.000Z', 'always,office'],
    ]);
  });
});
