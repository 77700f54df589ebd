import { compareDiagnostics, failure, success, type Diagnostic, type Result } from '#base';
import { addressSet, formatServices, PacketSpace, rangesOf, type AddressSet, type Family, type ServiceSet } from '#net';
import type { Snapshot } from '#policy';
import { isName, NameBook, nameFrom } from '../names.js';
import { finding } from './codes.js';
import { Definitions, uniteAddresses } from './definitions.js';
import { parseCapirca, type Including } from './parse-policy.js';
import { namesOfFilter, type FilterSource } from './policy-file.js';
import { readFilter } from './read-filter.js';
import type { Filter, NamedAddresses, Term } from './term.js';
import {
  translateFilter,
  type CarriedEnd,
  type CarriedFlow,
  type DevicePlaces,
  type LeftOutTerm,
} from './translate.js';
import { writePolicy, type CapircaRule } from './write-policy.js';

/** Names that mean something of their own to a policy: nothing else may have them. */
const builtInNames = ['device', 'unknown', 'internet', 'internal', 'any'];

export interface CapircaImportInput {
  /** Policies: name in messages → text. */
  readonly policies: ReadonlyMap<string, string>;
  readonly including: Including;
  /** `.net` and `.svc`: name in messages → text. */
  readonly definitions: ReadonlyMap<string, string>;
  /** The policy that it is imported into. */
  readonly snapshot: Snapshot;
  /** In names of files. Null: made of the name of the first policy. */
  readonly name: string | null;
  /** Names or places (from 1) of filters; none: there is only one. */
  readonly filters: readonly string[];
  readonly platform: string | null;
  /** Null: what the targets say. */
  readonly families: readonly Family[] | null;
  /** Network → class whose devices are there. */
  readonly classes: ReadonlyMap<string, string>;
  /** Networks: who is before filters, and behind them. Null: anybody. */
  readonly before: string | null;
  readonly behind: string | null;
  /** Terms to disregard. */
  readonly skip: readonly string[];
  readonly at: Date;
}

export interface CapircaImport {
  readonly name: string;
  /** Path in the policy folder → text. */
  readonly files: ReadonlyMap<string, string>;
  /** Those that are written, and those that the policy has already. */
  readonly rules: readonly CapircaRule[];
  readonly known: readonly CapircaRule[];
  /** Those that were taken. */
  readonly filters: readonly Filter[];
  readonly leftOut: readonly LeftOutTerm[];
  readonly answers: readonly Term[];
  readonly places: DevicePlaces;
  readonly space: PacketSpace;
}

/** Turns policies of Capirca into files of a policy: endpoints, applications and allows. Decides nothing about where devices are placed. */
export function importCapirca(input: CapircaImportInput): Result<CapircaImport> {
  const name = input.name ?? nameFrom(firstName(input.policies));
  if (!isName(name)) {
    const hint = 'use a-z, 0-9 and - (not at the ends), at most 64 characters: --name NAME';
    return failure([finding('capirca-name', `\`${name}\` is not a name`, hint)]);
  }
  const definitions = new Definitions(input.definitions);
  const parsed = [...input.policies].map(([file, text]) => parseCapirca(text, file, input.including));
  const wrong = [...definitions.problems, ...parsed.flatMap(({ ok, diagnostics }) => (ok ? [] : diagnostics))];
  if (wrong.length > 0) return failure(wrong.sort(compareDiagnostics));
  const chosen = chooseFilters(
    parsed.flatMap((one) => (one.ok ? one.value : [])),
    input,
  );
  if (!chosen.ok) return chosen;
  const places = placesOf(input, definitions);
  const ends = { before: placeOf('from', input.before, definitions), behind: placeOf('to', input.behind, definitions) };
  const wrongEnds = Object.values(ends).filter((end) => end !== null && 'severity' in end);
  if (wrongEnds.length > 0) return failure(wrongEnds);
  const read = chosen.value.map((source) => readFilter(source, { ...input, ...(ends as Ends), definitions }));
  const errors = [...places.errors, ...read.flatMap((one) => one.errors)];
  if (errors.length > 0) return failure(uniqueOf(errors).sort(compareDiagnostics));
  const space = new PacketSpace();
  const filters = read.map(({ filter }) => filter);
  const done = filters.map((filter) => translateFilter(space, filter, places.value));
  const book = new NameBook(input.snapshot, builtInNames);
  const rules = joinRules(done.flatMap(({ flows }) => flows).map((flow) => ruleOf(flow, book)));
  const [known, fresh] = splitKnown(rules, input.snapshot);
  const { endpoints, applications } = book;
  const files = writePolicy({ name, files: [...input.policies.keys()], endpoints, applications, rules: fresh });
  const notes = [...read.flatMap((one) => one.notes), ...done.flatMap((one) => one.notes)];
  return success(
    {
      name,
      files,
      rules: fresh,
      known,
      filters,
      leftOut: done.flatMap(({ leftOut }) => leftOut),
      answers: done.flatMap(({ answers }) => answers),
      places: places.value,
      space,
    },
    notes.sort(compareDiagnostics),
  );
}

const firstName = (policies: ReadonlyMap<string, string>): string =>
  [...policies.keys()][0]?.replace(/^.*\//, '').replace(/\.[^.]*$/, '') ?? '';

const uniqueOf = (all: readonly Diagnostic[]): Diagnostic[] => [
  ...new Map(all.map((one) => [JSON.stringify(one), one])).values(),
];

/** Together, filters allow what any of them does: that nobody gets who did not say so. */
function chooseFilters(all: readonly FilterSource[], input: CapircaImportInput): Result<readonly FilterSource[]> {
  const { filters: wanted, platform } = input;
  const own = all.filter(({ targets }) => platform === null || targets.some((one) => one.platform === platform));
  const list = own.map((one, i) => `${i + 1} ${namesOfFilter(one)[0] ?? 'without a name'}`).join(', ');
  const refuse = (summary: string, hint: string): Result<never> =>
    failure([finding('capirca-filter', summary, hint, own[0]?.span ?? all[0]?.span ?? null)]);
  if (own.length === 0) return refuse(`no filter is for platform \`${platform}\``, 'name one that stands in a target');
  if (wanted.length === 0) {
    if (own.length === 1) return success(own);
    const hint =
      'say which with --filter NAME or its number, again for more: together they allow what any of them does';
    return refuse(`there are ${own.length} filters: ${list}`, hint);
  }
  const chosen = new Set<FilterSource>();
  for (const word of wanted) {
    const named = own.filter((one, i) => namesOfFilter(one).includes(word) || `${i + 1}` === word);
    if (named.length !== 1)
      return refuse(`\`${word}\` is ${named.length === 0 ? 'no filter' : 'several filters'}`, `there are: ${list}`);
    chosen.add(named[0]!);
  }
  return success(own.filter((one) => chosen.has(one)));
}

interface Ends {
  readonly before: NamedAddresses | null;
  readonly behind: NamedAddresses | null;
}

function placeOf(option: string, label: string | null, definitions: Definitions): NamedAddresses | Diagnostic | null {
  if (label === null) return null;
  const addresses = definitions.addressesOf(label, { file: `--${option}`, line: 1, column: 1 });
  return 'severity' in addresses ? addresses : { label, addresses };
}

function placesOf(
  { classes, snapshot }: CapircaImportInput,
  definitions: Definitions,
): { readonly value: DevicePlaces; readonly errors: readonly Diagnostic[] } {
  const errors: Diagnostic[] = [];
  const found = new Map<string, AddressSet>();
  const known = new Set(snapshot.classes.map((one) => one.name));
  for (const [network, name] of classes) {
    const addresses = definitions.addressesOf(network, { file: '--class', line: 1, column: 1 });
    if (!known.has(name))
      errors.push(
        finding('capirca-class', `--class: \`${name}\` is no class of the policy`, 'add it to the catalog first'),
      );
    if ('severity' in addresses) errors.push(addresses);
    else found.set(name, uniteAddresses([found.get(name) ?? addressSet([]), addresses]));
  }
  const segments = addressSet(
    snapshot.segments.flatMap(({ sites }) => sites.flatMap(({ prefixes }) => rangesOf(prefixes))),
  );
  return { value: { segments, classes: found }, errors };
}

function ruleOf({ subject, object, services, serviceLabel, term }: CarriedFlow, book: NameBook): CapircaRule {
  const nameOf = (end: CarriedEnd): string =>
    'class' in end ? end.class : book.endpoint(end.addresses, end.label, '');
  const when = term.until === null ? 'always' : `until ${term.until}`;
  const application = book.application(services, labelOf(services, serviceLabel, term));
  return { subject: nameOf(subject), object: nameOf(object), application, when, terms: [term] };
}

/** Characters of a name that is made of ports, or of names of services. */
const longestName = 40;

/** Null: what its ports are. */
function labelOf(services: ServiceSet, label: string | null, { name }: Term): string | null {
  if (label !== null && label.length <= longestName) return label;
  return formatServices(services).length > longestName ? `${name}-services` : null;
}

/** The same line twice would be refused. */
function joinRules(rules: readonly CapircaRule[]): CapircaRule[] {
  const joined = new Map<string, CapircaRule>();
  for (const rule of rules) {
    const key = keyOf(rule);
    const known = joined.get(key);
    joined.set(key, known ? { ...known, terms: [...new Set([...known.terms, ...rule.terms])] } : rule);
  }
  return [...joined.values()];
}

const keyOf = ({ subject, object, application, when }: Omit<CapircaRule, 'terms'>): string =>
  [subject, object, application, when].join(', ');

function splitKnown(rules: readonly CapircaRule[], { flowRules }: Snapshot): [CapircaRule[], CapircaRule[]] {
  const there = new Set(flowRules.filter(({ effect }) => effect === 'allow').map(keyOf));
  return [rules.filter((rule) => there.has(keyOf(rule))), rules.filter((rule) => !there.has(keyOf(rule)))];
}

/** Refuses an import whose files are there already. */
export function capircaExists(paths: readonly string[], name: string): Result<never> {
  const hint = `import it under another name with --name, or remove what an earlier import of \`${name}\` wrote`;
  return failure(
    paths.map((file) => finding('capirca-exists', 'the file is there already', hint, { file, line: 1, column: 1 })),
  );
}
