import { append } from '#base';
import type { AddressSet, AtomSet, ServiceSet } from '#net';
import type { Hierarchy } from '../hierarchy.js';
import type { FlowRuleSource } from '../policy.js';
import type { Resolution } from '../resolve.js';
import type { ClassFlows, DirectionFlows, PeerRegion } from '../snapshot.js';
import { normalFormOfAtoms, serviceCells, type AtomBox, type ServiceCell } from './normal-form.js';
import type { Shelf } from '../shelf.js';

/** A flow rule in force, with its names resolved to what the wire knows. */
export interface ResolvedFlow {
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

  constructor(
    private readonly classes: ReadonlyMap<string, unknown>,
    private readonly resolution: Resolution,
  ) {}

  resolve(rule: FlowRuleSource): ResolvedFlow {
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

/** The rules that speak of each class: its own and those of everything it belongs to. */
export class FlowIndex {
  private readonly bySubject: ReadonlyMap<string, readonly ResolvedFlow[]>;
  private readonly byObject: ReadonlyMap<string, readonly ResolvedFlow[]>;

  constructor(
    flows: readonly ResolvedFlow[],
    private readonly tree: Hierarchy,
  ) {
    this.bySubject = Map.groupBy(flows, ({ rule }) => rule.subject);
    this.byObject = Map.groupBy(flows, ({ rule }) => rule.object);
  }

  /** Where the class is the subject. */
  outbound(name: string): ResolvedFlow[] {
    return this.rulesOf(name, this.bySubject);
  }

  /** Where the class is the object. */
  inbound(name: string): ResolvedFlow[] {
    return this.rulesOf(name, this.byObject);
  }

  private rulesOf(name: string, index: ReadonlyMap<string, readonly ResolvedFlow[]>): ResolvedFlow[] {
    return [...this.tree.distances(name).keys()].flatMap((group) => index.get(group) ?? []);
  }
}

/** What devices of a class may do, from the rules that speak of it. Classes under the same rules share one result. */
export class FlowCompiler {
  constructor(
    private readonly resolution: Resolution,
    private readonly tree: Hierarchy,
    private readonly known: Shelf<DirectionFlows>,
  ) {}

  compile(name: string, index: FlowIndex): ClassFlows {
    return {
      outbound: this.direction(index.outbound(name), 'object'),
      inbound: this.direction(index.inbound(name), 'subject'),
    };
  }

  private direction(flows: readonly ResolvedFlow[], far: 'subject' | 'object'): DirectionFlows {
    const key = `${far} ${keyOf(flows)}`;
    return this.known.get(key, () => this.compileDirection(flows, far));
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
export const keyOf = (flows: readonly ResolvedFlow[]): string => flows.map(({ rule }) => rule.id).join(' ');

export const boxOf = ({ rule, services }: ResolvedFlow, atoms: AtomSet): AtomBox => ({
  id: rule.id,
  effect: rule.effect,
  services,
  atoms,
});
const identity = ({ rule, services }: ResolvedFlow): Omit<AtomBox, 'atoms'> => ({
  id: rule.id,
  effect: rule.effect,
  services,
});
