import { assertNever } from '#base';
import { addressAlgebra, formatAddress, type Interval } from '#net';
import type { Packet, PacketVerdict } from '../invariant.js';
import { parseTable } from './parse.js';
import { isOnlyTold, stateBits, type NftField, type NftStatement, type NftTable } from './table.js';

export interface Evaluation {
  readonly verdict: PacketVerdict;
  /** Named counters that the packet went through. */
  readonly counters: readonly string[];
}

type Step = 'accept' | 'drop' | 'return' | 'next';

/** Deeper than any table of ours; the kernel's own limit is 16. */
const deepestJump = 16;

/**
 * What nft does with a routed packet, by our table alone. It decides nothing by itself: an object it doesn't know throws,
 * for a guess would make a proof worthless.
 */
export function evaluate(table: NftTable, packet: Packet): Evaluation {
  const run = new Run(table, packet);
  for (const { hook, rules } of table.chains.values()) {
    if (!hook) continue;
    if (hook.hook !== 'forward' || hook.type !== 'filter') throw new Error(`no evaluation for hook \`${hook.hook}\``);
    const step = run.chain(rules, 0);
    if (step === 'drop' || (step !== 'accept' && hook.policy === 'drop'))
      return { verdict: 'dropped', counters: run.counters };
    if (step === 'accept') run.isOurs = true;
  }
  return { verdict: run.isOurs ? 'passed' : 'untouched', counters: run.counters };
}

/** The verdicts of a rendered artefact or a listing. */
export function judgeByTable(text: string): (packet: Packet) => PacketVerdict {
  const table = parseTable(text);
  return (packet) => (table ? evaluate(table, packet).verdict : 'untouched');
}

type Condition = Extract<NftStatement, { kind: 'match' | 'lookup' | 'state' | 'direction' | 'unknown' }>;

class Run {
  readonly counters: string[] = [];
  isOurs = false;

  private readonly texts: { readonly saddr: string; readonly daddr: string };

  constructor(
    private readonly table: NftTable,
    private readonly packet: Packet,
  ) {
    this.texts = { saddr: formatAddress(packet.source), daddr: formatAddress(packet.destination) };
  }

  chain(rules: readonly { readonly statements: readonly NftStatement[] }[], depth: number): Step {
    if (depth > deepestJump) throw new Error('chains jump deeper than nft allows');
    for (const { statements } of rules) {
      const step = this.rule(statements, depth);
      if (step !== 'next') return step;
    }
    return 'return';
  }

  private rule(statements: readonly NftStatement[], depth: number): Step {
    for (const [i, statement] of statements.entries()) {
      if (statement.kind === 'limit') {
        if (!isOnlyTold(statements, i)) throw new Error('no evaluation for what stands behind a limit');
      } else if (statement.kind === 'counter') {
        if (statement.name !== null) this.counters.push(statement.name);
      } else if (statement.kind === 'jump' || statement.kind === 'goto') {
        const step = this.chain(this.target(statement.target), depth + 1);
        // `goto` has nowhere to return to
        if (step !== 'return' || statement.kind === 'goto') return step;
      } else if (statement.kind === 'accept' || statement.kind === 'drop' || statement.kind === 'return') {
        return statement.kind;
      } else if (statement.kind !== 'log' && !this.matches(statement)) return 'next';
    }
    return 'next';
  }

  private target(name: string) {
    const chain = this.table.chains.get(name);
    if (!chain) throw new Error(`jump to chain \`${name}\`, which isn't there`);
    return chain.rules;
  }

  private matches(statement: Condition): boolean {
    switch (statement.kind) {
      case 'match': {
        const value = this.value(statement.field);
        return value !== null && contains(statement.values, value);
      }
      case 'lookup':
        return this.isMember(statement.field, statement.set);
      case 'state':
        return (stateBits[this.packet.state ?? 'new'] & statement.mask) !== 0;
      case 'direction':
        return statement.reply === (this.packet.isReply ?? false);
      case 'unknown':
        throw new Error(`no evaluation for ${statement.text}`);
      default:
        return assertNever(statement);
    }
  }

  private isMember(field: NftField, name: string): boolean {
    const set = this.table.sets.get(name);
    if (!set) throw new Error(`lookup in set \`${name}\`, which isn't there`);
    const value = this.value(field);
    if (value === null || field.kind !== 'address') return false;
    if (set.ranges) return contains(set.ranges, value);
    return set.members.has(field.side === 'saddr' ? this.texts.saddr : this.texts.daddr);
  }

  /** Null when the packet has no such field: then no match on it holds. */
  private value(field: NftField): bigint | null {
    const { source, destination, protocol, port } = this.packet;
    switch (field.kind) {
      case 'address': {
        const address = field.side === 'saddr' ? source : destination;
        return address.family === field.family ? address.value : null;
      }
      case 'protocol':
        return BigInt(protocol);
      case 'port':
        return field.protocol === protocol ? BigInt(port) : null;
      default:
        return field;
    }
  }
}

const contains = (values: readonly Interval<bigint>[], value: bigint): boolean =>
  addressAlgebra.contains(values, value);
