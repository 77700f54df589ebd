import { matchAcl, parseAddress, type AclPacket } from '#net';
import { filterName } from '#radius';
import { policyFiles } from '#testkit';
import { describe, expect, it } from 'vitest';
import { compilePolicy } from './compile/compile.js';
import { loadPolicy } from './load/load.js';
import type { Snapshot } from './snapshot.js';
import { switchRules } from './switch-rules.js';

/** A Monday noon. */
const at = new Date('2026-11-23T12:00:00Z');

function snapshotWith(nas: string): Snapshot {
  const loaded = loadPolicy(policyFiles({ 'network/nas.yaml': nas }));
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.diagnostics));
  const compiled = compilePolicy(loaded.value, at);
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.diagnostics));
  return compiled.value;
}

const nasOf = (profile: string, more = '', name = 'sw', address = '10.0.3.11'): string =>
  `${name}: { address: ${address}, site: main, profile: ${profile}, secret: "env:X"${more} }\n`;

const https = (to: string): AclPacket => ({
  destination: parseAddress(to)!,
  protocol: 6,
  sourcePort: 50_000,
  destinationPort: 443,
  established: false,
});

describe('what must stand on a switch', () => {
  it('has the lists that replies name, each under the name that they use, with the entries of the class', () => {
    const snapshot = snapshotWith(nasOf('juniper-ex'));
    const { lists } = switchRules(snapshot, 'sw');
    const roles = [...new Set(snapshot.accessTable.filter(({ site }) => site === 'main').map(({ role }) => role))];
    expect(roles).toContain('infusion-pump');
    const expected = roles.map((role) => filterName({ role, entries: snapshot.portAcls[role]! }));
    expect(lists.map(({ name }) => name).sort()).toEqual(expected.sort());
    for (const { name, entries } of lists) {
      const role = roles.find((each) => name.startsWith(`cordon-${each}-`))!;
      expect(entries).toEqual(snapshot.portAcls[role]);
    }
  });

  it('has none where replies carry the entries, or nothing of them', () => {
    for (const nas of [nasOf('rfc'), nasOf('cisco-ios-xe'), nasOf('fortiswitch', ', portAcl: none')])
      expect(switchRules(snapshotWith(nas), 'sw').lists).toEqual([]);
  });

  it('leaves a family that something else filters open, and closes the other', () => {
    const { lists } = switchRules(snapshotWith(nasOf('fortiswitch', ', portAcl: ipv4-only')), 'sw');
    expect(lists.length).toBeGreaterThan(0);
    for (const { entries } of lists) {
      expect(matchAcl(entries, https('2001:db8::1'))).toBe('permit');
      expect(matchAcl(entries, https('198.51.100.1'))).toBe('deny');
    }
  });

  it('has the VLANs into which devices may be put there, each once', () => {
    const snapshot = snapshotWith(nasOf('rfc'));
    const grants = snapshot.accessTable.filter(({ site }) => site === 'main');
    const expected = new Map(grants.map(({ vlan, segment }) => [vlan, segment]));
    const { vlans } = switchRules(snapshot, 'sw');
    expect(new Map(vlans.map(({ id, name }) => [id, name]))).toEqual(expected);
    expect(vlans).toHaveLength(expected.size);
  });

  it('is the same object for switches that are alike, and another for others', () => {
    const snapshot = snapshotWith(
      nasOf('juniper-ex') + nasOf('juniper-ex', '', 'like', '10.0.3.12') + nasOf('rfc', '', 'unlike', '10.0.3.13'),
    );
    expect(switchRules(snapshot, 'like')).toBe(switchRules(snapshot, 'sw'));
    expect(switchRules(snapshot, 'unlike')).not.toBe(switchRules(snapshot, 'sw'));
  });

  it('is nothing for a switch that the policy does not know', () => {
    expect(switchRules(snapshotWith(nasOf('rfc')), 'gone')).toEqual({ lists: [], vlans: [] });
  });
});
