import { hasAddress, serviceAlgebra, serviceKey, type Address } from '#net';
import type { Policy } from '../policy.js';
import { isActive } from '../when.js';

/** The meaning of a policy, written as plainly as it can be: no closure, no set algebra, one packet at a time. */
export interface NaivePacket {
  readonly source: NaiveSide;
  readonly destination: NaiveSide;
  readonly protocol: number;
  readonly port: number;
}

export interface NaiveSide {
  readonly class?: string;
  readonly address?: Address;
}

export function naiveVerdict(policy: Policy, packet: NaivePacket, at: Date): 'allow' | 'deny' {
  let allowed = false;
  for (const rule of policy.flowRules) {
    if (!isActive(rule.when, policy.schedules, at)) continue;
    if (!isPrincipal(policy, packet.source, rule.subject) || !isPrincipal(policy, packet.destination, rule.object))
      continue;
    if (!isApplication(policy, rule.application, serviceKey(packet.protocol, packet.port))) continue;
    if (rule.effect === 'deny') return 'deny';
    allowed = true;
  }
  return allowed ? 'allow' : 'deny';
}

export function isPrincipal(policy: Policy, side: NaiveSide, name: string): boolean {
  if (side.class === name) return true;
  const own = policy.endpoints.get(name);
  if (own && side.address && hasAddress(own.addresses, side.address)) return true;
  return policy.principalTree.children(name).some((member) => isPrincipal(policy, side, member));
}

export function isApplication(policy: Policy, name: string, key: number): boolean {
  if (serviceAlgebra.contains(policy.applications.get(name)?.services ?? [], key)) return true;
  return policy.applicationTree.children(name).some((member) => isApplication(policy, member, key));
}
