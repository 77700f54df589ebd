import { parseAddress } from '#net';
import { describe, expect, it } from 'vitest';
import { enforcementRules } from './enforcement.js';
import { criticalRoleOf } from './server-down.js';
import { samplePolicy, sampleSnapshot } from './spec/sample.js';

const snapshot = sampleSnapshot(samplePolicy());
const address = (text: string) => parseAddress(text)!;

describe('a critical segment', () => {
  it.each([
    ['10.97.3.4', 'server-down'],
    ['fd97:100::9', 'server-down'],
    ['10.21.0.9', null],
    ['10.10.0.10', null],
  ])('has whoever holds one of its addresses count as its role: %s is %s', (text, role) => {
    expect(criticalRoleOf(snapshot, address(text))).toBe(role);
  });

  it('is known to firewalls by its addresses: nobody tells them who is there', () => {
    const { entries } = enforcementRules(snapshot, 'north');
    const toLibrary = entries.filter(({ line }) => line.startsWith('rules/flows-server-down.csv'));
    const byAddress = toLibrary.filter(
      ({ source, destination }) => source.kind === 'addresses' || destination.kind === 'addresses',
    );
    expect(toLibrary.filter(({ source }) => source.kind === 'classes').length).toBeGreaterThan(0);
    const ranges = byAddress.flatMap(({ source }) => (source.kind === 'addresses' ? source.addresses.v4 : []));
    expect(ranges).toContainEqual({ first: address('10.197.0.0').value, last: address('10.197.3.255').value });
    // That of another site is none of this firewall's.
    expect(ranges).not.toContainEqual({ first: address('10.97.0.0').value, last: address('10.97.15.255').value });
  });

  it('is held apart from rules between fixed addresses, which are nobody\u2019s to enforce', () => {
    const { entries } = enforcementRules(snapshot, 'main');
    const both = entries.filter(
      ({ source, destination }) => source.kind === 'addresses' && destination.kind === 'addresses',
    );
    expect(both.length).toBeGreaterThan(0);
    for (const { line } of both) expect(line).toMatch(/flows-/);
    const named = new Set(
      snapshot.flowRules
        .filter(({ subject, object }) => subject === 'server-down' || object === 'server-down')
        .map(({ file, line }) => `${file}:${line}`),
    );
    for (const { line } of both) {
      const rule = snapshot.flowRules.find((one) => `${one.file}:${one.line}` === line)!;
      const reaches = [rule.subject, rule.object].some((name) => name === 'server-down' || name === 'device');
      expect(named.has(line) || reaches).toBe(true);
    }
  });
});
