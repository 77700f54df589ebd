import { compareText, remembered } from '#base';
import type { EnforcementRules, EnforcementState, FlowEntry, FlowSide } from '#model';
import { families, familyOf, formatAddress, maxOf, prefixesOfRange } from '#net';
import type { AddressSet, Family, Interval } from '#net';
import { candidateDifference } from '../candidate-difference.js';
import { dropTable, equals, formatTransaction, groups, tableId, type Grouping, type Json } from './commands.js';
import { inOrder } from './entry-order.js';
import { classSet, lineCounter, watchedSet } from './names.js';
import { matchServices } from './services.js';
import { auditCounter, renderWatching, watchChains } from './watching.js';

/*
 *  forward (hook) ──one side in scope──▶ judge_4 / judge_6
 *                                          ct invalid: drop │ reply, related ICMP: accept
 *                                          jump deny_N      │ new: jump audit_N │ jump allow_N     │ log, count `denied`, drop
 *  deny_N, allow_N:   source is in set S ──▶ deny_from_S     (lines with classes as source: S holds the members of them all)
 *                     destination is in S ─▶ deny_to_S       (lines with addresses as source, classes as destination)
 *                     lines with addresses on both sides stand here
 *  audit_N:           changes no verdict: watching.ts
 */

/** The whole table as one transaction: what stood there before is gone at the instant in which this stands. */
export function render(state: EnforcementState): string {
  return formatTransaction(replaceCommands(state));
}

function replaceCommands(state: EnforcementState): Json[] {
  const build = new TableBuild();
  const entries = inOrder(state.rules.entries);
  for (const family of families) {
    renderFamily(build, entries, state.rules.scope, family);
    for (const [chain, rules] of renderWatchingIn(state.rules, family)) build.rules(chain).push(...rules);
  }
  return [
    ...dropTable,
    { add: { table: { family: tableId.family, name: tableId.table } } },
    ...build.counters(state.rules.entries),
    ...setNames(state.rules).map(addSet),
    ...build.commands(),
    ...renderMembership(state),
  ];
}

/** Collects chains and their rules; chains come before rules in the output, so that no jump dangles. */
class TableBuild {
  private readonly chains = new Map<string, { readonly hook: Json; readonly rules: Json[] }>();

  rules(chain: string, hook: Json = {}): Json[] {
    const known = this.chains.get(chain);
    if (known) return known.rules;
    const rules: Json[] = [];
    this.chains.set(chain, { hook, rules });
    return rules;
  }

  has(chain: string): boolean {
    return this.chains.has(chain);
  }

  counters(entries: readonly FlowEntry[]): Json[] {
    const names = [...new Set(entries.map((entry) => lineCounter(entry.id)))].sort(compareText);
    return ['denied', auditCounter, ...names].map((name) => ({ add: { counter: { ...tableId, name } } }));
  }

  commands(): Json[] {
    const all = [...this.chains];
    return [
      ...all.map(([name, { hook }]) => ({ add: { chain: { ...tableId, name, ...hook } } })),
      ...all.flatMap(([chain, { rules }]) => rules.map((rule) => ({ add: { rule: { ...tableId, chain, ...rule } } }))),
    ];
  }
}

function renderFamily(build: TableBuild, entries: readonly FlowEntry[], scope: AddressSet, family: Family): void {
  const forward = build.rules('forward', { type: 'filter', hook: 'forward', prio: 0, policy: 'accept' });
  for (const field of ['saddr', 'daddr'] as const)
    for (const range of scopeOf(scope, family))
      forward.push({
        expr: [equals(address(family, field), renderRange(range, family)), { goto: { target: `judge_${family}` } }],
      });
  const icmp = family === 4 ? 1 : 58;
  const judge = build.rules(`judge_${family}`);
  judge.push(
    { expr: [ctState('invalid'), { drop: null }] },
    // Only replies pass by their connection: what its opener sends is judged anew each time, so closing a flow works at once.
    {
      expr: [
        { match: { op: '==', left: { ct: { key: 'direction' } }, right: 'reply' } },
        ctState(['established', 'related']),
        { accept: null },
      ],
    },
    { expr: [ctState('related'), equals({ meta: { key: 'l4proto' } }, icmp), { accept: null }] },
  );
  for (const phase of ['deny', 'allow'] as const) {
    if (phase === 'allow') judge.push({ expr: [ctState('new'), { jump: { target: watchChains(family).entry } }] });
    build.rules(`${phase}_${family}`);
    judge.push({ expr: [{ jump: { target: `${phase}_${family}` } }] });
    for (const entry of entries) if (entry.action === phase) renderEntry(build, entry, family);
  }
  judge.push({ expr: [{ log: { prefix: 'cordon-deny ', group: 5 } }, { counter: 'denied' }, { drop: null }] });
}

function renderEntry(build: TableBuild, entry: FlowEntry, family: Family): void {
  const { source, destination, id, action } = entry;
  const how = action === 'deny' ? 'apart' : 'together';
  const services = matchServices(entry.services, family, how);
  const verdict: Json[] = [{ counter: lineCounter(id) }, action === 'allow' ? { accept: null } : { drop: null }];
  const rules = (sides: readonly (readonly Json[])[]): Json[] =>
    sides.flatMap((side) =>
      services.map((service) => ({ comment: `cordon:${id}`, expr: [...side, ...service, ...verdict] })),
    );
  const main = build.rules(`${action}_${family}`);
  if (source.kind === 'addresses' && destination.kind === 'addresses') {
    const sources = matchSide(source, 'saddr', family, how);
    const destinations = matchSide(destination, 'daddr', family, how);
    main.push(...rules(sources.flatMap((from) => destinations.map((to) => [...from, ...to]))));
    return;
  }
  const bySource = source.kind === 'classes';
  const classes = classesOf(bySource ? source : destination);
  const body = rules(bySource ? matchSide(destination, 'daddr', family, how) : matchSide(source, 'saddr', family, how));
  if (body.length === 0 || classes.length === 0) return;
  const set = classSet(classes, family);
  const chain = `${action}_${bySource ? 'from' : 'to'}_${set}`;
  if (!build.has(chain))
    main.push({ expr: [inSet(family, bySource ? 'saddr' : 'daddr', set), { jump: { target: chain } }] });
  build.rules(chain).push(...body);
}

type SetName = (classes: readonly string[], family: Family) => string;

/** Alternatives, each a list of matches that must all hold; an empty list of matches means any address. */
function matchSide(
  side: FlowSide,
  field: 'saddr' | 'daddr',
  family: Family,
  how: Grouping,
  setOf: SetName = classSet,
): Json[][] {
  if (side.kind === 'addresses') return matchAddresses(side.addresses, field, family, how);
  const classes = classesOf(side);
  return classes.length === 0 ? [] : [[inSet(family, field, setOf(classes, family))]];
}

function matchAddresses(addresses: AddressSet, field: 'saddr' | 'daddr', family: Family, how: Grouping): Json[][] {
  const ranges = familyOf(addresses, family);
  if (isWholeFamily(ranges, family)) return [[]];
  const values = ranges.map((range) => renderRange(range, family));
  return groups(values, how).map((value) => [equals(address(family, field), value)]);
}

/** Both families pass the hook: without a match of addresses a rule would be about either, and nft has no word for all addresses of one. */
function scopeOf(scope: AddressSet, family: Family): readonly Interval<bigint>[] {
  const ranges = familyOf(scope, family);
  if (!isWholeFamily(ranges, family)) return ranges;
  const half = maxOf(family) >> 1n;
  return [
    { first: 0n, last: half },
    { first: half + 1n, last: maxOf(family) },
  ];
}

const isWholeFamily = ([range]: readonly Interval<bigint>[], family: Family): boolean =>
  range?.first === 0n && range.last === maxOf(family);

function renderRange({ first, last }: Interval<bigint>, family: Family): unknown {
  const at = (value: bigint): string => formatAddress({ family, value });
  if (first === last) return at(first);
  const [prefix, ...more] = prefixesOfRange({ family, first, last });
  if (prefix && more.length === 0) return { prefix: { addr: at(prefix.value), len: prefix.length } };
  return { range: [at(first), at(last)] };
}

/** Bodies of the rules that watch, by chain. They may be late: what they miss meanwhile is not told. */
export function renderWatchingIn(rules: EnforcementRules, family: Family): ReturnType<typeof renderWatching> {
  const sets = classListsBySet(rules);
  const setOf: SetName = (classes, of) => {
    const own = classSet(classes, of);
    return sets.has(own) ? own : watchedSet(classes, of);
  };
  return renderWatching(rules, family, (entry) => {
    const sources = matchSide(entry.source, 'saddr', family, 'together', setOf);
    const destinations = matchSide(entry.destination, 'daddr', family, 'together', setOf);
    const services = matchServices(entry.services, family, 'together');
    return sources.flatMap((from) => destinations.flatMap((to) => services.map((of) => [...from, ...to, ...of])));
  });
}

const setNames = (rules: EnforcementRules): string[] => [...classListsBySet(rules).keys()];

export const addSet = (name: string): Json => ({
  add: { set: { ...tableId, name, type: name.endsWith('_4') ? 'ipv4_addr' : 'ipv6_addr' } },
});

function renderMembership(state: EnforcementState): Json[] {
  return [...membersOf(state)]
    .filter(([, members]) => members.size > 0)
    .map(([name, members]) => ({ add: { element: { ...tableId, name, elem: [...members].sort(compareText) } } }));
}

/** Set name → its members, for every set of members that the table has. Members are canonical text: see `Membership`. */
export function membersOf({ rules, membership }: EnforcementState): Map<string, Set<string>> {
  const sets = new Map<string, Set<string>>();
  for (const [set, classes] of classListsBySet(rules)) {
    const isSix = set.endsWith('_6');
    const members = new Set<string>();
    for (const name of classes)
      for (const text of membership.get(name) ?? []) if (text.includes(':') === isSix) members.add(text);
    sets.set(set, members);
  }
  return sets;
}

const known = new WeakMap<EnforcementRules, ReadonlyMap<string, readonly string[]>>();

/** Set name → the classes that it is for: each list of classes that some line names, and what else is asked to watch a candidate. */
function classListsBySet(rules: EnforcementRules): ReadonlyMap<string, readonly string[]> {
  return remembered(known, rules, () => {
    const own = classListsOf(rules.entries);
    const watched = classListsOf(watchedEntries(rules)).filter(
      (classes) => !own.some((each) => isSameList(each, classes)),
    );
    return new Map(
      families.flatMap((family) => [
        ...own.map((classes) => [classSet(classes, family), classes] as const),
        ...watched.map((classes) => [watchedSet(classes, family), classes] as const),
      ]),
    );
  });
}

const watchedEntries = (rules: EnforcementRules): readonly FlowEntry[] => {
  const { newDenies, allowedNow, withdrawn, stillAllowed } = candidateDifference(rules);
  return [...newDenies, ...allowedNow, ...withdrawn, ...stillAllowed];
};

const isSameList = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((name, i) => name === b[i]);

function classListsOf(entries: readonly FlowEntry[]): readonly (readonly string[])[] {
  const sides = entries.flatMap((entry) => [entry.source, entry.destination]);
  const lists = new Map(sides.map(classesOf).map((classes) => [JSON.stringify(classes), classes]));
  return [...lists]
    .filter(([, classes]) => classes.length > 0)
    .sort(([a], [b]) => compareText(a, b))
    .map(([, classes]) => classes);
}

/** Sorted, each once; none for addresses. */
const classesOf = (side: FlowSide): readonly string[] =>
  side.kind === 'classes' ? [...new Set(side.classes)].sort(compareText) : [];

const address = (family: Family, field: string): Json => ({
  payload: { protocol: family === 4 ? 'ip' : 'ip6', field },
});
const inSet = (family: Family, field: string, set: string): Json => equals(address(family, field), `@${set}`);
const ctState = (right: unknown): Json => ({ match: { op: 'in', left: { ct: { key: 'state' } }, right } });
