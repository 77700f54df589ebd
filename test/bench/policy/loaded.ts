import { formatDiagnostic, type Result } from '#base';
import { compilePolicy, loadPolicy, type Policy, type Snapshot } from '#policy';
import { instant } from './tools.ts';

/* A generated policy is good by construction: anything else ends the run. */

export const loaded = (files: ReadonlyMap<string, string>): Policy => unwrap(loadPolicy(files));
export const compiled = (policy: Policy): Snapshot => unwrap(compilePolicy(policy, new Date(instant)));

export function unwrap<T>(result: Result<T>): T {
  if (result.ok) return result.value;
  throw new Error(result.diagnostics.slice(0, 5).map(formatDiagnostic).join('\n'));
}

/** Classes that Cordon writes a port ACL for: whatever a segment may hold as itself, and roles. */
export function portAclClasses(policy: Policy): readonly string[] {
  const roles = [...policy.segments.values()].flatMap(({ role }) => role ?? []);
  const placed = policy.accessRules.filter(({ segment }) => policy.segments.get(segment)?.role === null);
  return [...new Set([...placed.flatMap(({ class: name }) => policy.principalTree.members(name)), ...roles])];
}
