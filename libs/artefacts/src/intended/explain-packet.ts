import { hasAddress, protocols, type ConcretePacket } from '#net';
import { decideFlow, type RuleLine, type Snapshot } from '#policy';
import { placesOf } from './places.js';

/** Why policy allows or denies a packet that a device sends. */
export interface PacketReason {
  readonly verdict: 'allow' | 'deny';
  readonly reason: string;
  readonly rules: readonly RuleLine[];
}

/** The request that an ICMP type answers. */
const requestOf = (protocol: number, type: number): number | null =>
  protocol === protocols.icmp && type === 0 ? 8 : protocol === protocols.icmp6 && type === 129 ? 128 : null;

/**
 * As the opening of a connection, and as a reply within one that the far side opened. `wanted`: of the classes that may hold the
 * far address, one with this verdict is named, if there is one.
 */
export function explainPacket(
  snapshot: Snapshot,
  role: string,
  packet: ConcretePacket,
  wanted: 'allow' | 'deny',
): PacketReason {
  const { protocol, port, sourcePort, established, destination } = packet;
  const far = placesOf(snapshot).flatMap(({ addresses, roles }) => (hasAddress(addresses, destination) ? roles : []));
  const holders = far.length > 0 ? [...new Set(far)] : [null];
  const answered = requestOf(protocol, port);
  const isReply = established || protocol === protocols.udp || protocol === protocols.sctp || answered !== null;
  const reasons = holders.map((holder): PacketReason => {
    const there = { address: destination, class: holder };
    const who = holder === null ? '' : ` (to \`${holder}\`)`;
    const opening = decideFlow(snapshot, { source: { class: role }, destination: there, protocol, port });
    const { verdict, rules } = opening;
    if (verdict === 'allow') return { verdict, reason: `${opening.reason}${who}`, rules };
    if (isReply) {
      const request = { source: there, destination: { class: role }, protocol, port: answered ?? sourcePort };
      const reply = decideFlow(snapshot, request);
      if (reply.verdict === 'allow')
        return { verdict: 'allow', reason: `a reply, ${reply.reason}${who}`, rules: reply.rules };
    }
    return { verdict, reason: `${opening.reason}${who}`, rules };
  });
  return reasons.find(({ verdict }) => verdict === wanted) ?? reasons[0]!;
}
