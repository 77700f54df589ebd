import type { Policy } from './policy.js';

/** The policy that would be in force with the lines in audit; null: there are none. */
export function candidateOf(policy: Policy): Policy | null {
  const { flowRules, auditRules } = policy;
  return auditRules.length === 0 ? null : { ...policy, flowRules: [...flowRules, ...auditRules], auditRules: [] };
}
