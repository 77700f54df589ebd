import { policyFiles } from '#testkit';
import { describe, expect, it } from 'vitest';
import { buildSnapshot } from './check.js';

const noon = new Date('2026-11-23T11:00:00Z');

/** What the policy's own tests say of a policy with these parts. */
function failures(parts: Record<string, string | null>, at = noon): string[] {
  const built = buildSnapshot(policyFiles(parts), at, () => []);
  return built.diagnostics
    .filter(({ severity }) => severity === 'error')
    .map(({ code, summary }) => `${code}: ${summary}`);
}

const tests = (text: string): Record<string, string> => ({ 'tests/x.yaml': text });
const rule = (line: string): Record<string, string> => ({ 'rules/x.csv': line });

describe('tests of a policy', () => {
  it('hold for the small policy', () => expect(failures({})).toEqual([]));

  it.each([
    [
      'an allow that is denied',
      '{ name: t, from: infusion-pump, to: remediation, app: https, expect: allow }',
      'infusion-pump -> remediation https: expected ALLOW, got DENY',
    ],
    [
      'a deny that is allowed, with the line',
      '{ name: t, from: infusion-pump, to: library-1, app: tcp/443, expect: deny }',
      'expected DENY, got ALLOW by rules/flows.csv:2',
    ],
    [
      'an allow of which only a part holds',
      '{ name: t, from: infusion-pump, to: library-1, app: any, expect: allow }',
      'expected ALLOW, got DENY',
    ],
    [
      'a deny of which only a part holds, and not the first',
      '{ name: t, from: infusion-pump, to: library-1, app: "tcp/400-500", expect: deny }',
      'expected DENY, got ALLOW by rules/flows.csv:2',
    ],
    [
      'an address',
      '{ name: t, from: infusion-pump, to: "192.0.2.1", app: tcp/80, expect: allow }',
      'got DENY by rules/flows.csv:3',
    ],
    [
      'another segment',
      '{ name: t, class: infusion-pump, site: main, posture: at-risk, expect: pumps }',
      'expected `pumps`, got `quarantine` by rules/access.csv:2',
    ],
    [
      'a reject that is granted',
      '{ name: t, class: infusion-pump, site: main, posture: verified, expect: reject }',
      'expected reject, got `pumps`',
    ],
    [
      'a grant that is a reject',
      '{ name: t, class: medical-device, site: main, posture: verified, expect: pumps }',
      'expected `pumps`, got reject',
    ],
  ])('report %s', (_, test, expected) => {
    const found = failures(tests(`tests:\n  - ${test}`));
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(expected);
  });

  it('judge schedules at the instant that they name', () => {
    const one = (at: string, expect: string) =>
      tests(`tests:\n  - { name: t, from: quarantined, to: remediation, app: https, expect: ${expect}, at: "${at}" }`);
    expect(failures(one('2026-11-23T11:00:00Z', 'allow'))).toEqual([]);
    expect(failures(one('2026-11-23T23:00:00Z', 'deny'))).toEqual([]);
    expect(failures(one('2026-11-22T11:00:00Z', 'allow'))).toHaveLength(1);
  });
});

describe('invariants', () => {
  it.each([
    [
      'never',
      'never: { from: infusion-pump, to: library-1, app: https }',
      'infusion-pump -> library-1 https: expected DENY, got ALLOW by rules/flows.csv:2',
    ],
    [
      'never, by a port of an application',
      'never: { from: infusion-pump, to: library-1, app: tcp/443 }',
      'got ALLOW by rules/flows.csv:2',
    ],
    [
      'never, below a class',
      'never: { from: medical-device, to: drug-library }',
      'infusion-pump -> drug-library any: expected DENY, got ALLOW',
    ],
    [
      'always',
      'always: { from: infusion-pump, to: remediation, app: https }',
      'expected ALLOW, got DENY: no rule allows it',
    ],
    [
      'always, where one of several fails',
      'always: { from: infusion-pump, to: [library-1, remediation], app: https }',
      'infusion-pump -> remediation https',
    ],
  ])('%s is broken with an example and the line', (_, invariant, expected) => {
    const found = failures(tests(`invariants:\n  - { name: i, ${invariant} }`));
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(expected);
  });

  it('never covers what a device counts as in quarantine', () => {
    const found = failures(tests('invariants:\n  - { name: i, never: { from: infusion-pump, to: remediation } }'));
    expect(found[0]).toContain('quarantined -> remediation any: expected DENY, got ALLOW by rules/flows.csv:4');
  });

  it('never finds a single address in a prefix, and a single port', () => {
    const parts = {
      ...tests('invariants:\n  - { name: i, never: { from: infusion-pump, to: net } }'),
      'catalog/endpoints-x.yaml': 'net: { addresses: [10.40.0.0/16, "fd40::/32"] }\nhole: { addresses: ["fd40::99"] }',
      'catalog/applications-x.yaml': 'odd: { ports: [udp/7777] }',
    };
    expect(failures(parts)).toEqual([]);
    const [found] = failures({ ...parts, ...rule('p, infusion-pump, hole, odd, allow, always, x') });
    expect(found).toContain('(for example infusion-pump -> fd40::99 udp/7777)');
  });

  it('only names whoever else may open connections', () => {
    const only = tests('invariants:\n  - { name: i, only: { from: library-1, to: infusion-pump } }');
    expect(failures({ ...only, ...rule('p, drug-library, infusion-pump, https, allow, always, x') })).toEqual([]);
    const wider = failures({ ...only, ...rule('p, remediation, infusion-pump, https, allow, always, x') });
    expect(wider[0]).toContain(
      '-> infusion-pump any: expected DENY, got ALLOW by rules/x.csv:1 (for example 10.10.9.9 -> infusion-pump tcp/443)',
    );
    const device = failures({ ...only, ...rule('p, quarantined, infusion-pump, https, allow, always, x') });
    expect(device[0]).toContain('quarantined -> infusion-pump');
  });
});
