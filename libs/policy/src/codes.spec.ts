import { policyFiles } from '#testkit';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { policyCodes, Report } from './codes.js';
import { loadPolicy } from './load/load.js';

const docs = readFileSync(join(import.meta.dirname, '../../../docs/policy-language.md'), 'utf8');

describe('docs/policy-language.md', () => {
  it('lists exactly the codes that policy code gives, with their severity', () => {
    const rows = [...docs.matchAll(/^\| `([a-z-]+)` +\| (error|warning|info) +\| (.+?) +\| (.+?) +\|$/gm)];
    expect(rows.map(([, code, severity]) => `${code} ${severity}`)).toEqual(
      Object.entries(policyCodes)
        .map(([code, [severity]]) => `${code} ${severity}`)
        .sort(),
    );
  });

  it('has only examples that load together', () => {
    const files = policyFiles({
      'rules/flows.csv': null,
      'rules/access.csv': null,
      'tests/flows.yaml': null,
      'rules/membership.csv':
        'g, infusion-pump, medical-device\ng, drug-library-1, drug-library\ng3, main-wifi, main\n',
      // What the examples mention and don't declare.
      'catalog/classes-x.yaml': 'medical-device: {}\nct-scanner: {}\nquarantined: {}\nworkstation: {}\nip-camera: {}\n',
      'catalog/endpoints-x.yaml':
        'pump-gateway: { addresses: [10.10.4.21] }\nvendor-support: { addresses: [10.10.4.22] }\nremediation-portal: { addresses: [10.10.4.23] }\ndns-servers: { addresses: [10.10.4.24] }\n',
      'catalog/applications-x.yaml': 'pump-comms: { ports: [tcp/3613] }\nhttps: { ports: [tcp/443] }\n',
      'network/nas-x.yaml':
        'main-idf3-ovs: { address: 10.0.3.12, site: main, profile: rfc, secret: "env:SECRET" }\n' +
        'access-1: { address: 10.0.3.20, site: main, profile: rfc, secret: "env:A" }\n' +
        'access-2: { address: 10.0.3.21, site: main, profile: rfc, secret: "env:A" }\n' +
        'main-wlc-1: { address: 10.0.9.10, site: main, profile: rfc, secret: "env:A" }\n',
      'catalog/schedules-x.yaml': "night-shift: { days: [sun], from: '01:00', to: '04:00', timezone: Europe/Berlin }\n",
      'catalog/segments-x.yaml':
        'pumps-limited: { sites: { main: { vlan: 211, prefixes: [10.22.0.0/20, "fd22::/64"] } } }\n' +
        'server-down: { role: unknown, sites: { everywhere: { vlan: 997, prefixes: [10.97.0.0/20, "fd97::/64"] } } }\n' +
        'voice: { voice: true, sites: { everywhere: { vlan: 340, prefixes: [10.34.0.0/20, "fd34::/64"] } } }\n',
      'catalog/sites-x.yaml': 'north: {}\n',
    });
    let examples = 0;
    for (const [, language, text] of docs.matchAll(/^```(csv|yaml)\n(.*?)^```$/gms)) {
      const before = docs.slice(0, docs.indexOf(text!));
      const heading = /`((?:[a-z]+\/)?[a-z-]+\.yaml)`$/.exec(
        before.slice(before.lastIndexOf('\n#')).split('\n')[1]!,
      )?.[1];
      const name = language === 'csv' ? `rules/example-${examples}.csv` : (heading ?? `tests/example-${examples}.yaml`);
      // Of other files the examples are alternatives.
      const isPart = name === 'network/enforcement-points.yaml';
      files.set(isPart ? name.replace('.yaml', `-${examples}.yaml`) : name, text!);
      examples++;
    }
    expect(examples).toBe(27);
    expect(loadPolicy(files).diagnostics).toEqual([]);
  });
});

describe('a report', () => {
  it('sorts by place and knows whether there is an error', () => {
    const report = new Report();
    report.add('expired-rule', { file: 'b', line: 2, column: 1 }, 'x', 'y');
    expect(report.hasErrors).toBe(false);
    report.add('schema', { file: 'a', line: 9, column: 1 }, 'x', 'y');
    report.add('empty-policy', null, 'x', 'y');
    expect(report.hasErrors).toBe(true);
    expect(report.diagnostics.map(({ code }) => code)).toEqual(['empty-policy', 'schema', 'expired-rule']);
  });
});
