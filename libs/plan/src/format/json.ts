import type { PolicyPlan } from '../plan.js';

/** The plan as it is: its shape is that of `PolicyPlan`, and grows only by new members. */
export function formatJson(plan: PolicyPlan): string {
  return `${JSON.stringify(plan, null, 2)}\n`;
}
