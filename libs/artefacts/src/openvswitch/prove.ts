import type { Diagnostic } from '#base';
import {
  layoutOf,
  parseArtefact,
  readMember,
  readTables,
  registers,
  stateBits,
  type Driver,
  type KnownFlow,
  type KnownTables,
  type Layout,
} from '#drivers';
import { stateOf, type EnforcementRules } from '#model';
import { families, familyOf, PacketSpace, serviceKey, type Family, type Interval, type PacketSet } from '#net';
import { formatPacket } from '#radius';
import { EndSpace } from '../nftables/ends.js';
import {
  classesOf,
  differs,
  intendedPackets,
  markOf,
  oneEach,
  ruleConstants,
  type ProvedRules,
} from '../nftables/prove.js';
import { SymbolicFlows, type Outcome } from './symbolic.js';

/*
 * Why a proof with made-up members holds for every membership:
 *
 *   - The rules look at an address in two ways: by constants that stand in them, and by a register, which holds the number of a class.
 *     Registers are loaded by flows of members, each of one address, and in their tables stands nothing else but "nobody"
 *     (`checkMemberTables`). Which classes a number stands for is read from the artefact itself, rendered with one address of its own
 *     for each class; `proveMembers` checks the members of each state.
 *   - An address is of one class at most (the invariant of the desired state), or of none. One of several would be judged as each in turn: what
 *     any of them is denied is dropped, whatever others are allowed.
 *
 * And for every packet, in two steps:
 *
 *   - Untracked, it is the packet itself that counts: all that is in scope is tracked, and all else is left alone, as is what keeps the link going.
 *   - Tracked, it is the packet that opened its connection: both directions, and errors about them, pass if that one would pass now.
 */

interface Case {
  readonly name: string;
  readonly state: number;
  readonly mayPass: boolean;
}

const { trk, inv, rel, rpl, est } = stateBits;
const opening = trk | stateBits.new;
const cases: readonly Case[] = [
  { name: 'opens a connection', state: opening, mayPass: true },
  { name: 'is the opener’s, later', state: trk | est, mayPass: true },
  { name: 'is a reply', state: trk | est | rpl, mayPass: true },
  { name: 'is an ICMP error about a connection', state: trk | rel | rpl, mayPass: true },
  { name: 'is an ICMP error about a reply', state: trk | rel, mayPass: true },
  { name: 'belongs to no connection', state: trk | inv, mayPass: false },
  { name: 'opens what a helper expects', state: trk | stateBits.new | rel, mayPass: false },
];

const commits = [
  'the flows remember its connection and don’t pass it',
  'the flows pass it and don’t remember its connection',
] as const;

/** Renders the rules, reads the text back and compares it with the invariant of `EnforcementRules`; a difference is named by a packet. */
export function proveFlows(
  driver: Pick<Driver, 'render' | 'parse'>,
  rules: EnforcementRules,
): ProvedRules | Diagnostic {
  const classes = classesOf(rules);
  try {
    const text = driver.render(stateOf(rules, oneEach(classes)));
    const artefact = parseArtefact(text);
    const observed = driver.parse(text);
    if (!artefact || !observed) return differs('the text has no flows of ours');
    const flows = [...artefact.flows.values()];
    // of all our flows only the entries stand in table 0
    const layout = layoutOf({ table: String(Math.min(...flows.map(({ table }) => table || Infinity))) });
    const tables = readTables(flows.filter((flow) => !readMember(layout, flow)));
    checkMemberTables(layout, tables);
    checkZones(tables);
    const setClasses = classesOfSets(classes, observed.membership);
    return (
      proveTables(rules, { classes, layout, tables, setClasses }) ?? {
        rulesFingerprint: observed.rulesFingerprint,
        setClasses,
      }
    );
  } catch (error) {
    // What the reader or the evaluation does not know can't be proved.
    return differs(`it is not understood: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Beside members, the tables of members hold one flow: an address that is no member's has no class. */
function checkMemberTables({ tables }: Layout, known: KnownTables): void {
  for (const [end, next] of [
    ['opener', tables.answerer],
    ['answerer', tables.rules],
  ] as const) {
    const levels = known.get(tables[end]) ?? [];
    const flows = levels.flatMap(({ plain, clauses }) => [...plain, ...clauses.map(({ flow }) => flow)]);
    const wanted = `load:0->NXM_NX_REG${registers[end]}[],resubmit(,${next})`;
    const [only, ...more] = flows;
    if (
      !only ||
      more.length > 0 ||
      only.conditions.length > 0 ||
      only.flow.actions.join(',') !== wanted ||
      only.flow.priority !== 0
    )
      throw new Error(`table ${tables[end]} holds something else than members`);
  }
  for (const { flow, actions } of allFlows(known))
    for (const action of actions)
      if (action.kind === 'load' && (action.register === registers.opener || action.register === registers.answerer))
        if (flow.table !== tables.opener && flow.table !== tables.answerer)
          throw new Error(`a class is loaded outside of the tables of members: table ${flow.table}`);
}

/** What is remembered must be looked for in the same place. */
function checkZones(known: KnownTables): void {
  const actions = allFlows(known).flatMap((flow) => flow.actions);
  const zones = new Set(
    actions.flatMap((each) => (each.kind === 'track' || each.kind === 'commit' ? [each.zone] : [])),
  );
  if (zones.size !== 1) throw new Error(`connections are tracked in zones ${[...zones].join(' and ')}`);
}

function classesOfSets(
  classes: readonly string[],
  membership: ReadonlyMap<string, ReadonlySet<string>>,
): Map<string, ReadonlySet<string>> {
  return new Map(
    [...membership].map(([name, members]) => {
      const family = name.endsWith('_6') ? 6 : 4;
      const found = new Set(classes.filter((_, i) => members.has(markOf(i, family))));
      if (found.size !== members.size) throw new Error(`set \`${name}\` holds members of no class`);
      return [name, found];
    }),
  );
}

interface ReadFlows {
  readonly classes: readonly string[];
  readonly layout: Layout;
  readonly tables: KnownTables;
  readonly setClasses: ReadonlyMap<string, ReadonlySet<string>>;
}

function proveTables(rules: EnforcementRules, { classes, layout, tables, setClasses }: ReadFlows): Diagnostic | null {
  for (const family of families) {
    const constants = [...flowConstants(tables, family), ...ruleConstants(rules, family)];
    const ends = new EndSpace(new PacketSpace(), family, classes, constants);
    const symbolic = new SymbolicFlows(ends, tables, setClasses);
    const { scope, allowed } = intendedPackets(ends, rules);
    const judged = new Set<number>();
    for (const isFromLink of [false, true]) {
      const outcome = symbolic.run(0, { state: null, isFromLink });
      const ours = scope.subtract(linkPackets(ends, rules, isFromLink));
      const found = entryDifference(ends, outcome, ours);
      if (found) return differs(`a packet ${isFromLink ? 'of the link' : 'that may come from anywhere'}: ${found}`);
      for (const table of outcome.tracked.keys()) judged.add(table);
    }
    const both = new Map([
      [registers.denied, 1],
      [registers.allowed, 1],
    ]);
    if (!symbolic.run(layout.tables.verdict, { state: opening, isFromLink: false }, both).left.isEmpty)
      return differs('the flows pass what one line denies and another allows');
    for (const table of judged)
      for (const { name, state, mayPass } of cases) {
        const { left, committed } = symbolic.run(table, { state, isFromLink: false });
        const found = difference(ends, left, mayPass ? allowed.intersect(ends.all) : ends.none, [
          'the flows pass it, policy does not',
          'policy passes it, the flows do not',
        ]);
        if (found) return differs(`a packet that ${name}, of a connection opened by ${found}`);
        const unknown = state === opening ? difference(ends, committed, left, commits) : null;
        if (unknown) return differs(`a packet that ${name}: ${unknown}`);
      }
  }
  return null;
}

/** What keeps the link itself going, and is left alone: neighbour discovery, and what DHCP servers and relays on it say. */
function linkPackets(ends: EndSpace, { scope }: EnforcementRules, isFromLink: boolean): PacketSet {
  if (ends.family === 6)
    return isFromLink ? ends.services([{ first: serviceKey(58, 133), last: serviceKey(58, 137) }]) : ends.none;
  const toClient = ends.services([{ first: serviceKey(17, 68), last: serviceKey(17, 68) }]);
  const fromServer = ends.sourcePorts([{ first: 67, last: 67 }]);
  return ends.addresses('source', familyOf(scope, 4)).intersect(toClient).intersect(fromServer);
}

function entryDifference(ends: EndSpace, { left, tracked }: Outcome, ours: PacketSet): string | null {
  const judged = ends.union([...tracked.values()]);
  return (
    difference(ends, left, ends.all.subtract(ours), [
      'the flows leave it alone, though it is ours',
      'the flows take it, though it is none of ours',
    ]) ??
    difference(ends, judged, ours, [
      'the flows judge it, though it is none of ours',
      'the flows do not judge it, though it is ours',
    ])
  );
}

function difference(
  ends: EndSpace,
  is: PacketSet,
  wanted: PacketSet,
  [more, less]: readonly [string, string],
): string | null {
  for (const [set, what] of [
    [is.subtract(wanted), more],
    [wanted.subtract(is), less],
  ] as const) {
    if (!set.witness) continue;
    const { packet, from, to } = ends.decode(set.witness);
    return `${formatPacket(packet)} (${to}), sent by ${from}: ${what}`;
  }
  return null;
}

const allFlows = (tables: KnownTables): KnownFlow[] =>
  [...tables.values()]
    .flat()
    .flatMap(({ plain, clauses, conjunctions }) => [
      ...plain,
      ...clauses.map(({ flow }) => flow),
      ...[...conjunctions.values()].map(({ verdict }) => verdict),
    ]);

/** Every address that flows name, of one family: beside registers, an address is looked at through nothing else. */
const flowConstants = (tables: KnownTables, family: Family): Interval<bigint>[] =>
  allFlows(tables).flatMap(({ conditions }) =>
    conditions.flatMap((condition) =>
      (condition.kind === 'address' || condition.kind === 'openedAddress') && condition.range.family === family
        ? [condition.range]
        : [],
    ),
  );
