import { assertNever } from '#base';
import {
  registers,
  setName,
  type FlowAction,
  type FlowCondition,
  type KnownFlow,
  type KnownTables,
  type Level,
} from '#drivers';
import { isIcmp, serviceKey, type PacketSet, type ServiceSet } from '#net';
import type { EndSpace } from '../nftables/ends.js';

/** What is true of all packets of one run. */
export interface Circumstances {
  /** ct_state; null: the packets are not tracked yet. */
  readonly state: number | null;
  /** Their hop limit is 255, so no router forwarded them. */
  readonly isFromLink: boolean;
}

export interface Outcome {
  /** Go on through the flows of others. */
  readonly left: PacketSet;
  /** Go on in this table, tracked. */
  readonly tracked: ReadonlyMap<number, PacketSet>;
  /** Open a connection that is known from now on. */
  readonly committed: PacketSet;
}

/** Packets with the same registers. The classes of the ends are not among these: a packet of a set knows its own. */
interface World {
  readonly packets: PacketSet;
  readonly values: ReadonlyMap<number, number>;
}

const deepestCall = 16;
const classRegisters: ReadonlyMap<number, 'opener' | 'answerer'> = new Map([
  [registers.opener, 'opener'],
  [registers.answerer, 'answerer'],
]);

/**
 * A bridge's reading of our flows for all packets at once, where `evaluate` of the driver takes one. Before tracking, a packet of the set is the
 * packet itself; after it, it is the one that opened its connection. Throws on what it does not know: a guess would make a proof worthless.
 */
export class SymbolicFlows {
  private readonly matches = new Map<KnownFlow, PacketSet>();

  constructor(
    private readonly ends: EndSpace,
    /** Without the flows of members: what these load into registers, packets know. */
    private readonly tables: KnownTables,
    /** Set of members → the classes whose devices it holds. */
    private readonly setClasses: ReadonlyMap<string, ReadonlySet<string>>,
  ) {}

  run(table: number, at: Circumstances, values: ReadonlyMap<number, number> = new Map()): Outcome {
    const run = new Run(this.ends, this.tables, (flow) => this.matchOf(flow), at);
    run.call(table, [{ packets: this.ends.all, values }], 0);
    return run;
  }

  /** What of a flow's conditions is about packets: the same in every run. */
  private matchOf(flow: KnownFlow): PacketSet {
    const known = this.matches.get(flow) ?? this.packets(flow.conditions);
    this.matches.set(flow, known);
    return known;
  }

  private packets(conditions: readonly FlowCondition[]): PacketSet {
    const { ends } = this;
    const protocol = conditions.find((each) => each.kind === 'openedProtocol' || each.kind === 'protocol')?.protocol;
    let out = ends.all;
    for (const condition of conditions) {
      if (out.isEmpty) break;
      const only = this.narrow(condition, protocol);
      if (only) out = out.intersect(only);
    }
    return out;
  }

  /** Null where the condition is not about packets of the set. */
  private narrow(condition: FlowCondition, protocol: number | undefined): PacketSet | null {
    const { ends } = this;
    switch (condition.kind) {
      case 'family':
        return condition.family === ends.family ? null : ends.none;
      case 'address':
      case 'openedAddress':
        return condition.range.family === ends.family ? ends.addresses(condition.side, [condition.range]) : ends.none;
      case 'protocol':
      case 'openedProtocol':
        return ends.services(servicesOf(condition.protocol, 0, 0xffff));
      case 'icmpType':
        return ends.services(servicesOf(protocol, condition.type, condition.type));
      case 'ports': {
        const { port } = condition;
        if (condition.of === 'source') return ends.sourcePorts([{ first: port, last: port }]);
        return ends.services(servicesOf(protocol, port, port));
      }
      case 'openedPort': {
        const { value, mask } = condition;
        const free = 0xffff ^ mask;
        if ((condition.of === 'source') !== isIcmp(protocol ?? 0) || (free & (free + 1)) !== 0 || (value & free) !== 0)
          throw new Error(`no evaluation for ports ${value}/${mask} of protocol ${protocol}`);
        return ends.services(servicesOf(protocol, value, value | free));
      }
      case 'register': {
        const end = classRegisters.get(condition.register);
        return end ? this.members(end, condition.value) : null;
      }
      case 'hopLimit':
      case 'state':
      case 'conjunction':
        return null;
      default:
        return assertNever(condition);
    }
  }

  private members(end: 'opener' | 'answerer', number: number): PacketSet {
    const classes = this.setClasses.get(setName({ end, number, family: this.ends.family }));
    if (!classes) throw new Error(`no class has number ${number} as ${end}`);
    return this.ends.members(end === 'opener' ? 'source' : 'destination', classes);
  }
}

/** An ICMP type has eight bits. */
function servicesOf(protocol: number | undefined, first: number, last: number): ServiceSet {
  if (protocol === undefined) throw new Error('a port is asked for without a protocol');
  if (isIcmp(protocol) && first > 255) return [];
  return [
    { first: serviceKey(protocol, first), last: serviceKey(protocol, last >= 255 && isIcmp(protocol) ? 255 : last) },
  ];
}

class Run implements Outcome {
  left: PacketSet;
  committed: PacketSet;
  readonly tracked = new Map<number, PacketSet>();

  constructor(
    private readonly ends: EndSpace,
    private readonly tables: KnownTables,
    private readonly matchOf: (flow: KnownFlow) => PacketSet,
    private readonly at: Circumstances,
  ) {
    this.left = ends.none;
    this.committed = ends.none;
  }

  /** Gives the worlds as they are when the table gives them back: all packets do, whatever was done to them. */
  call(table: number, worlds: readonly World[], depth: number): World[] {
    if (depth > deepestCall) throw new Error('flows call deeper than any of ours');
    return merge(worlds.flatMap((world) => this.throughTable(table, world, depth)));
  }

  private throughTable(table: number, world: World, depth: number): World[] {
    const out: World[] = [];
    let rest = world.packets;
    for (const level of this.tables.get(table) ?? []) {
      if (rest.isEmpty) break;
      const here = this.takenAt(level, { ...world, packets: rest });
      for (const [i, { packets, actions }] of here.entries()) {
        if (here.slice(i + 1).some((other) => other.packets.meets(packets)))
          throw new Error(`flows of one priority in table ${table} overlap and do different things`);
        rest = rest.subtract(packets);
        out.push(...this.act(actions, { ...world, packets }, depth));
      }
    }
    if (rest.isEmpty) return out;
    if (table === 0) this.left = this.left.union(rest);
    return [...out, { ...world, packets: rest }];
  }

  /** Flows that do the same are one. */
  private takenAt({ plain, clauses, conjunctions }: Level, world: World) {
    const taken = new Map<string, { packets: PacketSet[]; actions: readonly FlowAction[] }>();
    const take = ({ flow, actions }: KnownFlow, packets: PacketSet): void => {
      const key = flow.actions.join(',');
      const known = taken.get(key) ?? { packets: [], actions };
      known.packets.push(packets);
      taken.set(key, known);
    };
    for (const flow of plain) take(flow, this.matched(flow, world));
    const held = Map.groupBy(clauses, ({ id }) => id);
    for (const [id, { of, verdict }] of conjunctions) {
      const byClause = Map.groupBy(held.get(id) ?? [], ({ clause }) => clause);
      if (byClause.size < of) continue;
      const sets = [...byClause.values()].map((flows) =>
        this.ends.union(flows.map(({ flow }) => this.matched(flow, world))),
      );
      take(
        verdict,
        sets.reduce((all, set) => all.intersect(set), this.matched(verdict, world)),
      );
    }
    return [...taken.values()].map(({ packets, actions }) => ({
      packets: this.ends.union(packets).intersect(world.packets),
      actions,
    }));
  }

  /** What is alike for all packets of a world comes first: a flow that can't match asks nothing of them. */
  private matched(flow: KnownFlow, { values }: World): PacketSet {
    if (!flow.conditions.every((condition) => this.isPossible(condition, values))) return this.ends.none;
    const misplaced = flow.conditions.find(({ kind }) => (this.at.state === null ? ofConnection : ofPacket).has(kind));
    if (misplaced) throw new Error(`no evaluation for \`${misplaced.kind}\` there: ${flow.key}`);
    return this.matchOf(flow);
  }

  private isPossible(condition: FlowCondition, values: ReadonlyMap<number, number>): boolean {
    const { state, isFromLink } = this.at;
    if (condition.kind === 'hopLimit') {
      if (condition.value !== 255) throw new Error('only hop limit 255 says something of all packets');
      return isFromLink;
    }
    if (condition.kind === 'state')
      return ((state ?? 0) & condition.set) === condition.set && ((state ?? 0) & condition.unset) === 0;
    if (condition.kind !== 'register' || classRegisters.has(condition.register)) return true;
    return (values.get(condition.register) ?? 0) === condition.value;
  }

  private act(actions: readonly FlowAction[], world: World, depth: number): World[] {
    let worlds: World[] = [world];
    for (const [i, action] of actions.entries()) {
      const isAlone = actions.length === 1;
      switch (action.kind) {
        case 'drop':
          if (!isAlone) throw new Error('nothing may stand beside `drop`');
          break;
        case 'resubmit':
          worlds = this.call(action.table, worlds, depth + 1);
          break;
        case 'load': {
          const { register, value } = action;
          // The tables of members are looked at by themselves: packets know their classes.
          if (classRegisters.has(register)) break;
          worlds = worlds.map(({ packets, values }) => ({ packets, values: new Map([...values, [register, value]]) }));
          break;
        }
        case 'track': {
          if (i < actions.length - 1 || this.at.state !== null) throw new Error('nothing may follow tracking');
          const known = this.tracked.get(action.table) ?? this.ends.none;
          this.tracked.set(action.table, this.ends.union([known, ...worlds.map(({ packets }) => packets)]));
          break;
        }
        case 'commit':
          this.committed = this.ends.union([this.committed, ...worlds.map(({ packets }) => packets)]);
          break;
        case 'clear':
          break;
        case 'clause':
          throw new Error('a clause was taken for a flow');
        default:
          assertNever(action);
      }
    }
    return worlds;
  }
}

/** Conditions that can be asked only before tracking, and only after it. */
const ofPacket: ReadonlySet<string> = new Set(['address', 'protocol', 'ports', 'icmpType', 'hopLimit']);
const ofConnection: ReadonlySet<string> = new Set(['openedAddress', 'openedProtocol', 'openedPort']);

function merge(worlds: readonly World[]): World[] {
  const out = new Map<string, World>();
  for (const world of worlds) {
    const key = JSON.stringify([...world.values].filter(([, value]) => value !== 0).sort(([a], [b]) => a - b));
    const known = out.get(key);
    out.set(key, known ? { ...known, packets: known.packets.union(world.packets) } : world);
  }
  return [...out.values()];
}
