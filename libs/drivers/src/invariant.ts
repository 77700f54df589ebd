import type { EnforcementState, FlowEntry, FlowSide, Workload } from '#model';
import { formatAddress, hasAddress, hasPorts, isIcmp, serviceKey, type Address } from '#net';

/** A routed packet. Without `state` and `isReply` it opens a connection. */
export interface Packet {
  readonly source: Address;
  readonly destination: Address;
  readonly protocol: number;
  /** Destination port; ICMP: type; other protocols: 0. */
  readonly port: number;
  readonly state?: 'new' | 'established' | 'related' | 'invalid';
  /** Sent by the side that did not open the connection. */
  readonly isReply?: boolean;
}

/** `untouched`: not ours to judge. */
export type PacketVerdict = 'untouched' | 'passed' | 'dropped';

/**
 * The invariant of `EnforcementRules`, word by word and without any cleverness: the oracle that every driver's artefact is
 * compared with. Covers packets that open a connection, and the opener's later ones.
 */
export function judgeByInvariant({ rules, membership }: EnforcementState, packet: Packet): PacketVerdict {
  if (!hasAddress(rules.scope, packet.source) && !hasAddress(rules.scope, packet.destination)) return 'untouched';
  if (rules.workloads.length > 0 && !touchesWorkload(rules.workloads, packet)) return 'untouched';
  const isOn = (side: FlowSide, address: Address): boolean =>
    side.kind === 'addresses'
      ? hasAddress(side.addresses, address)
      : side.classes.some((name) => membership.get(name)?.has(formatAddress(address)) ?? false);
  const matches = (entry: FlowEntry): boolean =>
    isOn(entry.source, packet.source) && isOn(entry.destination, packet.destination) && isServed(entry, packet);
  const matching = rules.entries.filter(matches);
  if (matching.some((entry) => entry.action === 'deny')) return 'dropped';
  return matching.some((entry) => entry.action === 'allow') ? 'passed' : 'dropped';
}

function touchesWorkload(workloads: readonly Workload[], { source, destination }: Packet): boolean {
  return workloads.some(({ addresses }) => hasAddress(addresses, source) || hasAddress(addresses, destination));
}

function isServed({ services }: FlowEntry, { protocol, port, source }: Packet): boolean {
  const [only] = services;
  if (only?.first === 0 && only.last === 0xff_ffff) return true;
  // ICMP is another protocol in each family; its number in the other one means nothing
  if (isIcmp(protocol) && protocol !== (source.family === 4 ? 1 : 58)) return false;
  const key = serviceKey(protocol, hasPorts(protocol) || isIcmp(protocol) ? port : 0);
  return services.some(({ first, last }) => first <= key && key <= last);
}
