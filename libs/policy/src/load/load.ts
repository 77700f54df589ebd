import { failure, success, type Result } from '#base';
import { driverNames } from '#model';
import { nasProfileNames } from '#radius';
import { Report } from '../codes.js';
import type { Policy } from '../policy.js';
import { catalogKinds, readCatalog, type Catalog, type CatalogKind } from './catalog.js';
import { checkConsistency } from './consistency.js';
import { checkModel } from './model.js';
import { readEnforcementPoints, readNas, type Abilities } from './network.js';
import { readRuleLines, type RawLine } from './rule-lines.js';
import { namesOf, readAccessRules, readFlowRules, readMemberships, type Trees } from './rules.js';
import { readSettings, settingsFile } from './settings.js';
import { readTests } from './tests.js';
import { YamlFile } from './yaml-file.js';

/**
 * Reads and checks a policy repository. `files`: path relative to its folder, with `/` → text.
 *
 * Strict where Casbin is lenient, because there a typing error opens or closes a network in silence. Decides whether the
 * policy is well-formed; what it means is decided by `compilePolicy`.
 */
export function loadPolicy(files: ReadonlyMap<string, string>): Result<Policy> {
  const report = new Report();
  const able: Abilities = { nasProfiles: nasProfileNames, drivers: driverNames };
  const read = sortFiles(files, report);
  const catalog = readCatalog(read.catalog, report);
  const trees = readMemberships(read.lines, catalog, report);
  declareGroups(catalog, trees);
  const flowRules = readFlowRules(read.lines, catalog, trees, report);
  const accessRules = readAccessRules(read.lines, catalog, report);
  const nas = readNas(read.nas, catalog.sites, able, report);
  const enforcementPoints = readEnforcementPoints(read.enforcementPoints, catalog.sites, able, report);
  const words = {
    principals: namesOf(trees.principals, catalog.classes, catalog.endpoints),
    applications: namesOf(trees.applications, catalog.applications),
    classes: [...catalog.classes.keys()],
    sites: [...catalog.sites.keys()],
    segments: [...catalog.segments.keys()],
  };
  const tests = readTests(read.tests, words, report);
  const policy: Policy = {
    ...catalog,
    nas,
    enforcementPoints,
    principalTree: trees.principals,
    applicationTree: trees.applications,
    siteTree: trees.sites,
    flowRules,
    accessRules,
    ...tests,
    settings: readSettings(read.settings, report),
  };
  checkConsistency(policy, report);
  return report.hasErrors ? failure(report.diagnostics) : success(policy, report.diagnostics);
}

interface SortedFiles {
  readonly lines: RawLine[];
  readonly catalog: [CatalogKind, YamlFile][];
  readonly nas: YamlFile[];
  readonly enforcementPoints: YamlFile[];
  readonly tests: YamlFile[];
  settings: YamlFile | null;
}

const hints = {
  rules: 'rules are .csv files under rules/',
  catalog: `name it catalog/${catalogKinds.join('.yaml, catalog/')}.yaml (or classes-imaging.yaml and the like)`,
  network: 'name it network/nas.yaml or network/enforcement-points.yaml',
  tests: 'tests are .yaml files under tests/',
} as const;

const folders = Object.keys(hints);
/** `Rules`, `rule` and `rules` alike: a folder that nobody reads would lose its denies in silence. */
const singular = (folder: string): string => folder.toLowerCase().replace(/s$/, '');

function sortFiles(files: ReadonlyMap<string, string>, report: Report): SortedFiles {
  const out: SortedFiles = { lines: [], catalog: [], nas: [], enforcementPoints: [], tests: [], settings: null };
  for (const file of [...files.keys()].sort()) {
    const text = files.get(file)!.replace(/^\uFEFF/, '');
    const [folder = '', ...rest] = file.split('/');
    const name = rest.join('/');
    if (file === 'model.conf') checkModel(text, report);
    else if (file === settingsFile) out.settings = YamlFile.read(file, text, report);
    else if (rest.length === 0) {
      if (/\.(csv|ya?ml)$/.test(file))
        reportUnknownFile(file, 'move it under rules/, catalog/, network/ or tests/', report);
    } else if (name.endsWith('.md') || /(^|\/)\./.test(name)) continue;
    else if (Object.hasOwn(hints, folder)) {
      if (!takeFile(out, folder, name, file, text, report))
        reportUnknownFile(file, hints[folder as keyof typeof hints], report);
    } else {
      const meant = folders.find((known) => singular(known) === singular(folder));
      if (meant) reportUnknownFile(file, `move it under ${meant}/`, report);
    }
  }
  if (![...files.keys()].some((file) => file.startsWith('catalog/') || file.startsWith('rules/'))) {
    report.add(
      'empty-policy',
      null,
      'no rules/ and no catalog/ here',
      'name the folder that holds rules/, catalog/ and network/',
    );
  }
  return out;
}

function reportUnknownFile(file: string, hint: string, report: Report): void {
  report.add('unknown-file', { file, line: 1, column: 1 }, `\`${file}\` would be read by nobody`, hint);
}

/** False when no reader is there for the file. */
function takeFile(out: SortedFiles, folder: string, name: string, file: string, text: string, report: Report): boolean {
  if (folder === 'rules') {
    if (!name.endsWith('.csv')) return false;
    for (const line of readRuleLines(file, text, report)) out.lines.push(line);
    return true;
  }
  if (!/\.ya?ml$/.test(name)) return false;
  const kinds = { catalog: catalogKinds, network: ['nas', 'enforcement-points'], tests: [''] }[
    folder as 'catalog' | 'network' | 'tests'
  ];
  const kind = kinds.find((kind) => kind === '' || new RegExp(`^${kind}([-/].+)?\\.ya?ml$`).test(name));
  if (kind === undefined) return false;
  const yaml = YamlFile.read(file, text, report);
  if (!yaml) return true;
  if (folder === 'tests') out.tests.push(yaml);
  else if (kind === 'nas') out.nas.push(yaml);
  else if (kind === 'enforcement-points') out.enforcementPoints.push(yaml);
  else out.catalog.push([kind as CatalogKind, yaml]);
  return true;
}

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
