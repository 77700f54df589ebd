import type { SourceSpan } from '#base';
import type { Report } from '../codes.js';
import { builtIn, type Policy } from '../policy.js';
import type { Hierarchy } from '../hierarchy.js';

/** Names that are declared, and that no rule, segment, switch or test has a use for. */
export function reportUnusedNames(policy: Policy, report: Report): void {
  const used = namesInUse(policy);
  const kinds: readonly (readonly [keyof Used, ReadonlyMap<string, { readonly span: SourceSpan | null }>, string])[] = [
    ['classes', policy.classes, 'is a class that no rule names and none lets in: its devices are rejected everywhere'],
    ['endpoints', policy.endpoints, 'is an endpoint that no rule names, nor a group of it'],
    ['applications', policy.applications, 'is an application that no rule names, nor a group of it'],
    ['segments', policy.segments, 'is a segment into which no access rule and no switch places anybody'],
    ['schedules', policy.schedules, 'is a schedule that no rule names'],
    ['sites', policy.sites, 'is a site without segments, switches and rules'],
  ];
  for (const [kind, declared, what] of kinds) {
    for (const [name, { span }] of declared) {
      if (!span || used[kind].has(name)) continue;
      const hint = `use it in a rule, or remove it from ${span.file}`;
      report.add('name-unused', span, `\`${name}\` ${what}`, hint);
    }
  }
}

type Used = Readonly<
  Record<'classes' | 'endpoints' | 'applications' | 'segments' | 'schedules' | 'sites', ReadonlySet<string>>
>;

function namesInUse(policy: Policy): Used {
  const { accessRules, tests, invariants } = policy;
  const flowRules = [...policy.flowRules, ...policy.auditRules];
  const flowTests = tests.filter((test) => test.kind === 'flow');
  const flowClaims = invariants.filter((invariant) => invariant.about === 'flows');
  const claims = [...flowClaims, ...flowClaims.map(({ except }) => except)];
  const accessTests = tests.filter((test) => test.kind === 'access');
  const segments = [...policy.segments.values()];
  const principals = withMembers(policy.principalTree, [
    ...flowRules.flatMap(({ subject, object }) => [subject, object]),
    ...[...flowTests, ...claims].flatMap(({ from, to }) => [from, to].flat()),
  ]);
  return {
    classes: new Set([...classesInUse(policy), ...accessTests.map((test) => test.class)]),
    endpoints: principals.add(builtIn.internal),
    applications: withMembers(policy.applicationTree, [
      ...flowRules.map(({ application }) => application),
      ...[...flowTests, ...claims].flatMap(({ app }) => app),
    ]),
    segments: new Set([
      ...accessRules.map(({ segment }) => segment),
      ...policy.nas.flatMap(({ serverDown }) => [serverDown?.segment ?? [], serverDown?.voice?.segment ?? []].flat()),
    ]),
    schedules: new Set([
      ...[...flowRules, ...accessRules].flatMap(({ when }) => (when.kind === 'schedule' ? when.name : [])),
      ...policy.rollout.classes.flatMap(({ strategy }) => ('schedule' in strategy ? strategy.schedule : [])),
    ]),
    sites: new Set([
      ...accessRules.map(({ site }) => site),
      ...accessTests.map(({ site }) => site),
      ...segments.flatMap(({ sites }) => sites.map(({ site }) => site)),
      ...policy.nas.flatMap(({ site, ssidSites }) => [site, ...Object.values(ssidSites)]),
      ...policy.enforcementPoints.map(({ site }) => site),
      ...[...policy.sites.keys()].filter((site) => policy.siteTree.children(site).length > 0),
    ]),
  };
}

/**
 * A class is of use without any rule that names it: its devices inherit those of its parents. But isolation alone, which
 * every class inherits, is no use.
 */
function classesInUse(policy: Policy): Set<string> {
  const lines = [...policy.flowRules, ...policy.auditRules];
  const used = new Set(lines.flatMap(({ subject, object }) => [subject, object]));
  for (const { breakGlass } of policy.rollout.classes) if (breakGlass !== null) used.add(breakGlass);
  for (const { role, dedicatedTo } of policy.segments.values())
    for (const name of [role, dedicatedTo]) if (name !== null) used.add(name);
  const placing = new Set(
    policy.accessRules
      .filter(({ posture }) => posture === 'verified' || posture === 'unverified')
      .map((rule) => rule.class),
  );
  for (const name of policy.classes.keys()) {
    const isParent = policy.principalTree.children(name).length > 0;
    const isPlaced = [...policy.principalTree.distances(name).keys()].some((group) => placing.has(group));
    if (isParent || isPlaced) used.add(name);
  }
  return used;
}

const withMembers = (tree: Hierarchy, names: readonly string[]): Set<string> =>
  new Set([...new Set(names)].flatMap((name) => tree.members(name)));
