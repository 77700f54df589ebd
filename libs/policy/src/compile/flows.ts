import { append, remembered } from '#base';
import type { AddressSet, AtomSet, ServiceSet } from '#net';
import type { Hierarchy } from '../hierarchy.js';
import type { FlowRuleSource } from '../policy.js';
import type { Resolution } from '../resolve.js';
import type { ClassFlows, DirectionFlows, PeerRegion } from '../snapshot.js';
import { normalFormOfAtoms, serviceCells, type AtomBox, type ServiceCell } from './normal-form.js';
import { Successive } from '../version-memory.js';

/** A flow rule in force, with its names resolved to what the wire knows. */
export interface ResolvedFlow {
  /** As it stood when it was resolved: its line may have moved since. */
  readonly rule: FlowRuleSource;
  readonly services: ServiceSet;
  /** Class, or the addresses of an endpoint. */
  readonly subject: Side;
  readonly object: Side;
}

export type Side = { readonly class: string } | { readonly addresses: AddressSet; readonly atoms: AtomSet };

/** Resolves rules, each name once: rules that name the same endpoint share one side. */
export class FlowResolver {
  private readonly sides = new Map<string, Side>();
  private readonly known = new Successive<FlowRuleSource, ResolvedFlow>(({ id }) => id);

  constructor(
    private readonly classes: ReadonlyMap<string, unknown>,
    private readonly resolution: Resolution,
  ) {}

  /** The rules of one version after another. */
  resolve(rules: readonly FlowRuleSource[]): readonly ResolvedFlow[] {
    return this.known.map(rules, (rule, before) => before ?? this.resolveRule(rule));
  }

  private resolveRule(rule: FlowRuleSource): ResolvedFlow {
    return {
      rule,
      services: this.resolution.servicesOf(rule.application),
      subject: this.side(rule.subject),
      object: this.side(rule.object),
    };
  }

  private side(name: string): Side {
    const known = this.sides.get(name);
    if (known) return known;
    const made: Side = this.classes.has(name)
      ? { class: name }
      : { addresses: this.resolution.addressesOf(name), atoms: this.resolution.atomsOf(name) };
    this.sides.set(name, made);
    return made;
  }
}

/** Some rules, nearest group first. Equal lists are one object, which stays as long as some class has it. */
export interface RuleList {
  readonly flows: readonly ResolvedFlow[];
  readonly key: string;
}

/** The rules that speak of each class, version after version: its own and those of everything it belongs to. */
export class FlowIndex {
  private readonly lists = new RuleLists();
  private readonly bySubject: GroupedFlows;
  private readonly byObject: GroupedFlows;

  constructor(tree: Hierarchy) {
    this.bySubject = new GroupedFlows(({ rule }) => rule.subject, tree, this.lists);
    this.byObject = new GroupedFlows(({ rule }) => rule.object, tree, this.lists);
  }

  /** Begins the next version. */
  turn(flows: readonly ResolvedFlow[]): void {
    this.bySubject.turn(flows);
    this.byObject.turn(flows);
  }

  /** Where the class is the subject. */
  outbound(name: string): RuleList {
    return this.bySubject.of(name);
  }

  /** Where the class is the object. */
  inbound(name: string): RuleList {
    return this.byObject.of(name);
  }
}

type Group = readonly ResolvedFlow[];

/** The rules by the group that they name, version after version; a class has those of all groups that it belongs to. */
class GroupedFlows {
  private groups: ReadonlyMap<string, Group> = new Map();
  private readonly names: Successive<ResolvedFlow, string>;
  private readonly ofClass = new Map<string, RuleList>();

  constructor(
    private readonly nameOf: (flow: ResolvedFlow) => string,
    private readonly tree: Hierarchy,
    private readonly lists: RuleLists,
  ) {
    this.names = new Successive((flow) => flow);
  }

  turn(flows: readonly ResolvedFlow[]): void {
    const before = this.groups;
    const names = this.names.map(flows, this.nameOf);
    this.groups = Map.groupBy(flows, (_, i) => names[i]!);
    for (const name of new Set([...before.keys(), ...this.groups.keys()])) {
      if (isSame(before.get(name) ?? [], this.groups.get(name) ?? [])) continue;
      for (const member of this.tree.members(name)) this.forget(member);
    }
  }

  of(name: string): RuleList {
    let list = this.ofClass.get(name);
    if (!list) {
      const groups = [...this.tree.distances(name).keys()];
      list = this.lists.take(groups.flatMap((group) => this.groups.get(group) ?? []));
      this.ofClass.set(name, list);
    }
    return list;
  }

  private forget(name: string): void {
    const list = this.ofClass.get(name);
    if (!list) return;
    this.lists.release(list);
    this.ofClass.delete(name);
  }
}

const isSame = (a: Group, b: Group): boolean =>
  a.length === b.length && a.every((flow, i) => flow === b[i] || flow.rule.id === b[i]!.rule.id);

/** Lists in use, by the ids of their rules: equal ones are one object. */
class RuleLists {
  private readonly known = new Map<string, { readonly list: RuleList; users: number }>();

  take(flows: readonly ResolvedFlow[]): RuleList {
    const key = keyOf(flows);
    const known = this.known.get(key) ?? { list: { flows, key }, users: 0 };
    known.users++;
    this.known.set(key, known);
    return known.list;
  }

  release({ key }: RuleList): void {
    const known = this.known.get(key)!;
    known.users--;
    if (known.users === 0) this.known.delete(key);
  }
}

/** What devices of a class may do, from the rules that speak of it. Classes under the same rules share one result. */
export class FlowCompiler {
  private readonly outbound = new WeakMap<RuleList, DirectionFlows>();
  private readonly inbound = new WeakMap<RuleList, DirectionFlows>();
  private readonly ofClass = new Map<string, ClassFlows>();

  constructor(
    private readonly resolution: Resolution,
    private readonly tree: Hierarchy,
  ) {}

  compile(name: string, index: FlowIndex): ClassFlows {
    const [opening, receiving] = [index.outbound(name), index.inbound(name)];
    const outbound = remembered(this.outbound, opening, () => this.compileDirection(opening.flows, 'object'));
    const inbound = remembered(this.inbound, receiving, () => this.compileDirection(receiving.flows, 'subject'));
    const before = this.ofClass.get(name);
    if (before?.outbound === outbound && before.inbound === inbound) return before;
    const flows = { outbound, inbound };
    this.ofClass.set(name, flows);
    return flows;
  }

  private compileDirection(flows: readonly ResolvedFlow[], far: 'subject' | 'object'): DirectionFlows {
    const boxes: AtomBox[] = [];
    const byPeer = new Map<string, ResolvedFlow[]>();
    for (const flow of flows) {
      const side = flow[far];
      if ('atoms' in side) boxes.push(boxOf(flow, side.atoms));
      else {
        for (const peer of this.tree.members(side.class)) {
          append(byPeer, peer, flow);
        }
      }
    }
    const peersAllowed: PeerRegion[] = [];
    const peersDenied: PeerRegion[] = [];
    // Peers under the same rules share what is found for them.
    const cellsOf = new Map<string, readonly ServiceCell[]>();
    for (const peer of [...byPeer.keys()].sort()) {
      const own = byPeer.get(peer)!;
      const key = keyOf(own);
      const cells = cellsOf.get(key) ?? serviceCells(own.map(identity));
      cellsOf.set(key, cells);
      for (const { services, allow, deny } of cells) {
        if (deny.length > 0) peersDenied.push({ peer, services, rules: deny });
        else peersAllowed.push({ peer, services, rules: allow });
      }
    }
    return { ...normalFormOfAtoms(boxes, this.resolution.partition), peersAllowed, peersDenied };
  }
}

/** What a list of rules is known by. */
const keyOf = (flows: readonly ResolvedFlow[]): string => flows.map(({ rule }) => rule.id).join(' ');

export const boxOf = (flow: ResolvedFlow, atoms: AtomSet): AtomBox => ({ ...identity(flow), atoms });
const identity = ({ rule, services }: ResolvedFlow): Omit<AtomBox, 'atoms'> => ({
  id: rule.id,
  effect: rule.effect,
  services,
});
