import { describe, expect, it } from 'vitest';
import { formatDiagnostic } from '#base';
import { addressSet, hasAddress, parseAddress, parseRange } from '#net';
import { accessFor, compilePolicy, loadPolicy, noProvenance, type Snapshot } from '#policy';
import {
  Addresses,
  generations,
  kindOf,
  macOf,
  prefixesOf,
  siteName,
  siteOfSwitch,
  switchAddress,
  switchOf,
} from './estate.ts';
import { edits, estatePolicy, quarantineVlan, segmentNames, type Edit } from './policy.ts';

const size = { switches: 60, sites: 20, devices: 4000, sessions: 2000, pumps: 300 };
const devices = Array.from({ length: size.sessions }, (_, i) => i);
const siteOf = (device: number): number => siteOfSwitch(switchOf(device, size), size);

function compile(changes: Readonly<Record<string, string>> = {}): Snapshot {
  const files = estatePolicy(size, { coa: 3799, firewall: () => null });
  const policy = loadPolicy(new Map(Object.entries({ ...files, ...changes })));
  if (!policy.ok) throw new Error(policy.diagnostics.map(formatDiagnostic).join('\n'));
  const snapshot = compilePolicy(policy.value, new Date('2026-11-01T12:00:00Z'), noProvenance);
  if (!snapshot.ok) throw new Error(snapshot.diagnostics.map(formatDiagnostic).join('\n'));
  return snapshot.value;
}

describe('the estate', () => {
  it('has a MAC for each device and an address for each switch', () => {
    const macs = Array.from({ length: size.devices }, (_, i) => macOf(i, size));
    expect(new Set(macs).size).toBe(size.devices);
    const switches = Array.from({ length: 2000 }, (_, n) => switchAddress(n));
    expect(new Set(switches).size).toBe(2000);
  });

  it('gives each session an address of its own in its segment, another one in each generation', () => {
    const addresses = new Addresses(size, segmentNames);
    const seen = new Set<string>();
    for (const device of devices) {
      const segment = segmentNames.indexOf(kindOf(device, size).segment);
      const prefixes = addressSet(prefixesOf(segment, siteOf(device)).map((text) => parseRange(text)!));
      for (let generation = 0; generation < generations; generation++) {
        const text = addresses.of(device, generation);
        expect(hasAddress(prefixes, parseAddress(text)!)).toBe(true);
        seen.add(text);
      }
    }
    expect(seen.size).toBe(size.sessions * generations);
  });

  it('has a policy that places each device where the estate has it, and in quarantine', () => {
    const snapshot = compile();
    for (const device of devices) {
      const { class: name, segment } = kindOf(device, size);
      const site = siteName(siteOf(device));
      expect(accessFor(snapshot, name, site, 'unverified')).toMatchObject({ segment });
      expect(accessFor(snapshot, name, site, 'quarantined')).toMatchObject({ vlan: quarantineVlan });
    }
  });

  it.each<[Edit, string[]]>([
    ['one class', ['infusion-pump']],
    ['all classes', [...new Set(devices.map((device) => kindOf(device, size).class))]],
  ])('has an edit that is about %s', (edit, expected) => {
    const [before, after] = [compile(edits[edit](false)), compile(edits[edit](true))];
    const aclOf = ({ portAcls }: Snapshot, role: string) => portAcls[role];
    const roleOf = (name: string): string => accessFor(before, name, siteName(0), 'unverified')!.role;
    const classes = [...new Set(devices.map((device) => kindOf(device, size).class))];
    const changed = classes.filter((name) => {
      const [a, b] = [aclOf(before, roleOf(name)), aclOf(after, roleOf(name))];
      return a?.length !== b?.length;
    });
    expect(changed.sort()).toEqual([...expected].sort());
  });
});
