import { policyFiles } from '#testkit';
import { describe, expect, it } from 'vitest';
import { reviewPolicy } from '../analyse/analyse.js';
import { candidateOf } from '../candidate.js';
import { compilePolicy } from '../compile/compile.js';
import { decideFlow } from '../decider.js';
import { renameInPolicy } from '../edit/rename.js';
import { formatPolicy } from '../format/format-policy.js';
import type { Policy } from '../policy.js';
import type { Snapshot } from '../snapshot.js';
import { buildSnapshot } from '../verify/check.js';
import { loadPolicy, PolicyLoader } from './load.js';

const noon = new Date('2026-11-23T11:00:00Z');
const line = 'p, infusion-pump, remediation, web, allow, always, "CHG-1"';

function policyWith(audit: string, parts: Record<string, string> = {}): Policy {
  const loaded = loadPolicy(policyFiles({ 'audit/x.csv': audit, ...parts }));
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.diagnostics));
  return loaded.value;
}

function compiled(policy: Policy): Snapshot {
  const result = compilePolicy(policy, noon);
  if (!result.ok) throw new Error(JSON.stringify(result.diagnostics));
  return result.value;
}

const verdictOf = (snapshot: Snapshot) => {
  const remediation = snapshot.endpoints.find(({ name }) => name === 'remediation')!.addresses.v4[0]!;
  const address = { family: 4 as const, value: remediation.first };
  return decideFlow(snapshot, {
    source: { class: 'infusion-pump' },
    destination: { address },
    protocol: 6,
    port: 443,
  });
};

describe('a line under audit/', () => {
  it('is in no snapshot: the policy compiles to the same with it as without', () => {
    const without = compiled(policyWith('# none yet\n'));
    const snapshot = compiled(policyWith(line));
    expect(snapshot.digest).toBe(without.digest);
    expect(verdictOf(snapshot).verdict).toBe('deny');
  });

  it('is in force in the candidate, at its place', () => {
    const candidate = compiled(candidateOf(policyWith(line))!);
    expect(verdictOf(candidate)).toMatchObject({ verdict: 'allow', rules: [{ file: 'audit/x.csv', line: 1 }] });
    const denying = compiled(
      candidateOf(policyWith('p, infusion-pump, drug-library, https, deny, always, x', { 'rules/x.csv': line }))!,
    );
    expect(denying.flowRules.map(({ file }) => file)).toContain('audit/x.csv');
  });

  it('is the same rule when it is moved into rules/', () => {
    const candidate = compiled(candidateOf(policyWith(line))!);
    const promoted = compiled(policyWith('# moved\n', { 'rules/x.csv': line }));
    const idOf = ({ flowRules }: Snapshot, file: string) => flowRules.find((rule) => rule.file === file)!.id;
    expect(idOf(promoted, 'rules/x.csv')).toBe(idOf(candidate, 'audit/x.csv'));
  });

  it('makes no candidate where there is none', () => expect(candidateOf(policyWith('# none\n'))).toBeNull());

  it.each<[string, string, string, RegExp]>([
    ['a class that is not declared', 'p, infusion-pumps, remediation, web, allow, always, x', 'unknown-name', /mean/],
    ['a wrong effect', 'p, infusion-pump, remediation, web, Allow, always, x', 'bad-effect', /lower case/],
    ['a missing column', 'p, infusion-pump, remediation, web, allow, always', 'column-count', /write `p/],
    ['a membership', 'g, library-1, other', 'audit-line', /cordon candidate start/],
    ['an access rule', 'p2, device, main, at-risk, pumps, always, x', 'audit-line', /cordon candidate start/],
    ['a line twice', `${line}\n${line}`, 'duplicate-rule', /remove one of the two/],
    [
      'a line that is in force',
      'p, infusion-pump, drug-library, https, allow, always, other note',
      'duplicate-rule',
      /it is in force/,
    ],
  ])('is an error of the policy with %s', (_, text, code, hint) => {
    const errors = loadPolicy(policyFiles({ 'audit/x.csv': text })).diagnostics.filter(
      ({ severity }) => severity === 'error',
    );
    expect(errors).toEqual([expect.objectContaining({ code, hint: expect.stringMatching(hint) })]);
    expect(errors[0]!.span?.file).toBe('audit/x.csv');
  });

  it('stands in a .csv file, or nobody would read it', () => {
    const found = loadPolicy(policyFiles({ 'audit/x.yaml': 'a: 1', 'Audits/y.csv': line })).diagnostics;
    expect(found.map(({ code, span }) => `${code} ${span?.file}`)).toEqual([
      'unknown-file Audits/y.csv',
      'unknown-file audit/x.yaml',
    ]);
  });

  it('uses the names that it has', () => {
    const parts = { 'catalog/endpoints-x.yaml': 'jump-host: { addresses: [10.10.7.7] }' };
    const unused = (audit: string) =>
      reviewPolicy(policyWith(audit, parts), [], noon).filter(({ summary }) =>
        summary.startsWith('`jump-host` is an endpoint'),
      );
    expect(unused('# none\n')).toHaveLength(1);
    expect(unused('p, infusion-pump, jump-host, web, allow, always, x')).toEqual([]);
  });

  it('is formatted and renamed like the others', () => {
    const files = policyFiles({ 'audit/x.csv': 'p,infusion-pump,remediation,web,allow,always,x\n' });
    expect([...formatPolicy(files).changed.keys()]).toEqual(['audit/x.csv']);
    const moved = renameInPolicy(files, { space: 'principal', from: 'infusion-pump', to: 'pump' });
    expect(moved.ok && moved.value.changed.get('audit/x.csv')).toContain('p,pump,remediation');
  });

  it('is known to a loader of one version after another', () => {
    const loader = new PolicyLoader();
    const rulesOf = (audit: string | null) => {
      const loaded = loader.load(policyFiles({ 'audit/x.csv': audit }));
      return loaded.ok ? loaded.value.auditRules : null;
    };
    const [first] = rulesOf(`${line}\n`)!;
    expect(rulesOf(`${line}\n# more\n`)![0]).toBe(first);
    expect(rulesOf(`# above\n${line}`)![0]).toMatchObject({ id: first!.id, span: { line: 2 } });
    expect(rulesOf(null)).toEqual([]);
  });
});

describe('the check of a policy with lines in audit', () => {
  const check = (audit: string) =>
    buildSnapshot(policyFiles({ 'audit/x.csv': audit }), noon, () => []).diagnostics.filter(
      ({ code }) => code === 'audit-refused',
    );

  it('says nothing of lines that could be in force', () => expect(check(line)).toEqual([]));

  it('warns of a test that would fail with them', () => {
    expect(check('p, infusion-pump, library-1, https, deny, always, x')).toEqual([
      expect.objectContaining({
        severity: 'warning',
        summary: expect.stringContaining('test `pumps reach the library`'),
      }),
    ]);
  });
});
