import type { Diagnostic } from '#base';
import { enforcedParts, type EnforcedPart, type EnforcementState } from '#model';
import type { Driver } from './driver.js';

/** Parts of a state that a driver does not enforce, though there is something in them: what is asked for is never dropped. */
export function checkParts(
  { name, enforces }: Pick<Driver, 'name' | 'enforces'>,
  { rules, membership, ports }: EnforcementState,
  watchesCandidates = false,
): Diagnostic[] {
  const hasMembers = [...membership.values()].some((members) => members.size > 0);
  const asked: Record<EnforcedPart, boolean> = {
    flows: rules.entries.length > 0 || hasMembers,
    lists: rules.lists.length > 0,
    vlans: rules.vlans.length > 0,
    ports: ports.size > 0,
    workloads: rules.workloads.length > 0,
  };
  const parts = enforcedParts
    .filter((part) => asked[part] && !enforces.includes(part))
    .map((part): Diagnostic => ({
      severity: 'error',
      code: 'driver-part',
      summary: `driver \`${name}\` does not enforce ${part}`,
      hint: `it enforces ${enforces.join(', ')}: choose another driver for this point`,
    }));
  if (rules.candidate === null || watchesCandidates) return parts;
  const summary = `driver \`${name}\` watches no candidate`;
  return [...parts, { severity: 'error', code: 'driver-candidate', summary, hint: 'give this point none' }];
}
