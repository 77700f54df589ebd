import { policyFiles } from '#testkit';
import { describe, expect, it } from 'vitest';
import { compilePolicy } from './compile/compile.js';
import { enforcementRules } from './enforcement.js';
import { explainFlow } from './explain/explain-flow.js';
import { loadPolicy } from './load/load.js';
import type { Snapshot } from './snapshot.js';

function snapshot(parts: Record<string, string> = {}): Snapshot {
  const policy = loadPolicy(policyFiles(parts));
  if (!policy.ok) throw new Error(JSON.stringify(policy.diagnostics));
  const compiled = compilePolicy(policy.value, new Date('2026-11-23T11:00:00Z'));
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.diagnostics));
  return compiled.value;
}

describe('explainFlow', () => {
  it.each([
    ['infusion-pump', 'drug-library', 'https', 'allow', [2]],
    ['infusion-pump', '10.10.4.20', 'tcp/443', 'allow', [2]],
    ['infusion-pump', 'fd10:4::20', 'web', 'allow', [2]],
    ['infusion-pump', '10.10.4.21', 'tcp/443', 'deny', []],
    ['infusion-pump', 'internet', 'https', 'deny', [3]],
    ['infusion-pump', '2001:db8::1', 'udp/53', 'deny', [3]],
    ['quarantined', 'drug-library', 'https', 'deny', []],
    ['device', 'drug-library', 'https', 'deny', []],
    ['infusion-pump', 'infusion-pump', 'any', 'deny', []],
  ] as const)('%s -> %s %s: %s', (from, to, app, verdict, lines) => {
    const answer = explainFlow(snapshot(), { from, to, app });
    expect(answer.ok && { verdict: answer.value.verdict, lines: answer.value.rules.map(({ line }) => line) }).toEqual({
      verdict,
      lines,
    });
  });

  it('calls a question denied of which only a part is allowed, and says which part is not', () => {
    const answer = explainFlow(snapshot(), { from: 'infusion-pump', to: 'drug-library', app: 'any' });
    expect(answer.ok && answer.value).toMatchObject({
      verdict: 'deny',
      reason: expect.stringContaining('only part of it is allowed'),
    });
  });

  it('lets a deny on the address win over an allow by name', () => {
    const parts = {
      'catalog/endpoints-x.yaml': 'vendor: { addresses: [203.0.113.9, "2001:db8::9"] }',
      'rules/x.csv': 'p, infusion-pump, vendor, https, allow, always, x',
    };
    const answer = explainFlow(snapshot(parts), { from: 'infusion-pump', to: 'vendor', app: 'https' });
    expect(answer.ok && answer.value).toMatchObject({ verdict: 'deny', rules: [{ file: 'rules/flows.csv', line: 3 }] });
  });

  it('names the nearest name for one that it does not know', () => {
    const answer = explainFlow(snapshot(), { from: 'infusion-pmp', to: 'library-2', app: 'htps' });
    expect(answer.ok).toBe(false);
    const hints = answer.diagnostics.map(({ hint }) => hint).join();
    for (const name of ['`infusion-pump`', '`library-1`', '`https`']) expect(hints).toContain(name);
  });
});

describe('enforcementRules', () => {
  it('covers the device segments of a site and the rules in force with a device on a side', () => {
    const rules = enforcementRules(snapshot(), 'main');
    expect(rules.entries.map(({ line, action }) => [line, action])).toEqual([
      ['rules/flows.csv:2', 'allow'],
      ['rules/flows.csv:3', 'deny'],
      ['rules/flows.csv:4', 'allow'],
    ]);
    expect(rules.scope.v4).toHaveLength(2);
    expect(rules.scope.v6).toHaveLength(2);
    const [allow] = rules.entries;
    expect(allow?.source).toEqual({ kind: 'classes', classes: ['infusion-pump'] });
  });

  it('covers the segments of the sites below, and of no site above', () => {
    const catalog = {
      'catalog/segments-x.yaml':
        'office: { sites: { main-wifi: { vlan: 300, prefixes: [10.30.0.0/24, "fd30::/64"] } } }\n',
      'rules/access-x.csv': 'p2, medical-device, main-wifi, verified, office, always, ""\n',
    };
    const [above, below] = ['main', 'main-wifi'].map((site) => enforcementRules(snapshot(catalog), site).scope.v4);
    expect(above).toHaveLength(3);
    expect(below).toHaveLength(1);
  });

  it('leaves out what is not in force', () => {
    const policy = loadPolicy(policyFiles());
    const night = policy.ok && compilePolicy(policy.value, new Date('2026-11-22T11:00:00Z'));
    expect(night && night.ok && enforcementRules(night.value, 'main').entries.map(({ line }) => line)).toEqual([
      'rules/flows.csv:2',
      'rules/flows.csv:3',
    ]);
  });
});
