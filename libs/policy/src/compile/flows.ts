import { append, NumberListMap, remembered } from '#base';
import type { AtomSet } from '#net';
import type { Hierarchy } from '../hierarchy.js';
import type { FlowRuleSource } from '../policy.js';
import type { Resolution } from '../resolve.js';
import type { ClassFlows, DirectionFlows, PeerRegion } from '../snapshot.js';
import { serviceCells, type AtomBox, type NormalForms, type ServiceCell } from './normal-form.js';
import { Successive } from '../version-memory.js';

/** A flow rule in force, with its names resolved to what the wire knows. */
export interface ResolvedFlow extends AtomBox {
  /** As it stood when it was resolved: its line may have moved since. */
  readonly rule: FlowRuleSource;
  /** The class that is named on each side; null: an endpoint, whose addresses are `atoms`. */
  readonly subject: string | null;
  readonly object: string | null;
}

export type FarSide = 'subject' | 'object';

/** Resolves rules, each name once. */
export class FlowResolver {
  private readonly known = new Successive<FlowRuleSource, ResolvedFlow>(({ id }) => id);
  private readonly elsewhere = new Map<number, { readonly atoms: AtomSet; readonly box: AtomBox }[]>();
  private numbered = 0;

  constructor(
    private readonly classes: ReadonlyMap<string, unknown>,
    private readonly resolution: Resolution,
  ) {}

  /** The rules of one version after another. */
  resolve(rules: readonly FlowRuleSource[]): readonly ResolvedFlow[] {
    return this.known.map(rules, (rule, before) => before ?? this.resolveRule(rule));
  }

  /** What a rule between classes says of the addresses of one: the same object for the same set. */
  boxOf(flow: ResolvedFlow, atoms: AtomSet): AtomBox {
    const known = this.elsewhere.get(flow.number)?.find((one) => one.atoms === atoms);
    if (known) return known.box;
    const { id, effect, services } = flow;
    const box = { number: this.numbered++, id, effect, services, atoms };
    append(this.elsewhere, flow.number, { atoms, box });
    return box;
  }

  private resolveRule(rule: FlowRuleSource): ResolvedFlow {
    const { id, effect } = rule;
    const [subject, object] = [this.classNamed(rule.subject), this.classNamed(rule.object)];
    const endpoint = object === null ? rule.object : subject === null ? rule.subject : null;
    return {
      number: this.numbered++,
      id,
      effect,
      services: this.resolution.servicesOf(rule.application),
      atoms: endpoint === null ? noAtoms : this.resolution.atomsOf(endpoint),
      rule,
      subject,
      object,
    };
  }

  private classNamed(name: string): string | null {
    return this.classes.has(name) ? name : null;
  }
}

const noAtoms: AtomSet = [];

/** What a list of rules is known by. */
const keyOf = (flows: readonly ResolvedFlow[]): string => flows.map(({ id }) => id).join(' ');

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
  a.length === b.length && a.every((flow, i) => flow === b[i] || flow.id === b[i]!.id);

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
  /** By the rules that name a class on the far side, and which side that is. */
  private readonly peers = new NumberListMap<Peers>(mostPeerLists);
  private readonly cells = new NumberListMap<PeerCells>(mostPeerLists);

  constructor(
    private readonly forms: NormalForms,
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

  private compileDirection(flows: readonly ResolvedFlow[], far: FarSide): DirectionFlows {
    const towardsEndpoints = flows.filter((flow) => flow[far] === null);
    const betweenClasses = flows.filter((flow) => flow[far] !== null);
    const numbers = betweenClasses.map(({ number }) => number * 2 + (far === 'object' ? 1 : 0));
    const peers = this.peers.getOrAdd(numbers, () => this.peersOf(betweenClasses, far));
    return { ...this.forms.of(towardsEndpoints), ...peers };
  }

  private peersOf(flows: readonly ResolvedFlow[], far: FarSide): Peers {
    const byPeer = new Map<string, ResolvedFlow[]>();
    for (const flow of flows) for (const peer of this.tree.members(flow[far]!)) append(byPeer, peer, flow);
    const peersAllowed: PeerRegion[] = [];
    const peersDenied: PeerRegion[] = [];
    for (const peer of [...byPeer.keys()].sort()) {
      const regions = this.regionsOf(peer, byPeer.get(peer)!);
      peersAllowed.push(...regions.peersAllowed);
      peersDenied.push(...regions.peersDenied);
    }
    return { peersAllowed, peersDenied };
  }

  /** Peers under the same rules share what is found for them. */
  private regionsOf(peer: string, flows: readonly ResolvedFlow[]): Peers {
    const { cells, ofPeer } = this.cells.getOrAdd(
      flows.map(({ number }) => number),
      () => ({ cells: serviceCells(flows), ofPeer: new Map() }),
    );
    const known = ofPeer.get(peer);
    if (known) return known;
    const [denied, allowed] = [
      cells.filter(({ deny }) => deny.length > 0),
      cells.filter(({ deny }) => deny.length === 0),
    ];
    const made = {
      peersAllowed: allowed.map(({ services, allow }) => ({ peer, services, rules: allow })),
      peersDenied: denied.map(({ services, deny }) => ({ peer, services, rules: deny })),
    };
    ofPeer.set(peer, made);
    return made;
  }
}

type Peers = Pick<DirectionFlows, 'peersAllowed' | 'peersDenied'>;

/** What some rules say of whatever peer, and of each that was asked for. */
interface PeerCells {
  readonly cells: readonly ServiceCell[];
  readonly ofPeer: Map<string, Peers>;
}

/** Lists of rules between classes that are remembered. */
const mostPeerLists = 2 ** 16;
