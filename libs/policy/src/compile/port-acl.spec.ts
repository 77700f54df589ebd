import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import {
  EntryMinimiser,
  families,
  familyOf,
  PacketSpace,
  rangeOfPrefix,
  serviceKey,
  type AclEntry,
  type PacketRegion,
  type PacketSet,
} from '#net';
import { Report } from '../codes.js';
import { loadPolicy } from '../load/load.js';
import type { Policy } from '../policy.js';
import { policyFiles } from '../spec/generated.js';
import { sampleInstant, samplePolicy } from '../spec/sample.js';
import { isActive } from '../when.js';
import { Resolution } from '../resolve.js';
import { compileAccess } from './access.js';
import { FlowCompiler, FlowIndex, FlowResolver } from './flows.js';
import { NormalForms } from './normal-form.js';
import { PortAclCompiler } from './port-acl.js';

/** The ACL of every role, in the algebra of packet sets: what was asked for, and what the entries permit. */
function compareAcls(policy: Policy): { asked: PacketSet; permitted: PacketSet }[] {
  const access = compileAccess(policy, sampleInstant, new Report());
  const active = policy.flowRules.filter(({ when }) => isActive(when, policy.schedules, sampleInstant));
  const resolution = new Resolution(policy);
  const resolver = new FlowResolver(policy.classes, resolution);
  const index = new FlowIndex(policy.principalTree);
  index.turn(resolver.resolve(active));
  const forms = new NormalForms(resolution.partition);
  const flows = new FlowCompiler(forms, policy.principalTree);
  const acls = new PortAclCompiler(policy, { resolution, resolver, forms }, access);
  const space = new PacketSpace();
  const spy = vi.spyOn(EntryMinimiser.prototype, 'minimise');
  const compared = [...new Set(access.map(({ role }) => role))].map((role) => {
    spy.mockClear();
    const acl = acls.compile(index.outbound(role).flows, index.inbound(role).flows, flows.compile(role, index));
    const permitted = permittedBy(space, acl.entries);
    return { permitted, asked: packetsOf(space, spy.mock.calls[0]![0]) };
  });
  spy.mockRestore();
  return compared;
}

function packetsOf(space: PacketSpace, regions: readonly PacketRegion[]): PacketSet {
  return space.union(
    regions.flatMap(({ addresses, services, sourcePorts, established }) =>
      families.map((family) =>
        space.match({
          family,
          services,
          destination: familyOf(addresses, family),
          ...(sourcePorts && { sourcePorts }),
          ...(established && { established }),
        }),
      ),
    ),
  );
}

function permittedBy(space: PacketSpace, acl: readonly AclEntry[]): PacketSet {
  return space.firstMatch(
    acl.map(({ action, family, protocol, sourcePorts, destination, destinationPorts, established }) => ({
      permits: action === 'permit',
      matches: space.match({
        family,
        ...(protocol !== null && {
          services: [
            {
              first: serviceKey(protocol, destinationPorts?.first ?? 0),
              last: serviceKey(protocol, destinationPorts?.last ?? 0xffff),
            },
          ],
        }),
        ...(destination && { destination: [rangeOfPrefix(destination)] }),
        ...(sourcePorts && { sourcePorts: [sourcePorts] }),
        ...(established && { established }),
      }),
    })),
  );
}

describe('the entries of a port ACL', () => {
  it('permit exactly the replies and openings of their class, in the sample hospital', () => {
    const lists = compareAcls(samplePolicy());
    expect(lists.length).toBeGreaterThan(20);
    for (const { asked, permitted } of lists) expect(permitted.equals(asked)).toBe(true);
  });

  it('permit exactly the replies and openings of their class, in any policy', () => {
    fc.assert(
      fc.property(policyFiles, (files) => {
        const policy = loadPolicy(files);
        if (!policy.ok) throw new Error(JSON.stringify(policy.diagnostics[0]));
        for (const { asked, permitted } of compareAcls(policy.value)) expect(permitted.equals(asked)).toBe(true);
      }),
      { numRuns: 100 },
    );
  });
});
