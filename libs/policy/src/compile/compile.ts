import { deepFreeze, failure, NumberListMap, success, type Diagnostic, type Result } from '#base';
import type { AclEntry } from '#net';
import { Report } from '../codes.js';
import { Digests } from '../codec/encode.js';
import type { Content } from '../codec/encoded.js';
import type { AccessRuleSource, FlowRuleSource, Policy, RuleSource } from '../policy.js';
import type { AccessGrant, ClassFlows, Provenance, Snapshot } from '../snapshot.js';
import { formatWhen, nextChange, type When } from '../when.js';
import { Resolution } from '../resolve.js';
import { criticalPlaces } from '../server-down.js';
import { exceptionEnd } from '../client-exceptions.js';
import { compileAccess } from './access.js';
import { BudgetCheck } from './budgets.js';
import { Conditions } from './conditions.js';
import { CatalogSections, RuleSections } from './content.js';
import { FlowCompiler, FlowIndex, FlowResolver, mostLists } from './flows.js';
import { NormalForms } from './normal-form.js';
import { LostFlows } from './lost-flows.js';
import { PortAclCompiler, type AclFinding, type PortAcl } from './port-acl.js';
import { ByName, Latest } from '../version-memory.js';

export const noProvenance: Provenance = { commit: null, author: null, committedAt: null };

/** Policy in, snapshot out, judged at the instant `at`. All or nothing: any error gives no snapshot. */
export function compilePolicy(policy: Policy, at: Date, provenance: Provenance = noProvenance): Result<Snapshot> {
  return new PolicyCompiler().compile(policy, at, provenance);
}

/** What holds as long as catalog and memberships are the same objects. */
interface Names {
  readonly resolution: Resolution;
  readonly forms: NormalForms;
  /** Each below one that it belongs to: what they have in common is at hand then. */
  readonly classes: readonly string[];
  readonly resolver: FlowResolver;
  readonly index: FlowIndex;
  readonly flows: FlowCompiler;
  readonly ofClass: ByName<ClassFlows>;
}

/** What holds as long as names, access table and switches are the same objects. */
interface PortAcls {
  readonly compiler: PortAclCompiler;
  /** Classes that the flow rules of some device are those of. */
  readonly roles: readonly string[];
  readonly ofRole: ByName<PortAcl>;
  /** By the rules where a class is the subject, and those where it is the object. */
  readonly ofRules: NumberListMap<PortAcl>;
}

/**
 * Compiles one version of a policy after the other, and makes anew only what an edit touches: what it knows from the version
 * before is found by content or by identity, so the result is always that of a new compiler. `PolicyLoader` gives the same
 * objects for what did not change.
 */
export class PolicyCompiler {
  private readonly names = new Latest<Names>();
  private readonly conditions = new Conditions();
  private readonly catalog = new CatalogSections();
  private readonly rules = new RuleSections();
  private readonly digests = new Digests();
  private readonly access = new Latest<{ table: readonly AccessGrant[]; findings: readonly Diagnostic[] }>();
  private readonly budgets = new BudgetCheck();
  private readonly lostFlows = new LostFlows();
  private readonly acls = new Latest<PortAcls>();

  compile(policy: Policy, at: Date, provenance: Provenance = noProvenance): Result<Snapshot> {
    const report = new Report();
    const { flows: flowRules, accesses } = this.conditions.of(policy, at);
    const conditional = [...flowRules.conditional, ...accesses.conditional];
    reportDates(conditional, at, report);
    const names = this.namesOf(policy);
    const { table, findings } = this.accessOf(policy, at, accesses.rules);
    report.addAll(findings);
    const { index } = names;
    const changed = index.turn(names.resolver.resolve(flowRules.rules));
    const ofClass = names.ofClass.update(names.classes, changed, (name, before) =>
      deepFreeze(names.flows.compile(name, index, before)),
    );
    const flows = frozenRecord(names.classes, (place) => ofClass[place]!);
    const portAcls = this.portAclsOf(policy, names, table, changed, flows, report);
    this.budgets.check(policy, table, portAcls, report);
    this.lostFlows.check(policy, table, flows, report);
    if (report.hasErrors) return failure(report.diagnostics);

    const content: Content = {
      nextChangeAt: nextChangeOf(conditional, policy, at)?.toISOString() ?? null,
      ...this.catalog.of(policy, names.resolution, at),
      ...this.rules.of(flowRules, accesses),
      accessTable: table,
      flows,
      portAcls,
    };
    const digest = this.digests.digestOf(deepFreeze(content));
    return success(
      deepFreeze({ format: 9, digest, compiledFor: at.toISOString(), provenance, ...content }),
      report.diagnostics,
    );
  }

  private namesOf(policy: Policy): Names {
    const { classes, endpoints, applications, segments, principalTree, applicationTree } = policy;
    return this.names.get([classes, endpoints, applications, segments, principalTree, applicationTree], () => {
      const resolution = new Resolution(policy);
      const forms = new NormalForms(resolution.partition);
      return {
        resolution,
        forms,
        classes: classesByTree(classes, principalTree),
        resolver: new FlowResolver(classes, resolution),
        index: new FlowIndex(principalTree),
        flows: new FlowCompiler(forms, principalTree),
        ofClass: new ByName<ClassFlows>(),
      };
    });
  }

  private accessOf(policy: Policy, at: Date, active: readonly AccessRuleSource[]) {
    const { classes, segments, sites, principalTree, siteTree } = policy;
    return this.access.get([classes, segments, sites, principalTree, siteTree, ...active], () => {
      const report = new Report();
      return { table: compileAccess(policy, at, report), findings: report.diagnostics };
    });
  }

  private portAclsOf(
    policy: Policy,
    names: Names,
    table: readonly AccessGrant[],
    changed: ReadonlySet<string>,
    flows: Readonly<Record<string, ClassFlows>>,
    report: Report,
  ): Readonly<Record<string, readonly AclEntry[]>> {
    const { compiler, roles, ofRole, ofRules } = this.acls.get([names, table, policy.nas], () => {
      const placed = [...table, ...criticalPlaces(policy.nas)];
      return {
        compiler: new PortAclCompiler(policy, names, placed),
        roles: rolesOf(placed, names.classes),
        ofRole: new ByName<PortAcl>(),
        ofRules: new NumberListMap(mostLists),
      };
    });
    const acls = ofRole.update(roles, changed, (role) => {
      const [opening, receiving] = [names.index.outbound(role), names.index.inbound(role)];
      // Classes under the same rules share one list.
      return ofRules.getOrAdd([opening.number, receiving.number], () => {
        const acl = compiler.compile(opening.flows, receiving.flows, flows[role]!);
        deepFreeze(acl.entries);
        return acl;
      });
    });
    const findings = new Map<string, AclFinding>();
    for (const acl of acls)
      for (const finding of acl.findings) if (!findings.has(finding.about)) findings.set(finding.about, finding);
    if (findings.size > 0) {
      // A list that is known from an earlier version may know its rules at other lines.
      const places = new Map(policy.flowRules.map((rule) => [rule.id, rule.span]));
      for (const { code, rule, summary, hint } of findings.values())
        report.add(code, places.get(rule.id) ?? rule.span, summary, hint);
    }
    return frozenRecord(roles, (place) => acls[place]!.entries);
  }
}

function classesByTree(classes: ReadonlyMap<string, unknown>, tree: Policy['principalTree']): string[] {
  const found = new Set<string>();
  const walk = (name: string): void => {
    if (!classes.has(name) || found.has(name)) return;
    found.add(name);
    for (const child of tree.children(name)) walk(child);
  };
  const isTop = (name: string): boolean => tree.parents(name).every((parent) => !classes.has(parent));
  for (const name of classes.keys()) if (isTop(name)) walk(name);
  return [...found];
}

/** Classes that devices count as somewhere. */
function rolesOf(placed: readonly Pick<AccessGrant, 'role'>[], classes: readonly string[]): string[] {
  const roles = new Set(placed.map(({ role }) => role));
  return classes.filter((name) => roles.has(name));
}

/** Of values that are frozen. */
function frozenRecord<V>(names: readonly string[], valueAt: (place: number) => V): Readonly<Record<string, V>> {
  const record: Record<string, V> = {};
  for (let i = 0; i < names.length; i++) record[names[i]!] = valueAt(i);
  return Object.freeze(record);
}

function nextChangeOf(rules: readonly RuleSource[], { schedules, nas }: Policy, at: Date): Date | null {
  const conditions = new Map<string, When>(rules.map(({ when }) => [formatWhen(when), when]));
  const exceptions = nas.flatMap((client) => exceptionEnd(client) ?? []).filter((end) => end > at);
  const changes = [...[...conditions.values()].flatMap((when) => nextChange(when, schedules, at) ?? []), ...exceptions];
  return changes.sort((a, b) => a.getTime() - b.getTime())[0] ?? null;
}

function reportDates(rules: readonly (FlowRuleSource | AccessRuleSource)[], at: Date, report: Report): void {
  for (const rule of rules) {
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
