import { compareDiagnostics, success, type Diagnostic, type Result } from '#base';
import type { Criticality, Policy, PolicyTestFailure, Snapshot } from '#policy';
import { diffBudgets } from './access/budgets.js';
import { planCoa } from './access/coa.js';
import { groupDevices } from './access/device-groups.js';
import { accessOfGroups, accessOfTables, diffAccess, type GroupAccess } from './access/diff-access.js';
import { Rendering } from './access/rendering.js';
import { finding } from './codes.js';
import { findConcerns } from './concerns.js';
import { newFindings } from './compare-findings.js';
import { compareTests } from './compare-tests.js';
import { diffNetwork } from './diff-network.js';
import { dormantLines } from './dormant-lines.js';
import { diffFlows } from './flows/diff-flows.js';
import { riskView } from './flows/risk.js';
import type { Inventory } from './inventory/inventory.js';
import { observeFlows } from './observed/observe-flows.js';
import { planAudit } from './plan-audit.js';
import type { FlowChange, PlanSummary, PolicyPlan, Risk } from './plan.js';
import type { TextChunks } from './text/lines.js';

/** One side of a plan: a policy that loads and compiles, its snapshot at the plan's instant, and what was found in it. */
export interface PlannedSide {
  readonly policy: Policy;
  readonly snapshot: Snapshot;
  readonly diagnostics: readonly Diagnostic[];
  /** With its lines in audit in force; null: it has none, or does not compile with them. */
  readonly candidate?: Snapshot | null;
  /** Its tests that do not hold, where they were run already. */
  readonly failures?: readonly PolicyTestFailure[];
}

export interface PlanInput {
  readonly from: PlannedSide;
  readonly to: PlannedSide;
  readonly inventory: Inventory | null;
  /** Connections seen on the network, in one of the formats of docs/reading-a-plan.md. */
  readonly flows: { readonly file: string; readonly text: TextChunks } | null;
}

/** What a change from one policy to another will do. Fails only when the observed flows are in no known format. */
export function planPolicy({ from, to, inventory, flows }: PlanInput): Result<PolicyPlan> {
  const [before, after] = [from.snapshot, to.snapshot];
  const renderings = { before: new Rendering(before), after: new Rendering(after) };
  const grouped = inventory && groupDevices(inventory, before, after);
  const groups = grouped ? accessOfGroups(grouped.groups, before, after) : accessOfTables(before, after);
  const access = diffAccess(groups, before, after, renderings);
  const context = { before, after, inventory, grouped, access: grouped ? groups : [] };
  const observed = flows ? observeFlows(flows.text, flows.file, context) : null;
  if (observed && !observed.ok) return observed;
  const seen = observed?.value ?? null;
  const { criticality } = riskView(before, after);
  const criticalityOf = (name: string): Criticality => criticality.get(name) ?? 'standard';
  const changes = diffFlows(before, after, seen ? seen.useOf : () => null);
  const parts = {
    tests: compareTests(from, to),
    access,
    flows: changes,
    dormant: dormantLines(from, to, { flows: changes, access: access.changes }),
    audit: planAudit(from, to),
    observed: seen?.plan ?? null,
    budgets: diffBudgets(before, after, renderings),
    network: diffNetwork(before, after),
    coa: grouped && planCoa(groups, before, after, renderings, criticalityOf),
    findings: [
      ...newFindings(from.diagnostics, to.diagnostics),
      ...(inventory?.findings ?? []),
      ...(grouped?.findings ?? []),
      ...removedSwitches(groups, inventory, before, after),
      ...(flows ? withoutAddresses(inventory) : []),
      ...(seen?.findings ?? []),
    ].sort(compareDiagnostics),
  };
  const changed =
    access.changes.length + parts.flows.length + parts.dormant.length + parts.network.length > 0 ||
    parts.tests.newlyBroken.length + parts.tests.newlyFixed.length + parts.tests.removed.length > 0;
  const concerns = findConcerns({ ...parts, changed }, before, after);
  const summary = summarize(parts, grouped && { ...grouped, changed: countChanged(access.changes) }, countTimed(after));
  return success({
    format: 1,
    at: after.compiledFor,
    from: { digest: before.digest, nextChangeAt: before.nextChangeAt },
    to: { digest: after.digest, nextChangeAt: after.nextChangeAt },
    changed,
    summary,
    ...parts,
    concerns,
  });
}

type Parts = Pick<PolicyPlan, 'tests' | 'flows' | 'dormant' | 'observed' | 'budgets' | 'coa' | 'findings'>;

function summarize(
  { tests, flows, dormant, observed, budgets, coa, findings }: Parts,
  devices: { total: number; unplaced: number; changed: number } | null,
  timed: number,
): PlanSummary {
  const perRisk = (change: FlowChange['change']): Record<Risk, number> => {
    const count = (risk: Risk): number => flows.filter((flow) => flow.change === change && flow.risk === risk).length;
    return { high: count('high'), medium: count('medium'), low: count('low') };
  };
  return {
    devices: devices && { total: devices.total, changed: devices.changed, unplaced: devices.unplaced },
    opened: perRisk('opened'),
    closed: perRisk('closed'),
    seenFlowsBroken: observed && { flows: observed.broken.length, devices: observed.brokenDevices },
    testsBroken: tests.newlyBroken.length + tests.stillBroken.length,
    testsFixed: tests.newlyFixed.length,
    testsRemoved: tests.removed.length,
    findings: findings.length,
    budgetsExceeded: budgets.filter(({ exceeded }) => exceeded).length,
    dormant: dormant.length,
    timed,
    coa: coa?.byCriticality ?? null,
  };
}

const countTimed = ({ flowRules, accessRules }: Snapshot): number =>
  [...flowRules, ...accessRules].filter(({ when }) => when !== 'always').length;

const countChanged = (changes: PolicyPlan['access']['changes']): number =>
  changes.reduce((sum, { devices }) => sum + (devices ?? 0), 0);

/** Flows name addresses. Without them a device is known by its segment alone, where all of a segment are of one class. */
function withoutAddresses(inventory: Inventory | null): Diagnostic[] {
  if (!inventory || inventory.byAddress.size > 0) return [];
  const summary = 'the inventory says no address of any device: whose seen flows are, is told by their segments alone';
  const hint = 'judge flows where addresses may be known: `cordon inventory export --identifiers`';
  return [finding('inventory-without-addresses', summary, hint, { file: inventory.file, line: 1 })];
}

/** A switch that leaves the policy takes its devices with it: it gets no answers any more. */
function removedSwitches(
  groups: readonly GroupAccess[],
  inventory: Inventory | null,
  before: Snapshot,
  after: Snapshot,
): Diagnostic[] {
  if (!inventory) return [];
  const left = new Set(after.nas.map(({ name }) => name));
  const gone = before.nas.map(({ name }) => name).filter((name) => !left.has(name));
  return gone.flatMap((name) => {
    const devices = groups.reduce((sum, { group, devices }) => sum + (group.nas === name ? (devices ?? 0) : 0), 0);
    if (devices === 0) return [];
    const summary = `switch \`${name}\` is no RADIUS client any more: ${devices} devices on it get no answer`;
    return [finding('nas-removed', summary, 'move them to another switch first, or keep it in network/nas.yaml')];
  });
}
