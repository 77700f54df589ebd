import { addToPolicy, type Addition, type NewEntry, type NewLine } from '#policy';
import { bold, countOf, green, print, printJson } from '../output.js';
import { readPolicyFolder, UsageError } from '../policy-files.js';
import { writePolicyFiles } from '../policy-writer.js';
import { diffText } from '../text-diff.js';
import { orThrow } from './policy.js';

/** Options that every `cordon new …` has. */
export interface NewOptions {
  readonly policy: string;
  readonly file?: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

interface AboutOptions extends NewOptions {
  readonly description?: string;
  readonly owner?: string;
}

export interface NewClassOptions extends AboutOptions {
  readonly criticality?: string;
  readonly parent?: readonly string[];
}
export interface NewEndpointOptions extends AboutOptions {
  readonly address: readonly string[];
  readonly group?: readonly string[];
}
export interface NewApplicationOptions extends AboutOptions {
  readonly port: readonly string[];
  readonly source?: string;
  readonly group?: readonly string[];
}
export interface NewSegmentOptions extends AboutOptions {
  readonly at: readonly string[];
  readonly dedicatedTo?: string;
  readonly role?: string;
  readonly voice?: boolean;
}
export interface NewSiteOptions extends AboutOptions {
  readonly timezone?: string;
  readonly parent?: string;
}
export interface NewScheduleOptions extends AboutOptions {
  readonly days: string;
  readonly from: string;
  readonly to: string;
  readonly timezone: string;
}
export interface NewRuleOptions extends NewOptions {
  readonly when: string;
  readonly note: string;
}

export const newHelp = `
A thing is put beside its like, into the usual file or the one of --file; files that are missing are made. What exists
already is refused, and so is what would leave a policy that does not load: then nothing is written.
Exit code: 0 added, 1 refused.`;

export function newClass(name: string, options: NewClassOptions): number {
  const { description, owner, criticality, parent = [] } = options;
  const entry: NewEntry = { kind: 'classes', name, fields: { description, criticality, owner } };
  return add(options, [entry], memberships('g', name, parent));
}

export function newEndpoint(name: string, options: NewEndpointOptions): number {
  const { description, owner, address, group = [] } = options;
  const entry: NewEntry = { kind: 'endpoints', name, fields: { addresses: address, owner, description } };
  return add(options, [entry], memberships('g', name, group));
}

export function newApplication(name: string, options: NewApplicationOptions): number {
  const { description, owner, port, source, group = [] } = options;
  const entry: NewEntry = { kind: 'applications', name, fields: { ports: port, description, owner, source } };
  return add(options, [entry], memberships('g2', name, group));
}

export function newSegment(name: string, options: NewSegmentOptions): number {
  const { description, owner, at, dedicatedTo, role, voice } = options;
  const places = at.map(readSegmentAt);
  const sites = Object.fromEntries(places);
  if (Object.keys(sites).length < places.length)
    throw new UsageError('--at names a site twice: one VLAN for each site');
  return add(
    options,
    [{ kind: 'segments', name, fields: { description, owner, dedicatedTo, role, voice, sites } }],
    [],
  );
}

export function newSite(name: string, options: NewSiteOptions): number {
  const { description, owner, timezone, parent } = options;
  const entry: NewEntry = { kind: 'sites', name, fields: { description, owner, timezone } };
  return add(options, [entry], memberships('g3', name, parent === undefined ? [] : [parent]));
}

export function newSchedule(name: string, options: NewScheduleOptions): number {
  const { description, owner, from, to, timezone } = options;
  const days = options.days.split(',').map((day) => day.trim());
  return add(options, [{ kind: 'schedules', name, fields: { description, owner, days, from, to, timezone } }], []);
}

export function newRule(words: readonly string[], options: NewRuleOptions): number {
  return add(options, [], [{ type: 'p', words: [...words, options.when, options.note] }]);
}

export function newAccess(words: readonly string[], options: NewRuleOptions): number {
  return add(options, [], [{ type: 'p2', words: [...words, options.when, options.note] }]);
}

const memberships = (type: 'g' | 'g2' | 'g3', name: string, groups: readonly string[]): NewLine[] =>
  groups.map((group) => ({ type, words: [name, group] }));

/** `main=210,10.21.0.0/20,fd21::/64`: a site, its VLAN, and prefixes. */
function readSegmentAt(text: string): [site: string, at: Record<string, unknown>] {
  const [, site, vlan, prefixes] = /^([^=]+)=(\d+),(.+)$/.exec(text) ?? [];
  if (site === undefined || prefixes === undefined)
    throw new UsageError(`--at: \`${text}\` is not like main=210,10.21.0.0/20,fd21::/64 (site, VLAN, prefixes)`);
  return [site, { vlan: Number(vlan), prefixes: prefixes.split(',').map((prefix) => prefix.trim()) }];
}

function add(options: NewOptions, entries: Addition['entries'], lines: Addition['lines']): number {
  const files = readPolicyFolder(options.policy);
  const changed = orThrow(addToPolicy(files, { entries, lines, file: options.file ?? null }));
  if (!options.dryRun) writePolicyFiles(options.policy, changed);
  if (options.json) {
    printJson({ ok: true, changed: [...changed.keys()], written: !options.dryRun });
    return 0;
  }
  for (const [file, text] of changed) {
    print(bold(file));
    for (const line of diffText(files.get(file) ?? '', text)) print(line);
  }
  const count = countOf(changed.size, 'file');
  print(
    options.dryRun
      ? `${count} would change`
      : `${green(`${count} changed`)}: see what it does with \`cordon check\` and \`cordon plan\``,
  );
  return 0;
}
