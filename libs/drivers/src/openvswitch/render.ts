import { compareText, remembered } from '#base';
import type { EnforcementRules, EnforcementState, FlowEntry, FlowSide } from '#model';
import { families, familyOf, formatPrefix, maxOf, prefixesOfRange } from '#net';
import type { Family, Interval, Prefix } from '#net';
import { formatFlow, makeFlow, type Flow } from './flow.js';
import { memberSets, type MemberSet } from './members.js';
import { cookies, entryPriority, numberNames, registers, type Ends, type Layout } from './layout.js';
import { hex, matchServices } from './services.js';

/** All flows and ports of ours, a line each. */
export function render(layout: Layout, state: EnforcementState): string {
  const rules = ruleFlows(layout, state.rules);
  const flows = [...structureFlows(layout, state.rules), ...rules, ...memberFlows(layout, rules, state)];
  return formatArtefact(flows.map(formatFlow), state.ports);
}

/** The form in which an artefact is read back, too. */
export function formatArtefact(flows: readonly string[], ports: ReadonlyMap<string, number>): string {
  const lines = [...flows, ...[...ports].map(([name, vlan]) => formatPort(name, vlan))];
  return lines
    .sort(compareText)
    .map((line) => `${line}\n`)
    .join('');
}

export const formatPort = (name: string, vlan: number): string => `port ${JSON.stringify(name)} tag=${vlan}`;

const load = (register: number, value: number): string => `load:${hex(value)}->NXM_NX_REG${register}[]`;
const call = (table: number): string => `resubmit(,${table})`;
const word = { 4: 'ip', 6: 'ipv6' } as const;
/** Without it nothing can be asked of the connection that a packet belongs to. */
const tracked = 'ct_state=-inv+trk';
/** Back to the beginning of the bridge, untracked as the packet came; our own entry lets it pass this time. */
const leave = ['ct_clear', load(registers.judged, 1), call(0)];

/** Neighbour discovery (RFC 4861): it never crosses a router, which its hop limit proves. */
const neighbourTypes = [133, 134, 135, 136, 137];

function structureFlows({ tables, zone }: Layout, { scope }: EnforcementRules): Flow[] {
  const flow = (
    table: number,
    priority: number,
    fields: string[],
    actions: string[],
    cookie: string = cookies.structure,
  ) => makeFlow({ table, priority, cookie, fields, actions });
  const { denied, allowed, opener, answerer, judged } = registers;
  const ipv4Sources = prefixFields(familyOf(scope, 4), 4, 'nw_src');
  return [
    ...families.flatMap((family) =>
      (['src', 'dst'] as const).flatMap((side) =>
        prefixFields(familyOf(scope, family), family, `${family === 4 ? 'nw' : 'ipv6'}_${side}`)
          // the whole family is one flow, not two alike
          .filter((fields) => fields.length > 0 || side === 'src')
          .map((fields) => flow(0, entryPriority, [word[family], `reg${judged}=0`, ...fields], [call(tables.enter)])),
      ),
    ),
    ...neighbourTypes.map((type) =>
      flow(tables.enter, 2, ['icmp6', `icmp_type=${type}`, 'nw_ttl=255'], [load(judged, 1), call(0)]),
    ),
    // What a DHCP server or relay on the link says: no line could allow it, for no endpoint is inside of a device segment.
    ...ipv4Sources.map((from) =>
      flow(tables.enter, 2, ['udp', 'tp_src=67', 'tp_dst=68', ...from], [load(judged, 1), call(0)]),
    ),
    ...families.map((family) => flow(tables.enter, 1, [word[family]], [`ct(table=${tables.tracked},zone=${zone})`])),
    flow(tables.tracked, 2, ['ct_state=+inv+trk'], ['drop'], cookies.denied),
    // a connection that some helper expects: no line speaks of it
    flow(tables.tracked, 2, ['ct_state=+new+rel+trk'], ['drop'], cookies.denied),
    flow(tables.tracked, 1, [tracked], [call(tables.opener), call(tables.verdict)]),
    flow(tables.opener, 0, [], [load(opener, 0), call(tables.answerer)]),
    flow(tables.answerer, 0, [], [load(answerer, 0), call(tables.rules)]),
    // what no line speaks of: neither register is set
    flow(tables.rules, 0, [], ['drop']),
    flow(tables.verdict, 3, [`reg${denied}=0x1`], ['drop']),
    ...families.map((family) =>
      flow(
        tables.verdict,
        2,
        ['ct_state=+new+trk', word[family], `reg${allowed}=0x1`],
        [`ct(commit,zone=${zone})`, ...leave],
      ),
    ),
    flow(tables.verdict, 1, [`reg${allowed}=0x1`], leave),
    flow(tables.verdict, 0, [], ['drop'], cookies.denied),
  ];
}

/** Alternatives of fields that together hold these ranges; one without fields means any address. */
function prefixFields(ranges: readonly Interval<bigint>[], family: Family, field: string): string[][] {
  if (ranges[0]?.first === 0n && ranges[0].last === maxOf(family)) return [[]];
  const prefixes: Prefix[] = ranges.flatMap((range) => prefixesOfRange({ family, ...range }));
  return prefixes.map((prefix) => [`${field}=${formatPrefix(prefix)}`]);
}

/*
 * A line is a conjunction of three: the opener is one of these, the answerer one of those, the service one of these. Each clause is a flow of its own,
 * shared by all lines that have it, so that lines cost the sum of their parts and not the product.
 */

/**
 * What stands for "any" in each clause: always true, and of another form than in the other two. Open vSwitch takes a conjunction only if at
 * least as many flows match as it has clauses, so none may be two of its clauses at once.
 */
const anything = [[], [`reg${registers.spare}=0`], [`reg${registers.judged}=0`]] as const;

export function ruleFlows(layout: Layout, { entries }: EnforcementRules): Flow[] {
  const classes = classNumbers(entries);
  const conjunctions = new Map<string, { entry: FlowEntry; family: Family }>();
  for (const entry of entries)
    for (const family of families) conjunctions.set(`${family} ${entryKey(entry)}`, { entry, family });
  const numbers = numberNames(conjunctions.keys());
  /** Clause → its part in each conjunction. */
  const parts = new Map<string, { priority: number; fields: string[]; of: [id: number, clause: number][] }>();
  const verdicts: Flow[] = [];
  for (const [key, { entry, family }] of conjunctions) {
    const id = numbers.get(key)!;
    const { action } = entry;
    const priority = action === 'deny' ? 2 : 1;
    const alternatives = [
      matchSide(entry.source, 'opener', family, classes),
      matchSide(entry.destination, 'answerer', family, classes),
      matchServices(entry.services, family),
    ];
    if (alternatives.some((list) => list.length === 0)) continue;
    for (const [clause, list] of alternatives.entries())
      for (const own of list) {
        const fields = [tracked, word[family], ...(own.length > 0 ? own : anything[clause]!)].sort();
        const name = [priority, ...fields].join();
        const part = remembered(parts, name, () => ({ priority, fields, of: [] }));
        part.of.push([id, clause + 1]);
      }
    const register = action === 'deny' ? registers.denied : registers.allowed;
    verdicts.push(
      makeFlow({
        table: layout.tables.rules,
        priority,
        cookie: cookies.line(entry.id),
        fields: [`conj_id=${id}`, tracked, word[family]],
        actions: [load(register, 1)],
      }),
    );
  }
  const shared = [...parts.values()].map(({ priority, fields, of }) => {
    const inOrder = of.sort(([a, i], [b, j]) => a - b || i - j);
    const actions = inOrder.map(([id, clause]) => `conjunction(${id},${clause}/${anything.length})`);
    return makeFlow({ table: layout.tables.rules, priority, cookie: cookies.structure, fields, actions });
  });
  return [...shared, ...verdicts];
}

/** One line may have several entries; the same one twice is one. */
function entryKey({ id, action, source, destination, services }: FlowEntry): string {
  const plain = [id, action, source, destination, services];
  return JSON.stringify(plain, (_, value: unknown) => (typeof value === 'bigint' ? value.toString() : value));
}

function matchSide(
  side: FlowSide,
  end: Ends,
  family: Family,
  classes: ReadonlyMap<string, number>,
): readonly (readonly string[])[] {
  if (side.kind === 'classes')
    return [...new Set(side.classes)].map((name) => [`reg${registers[end]}=${hex(classes.get(name)!)}`]);
  return prefixFields(familyOf(side.addresses, family), family, trackedField(end, family));
}

/** The address of an end as it was when the connection was opened: the same for packets of both directions. */
const trackedField = (end: Ends, family: Family): string =>
  `ct_${family === 4 ? 'nw' : 'ipv6'}_${end === 'opener' ? 'src' : 'dst'}`;

/** Class → the number that stands for it in registers: only classes that some line names have one. */
export function classNumbers(entries: readonly FlowEntry[]): ReadonlyMap<string, number> {
  return remembered(knownNumbers, entries, () => {
    const sides = entries.flatMap(({ source, destination }) => [source, destination]);
    return numberNames(sides.flatMap((side) => (side.kind === 'classes' ? side.classes : [])));
  });
}
const knownNumbers = new WeakMap<readonly FlowEntry[], ReadonlyMap<string, number>>();

/** Says of which classes an address is. One of several (which no policy makes) is judged as each of them in turn. */
export function memberFlow({ tables }: Layout, end: Ends, address: string, numbers: readonly number[]): Flow {
  const family = address.includes(':') ? 6 : 4;
  const next = call(end === 'opener' ? tables.answerer : tables.rules);
  return makeFlow({
    table: tables[end],
    priority: 1,
    cookie: cookies.member,
    fields: [tracked, word[family], `${trackedField(end, family)}=${address}`],
    actions: [...numbers].sort((a, b) => a - b).flatMap((number) => [load(registers[end], number), next]),
  });
}

/** The members that each set needs. Members are canonical text: see `Membership`. */
export function membersOf(sets: ReadonlyMap<string, MemberSet>, state: EnforcementState): Map<string, Set<string>> {
  const classes = new Map([...classNumbers(state.rules.entries)].map(([name, number]) => [number, name]));
  return new Map(
    [...sets].map(([set, { number, family }]) => {
      const members = state.membership.get(classes.get(number) ?? '') ?? [];
      return [set, new Set([...members].filter((text) => text.includes(':') === (family === 6)))];
    }),
  );
}

function memberFlows(layout: Layout, rules: readonly Flow[], state: EnforcementState): Flow[] {
  const sets = memberSets(layout, rules);
  const out = new Map<string, { end: Ends; address: string; numbers: number[] }>();
  for (const [set, members] of membersOf(sets, state)) {
    const { end, number } = sets.get(set)!;
    for (const address of members)
      remembered(out, `${end} ${address}`, () => ({ end, address, numbers: [] })).numbers.push(number);
  }
  return [...out.values()].map(({ end, address, numbers }) => memberFlow(layout, end, address, numbers));
}
