import { canonicalJson, deepFreeze, failure, sha256, success, type Result } from '#base';
import type { AclEntry } from '#net';
import { Report } from '../codes.js';
import { encodeContent } from '../codec.js';
import type { AccessRuleSource, FlowRuleSource, Policy } from '../policy.js';
import { addressesOf, servicesOf } from '../resolve.js';
import type { Provenance, Snapshot } from '../snapshot.js';
import { formatWhen, isActive, nextChange } from '../when.js';
import { compileAccess, ruleLine } from './access.js';
import { checkBudgets } from './budgets.js';
import { compileFlows, resolveFlows } from './flows.js';
import { PortAclCompiler } from './port-acl.js';

export const noProvenance: Provenance = { commit: null, author: null, committedAt: null };

/**
 * Policy in, snapshot out, judged at the instant `at`. All or nothing: any error gives no snapshot.
 */
export function compilePolicy(policy: Policy, at: Date, provenance: Provenance = noProvenance): Result<Snapshot> {
  const report = new Report();
  reportDates(policy, at, report);
  const accessTable = compileAccess(policy, at, report);
  const active = policy.flowRules.filter(({ when }) => isActive(when, policy.schedules, at));
  const resolved = resolveFlows(policy, active);
  const flows = compileFlows(policy, resolved);
  const acls = new PortAclCompiler(policy, accessTable, report);
  const portAcls: Record<string, readonly AclEntry[]> = {};
  for (const role of new Set(accessTable.map((grant) => grant.role))) portAcls[role] = acls.compile(role, resolved);
  checkBudgets(policy, accessTable, portAcls, report);
  if (report.hasErrors) return failure(report.diagnostics);

  const content: Omit<Snapshot, 'digest' | 'compiledFor' | 'provenance'> = {
    format: 1,
    nextChangeAt: nextChangeOf(policy, at)?.toISOString() ?? null,
    classes: [...policy.classes.values()].map(({ name, description, criticality }) => ({
      name,
      description,
      criticality,
      ...policy.principalTree.lineage(name),
    })),
    sites: [...policy.sites.keys()].map((name) => ({ name, ...policy.siteTree.lineage(name) })),
    segments: [...policy.segments.values()].map(({ name, dedicatedTo, role, sites }) => ({
      name,
      dedicatedTo,
      role,
      sites,
    })),
    endpoints: [...policy.endpoints.values()].map(({ name, description }) => ({
      name,
      description,
      ...policy.principalTree.lineage(name),
      addresses: addressesOf(policy, name),
    })),
    applications: [...policy.applications.keys()].map((name) => ({
      name,
      ...policy.applicationTree.lineage(name),
      services: servicesOf(policy, name),
    })),
    schedules: [...policy.schedules.values()],
    flowRules: policy.flowRules.map((rule) => ({
      ...ruleLine(rule),
      ...flowWords(rule),
      active: active.includes(rule),
    })),
    accessRules: policy.accessRules.map((rule) => ({
      ...ruleLine(rule),
      ...accessWords(rule),
      active: isActive(rule.when, policy.schedules, at),
    })),
    accessTable,
    flows,
    portAcls,
    nas: policy.nas.map(({ span: _, ...nas }) => nas),
    enforcementPoints: policy.enforcementPoints,
  };
  const digest = sha256(canonicalJson(encodeContent(content)));
  return success(deepFreeze({ ...content, digest, compiledFor: at.toISOString(), provenance }), report.diagnostics);
}

function flowWords({ subject, object, application, effect, when, note }: FlowRuleSource) {
  return { subject, object, application, effect, when: formatWhen(when), note };
}

function accessWords({ class: device, site, posture, segment, when, note }: AccessRuleSource) {
  return { class: device, site, posture, segment, when: formatWhen(when), note };
}

function nextChangeOf(policy: Policy, at: Date): Date | null {
  const conditions = new Map([...policy.flowRules, ...policy.accessRules].map(({ when }) => [formatWhen(when), when]));
  const changes = [...conditions.values()].flatMap((when) => nextChange(when, policy.schedules, at) ?? []);
  return changes.sort((a, b) => a.getTime() - b.getTime())[0] ?? null;
}

function reportDates(policy: Policy, at: Date, report: Report): void {
  for (const rule of [...policy.flowRules, ...policy.accessRules]) {
    if (rule.when.kind !== 'until') continue;
    const { date, end } = rule.when;
    if (end <= at) {
      report.add('expired-rule', rule.span, `this rule ended on ${date}`, 'remove it, or give it a new date');
    } else if ('effect' in rule && rule.effect === 'deny') {
      const hint = 'write `always` if it must stay closed; otherwise plan for what opens';
      report.add('expiring-deny', rule.span, `this deny ends on ${date}: what it closes opens by itself`, hint);
    }
  }
}
