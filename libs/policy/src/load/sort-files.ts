import type { Report } from '../codes.js';
import { catalogKinds, type CatalogKind } from './catalog.js';
import { checkModel } from './model.js';
import { settingsFile } from './settings.js';

/** The files of a policy by who reads them: path → text, in order of path. */
export interface SortedFiles {
  readonly rules: ReadonlyMap<string, string>;
  /** Rule lines that are not in force: see `Policy.auditRules`. */
  readonly audit: ReadonlyMap<string, string>;
  readonly catalog: ReadonlyMap<string, { readonly kind: CatalogKind; readonly text: string }>;
  readonly nas: ReadonlyMap<string, string>;
  readonly proxies: ReadonlyMap<string, string>;
  readonly enforcementPoints: ReadonlyMap<string, string>;
  readonly tests: ReadonlyMap<string, string>;
  /** One at the most. */
  readonly settings: ReadonlyMap<string, string>;
  /** One at the most. */
  readonly eap: ReadonlyMap<string, string>;
  /** One at the most. */
  readonly radsec: ReadonlyMap<string, string>;
  /** One at the most. */
  readonly suspicions: ReadonlyMap<string, string>;
  /** One at the most. */
  readonly rollout: ReadonlyMap<string, string>;
  /** One at the most. */
  readonly serverDown: ReadonlyMap<string, string>;
}

const hints = {
  rules: 'rules are .csv files under rules/',
  audit: 'lines in audit are .csv files under audit/',
  catalog: `name it catalog/${catalogKinds.join('.yaml, catalog/')}.yaml (or classes-imaging.yaml and the like)`,
  network:
    'name it network/nas.yaml, network/proxies.yaml, network/enforcement-points.yaml, network/eap.yaml, network/radsec.yaml, network/suspicions.yaml, network/rollout.yaml or network/server-down.yaml',
  tests: 'tests are .yaml files under tests/',
} as const;

const folders = Object.keys(hints);
/** `Rules`, `rule` and `rules` alike: a folder that nobody reads would lose its denies in silence. */
const singular = (folder: string): string => folder.toLowerCase().replace(/s$/, '');

/** Every file has one reader or is reported: what nobody reads would be lost in silence. */
export function sortFiles(files: ReadonlyMap<string, string>, report: Report): SortedFiles {
  const out = {
    rules: new Map(),
    audit: new Map(),
    catalog: new Map(),
    nas: new Map(),
    proxies: new Map(),
    enforcementPoints: new Map(),
    tests: new Map(),
    settings: new Map(),
    eap: new Map(),
    radsec: new Map(),
    suspicions: new Map(),
    rollout: new Map(),
    serverDown: new Map(),
  };
  for (const file of [...files.keys()].sort()) {
    const text = files.get(file)!.replace(/^\uFEFF/, '');
    const [folder = '', ...rest] = file.split('/');
    const name = rest.join('/');
    if (file === 'model.conf') checkModel(text, report);
    else if (file === settingsFile) out.settings.set(file, text);
    else if (rest.length === 0) {
      if (/\.(csv|ya?ml)$/.test(file))
        reportUnknownFile(file, 'move it under rules/, audit/, catalog/, network/ or tests/', report);
    } else if (name.endsWith('.md') || /(^|\/)\./.test(name)) continue;
    else if (Object.hasOwn(hints, folder)) {
      if (!takeFile(out, folder as keyof typeof hints, name, file, text))
        reportUnknownFile(file, hints[folder as keyof typeof hints], report);
    } else {
      const meant = folders.find((known) => singular(known) === singular(folder));
      if (meant) reportUnknownFile(file, `move it under ${meant}/`, report);
    }
  }
  if (![...files.keys()].some((file) => file.startsWith('catalog/') || file.startsWith('rules/'))) {
    const hint = 'name the folder that holds rules/, catalog/ and network/';
    report.add('empty-policy', null, 'no rules/ and no catalog/ here', hint);
  }
  return out;
}

function reportUnknownFile(file: string, hint: string, report: Report): void {
  report.add('unknown-file', { file, line: 1, column: 1 }, `\`${file}\` would be read by nobody`, hint);
}

const isKind = (kind: string, name: string): boolean => new RegExp(`^${kind}([-/].+)?\\.ya?ml$`).test(name);

/** False when no reader is there for the file. */
function takeFile(
  out: Record<keyof SortedFiles, Map<string, unknown>>,
  folder: keyof typeof hints,
  name: string,
  file: string,
  text: string,
): boolean {
  switch (folder) {
    case 'rules':
    case 'audit':
      if (!name.endsWith('.csv')) return false;
      out[folder].set(file, text);
      return true;
    case 'catalog': {
      const kind = catalogKinds.find((one) => isKind(one, name));
      if (kind) out.catalog.set(file, { kind, text });
      return kind !== undefined;
    }
    case 'network': {
      const reader = networkReader(out, name);
      reader?.set(file, text);
      return reader !== null;
    }
    case 'tests':
      if (!/\.ya?ml$/.test(name)) return false;
      out.tests.set(file, text);
      return true;
    default:
      return folder;
  }
}

function networkReader(
  out: Record<keyof SortedFiles, Map<string, unknown>>,
  name: string,
): Map<string, unknown> | null {
  if (isKind('nas', name)) return out.nas;
  if (isKind('proxies', name)) return out.proxies;
  if (isKind('enforcement-points', name)) return out.enforcementPoints;
  if (name === 'server-down.yaml') return out.serverDown;
  const single = (['eap', 'radsec', 'suspicions', 'rollout'] as const).find((kind) => name === `${kind}.yaml`);
  return single ? out[single] : null;
}
