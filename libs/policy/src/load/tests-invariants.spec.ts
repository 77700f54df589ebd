import { policyFiles } from '#testkit';
import { describe, expect, it } from 'vitest';
import type { Invariant } from '../policy.js';
import { loadPolicy } from './load.js';

const prefix = 'invariants:\n  - ';
const load = (text: string, parts: Record<string, string> = {}) =>
  loadPolicy(policyFiles({ 'tests/flows.yaml': null, 'tests/x.yaml': `${prefix}${text}\n`, ...parts }));

describe('a malformed invariant is refused with its place and what to do', () => {
  it.each([
    [
      'no claim',
      '{ name: x }',
      'schema',
      '2:5',
      /the invariant claims nothing/,
      /one of `never:`, `always:` and `only:`/,
    ],
    [
      'two claims',
      '{ name: x, never: { from: device, to: internet }, only: { from: device, to: internet } }',
      'schema',
      '2:5',
      /`never` and `only` in one invariant/,
      /write one of/,
    ],
    ['no name', '{ never: { from: device, to: internet } }', 'schema', '2:5', /`name`/, /docs\/policy-language/],
    ['a claim without a body', '{ name: x, never: }', 'schema', '2:23', /expected object/, /docs\/policy-language/],
    [
      'an unknown field',
      '{ name: x, never: { from: device, to: internet, ap: any } }',
      'schema',
      '2:57',
      /`ap` is not a field/,
      /correct its name/,
    ],
    [
      'an unknown field beside the claim',
      '{ name: x, unless: y, never: { from: device, to: internet } }',
      'schema',
      '2:24',
      /`unless` is not a field/,
      /correct its name/,
    ],
    [
      'a missing end',
      '{ name: x, never: { from: device } }',
      'schema',
      '2:23',
      /`to`: write one, or a list/,
      /docs\/policy-language/,
    ],
    [
      'an empty list',
      '{ name: x, never: { from: [], to: internet } }',
      'schema',
      '2:31',
      /the list is empty: name at least one/,
      /docs\/policy-language/,
    ],
    [
      'an empty list of sites',
      '{ name: x, never: { from: device, to: internet, sites: [] } }',
      'schema',
      '2:60',
      /the list is empty/,
      /docs/,
    ],
    [
      'an empty list of instants',
      '{ name: x, at: [], never: { from: device, to: internet } }',
      'schema',
      '2:20',
      /the list is empty/,
      /docs/,
    ],
    [
      'a posture that is none',
      '{ name: x, never: { from: device, to: internet, postures: [verifid] } }',
      'schema',
      '2:64',
      /`postures.0`/,
      /did you mean `verified`\?/,
    ],
    [
      'an unknown site',
      '{ name: x, never: { from: device, to: internet, sites: [main, mian] } }',
      'unknown-name',
      '2:67',
      /`mian` is not declared/,
      /did you mean `main`\?/,
    ],
    [
      'an unknown class',
      '{ name: x, always: { class: infusion-pmp, segment: pumps } }',
      'unknown-name',
      '2:33',
      /`infusion-pmp`/,
      /did you mean `infusion-pump`\?/,
    ],
    [
      'an endpoint as a class',
      '{ name: x, always: { class: library-1, segment: pumps } }',
      'unknown-name',
      '2:33',
      /`library-1`/,
      /correct the invariant/,
    ],
    [
      'an unknown segment',
      '{ name: x, only: { class: infusion-pump, segment: [pumps, pmups] } }',
      'unknown-name',
      '2:63',
      /`pmups`/,
      /did you mean `pumps`\?/,
    ],
    [
      'an unknown exception',
      '{ name: x, never: { from: quarantined, to: any, except: { to: [remedation] } } }',
      'unknown-name',
      '2:68',
      /`remedation`/,
      /did you mean `remediation`\?/,
    ],
    [
      'everybody as an exception',
      '{ name: x, never: { from: quarantined, to: any, except: { to: any } } }',
      'unknown-name',
      '2:67',
      /`any`/,
      /correct the invariant/,
    ],
    [
      'only everybody',
      '{ name: x, only: { from: any, to: infusion-pump } }',
      'unknown-name',
      '2:30',
      /`any`/,
      /correct the invariant/,
    ],
    [
      'an unknown part of an exception',
      '{ name: x, never: { from: device, to: any, except: { too: library-1 } } }',
      'schema',
      '2:63',
      /`too` is not a field/,
      /correct its name/,
    ],
    [
      'an application that is a class',
      '{ name: x, never: { from: device, to: any, except: { app: device } } }',
      'unknown-name',
      '2:63',
      /`device`/,
      /correct the invariant/,
    ],
    [
      'a place of endpoints',
      '{ name: x, never: { from: library-1, to: internet, sites: main } }',
      'schema',
      '2:63',
      /`sites` speaks of devices, and `from` and `to` name none/,
      /name a device class, or remove it/,
    ],
    [
      'a place of who may, not of whom',
      '{ name: x, only: { from: infusion-pump, to: library-1, posture: verified } }',
      'schema',
      '2:69',
      /`posture` speaks of devices, and `to` names none/,
      /name a device class/,
    ],
    [
      'one site beside several',
      '{ name: x, never: { from: device, to: internet, site: main, sites: [main-wifi] } }',
      'schema',
      '2:59',
      /`site` stands beside `sites`/,
      /put all of them into `sites`/,
    ],
    [
      'one posture beside several',
      '{ name: x, never: { class: device, segment: pumps, posture: verified, postures: [at-risk] } }',
      'schema',
      '2:65',
      /`posture` stands beside `postures`/,
      /`postures`/,
    ],
    [
      'instants and all of them',
      '{ name: x, at: 2027-01-01T00:00:00Z, throughout: 5 days, never: { from: device, to: internet } }',
      'schema',
      '2:54',
      /`at` and `throughout` contradict each other/,
      /keep `throughout` .* or `at`/,
    ],
    [
      'a day that is no instant',
      '{ name: x, at: 2027-01-01, never: { from: device, to: internet } }',
      'schema',
      '2:20',
      /not an instant: write 2027-01-01t00:00:00z/,
      /docs/,
    ],
    [
      'a time that is no number of days',
      '{ name: x, throughout: next-year, never: { from: device, to: internet } }',
      'schema',
      '2:28',
      /not a number of days: write `365 days`/,
      /docs/,
    ],
    [
      'a bare number of days',
      '{ name: x, throughout: 365, never: { from: device, to: internet } }',
      'schema',
      '2:28',
      /not a number of days/,
      /docs/,
    ],
    [
      'too long a time',
      '{ name: x, throughout: 2000 days, never: { from: device, to: internet } }',
      'schema',
      '2:28',
      /at most 1100 days/,
      /docs/,
    ],
    [
      'a time inside the claim',
      '{ name: x, never: { from: device, to: internet, throughout: 365 days } }',
      'schema',
      '2:65',
      /stands inside `never`/,
      /put it beside `never`/,
    ],
    [
      'packets and segments in one',
      '{ name: x, never: { from: device, to: internet, segment: pumps } }',
      'schema',
      '2:23',
      /`class`: write one/,
      /docs/,
    ],
  ] as const)('%s', (_, text, code, place, summary, hint) => {
    const loaded = load(text);
    expect(loaded.ok).toBe(false);
    const found = loaded.diagnostics.filter(
      (one) => one.code === code && `${one.span?.line}:${one.span?.column}` === place,
    );
    expect(loaded.diagnostics.map((one) => `${one.code} ${one.span?.line}:${one.span?.column}`)).toContain(
      `${code} ${place}`,
    );
    expect(found.map((one) => one.summary).join('\n')).toMatch(summary);
    expect(found.map((one) => one.hint).join('\n')).toMatch(hint);
    for (const one of loaded.diagnostics) expect(one.summary).not.toMatch(/\n|\.$/);
  });

  it('`any` where a name of the policy is `any`', () => {
    const parts = { 'catalog/endpoints-x.yaml': 'any: { addresses: [10.10.1.1, "fd10::1"] }' };
    const text = '{ name: x, never: { from: device, to: any } }';
    const [found] = load(text, parts).diagnostics;
    expect(found).toMatchObject({ code: 'duplicate-name', hint: 'rename that class or endpoint' });
    expect(load('{ name: x, never: { from: device, to: internet } }', parts).ok).toBe(true);
  });
});

describe('an invariant is read as', () => {
  const flows = {
    about: 'flows',
    kind: 'never',
    name: 'x',
    from: ['infusion-pump'],
    to: ['internet'],
    app: ['any'],
    where: null,
    except: { from: [], to: [], app: [] },
    when: { kind: 'check' },
  };
  const access = {
    about: 'access',
    kind: 'only',
    name: 'x',
    classes: ['infusion-pump'],
    segments: ['pumps'],
    where: { sites: ['everywhere'], postures: null },
    when: { kind: 'check' },
  };
  const never = 'never: { from: infusion-pump, to: internet';
  const only = 'only: { class: infusion-pump, segment: pumps';
  it.each([
    [`{ name: x, ${never} } }`, flows],
    [`{ name: x, ${never}, sites: [main] } }`, { ...flows, where: { sites: ['main'], postures: null } }],
    [
      `{ name: x, ${never}, site: main, posture: at-risk } }`,
      { ...flows, where: { sites: ['main'], postures: ['at-risk'] } },
    ],
    [
      `{ name: x, ${never}, postures: [verified] } }`,
      { ...flows, where: { sites: ['everywhere'], postures: ['verified'] } },
    ],
    [
      `{ name: x, ${never}, app: [web, tcp/22], except: { to: 192.0.2.1, app: https } } }`,
      { ...flows, app: ['web', 'tcp/22'], except: { from: [], to: ['192.0.2.1'], app: ['https'] } },
    ],
    [`{ name: x, throughout: 365 days, ${never} } }`, { ...flows, when: { kind: 'throughout', days: 365 } }],
    [
      `{ name: x, at: 2027-01-01T00:00:00Z, ${never} } }`,
      { ...flows, when: { kind: 'instants', instants: [new Date('2027-01-01T00:00:00Z')] } },
    ],
    [
      `{ name: x, at: ["2027-01-01T02:00:00+02:00"], ${never} } }`,
      { ...flows, when: { kind: 'instants', instants: [new Date('2027-01-01T00:00:00Z')] } },
    ],
    [`{ name: x, ${only} } }`, access],
    [
      `{ name: x, ${only}, site: main, postures: [verified, at-risk] } }`,
      { ...access, where: { sites: ['main'], postures: ['verified', 'at-risk'] } },
    ],
  ] as const)('%s', (text, expected) => {
    const loaded = load(text);
    expect(loaded.diagnostics).toEqual([]);
    const [{ span: _, ...read }] = (loaded.ok ? loaded.value.invariants : []) as [Invariant];
    expect(read).toEqual(expected);
  });
});
