import { failure, success, type Diagnostic, type Result } from '#base';
import { addressSet, rangesOf, type AddressSet } from '#net';
import type { Criticality, Snapshot } from '#policy';
import { finding } from './codes.js';
import type { MudEntry, MudFile } from './mud-file.js';
import { isName, NameBook, nameFrom, type NewApplication, type NewEndpoint } from '../names.js';
import { parseMud } from './parse-mud.js';
import type { MudBindings, MudNames } from './peers.js';
import { translateMud, type LeftOutEntry, type MudFlow } from './translate.js';
import { writePolicy, type NewRule } from './write-policy.js';

export interface MudImportInput {
  readonly text: string;
  /** Its name in messages. */
  readonly file: string;
  /** The policy that it is imported into. */
  readonly snapshot: Snapshot;
  /** Null: made of what the file says of the device. */
  readonly class: string | null;
  readonly criticality: Criticality;
  /** Classes above a new class. */
  readonly parents: readonly string[];
  readonly names: MudNames;
  readonly resolved: ReadonlyMap<string, AddressSet>;
  /** When DNS was asked for addresses; null: it was not. */
  readonly asked: Date | null;
  readonly oneWay: boolean;
}

export interface MudImport {
  readonly file: MudFile;
  readonly class: string;
  /** The policy has the class already: the rules are added to those that it has. */
  readonly isKnownClass: boolean;
  /** Path in the policy folder → text. */
  readonly files: ReadonlyMap<string, string>;
  readonly endpoints: readonly NewEndpoint[];
  readonly applications: readonly NewApplication[];
  readonly rules: readonly NewRule[];
  readonly flows: readonly MudFlow[];
  readonly leftOut: readonly LeftOutEntry[];
  readonly answers: readonly MudEntry[];
  readonly bindings: MudBindings;
}

/**
 * Turns a MUD file into files of a policy: a class, and what the file lets its devices do. Decides nothing about where such
 * devices are placed; access rules are written by people.
 */
export function importMud(input: MudImportInput): Result<MudImport> {
  const parsed = parseMud(input.text, input.file);
  if (!parsed.ok) return parsed;
  const { value: file } = parsed;
  const name = classNameOf(file, input);
  if (typeof name !== 'string') return failure([name]);
  const { snapshot, names, resolved, oneWay } = input;
  const unknown = unknownNames(input, name);
  if (unknown.length > 0) return failure(unknown);
  const bindings: MudBindings = { names, resolved, addressesOf: addressFinder(snapshot, name) };
  const isKnownClass = snapshot.classes.some((one) => one.name === name);
  const { flows, leftOut, answers } = translateMud(file, bindings, {
    oneWay,
    segments: segmentAddresses(snapshot),
    ownClasses: ownClasses(snapshot, name, input.parents),
  });
  const book = new NameBook(snapshot, [name]);
  const rules = joinRules(flows.map((flow) => ruleOf(flow, name, book)));
  const { endpoints, applications } = book;
  const parents = isKnownClass ? [] : input.parents;
  const made = {
    class: name,
    criticality: isKnownClass ? null : input.criticality,
    parents,
    endpoints,
    applications,
    rules,
  };
  const files = writePolicy(made, file, input.asked);
  return success(
    { file, class: name, isKnownClass, files, endpoints, applications, rules, flows, leftOut, answers, bindings },
    parsed.diagnostics,
  );
}

/** DNS names that accepting entries of the file are about, in order. */
export function dnsNamesIn({ entries }: MudFile): string[] {
  const found = Object.values(entries)
    .flat()
    .flatMap(({ matches }) => (matches ? [matches.sourceName, matches.destinationName] : []));
  return [...new Set(found.filter((name) => name !== null))].sort();
}

function classNameOf(file: MudFile, { class: wanted, file: path, snapshot }: MudImportInput): string | Diagnostic {
  const span = { file: path, line: 1, column: 1 };
  if (wanted !== null && !isName(wanted)) {
    const hint = 'use a-z, 0-9 and - (not at the ends), at most 64 characters';
    return finding('mud-class-name', `\`${wanted}\` is not a name`, hint, span);
  }
  const name = wanted ?? nameFrom(file.systemInfo);
  if (name === '') {
    const summary = 'the file says nothing of the device that a name could be made of';
    return finding('mud-class-name', summary, 'name the class with --class', span);
  }
  if (snapshot.endpoints.some((one) => one.name === name))
    return finding('mud-class-name', `\`${name}\` is an endpoint`, 'name another class with --class', span);
  return name;
}

function unknownNames({ names, parents, snapshot, file }: MudImportInput, own: string): Diagnostic[] {
  const classes = new Set([own, ...snapshot.classes.map(({ name }) => name)]);
  const known = new Set([...classes, ...snapshot.endpoints.map(({ name }) => name)]);
  const span = { file, line: 1, column: 1 };
  const given = [names.localNetworks, names.myController, ...names.controllers.values()];
  const givenClasses = [names.sameManufacturer, ...names.manufacturers.values(), ...names.models.values(), ...parents];
  const report = (name: string, what: string): Diagnostic =>
    finding('mud-unknown-name', `\`${name}\` is no ${what} of the policy`, 'add it to the catalog first', span);
  return [
    ...given.flatMap((name) => (name === null || known.has(name) ? [] : [report(name, 'class and no endpoint')])),
    ...givenClasses.flatMap((name) => (name === null || classes.has(name) ? [] : [report(name, 'class')])),
  ];
}

function addressFinder({ classes, endpoints }: Snapshot, own: string): MudBindings['addressesOf'] {
  const known = new Map<string, AddressSet | null>([
    [own, null],
    ...classes.map(({ name }): [string, null] => [name, null]),
    ...endpoints.map(({ name, addresses }): [string, AddressSet] => [name, addresses]),
  ]);
  return (name) => known.get(name);
}

const segmentAddresses = ({ segments }: Snapshot): AddressSet =>
  addressSet(segments.flatMap(({ sites }) => sites.flatMap(({ prefixes }) => rangesOf(prefixes))));

function ownClasses({ classes }: Snapshot, name: string, parents: readonly string[]): ReadonlySet<string> {
  const above = new Map(classes.map((one) => [one.name, one.ancestors]));
  return new Set([
    name,
    ...(above.get(name) ?? ['device']),
    ...parents,
    ...parents.flatMap((one) => above.get(one) ?? []),
  ]);
}

function ruleOf(flow: MudFlow, own: string, book: NameBook): NewRule {
  const far = flow.class ?? book.endpoint(flow.addresses, flow.label, own);
  const application = book.application(flow.services);
  const [subject, object] = flow.direction === 'from-device' ? [own, far] : [far, own];
  const from = flow.entries.map(({ list, name }) => `${list} ${name}`);
  return { subject, object, application, from };
}

/** The same line twice would be refused. */
function joinRules(rules: readonly NewRule[]): NewRule[] {
  const joined = new Map<string, NewRule>();
  for (const rule of rules) {
    const key = [rule.subject, rule.object, rule.application].join(' ');
    const known = joined.get(key);
    joined.set(key, known ? { ...known, from: [...new Set([...known.from, ...rule.from])] } : rule);
  }
  return [...joined.values()];
}

/** Refuses an import whose files are there already. */
export function mudExists(paths: readonly string[], name: string): Result<never> {
  const hint = `import it under another name with --class, or remove what an earlier import of \`${name}\` wrote`;
  return failure(
    paths.map((file) => finding('mud-exists', 'the file is there already', hint, { file, line: 1, column: 1 })),
  );
}
