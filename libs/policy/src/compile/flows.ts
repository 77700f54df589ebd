import type { AddressSet, ServiceSet } from '#net';
import type { FlowRuleSource, Policy } from '../policy.js';
import { addressesOf, servicesOf } from '../resolve.js';
import type { ClassFlows, DirectionFlows, PeerRegion } from '../snapshot.js';
import { normalForm, serviceCells, type RuleBox } from './normal-form.js';

/** A flow rule in force, with its names resolved to what the wire knows. */
export interface ResolvedFlow {
  readonly rule: FlowRuleSource;
  readonly services: ServiceSet;
  /** Class, or the addresses of an endpoint. */
  readonly subject: Side;
  readonly object: Side;
}

export type Side = { readonly class: string } | { readonly addresses: AddressSet };

export function resolveFlows(policy: Policy, rules: readonly FlowRuleSource[]): ResolvedFlow[] {
  const sides = new Map<string, Side>();
  const services = new Map<string, ServiceSet>();
  const side = (name: string): Side => {
    const known =
      sides.get(name) ?? (policy.classes.has(name) ? { class: name } : { addresses: addressesOf(policy, name) });
    sides.set(name, known);
    return known;
  };
  const service = (name: string): ServiceSet => {
    const known = services.get(name) ?? servicesOf(policy, name);
    services.set(name, known);
    return known;
  };
  return rules.map((rule) => ({
    rule,
    services: service(rule.application),
    subject: side(rule.subject),
    object: side(rule.object),
  }));
}

/** Per device class, what its devices may do in both directions. */
export function compileFlows(policy: Policy, flows: readonly ResolvedFlow[]): Record<string, ClassFlows> {
  const out: Record<string, ClassFlows> = {};
  const bySubject = Map.groupBy(flows, ({ rule }) => rule.subject);
  const byObject = Map.groupBy(flows, ({ rule }) => rule.object);
  const shared = new Map<string, DirectionFlows>();
  for (const name of policy.classes.keys()) {
    const groups = [...policy.principalTree.distances(name).keys()];
    const direction = (index: ReadonlyMap<string, ResolvedFlow[]>, near: 'subject' | 'object'): DirectionFlows => {
      const own = groups.flatMap((group) => index.get(group) ?? []);
      // Classes under the same rules share one result.
      const key = `${near} ${own.map(({ rule }) => rule.id).join(' ')}`;
      const known = shared.get(key) ?? compileDirection(policy, own, near === 'subject' ? 'object' : 'subject');
      shared.set(key, known);
      return known;
    };
    out[name] = { outbound: direction(bySubject, 'subject'), inbound: direction(byObject, 'object') };
  }
  return out;
}

function compileDirection(policy: Policy, flows: readonly ResolvedFlow[], far: 'subject' | 'object'): DirectionFlows {
  const boxes: RuleBox[] = [];
  const byPeer = new Map<string, ResolvedFlow[]>();
  for (const flow of flows) {
    const side = flow[far];
    if ('addresses' in side) boxes.push({ ...identity(flow), addresses: side.addresses });
    else {
      for (const peer of policy.principalTree.members(side.class)) {
        const list = byPeer.get(peer);
        if (list) list.push(flow);
        else byPeer.set(peer, [flow]);
      }
    }
  }
  const peersAllowed: PeerRegion[] = [];
  const peersDenied: PeerRegion[] = [];
  for (const peer of [...byPeer.keys()].sort()) {
    for (const { services, allow, deny } of serviceCells(byPeer.get(peer)!.map(identity))) {
      if (deny.length > 0) peersDenied.push({ peer, services, rules: deny });
      else peersAllowed.push({ peer, services, rules: allow });
    }
  }
  return { ...normalForm(boxes), peersAllowed, peersDenied };
}

const identity = ({ rule, services }: ResolvedFlow): Omit<RuleBox, 'addresses'> => ({
  id: rule.id,
  effect: rule.effect,
  services,
});
