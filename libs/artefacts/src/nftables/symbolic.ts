import { assertNever } from '#base';
import { auditPrefix, isOnlyTold, type NftField, type NftRule, type NftStatement, type NftTable } from '#drivers';
import { hasPorts, serviceKey, type Family, type Interval, type PacketSet } from '#net';
import type { EndSpace } from './ends.js';
import { mergeNeighbours } from './merge-rules.js';

/** What is true of all packets of one run: how they belong to a connection, if they do. */
export interface Circumstances {
  /** Bit of the connection's state, as in a `state` statement. */
  readonly state: number;
  readonly isReply: boolean;
}

/** All packets, by what becomes of them. `untouched`: the table leaves them to others. */
export interface Outcome {
  readonly passed: PacketSet;
  readonly dropped: PacketSet;
  readonly untouched: PacketSet;
  /** Those that are told as what a candidate would drop, whatever becomes of them. */
  readonly told: PacketSet;
}

interface Run {
  accepted: PacketSet;
  dropped: PacketSet;
  told: PacketSet;
}

/** Deeper than any table of ours; the kernel's own limit is 16. */
const deepestJump = 16;

/**
 * nft's reading of our table for all packets at once, where `evaluate` of the driver takes one. Every statement narrows the set of
 * packets that are still on their way through a rule. Throws on what it does not know: a guess would make a proof worthless.
 */
export class SymbolicTable {
  private readonly conditions = new Map<NftStatement, PacketSet>();
  private readonly merged = new Map<readonly NftRule[], readonly NftRule[]>();

  constructor(
    private readonly ends: EndSpace,
    private readonly table: NftTable,
    /** Set of members → the classes whose devices it holds. */
    private readonly setClasses: ReadonlyMap<string, ReadonlySet<string>>,
  ) {}

  judge(circumstances: Circumstances): Outcome {
    const { ends: space } = this;
    const run: Run = { accepted: space.none, dropped: space.none, told: space.none };
    const hooks = [...this.table.chains.values()].filter(({ hook }) => hook !== null);
    const [base, ...more] = hooks;
    if (!base?.hook || more.length > 0 || base.hook.hook !== 'forward' || base.hook.type !== 'filter')
      throw new Error('the table must have exactly one chain at a hook, for filtering what is forwarded');
    const left = this.chain(base.rules, space.all, run, circumstances, 0);
    const { accepted: passed, dropped, told } = run;
    return base.hook.policy === 'drop'
      ? { passed, dropped: dropped.union(left), untouched: space.none, told }
      : { passed, dropped, untouched: left, told };
  }

  /** Gives what comes out at the end of the chain or returns from it. */
  private chain(rules: readonly NftRule[], packets: PacketSet, run: Run, at: Circumstances, depth: number): PacketSet {
    if (depth > deepestJump) throw new Error('chains jump deeper than nft allows');
    let here = packets;
    let returned = this.ends.none;
    for (const { statements } of this.shortened(rules)) {
      if (here.isEmpty) break;
      let matching = here;
      let leaving = this.ends.none;
      for (const [i, statement] of statements.entries()) {
        if (matching.isEmpty) break;
        const { kind } = statement;
        if (kind === 'limit' && !isOnlyTold(statements, i))
          throw new Error('no evaluation for what stands behind a limit');
        if (kind === 'log' && statement.prefix === auditPrefix) run.told = run.told.union(matching);
        if (kind === 'counter' || kind === 'log' || kind === 'limit') continue;
        if (kind === 'jump' || kind === 'goto') {
          const back = this.chain(this.target(statement.target), matching, run, at, depth + 1);
          // What a jump gives back goes on with the rule; `goto` has nowhere to come back to.
          if (kind === 'goto') returned = returned.union(back);
          leaving = leaving.union(kind === 'goto' ? matching : matching.subtract(back));
          matching = kind === 'goto' ? this.ends.none : back;
        } else if (kind === 'accept' || kind === 'drop' || kind === 'return') {
          if (kind === 'accept') run.accepted = run.accepted.union(matching);
          else if (kind === 'drop') run.dropped = run.dropped.union(matching);
          else returned = returned.union(matching);
          leaving = leaving.union(matching);
          matching = this.ends.none;
        } else matching = this.narrow(matching, statement, at);
      }
      here = here.subtract(leaving);
    }
    return here.union(returned);
  }

  private shortened(rules: readonly NftRule[]): readonly NftRule[] {
    const known = this.merged.get(rules) ?? mergeNeighbours(rules);
    this.merged.set(rules, known);
    return known;
  }

  private target(name: string): readonly NftRule[] {
    const chain = this.table.chains.get(name);
    if (!chain) throw new Error(`jump to chain \`${name}\`, which isn't there`);
    return chain.rules;
  }

  private narrow(
    packets: PacketSet,
    statement: Extract<NftStatement, { kind: 'match' | 'lookup' | 'state' | 'direction' | 'unknown' }>,
    at: Circumstances,
  ): PacketSet {
    switch (statement.kind) {
      case 'state':
        return (at.state & statement.mask) !== 0 ? packets : this.ends.none;
      case 'direction':
        return statement.reply === at.isReply ? packets : this.ends.none;
      case 'match':
        return packets.intersect(this.condition(statement, () => this.fieldPackets(statement.field, statement.values)));
      case 'lookup':
        return packets.intersect(this.condition(statement, () => this.setPackets(statement.field, statement.set)));
      case 'unknown':
        throw new Error(`no evaluation for ${statement.text}`);
      default:
        return assertNever(statement);
    }
  }

  private condition(statement: NftStatement, make: () => PacketSet): PacketSet {
    const known = this.conditions.get(statement) ?? make();
    this.conditions.set(statement, known);
    return known;
  }

  private setPackets(field: NftField, name: string): PacketSet {
    const set = this.table.sets.get(name);
    if (!set) throw new Error(`lookup in set \`${name}\`, which isn't there`);
    if (set.ranges) return this.fieldPackets(field, set.ranges);
    const classes = this.setClasses.get(name);
    if (field.kind !== 'address' || !classes) throw new Error(`no evaluation for a lookup in set \`${name}\``);
    return field.family === this.ends.family ? this.ends.members(sideOf(field.side), classes) : this.ends.none;
  }

  private fieldPackets(field: NftField, values: readonly Interval<bigint>[]): PacketSet {
    const { ends } = this;
    if (field.kind === 'address')
      return field.family === ends.family ? ends.addresses(sideOf(field.side), values) : ends.none;
    const numbers = values.map(({ first, last }) => ({ first: Number(first), last: Number(last) }));
    return ends.services(
      numbers.flatMap(({ first, last }) => {
        if (field.kind === 'protocol')
          return [{ first: serviceKey(first, 0), last: serviceKey(Math.min(last, 255), 0xffff) }];
        const top = hasPorts(field.protocol) ? 0xffff : 0xff;
        if (first > top) return [];
        return [{ first: serviceKey(field.protocol, first), last: serviceKey(field.protocol, Math.min(last, top)) }];
      }),
    );
  }
}

const sideOf = (side: 'saddr' | 'daddr') => (side === 'saddr' ? 'source' : 'destination');

/** Every address that the table's rules and sets of ranges name, of one family: an address is looked at through nothing else. */
export function tableConstants({ chains, sets }: NftTable, family: Family): Interval<bigint>[] {
  const statements = [...chains.values()].flatMap(({ rules }) => rules.flatMap((rule) => rule.statements));
  const named = statements.flatMap((statement) =>
    statement.kind === 'match' && statement.field.kind === 'address' && statement.field.family === family
      ? statement.values
      : [],
  );
  const type = family === 4 ? 'ipv4_addr' : 'ipv6_addr';
  return [...named, ...[...sets.values()].flatMap((set) => (set.type === type ? (set.ranges ?? []) : []))];
}
