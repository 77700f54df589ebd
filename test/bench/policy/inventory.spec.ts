import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { hasAddress } from '#net';
import { accessFor, decideFlow } from '#policy';
import { addressKey, membershipsOf, packetsOf } from './decisions.ts';
import { generatePolicy } from './generated-policy.ts';
import { flowLines, inventoryLines, nfdumpLines, writeLines } from './inventory-lines.ts';
import { devicesOf, flowsOf } from './inventory.ts';
import { compiled, loaded } from './loaded.ts';
import { parametersWithSwitches } from './parameters.ts';

const snapshot = compiled(loaded(generatePolicy(parametersWithSwitches(400))));
const devices = [...devicesOf(snapshot, 2000, 1)];
const flows = [...flowsOf(snapshot, devices, 2000, 1)];

describe('a generated inventory', () => {
  it('has the same rows for the same seed', () => {
    expect([...inventoryLines(devicesOf(snapshot, 2000, 1))]).toEqual([...inventoryLines(devices)]);
    expect([...inventoryLines(devicesOf(snapshot, 2000, 2))]).not.toEqual([...inventoryLines(devices)]);
    expect([...flowLines(flowsOf(snapshot, devices, 2000, 1))]).toEqual([...flowLines(flows)]);
    expect(packetsOf(snapshot, devices, 500, 1)).toEqual(packetsOf(snapshot, devices, 500, 1));
  });

  it('holds each MAC once, and each device where its access rule puts it', () => {
    expect(new Set(devices.map(({ mac }) => mac)).size).toBe(devices.length);
    for (const { class: name, site, posture, role, address, nas } of devices) {
      const grant = accessFor(snapshot, name, site, posture)!;
      expect(grant.role).toBe(role);
      const placed = snapshot.segments.find((segment) => segment.name === grant.segment)!;
      expect(hasAddress(placed.sites.find((at) => at.site === site)!.prefixes, address)).toBe(true);
      expect(snapshot.nas.find((one) => one.name === nas)?.site).toBe(site);
    }
  });

  it('has flows that the policy allows, and a few that it does not', () => {
    const roles = new Map(devices.map(({ address, role }) => [addressKey(address), role]));
    const allowed = flows.filter(
      ({ source, destination, protocol, port }) =>
        decideFlow(snapshot, {
          source: { class: roles.get(addressKey(source))!, address: source },
          destination: { address: destination },
          protocol,
          port,
        }).verdict === 'allow',
    );
    // Half of the devices have IPv6 addresses, and few servers do: some can only try what is not allowed.
    expect(allowed.length).toBeGreaterThan(flows.length * 0.6);
    expect(allowed.length).toBeLessThan(flows.length);
  });

  it('knows the role of every address that packets come from', () => {
    const memberships = membershipsOf(devices);
    const packets = packetsOf(snapshot, devices, 500, 1);
    const known = packets.filter(
      ({ source, destination }) => memberships.has(addressKey(source)) || memberships.has(addressKey(destination)),
    );
    expect(known).toHaveLength(packets.length);
  });

  it('is written as CSV: a head, and as many fields in each row', () => {
    for (const lines of [inventoryLines(devices), flowLines(flows)]) {
      const [head, ...rows] = [...lines].map((line) => line.trimEnd().split(',').length);
      expect(rows).toHaveLength(2000);
      expect(new Set(rows)).toEqual(new Set([head]));
    }
  });

  it('is written as nfdump does: rows, then a summary that adds them up', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'cordon-bench-'));
    try {
      const file = join(folder, 'flows.csv');
      await writeLines(file, nfdumpLines(flows));
      const [head, ...rest] = readFileSync(file, 'utf8').trimEnd().split('\n');
      const end = rest.indexOf('Summary');
      const rows = rest.slice(0, end).map((line) => line.split(','));
      expect(end).toBe(2000);
      expect(new Set(rows.map(({ length }) => length))).toEqual(new Set([head!.split(',').length]));
      const packets = rows.reduce((sum, row) => sum + Number(row[head!.split(',').indexOf('ipkt')]), 0);
      expect(rest[end + 2]!.split(',')[2]).toBe(`${packets}`);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
