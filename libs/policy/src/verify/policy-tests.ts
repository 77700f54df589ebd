import type { SourceSpan } from '#base';
import { formatServices } from '#net';
import { Report } from '../codes.js';
import { compileAccess } from '../compile/access.js';
import { accessFor, indexOf } from '../decide.js';
import { judge, type VerdictPart } from '../explain.js';
import type { Invariant, Policy, PolicyTest } from '../policy.js';
import type { Snapshot } from '../snapshot.js';
import { isActive } from '../when.js';

/** A test or invariant that doesn't hold. `summary`: `src -> dst app: expected DENY, got ALLOW by FILE:LINE`. */
export interface PolicyTestFailure {
  readonly name: string;
  readonly span: SourceSpan;
  readonly summary: string;
}

/**
 * The policy's own tests and invariants against its snapshot. Invariants are judged over every packet they speak of: the
 * policy divides those into finitely many parts with one verdict each, and all parts are looked at.
 */
export function runPolicyTests(policy: Policy, snapshot: Snapshot): readonly PolicyTestFailure[] {
  const failures: PolicyTestFailure[] = [];
  const instants = new Map<string, Snapshot>();
  for (const test of policy.tests) {
    const summary = runTest(test, snapshotFor(policy, snapshot, test.at, instants));
    if (summary !== null) failures.push({ name: test.name, span: test.span, summary });
  }
  for (const invariant of policy.invariants) {
    const run = invariant.kind === 'only' ? runOnly : runInvariant;
    for (const summary of run(invariant, policy, snapshot))
      failures.push({ name: invariant.name, span: invariant.span, summary });
  }
  return failures;
}

/** The same policy judged at another instant: what tests ask of it, access and flows, and no more. */
function snapshotFor(policy: Policy, snapshot: Snapshot, at: Date | null, known: Map<string, Snapshot>): Snapshot {
  if (at === null) return snapshot;
  const rules = [...policy.flowRules, ...policy.accessRules];
  const inForce = new Set(rules.filter(({ when }) => isActive(when, policy.schedules, at)).map(({ id }) => id));
  const key = [...inForce].join();
  const found = known.get(key);
  if (found) return found;
  const judged: Snapshot = {
    ...snapshot,
    flowRules: snapshot.flowRules.map((rule) => ({ ...rule, active: inForce.has(rule.id) })),
    accessTable: compileAccess(policy, at, new Report()),
  };
  known.set(key, judged);
  return judged;
}

function runTest(test: PolicyTest, snapshot: Snapshot): string | null {
  if (test.kind === 'access') {
    const grant = accessFor(snapshot, test.class, test.site, test.posture);
    if ((grant?.segment ?? null) === test.expect) return null;
    const got = grant ? `\`${grant.segment}\` by ${grant.rule.file}:${grant.rule.line}` : 'reject, no rule matches';
    return `${test.class} at ${test.site}, ${test.posture}: expected ${test.expect ? `\`${test.expect}\`` : 'reject'}, got ${got}`;
  }
  const parts = partsOf(snapshot, test.from, test.to, test.app);
  const wrong = parts.find(({ verdict }) => verdict !== test.expect);
  return wrong ? describe(test.from, test.to, test.app, test.expect, wrong) : null;
}

/** All packets of an `allow` must pass, none of a `deny`. */
function describe(from: string, to: string, app: string, expect: 'allow' | 'deny', part: VerdictPart): string {
  const by =
    part.rules.length > 0
      ? ` by ${part.rules.map(({ file, line }) => `${file}:${line}`).join(', ')}`
      : `: ${part.reason}`;
  const example =
    part.to !== to || part.from !== from
      ? ` (for example ${part.from} -> ${part.to} ${formatServices(part.services.slice(0, 1))})`
      : '';
  return `${from} -> ${to} ${app}: expected ${expect.toUpperCase()}, got ${part.verdict.toUpperCase()}${by}${example}`;
}

function partsOf(snapshot: Snapshot, from: string, to: string, app: string): VerdictPart[] {
  const parts = judge(snapshot, { from, to, app });
  if (!parts.ok) throw new Error(`the loader let an unknown name through: ${parts.diagnostics[0]?.summary ?? ''}`);
  return parts.value;
}

function* runInvariant(invariant: Invariant, policy: Policy, snapshot: Snapshot): Generator<string> {
  const { kind } = invariant;
  const withRoles = kind === 'never';
  const expect = kind === 'never' ? 'deny' : 'allow';
  for (const from of principals(invariant.from, policy, snapshot, withRoles)) {
    for (const to of principals(invariant.to, policy, snapshot, withRoles)) {
      for (const app of invariant.app) {
        const wrong = partsOf(snapshot, from, to, app).find(({ verdict }) => verdict !== expect);
        if (wrong) yield describe(from, to, app, expect, wrong);
      }
    }
  }
}

/** Who is none of `from` may not open connections to `to`: neither a class nor an address that any rule could name. */
function* runOnly(invariant: Invariant, policy: Policy, snapshot: Snapshot): Generator<string> {
  const isAllowed = ({ sources }: VerdictPart): boolean => invariant.from.some((name) => sources.has(name));
  const everyone = [...policy.classes.keys(), ...policy.endpoints.keys()];
  for (const to of principals(invariant.to, policy, snapshot, false)) {
    for (const app of invariant.app) {
      for (const from of everyone) {
        const wrong = partsOf(snapshot, from, to, app).find((part) => part.verdict === 'allow' && !isAllowed(part));
        if (wrong) yield describe(from, to, app, 'deny', wrong);
      }
    }
  }
}

/** A class stands for all classes below it; with roles also for what its devices count as in quarantine and the like. */
function principals(names: readonly string[], policy: Policy, snapshot: Snapshot, withRoles: boolean): string[] {
  const out = new Set<string>();
  for (const name of names) {
    if (!indexOf(snapshot).classes.has(name)) {
      out.add(name);
      continue;
    }
    for (const member of policy.principalTree.members(name)) {
      out.add(member);
      if (withRoles) for (const grant of snapshot.accessTable) if (grant.class === member) out.add(grant.role);
    }
  }
  return [...out];
}
