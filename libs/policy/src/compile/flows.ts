import { append, NumberListMap, remembered } from '#base';
import type { AtomSet } from '#net';
import type { Hierarchy } from '../hierarchy.js';
import type { FlowRuleSource } from '../policy.js';
import type { Resolution } from '../resolve.js';
import type { ClassFlows, DirectionFlows, PeerRegion } from '../snapshot.js';
import { serviceCells, type AtomBox, type NormalForms, type ServiceCell } from './normal-form.js';
import { commonEnds, Successive } from '../version-memory.js';

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
  private numbered = 0;

  constructor(
    private readonly classes: ReadonlyMap<string, unknown>,
    private readonly resolution: Resolution,
  ) {}

  /** The rules of one version after another. */
  resolve(rules: readonly FlowRuleSource[]): readonly ResolvedFlow[] {
    return this.known.map(rules, (rule) => this.resolveRule(rule)).slice();
  }

  /** What a rule between classes says of the addresses of one. */
  boxOf({ id, effect, services }: ResolvedFlow, atoms: AtomSet): AtomBox {
    return { number: this.numbered++, id, effect, services, atoms };
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

/** Some rules, nearest group first. Equal lists are one object, as long as they are remembered. */
export interface RuleList {
  readonly number: number;
  readonly flows: readonly ResolvedFlow[];
}

/** Lists of rules that are remembered: those of one version of a policy, and of some before. */
export const mostLists = 2 ** 16;

/** The rules that speak of each class, version after version: its own and those of everything it belongs to. */
export class FlowIndex {
  private readonly lists = new NumberListMap<RuleList>(mostLists);
  private readonly bySubject: GroupedFlows;
  private readonly byObject: GroupedFlows;
  private numbered = 0;

  constructor(tree: Hierarchy) {
    const listOf = (flows: readonly ResolvedFlow[]): RuleList =>
      this.lists.getOrAdd(
        flows.map(({ number }) => number),
        () => ({ number: this.numbered++, flows }),
      );
    this.bySubject = new GroupedFlows(({ rule }) => rule.subject, tree, listOf);
    this.byObject = new GroupedFlows(({ rule }) => rule.object, tree, listOf);
  }

  /** Begins the next version; tells which names other rules speak of than in the one before. */
  turn(flows: readonly ResolvedFlow[]): ReadonlySet<string> {
    return new Set([...this.bySubject.turn(flows), ...this.byObject.turn(flows)]);
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

/** More groups than this are found in one pass over all rules. */
const fewGroups = 16;

/** The rules by the group that they name, version after version; a class has those of all groups that it belongs to. */
class GroupedFlows {
  private flows: readonly ResolvedFlow[] = [];
  private groups = new Map<string, Group>();
  private readonly names: Successive<ResolvedFlow, string>;
  private readonly ofClass = new Map<string, RuleList>();

  constructor(
    private readonly nameOf: (flow: ResolvedFlow) => string,
    private readonly tree: Hierarchy,
    private readonly listOf: (flows: readonly ResolvedFlow[]) => RuleList,
  ) {
    this.names = new Successive((flow) => flow);
  }

  /** The names whose rules changed. */
  turn(flows: readonly ResolvedFlow[]): ReadonlySet<string> {
    const changed = this.groupAnew(this.groupsOfChanged(flows), flows);
    this.flows = flows;
    const names = new Set(changed.flatMap((group) => this.tree.members(group)));
    for (const name of names) this.ofClass.delete(name);
    return names;
  }

  of(name: string): RuleList {
    let list = this.ofClass.get(name);
    if (!list) {
      const groups = [...this.tree.distances(name).keys()];
      list = this.listOf(groups.flatMap((group) => this.groups.get(group) ?? []));
      this.ofClass.set(name, list);
    }
    return list;
  }

  /** The groups that are named by rules between those that both versions begin and end with. */
  private groupsOfChanged(flows: readonly ResolvedFlow[]): ReadonlySet<string> {
    const [was, is] = [this.flows.length, flows.length];
    const { start, end } = commonEnds(was, is, (before, now) => this.flows[before] === flows[now]);
    return new Set([...this.flows.slice(start, was - end), ...flows.slice(start, is - end)].map(this.nameOf));
  }

  /** Those of some groups that have other rules now. */
  private groupAnew(groups: ReadonlySet<string>, flows: readonly ResolvedFlow[]): string[] {
    const names = this.names.map(flows, this.nameOf);
    const all = groups.size > fewGroups ? Map.groupBy(flows, (_, i) => names[i]!) : null;
    return [...groups].filter((name) => {
      const before = this.groups.get(name) ?? [];
      const now = all ? (all.get(name) ?? []) : flows.filter((_, i) => names[i] === name);
      if (now.length > 0) this.groups.set(name, now);
      else this.groups.delete(name);
      return !isSame(before, now);
    });
  }
}

const isSame = (a: Group, b: Group): boolean =>
  a.length === b.length && a.every((flow, i) => flow === b[i] || flow.id === b[i]!.id);

/** What devices of a class may do, from the rules that speak of it. Classes under the same rules share one result. */
export class FlowCompiler {
  private readonly outbound = new WeakMap<RuleList, DirectionFlows>();
  private readonly inbound = new WeakMap<RuleList, DirectionFlows>();
  /** By the rules that name a class on the far side, and which side that is. */
  private readonly peers = new NumberListMap<Peers>(mostLists);
  private readonly cells = new NumberListMap<PeerCells>(mostLists);

  constructor(
    private readonly forms: NormalForms,
    private readonly tree: Hierarchy,
  ) {}

  /** `before`: those of the class in the version before, which stay the same object if they are the same. */
  compile(name: string, index: FlowIndex, before: ClassFlows | null = null): ClassFlows {
    const [opening, receiving] = [index.outbound(name), index.inbound(name)];
    const outbound = remembered(this.outbound, opening, () => this.compileDirection(opening.flows, 'object'));
    const inbound = remembered(this.inbound, receiving, () => this.compileDirection(receiving.flows, 'subject'));
    return before?.outbound === outbound && before.inbound === inbound ? before : { outbound, inbound };
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
    return remembered(ofPeer, peer, () => ({
      peersAllowed: cells.flatMap(({ services, allow, deny }) =>
        deny.length > 0 ? [] : [{ peer, services, rules: allow }],
      ),
      peersDenied: cells.flatMap(({ services, deny }) => (deny.length > 0 ? [{ peer, services, rules: deny }] : [])),
    }));
  }
}

type Peers = Pick<DirectionFlows, 'peersAllowed' | 'peersDenied'>;

/** What some rules say of whatever peer, and of each that was asked for. */
interface PeerCells {
  readonly cells: readonly ServiceCell[];
  readonly ofPeer: Map<string, Peers>;
}
