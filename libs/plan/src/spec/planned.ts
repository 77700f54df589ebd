import { compilePolicy, loadPolicy } from '#policy';
import { parseInventory } from '../inventory/parse-inventory.js';
import { planPolicy, type PlannedSide } from '../make-plan.js';
import type { PolicyPlan } from '../plan.js';

/** A Tuesday, 13:00 at every site. */
export const plannedAt = new Date('2026-11-24T12:00:00Z');

export function planned(files: ReadonlyMap<string, string>, at = plannedAt): PlannedSide {
  const policy = loadPolicy(files);
  if (!policy.ok) throw new Error(JSON.stringify(policy.diagnostics));
  const snapshot = compilePolicy(policy.value, at);
  if (!snapshot.ok) throw new Error(JSON.stringify(snapshot.diagnostics));
  const diagnostics = [...policy.diagnostics, ...snapshot.diagnostics];
  return { policy: policy.value, snapshot: snapshot.value, diagnostics };
}

export interface Given {
  readonly inventory?: string;
  readonly flows?: string;
  readonly at?: Date;
}

export function planOf(
  from: ReadonlyMap<string, string>,
  to: ReadonlyMap<string, string>,
  { inventory, flows, at = plannedAt }: Given = {},
): PolicyPlan {
  const parsed = inventory === undefined ? null : parseInventory(inventory, 'devices.csv');
  if (parsed && !parsed.ok) throw new Error(JSON.stringify(parsed.diagnostics));
  const plan = planPolicy({
    from: planned(from, at),
    to: planned(to, at),
    inventory: parsed?.value ?? null,
    flows: flows === undefined ? null : { file: 'flows.csv', text: flows },
  });
  if (!plan.ok) throw new Error(JSON.stringify(plan.diagnostics));
  return plan.value;
}
