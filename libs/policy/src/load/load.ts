import { failure, success, type Diagnostic, type Result } from '#base';
import { driverFacts } from '#model';
import { nasProfileNames } from '#radius';
import { Report } from '../codes.js';
import type { AccessRuleSource, FlowRuleSource, Policy, RuleSource } from '../policy.js';
import { Latest, Successive } from '../version-memory.js';
import { auditLines } from './audit-lines.js';
import { readCatalog, type Catalog } from './catalog.js';
import { ConsistencyCheck } from './consistency.js';
import { readEap } from './eap.js';
import { LineKinds } from './line-kinds.js';
import { readEnforcementPoints, readNas, reportUnservedRadsec, type Abilities } from './network.js';
import { readProxies } from './proxies.js';
import { readRadsec } from './radsec.js';
import { readRuleLines, type RawLine } from './rule-lines.js';
import {
  namesOf,
  readAccessRule,
  readFlowRule,
  readMemberships,
  reportDuplicates,
  type RuleWords,
  type Trees,
} from './rules.js';
import { readRollout } from './rollout.js';
import { readServerDown, reportQuarantineAsCritical } from './server-down.js';
import { readSettings } from './settings.js';
import { readSuspicions } from './suspicions.js';
import { sortFiles, type SortedFiles } from './sort-files.js';
import { readTests } from './tests.js';
import { placeWorkloads } from './workloads.js';
import { YamlFile } from './yaml-file.js';

const able: Abilities = { nasProfiles: nasProfileNames, drivers: Object.keys(driverFacts) };

/**
 * Reads and checks a policy repository. `files`: path relative to its folder, with `/` → text.
 *
 * Strict where Casbin is lenient, because there a typing error opens or closes a network in silence. Decides whether the
 * policy is well-formed; what it means is decided by `compilePolicy`.
 */
export function loadPolicy(files: ReadonlyMap<string, string>): Result<Policy> {
  return new PolicyLoader().load(files);
}

/** A value and what was found wrong while making it. */
interface Read<T> {
  readonly value: T;
  readonly findings: readonly Diagnostic[];
}

function read<T>(make: (report: Report) => T): Read<T> {
  const report = new Report();
  return { value: make(report), findings: report.diagnostics };
}

/** What catalog and memberships say; the rules of one version of it are kept with it. */
interface Names {
  readonly catalog: Catalog;
  readonly trees: Trees;
  readonly words: RuleWords;
  readonly flowRules: Successive<RawLine, FlowRuleSource | undefined>;
  readonly accessRules: Successive<RawLine, AccessRuleSource | undefined>;
  readonly auditRules: Successive<RawLine, FlowRuleSource | undefined>;
  readonly consistency: ConsistencyCheck;
}

/**
 * Loads one version of a policy after the other, and reads anew only what changed. The result is always that of a new loader;
 * what did not change is the same object as before, so that a compiler can tell.
 */
export class PolicyLoader {
  private readonly texts = new Map<string, { text: string; lines: Read<readonly RawLine[]> }>();
  private readonly yaml = new Map<string, { text: string; file: Read<YamlFile | null> }>();
  private readonly kinds = new LineKinds();
  private readonly names = new Latest<Read<Names>>();
  private readonly nas = new Latest<Read<Policy['nas']>>();
  private readonly serverDown = new Latest<Read<Policy['nas']>>();
  private readonly proxies = new Latest<Read<Policy['proxies']>>();
  private readonly points = new Latest<Read<Policy['enforcementPoints']>>();
  private readonly workloads = new Latest<Read<Policy['workloads']>>();
  private readonly settings = new Latest<Read<Policy['settings']>>();
  private readonly eap = new Latest<Read<Policy['eap']>>();
  private readonly radsec = new Latest<Read<Policy['radsec']>>();
  private readonly rollout = new Latest<Read<Policy['rollout']>>();
  private readonly suspicions = new Latest<Read<Policy['suspicions']>>();
  private readonly tests = new Latest<Read<Pick<Policy, 'tests' | 'invariants'>>>();

  load(files: ReadonlyMap<string, string>): Result<Policy> {
    const report = new Report();
    const take = <T>({ value, findings }: Read<T>): T => {
      report.addAll(findings);
      return value;
    };
    const sorted = sortFiles(files, report);
    this.forget(sorted);
    const lines = new Map([...sorted.rules].map(([file, text]) => [file, take(this.linesOf(file, text))]));
    const { flows, accesses, memberships, hasDuplicates } = this.kinds.sort(lines);
    if (hasDuplicates) for (const list of [flows, accesses]) reportDuplicates(list, report);
    const audited = auditLines(
      [...sorted.audit].flatMap(([file, text]) => take(this.linesOf(file, text))),
      flows,
      report,
    );
    const catalogFiles = [...sorted.catalog].flatMap(([file, { kind, text }]) => {
      const yaml = take(this.yamlOf(file, text));
      return yaml ? [[kind, yaml] as const] : [];
    });
    const yamlOf = (some: ReadonlyMap<string, string>): YamlFile[] =>
      [...some].flatMap(([file, text]) => take(this.yamlOf(file, text)) ?? []);
    const names = take(
      this.names.get([...catalogFiles.map(([, yaml]) => yaml), memberships], () =>
        read((own) => readNames(catalogFiles, memberships, own)),
      ),
    );
    const { catalog, trees, words } = names;
    const nasFiles = yamlOf(sorted.nas);
    const declared = take(
      this.nas.get([catalog.sites, ...nasFiles], () => read((own) => readNas(nasFiles, catalog.sites, able, own))),
    );
    const [serverDownFile] = yamlOf(sorted.serverDown);
    const nas = take(
      this.serverDown.get([names, declared, serverDownFile], () =>
        read((own) => readServerDown(serverDownFile ?? null, declared, { ...catalog, siteTree: trees.sites }, own)),
      ),
    );
    const proxyFiles = yamlOf(sorted.proxies);
    const proxies = take(
      this.proxies.get([nas, ...proxyFiles], () => read((own) => readProxies(proxyFiles, nas, own))),
    );
    const pointFiles = yamlOf(sorted.enforcementPoints);
    const enforcementPoints = take(
      this.points.get([catalog.sites, nas, ...pointFiles], () =>
        read((own) =>
          readEnforcementPoints(
            pointFiles,
            catalog.sites,
            nas.map(({ name }) => name),
            able,
            own,
          ),
        ),
      ),
    );
    const workloads = take(
      this.workloads.get([catalog.workloads, enforcementPoints], () =>
        read((own) => placeWorkloads(catalog.workloads, enforcementPoints, own)),
      ),
    );
    const testFiles = yamlOf(sorted.tests);
    const tests = take(
      this.tests.get([names, ...testFiles], () => read((own) => readTests(testFiles, listed(words), own))),
    );
    const [settingsFile] = yamlOf(sorted.settings);
    const settings = take(
      this.settings.get([settingsFile], () => read((own) => readSettings(settingsFile ?? null, own))),
    );
    const [eapFile] = yamlOf(sorted.eap);
    const eap = take(this.eap.get([eapFile], () => read((own) => readEap(eapFile ?? null, own))));
    const [radsecFile] = yamlOf(sorted.radsec);
    const radsec = take(this.radsec.get([radsecFile], () => read((own) => readRadsec(radsecFile ?? null, own))));
    const [suspicionsFile] = yamlOf(sorted.suspicions);
    const suspicions = take(
      this.suspicions.get([suspicionsFile, catalog.classes], () =>
        read((own) => readSuspicions(suspicionsFile ?? null, catalog.classes, own)),
      ),
    );
    const [rolloutFile] = yamlOf(sorted.rollout);
    const rollout = take(
      this.rollout.get([rolloutFile, catalog.classes, catalog.sites, catalog.schedules], () =>
        read((own) => readRollout(rolloutFile ?? null, catalog, own)),
      ),
    );
    if (!radsecFile) reportUnservedRadsec(nas, proxies, report);
    const policy: Policy = {
      ...catalog,
      workloads,
      nas,
      proxies,
      enforcementPoints,
      eap,
      radsec,
      suspicions,
      rollout,
      principalTree: trees.principals,
      applicationTree: trees.applications,
      siteTree: trees.sites,
      flowRules: rulesOf(flows, names.flowRules, (line) => readFlowRule(line, words, report)),
      accessRules: rulesOf(accesses, names.accessRules, (line) => readAccessRule(line, words, report)),
      auditRules: rulesOf(audited, names.auditRules, (line) => readFlowRule(line, words, report)),
      ...tests,
      settings,
    };
    reportQuarantineAsCritical(policy, report);
    names.consistency.check(policy, report);
    return report.hasErrors ? failure(report.diagnostics) : success(policy, report.diagnostics);
  }

  private linesOf(file: string, text: string): Read<readonly RawLine[]> {
    const before = this.texts.get(file);
    if (before?.text === text) return before.lines;
    const known = before?.lines.findings.length === 0 ? { text: before.text, lines: before.lines.value } : null;
    const lines = read((own) => readRuleLines(file, text, own, known));
    this.texts.set(file, { text, lines });
    return lines;
  }

  private yamlOf(file: string, text: string): Read<YamlFile | null> {
    const before = this.yaml.get(file);
    if (before?.text === text) return before.file;
    const parsed = read((own) => YamlFile.read(file, text, own));
    this.yaml.set(file, { text, file: parsed });
    return parsed;
  }

  /** Files that are gone. */
  private forget(sorted: SortedFiles): void {
    for (const file of this.texts.keys())
      if (!sorted.rules.has(file) && !sorted.audit.has(file)) this.texts.delete(file);
    const { catalog, nas, proxies, enforcementPoints, tests, settings, eap, radsec } = sorted;
    const { suspicions, rollout, serverDown } = sorted;
    const all = [
      catalog,
      nas,
      proxies,
      enforcementPoints,
      tests,
      settings,
      eap,
      radsec,
      suspicions,
      rollout,
      serverDown,
    ];
    for (const file of this.yaml.keys()) if (!all.some((kind) => kind.has(file))) this.yaml.delete(file);
  }
}

/** A rule without errors is the same object as long as its line is; one that only moved is not read again. */
function rulesOf<T extends RuleSource>(
  lines: readonly RawLine[],
  known: Successive<RawLine, T | undefined>,
  make: (line: RawLine) => T | null,
): T[] {
  const rules = known.map(lines, (line) => make(line) ?? undefined);
  return rules.includes(undefined) ? rules.filter((rule) => rule !== undefined) : (rules.slice() as T[]);
}

function moved<T extends RuleSource>({ file, line, span }: RawLine, before: T | undefined): T | undefined {
  if (!before || (before.span.line === line && before.span.file === file)) return before;
  return { ...before, span };
}

function readNames(files: Parameters<typeof readCatalog>[0], members: readonly RawLine[], report: Report): Names {
  const catalog = readCatalog(files, report);
  const trees = readMemberships(members, catalog, report);
  declareGroups(catalog, trees);
  const words: RuleWords = {
    principals: new Set(namesOf(trees.principals, catalog.classes, catalog.endpoints)),
    applications: new Set(namesOf(trees.applications, catalog.applications)),
    classes: new Set(catalog.classes.keys()),
    sites: new Set(catalog.sites.keys()),
    segments: new Set(catalog.segments.keys()),
    schedules: new Set(catalog.schedules.keys()),
  };
  return {
    catalog,
    trees,
    words,
    flowRules: new Successive(({ content }) => content, moved),
    accessRules: new Successive(({ content }) => content, moved),
    auditRules: new Successive(({ content }) => content, moved),
    consistency: new ConsistencyCheck({
      ...catalog,
      principalTree: trees.principals,
      siteTree: trees.sites,
    }),
  };
}

const listed = ({ principals, applications, classes, sites, segments }: RuleWords) => ({
  principals: [...principals],
  applications: [...applications],
  classes: [...classes],
  sites: [...sites],
  segments: [...segments],
});

/** A group of endpoints or applications stands for the union of its members. */
function declareGroups(catalog: Catalog, trees: Trees): void {
  const declare = <T extends { name: string }>(
    map: Map<string, T>,
    names: string[],
    make: (name: string) => T,
  ): void => {
    for (const name of names) if (!map.has(name)) map.set(name, make(name));
  };
  const base = { description: '', span: null };
  const endpointGroups = namesOf(trees.principals, catalog.endpoints).filter((name) => !catalog.classes.has(name));
  declare(catalog.endpoints, endpointGroups, (name) => ({ ...base, name, addresses: { v4: [], v6: [] } }));
  declare(catalog.applications, namesOf(trees.applications, catalog.applications), (name) => ({
    ...base,
    name,
    services: [],
  }));
}
