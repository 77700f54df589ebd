import type { Diagnostic } from '#base';
import { parseTable, verdictAmongWatching, type Driver, type NftTable, type ObservedState } from '#drivers';
import { stateOf, type EnforcementRules, type FlowEntry, type FlowSide, type Membership } from '#model';
import { families, familyOf, formatAddress, PacketSpace, type Interval, type PacketSet } from '#net';
import { formatPacket } from '#radius';
import { EndSpace, type Side } from './ends.js';
import { SymbolicTable, tableConstants, type Outcome } from './symbolic.js';

/*
 * Why a proof with made-up members holds for every membership:
 *
 *   - The table looks at an address in two ways: by constants that stand in it, and by whether it is in a set of members. Such a
 *     set holds the devices of a list of classes and nothing else: `proveMembers` checks that of each state. Which classes is
 *     read from the artefact itself, rendered with one address of its own for each class.
 *   - An address is of one class at most (the invariant of the desired state), or of none.
 *   - So what happens to a packet follows from its fields, the classes of its two ends, and the cells of their addresses, where
 *     cells are cut by every constant of the table and of the rules. `proveRules` compares all of these at once: every class, and
 *     none, in every cell, at both ends. It even takes devices where no device can be.
 */

/** conntrack's states, as nft numbers them. */
const states = { invalid: 1, established: 2, related: 4, new: 8 } as const;

interface Case {
  readonly name: string;
  readonly state: number;
  readonly isReply: boolean;
  /** What passes, of what has a side in scope. */
  readonly passes: (allowed: PacketSet, ends: EndSpace) => PacketSet;
}

/** From the invariant of `EnforcementRules`: the opener's packets are judged each time, replies follow their connection. */
const cases: readonly Case[] = [
  { name: 'opens a connection', state: states.new, isReply: false, passes: (allowed) => allowed },
  { name: 'is the opener’s, later', state: states.established, isReply: false, passes: (allowed) => allowed },
  { name: 'is a reply', state: states.established, isReply: true, passes: (_, ends) => ends.all },
  {
    name: 'is an ICMP error about a connection',
    state: states.related,
    isReply: true,
    passes: (_, ends) => ends.all,
  },
  { name: 'belongs to no connection', state: states.invalid, isReply: false, passes: (_, ends) => ends.none },
  { name: 'belongs to no connection', state: states.invalid, isReply: true, passes: (_, ends) => ends.none },
];

/** What was proved: how the rules read back, and whom each set of members holds. */
export interface ProvedRules {
  readonly rulesFingerprint: string;
  readonly setClasses: ReadonlyMap<string, ReadonlySet<string>>;
}

type PureDriver = Pick<Driver, 'render' | 'parse'>;

/** Renders the rules, reads the text back and compares it with the invariant of `EnforcementRules`; a difference is named by a packet. */
export function proveRules(driver: PureDriver, rules: EnforcementRules): ProvedRules | Diagnostic {
  const classes = classesOf(rules);
  try {
    const text = driver.render(stateOf(rules, oneEach(classes)));
    const table = parseTable(text);
    const observed = driver.parse(text);
    if (!table || !observed) return differs('the text has no table of ours');
    const setClasses = classSets(classes, table);
    return proveTable(rules, classes, table, setClasses) ?? { rulesFingerprint: observed.rulesFingerprint, setClasses };
  } catch (error) {
    // What the reader or the evaluation does not know can't be proved.
    return differs(`it is not understood: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Whether what was read is the proved artefact with these members: the same rules, and in each set the devices of its classes. */
export function proveMembers(proved: ProvedRules, read: ObservedState, membership: Membership): Diagnostic | null {
  if (read.rulesFingerprint !== proved.rulesFingerprint) return differs('the rules are not those that were proved');
  if (read.membership.size !== proved.setClasses.size) return differs('there are other sets than were proved');
  for (const [name, members] of read.membership) {
    const classes = proved.setClasses.get(name);
    if (!classes) return differs(`set \`${name}\` was not proved`);
    const wrong = wrongMember(members, classes, membership, name);
    if (wrong) return differs(`set \`${name}\` ${wrong}`);
  }
  return null;
}

function wrongMember(
  members: ReadonlySet<string>,
  classes: ReadonlySet<string>,
  membership: Membership,
  set: string,
): string | null {
  const isSix = set.endsWith('_6');
  let count = 0;
  for (const name of classes)
    for (const address of membership.get(name) ?? []) {
      if (address.includes(':') !== isSix) continue;
      if (!members.has(address)) return `lacks ${address} of class \`${name}\``;
      count++;
    }
  return count === members.size ? null : 'holds addresses of other classes';
}

const allEntries = ({ entries, candidate }: EnforcementRules): readonly FlowEntry[] => [
  ...entries,
  ...(candidate ?? []),
];

/** Every class that some line names. */
export function classesOf(rules: EnforcementRules): readonly string[] {
  const sides = allEntries(rules).flatMap(({ source, destination }) => [source, destination]);
  return [...new Set(sides.flatMap((side) => (side.kind === 'classes' ? side.classes : [])))];
}

export const markOf = (i: number, family: 4 | 6): string => formatAddress({ family, value: BigInt(i + 1) });

export function oneEach(classes: readonly string[]): Membership {
  return new Map(classes.map((name, i) => [name, new Set(families.map((family) => markOf(i, family)))]));
}

/** Set name → the classes whose mark it holds. A set that holds anything else, or half of a class, throws. */
function classSets(classes: readonly string[], table: NftTable): Map<string, ReadonlySet<string>> {
  const out = new Map<string, ReadonlySet<string>>();
  for (const [name, { type, ranges, members, foreign }] of table.sets) {
    if (foreign.length > 0) throw new Error(`set \`${name}\` holds ${foreign[0]}`);
    if (ranges) continue;
    const family = type === 'ipv4_addr' ? 4 : 6;
    if (name.endsWith('_6') !== (family === 6)) throw new Error(`set \`${name}\` is of the other family`);
    const found = new Set(classes.filter((_, i) => members.has(markOf(i, family))));
    if (found.size !== members.size) throw new Error(`set \`${name}\` holds members of no class`);
    out.set(name, found);
  }
  return out;
}

/** Null: the table means the rules, if its sets hold the devices of these classes. Throws on what is not understood. */
export function proveTable(
  rules: EnforcementRules,
  classes: readonly string[],
  table: NftTable,
  setClasses: ReadonlyMap<string, ReadonlySet<string>>,
): Diagnostic | null {
  if (table.foreign.length > 0) return differs(`it holds what is not ours: ${table.foreign[0]}`);
  const verdict = verdictAmongWatching(table);
  if (verdict !== null) return differs(`a rule that is to watch a candidate decides: ${verdict}`);
  for (const family of families) {
    const constants = [...tableConstants(table, family), ...ruleConstants(rules, family)];
    const ends = new EndSpace(new PacketSpace(), family, classes, constants);
    const symbolic = new SymbolicTable(ends, table, setClasses);
    const { scope, allowed } = intendedPackets(ends, rules);
    const refused = rules.candidate === null ? ends.none : ends.all.subtract(allowedBy(ends, rules.candidate));
    for (const each of cases) {
      const passes = each.passes(allowed, ends).intersect(scope);
      const would = each.state === states.new && !each.isReply ? refused.intersect(passes) : ends.none;
      const found = difference(ends, symbolic.judge(each), { passes, scope, would });
      if (found) return differs(`a packet that ${each.name}: ${found}`);
    }
  }
  return null;
}

interface Meant {
  readonly passes: PacketSet;
  readonly scope: PacketSet;
  /** Of what passes: what the candidate would drop, and has to be told. */
  readonly would: PacketSet;
}

function difference(ends: EndSpace, outcome: Outcome, { passes, scope, would }: Meant): string | null {
  const { passed, dropped, untouched, told } = outcome;
  const rows: readonly (readonly [PacketSet, string])[] = [
    [passed.subtract(passes), 'the table passes it, policy does not'],
    [passes.subtract(passed), 'policy passes it, the table does not'],
    [dropped.subtract(scope), 'the table drops it, though it is none of ours'],
    [untouched.intersect(scope), 'the table leaves it alone, though it is ours'],
    [told.subtract(would), 'the table tells it as what the candidate would break, and it is none of that'],
    [would.subtract(told), 'the candidate would break it, and the table does not tell it'],
  ];
  for (const [set, what] of rows) {
    if (!set.witness) continue;
    const { packet, from, to } = ends.decode(set.witness);
    return `${formatPacket(packet)} (${to}), sent by ${from}: ${what}`;
  }
  return null;
}

export function ruleConstants(rules: EnforcementRules, family: 4 | 6): Interval<bigint>[] {
  const { scope } = rules;
  const sides = allEntries(rules).flatMap(({ source, destination }) => [source, destination]);
  const sets = [scope, ...sides.flatMap((side) => (side.kind === 'addresses' ? [side.addresses] : []))];
  return sets.flatMap((set) => familyOf(set, family));
}

/** The invariant of `EnforcementRules` as sets: what is ours, and of that what the rules allow to be opened. */
export function intendedPackets(
  ends: EndSpace,
  { scope, entries }: EnforcementRules,
): { scope: PacketSet; allowed: PacketSet } {
  const ours = familyOf(scope, ends.family);
  const either = ends.addresses('source', ours).union(ends.addresses('destination', ours));
  return { scope: either.intersect(ends.all), allowed: allowedBy(ends, entries) };
}

/** What these entries allow to be opened. */
function allowedBy(ends: EndSpace, entries: readonly FlowEntry[]): PacketSet {
  const at = (side: Side, of: FlowSide): PacketSet =>
    of.kind === 'classes'
      ? ends.members(side, new Set(of.classes))
      : ends.addresses(side, familyOf(of.addresses, ends.family));
  const of = (action: 'allow' | 'deny'): PacketSet =>
    ends.union(
      entries
        .filter((entry) => entry.action === action)
        .map(({ source, destination, services }) =>
          at('source', source).intersect(at('destination', destination)).intersect(ends.services(services)),
        ),
    );
  return of('allow').subtract(of('deny'));
}

export function differs(summary: string): Diagnostic {
  const hint = 'this is a fault of Cordon, not of the policy: report it; nothing of it was pushed';
  return { severity: 'error', code: 'artefact-differs', summary, hint };
}
