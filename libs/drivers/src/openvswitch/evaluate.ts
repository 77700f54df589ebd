import { assertNever } from '#base';
import type { Address } from '#net';
import type { Packet, PacketVerdict } from '../invariant.js';
import { stateBits, type Action, type Condition } from './conditions.js';
import { registers } from './layout.js';
import { parseArtefact, type Artefact } from './parse.js';
import { readTables, type KnownFlow, type KnownTables, type Level } from './tables.js';

/** A packet as a bridge sees it. */
export interface BridgePacket extends Packet {
  /** 49152 if not given. */
  readonly sourcePort?: number;
  /** 64 if not given. */
  readonly hopLimit?: number;
  /** The packet that opened the connection that this one belongs to, or is about: needed unless it is the opener's own. */
  readonly opening?: Packet;
}

export interface Evaluation {
  readonly verdict: PacketVerdict;
  /** Keys of the flows that the packet took. */
  readonly taken: readonly string[];
  /** The connection that it opens is tracked from now on. */
  readonly commits: boolean;
}

/** OVS's own limits are 64 and 4096. */
const deepestCall = 16;

/**
 * What a bridge does with a packet, by our flows alone. It decides nothing by itself: what it doesn't know throws. `passed` and
 * `untouched` go on through the flows of others.
 */
export function evaluate(tables: KnownTables, packet: BridgePacket): Evaluation {
  const run = new Run(tables, packet);
  run.enter(0, 0);
  const isLeft = run.isUntouched || run.register(registers.judged) !== 0;
  const verdict = !isLeft ? 'dropped' : run.wasTracked ? 'passed' : 'untouched';
  return { verdict, taken: run.taken, commits: run.commits };
}

/** The verdicts of a rendered artefact or of what was read. */
export function judgeByFlows(text: string): (packet: Packet) => PacketVerdict {
  const tables = tablesOf(parseArtefact(text));
  return (packet) => evaluate(tables, packet).verdict;
}

export const tablesOf = (artefact: Artefact | null): KnownTables => readTables(artefact?.flows.values() ?? []);

class Run {
  readonly taken: string[] = [];
  wasTracked = false;
  commits = false;
  /** No flow of ours takes it at the very beginning. */
  isUntouched = false;
  private readonly values = new Map<number, number>();
  /** ct_state; 0: not tracked. */
  private state = 0;

  constructor(
    private readonly tables: KnownTables,
    private readonly packet: BridgePacket,
  ) {}

  register(number: number): number {
    return this.values.get(number) ?? 0;
  }

  enter(table: number, depth: number): void {
    if (depth > deepestCall) throw new Error('flows call deeper than any of ours');
    const flow = this.lookup(this.tables.get(table) ?? []);
    if (!flow) {
      if (depth === 0) this.isUntouched = true;
      return;
    }
    this.taken.push(flow.key);
    for (const [i, action] of flow.actions.entries()) {
      if (action.kind === 'track' && i < flow.actions.length - 1) throw new Error('nothing may follow tracking');
      if (action.kind === 'drop' && flow.actions.length > 1) throw new Error('nothing may stand beside `drop`');
      this.act(action, depth);
    }
  }

  private lookup(levels: readonly Level[]): KnownFlow | null {
    for (const { plain, clauses, conjunctions } of levels) {
      const found = plain.filter((flow) => this.holds(flow));
      const held = new Map<number, Set<number>>();
      for (const { flow, id, clause } of clauses)
        if (this.holds(flow)) held.set(id, (held.get(id) ?? new Set()).add(clause));
      for (const [id, { of, verdict }] of conjunctions)
        if (held.get(id)?.size === of && this.holds(verdict)) found.push(verdict);
      const [first, ...others] = found;
      if (!first) continue;
      // Which of them a switch takes is not defined, so it must not matter.
      const actions = String(first.flow.actions);
      if (others.some(({ flow }) => String(flow.actions) !== actions))
        throw new Error(`flows of one priority overlap and do different things: ${first.key}`);
      return first;
    }
    return null;
  }

  private act(action: Action, depth: number): void {
    switch (action.kind) {
      case 'drop':
        return;
      case 'resubmit':
        return this.enter(action.table, depth + 1);
      case 'load':
        this.values.set(action.register, action.value);
        return;
      case 'track':
        this.state = this.trackedState();
        this.wasTracked = true;
        return this.enter(action.table, depth + 1);
      case 'commit':
        this.commits = true;
        return;
      case 'clear':
        this.state = 0;
        return;
      case 'clause':
        throw new Error('a clause was taken for a flow');
      default:
        assertNever(action);
    }
  }

  private trackedState(): number {
    const { state = 'new', isReply = false } = this.packet;
    const { trk, inv, est, rel, rpl } = stateBits;
    const direction = isReply ? rpl : 0;
    if (state === 'invalid') return trk | inv;
    if (state === 'established') return trk | est | direction;
    // An error is about a connection that there is; what has none yet is one that a helper expects.
    if (state === 'related' && this.packet.opening) return trk | rel | direction;
    return trk | stateBits.new | (state === 'related' ? rel : 0);
  }

  private holds({ conditions }: KnownFlow): boolean {
    return conditions.every((condition) => this.isTrue(condition));
  }

  private isTrue(condition: Condition): boolean {
    const { packet } = this;
    switch (condition.kind) {
      case 'family':
        return packet.source.family === condition.family;
      case 'address':
        return isIn(packet[condition.side], condition);
      case 'protocol':
        return packet.protocol === condition.protocol;
      case 'ports':
        return (condition.of === 'source' ? (packet.sourcePort ?? 49_152) : packet.port) === condition.port;
      case 'icmpType':
        return packet.port === condition.type;
      case 'hopLimit':
        return (packet.hopLimit ?? 64) === condition.value;
      case 'state':
        return (this.state & condition.set) === condition.set && (this.state & condition.unset) === 0;
      case 'openedAddress':
        return isIn(this.opening[condition.side], condition);
      case 'openedProtocol':
        return this.opening.protocol === condition.protocol;
      case 'openedPort':
        return (this.openedPort(condition.of) & condition.mask) === condition.value;
      case 'register':
        return this.register(condition.register) === condition.value;
      case 'conjunction':
        return true;
      default:
        return assertNever(condition);
    }
  }

  private get opening(): Packet {
    const { packet } = this;
    if (this.state === 0) throw new Error('a connection is asked for before the packet is tracked');
    if (packet.opening) return packet.opening;
    if (packet.isReply === true) throw new Error('a reply needs the packet that opened its connection');
    return packet;
  }

  /** ICMP has its type where others have the port of the opener. */
  private openedPort(of: 'source' | 'destination'): number {
    const { protocol, port } = this.opening;
    const isType = protocol === 1 || protocol === 58;
    if ((of === 'source') !== isType) throw new Error('only a destination port or an ICMP type can be asked for');
    return port;
  }
}

const isIn = (
  { family, value }: Address,
  { range }: Extract<Condition, { kind: 'address' | 'openedAddress' }>,
): boolean => family === range.family && range.first <= value && value <= range.last;
