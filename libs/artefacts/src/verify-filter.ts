import type { ConcretePacket, PacketPart, PacketSet, PacketSpace } from '#net';
import type { AccessGrant, Snapshot } from '#policy';
import { aclPackets } from '#radius';
import { filterPackets, linePackets, type Filter, type FilterLine } from './filter.js';
import { deviceSources } from './intended/device-sources.js';
import { explainPacket, type PacketReason } from './intended/explain-packet.js';
import { policyBounds } from './intended/policy-bounds.js';

/** Packets that are treated alike, one of them, the line of the text that decides it, and what policy says to it. */
export interface Finding {
  readonly part: PacketPart;
  readonly packet: ConcretePacket;
  /** Null: no line matches it, so it is dropped. */
  readonly line: FilterLine | null;
  readonly policy: PacketReason;
}

export interface Verification {
  /** Policy does not allow it, or allows it only to some that may hold the address. */
  readonly tooMuch: readonly Finding[];
  /** Policy allows it, a port ACL can permit it, and this one does not. */
  readonly tooLittle: readonly Finding[];
  /** Policy allows it, but no port ACL can permit it without permitting what policy denies. No difference. */
  readonly limits: readonly Finding[];
}

export const isEqual = ({ tooMuch, tooLittle }: Verification): boolean => tooMuch.length + tooLittle.length === 0;

/** What a filter of any origin permits, against what policy allows a device with this grant to send. */
export function verifyFilter(space: PacketSpace, snapshot: Snapshot, grant: AccessGrant, filter: Filter): Verification {
  const { role } = grant;
  const { certain, possible } = policyBounds(space, snapshot, role);
  const compiled = aclPackets(space, snapshot.portAcls[role] ?? []);
  const real = deviceSources(space, snapshot, grant);
  const permitted = filterPackets(space, filter);
  const find = (set: PacketSet, wanted: 'allow' | 'deny'): Finding[] =>
    set.parts().map((part) => {
      const packet = examplePacket(space, part, real);
      const line = filter.find((each) => linePackets(space, each).has(packet)) ?? null;
      return { part, packet, line, policy: explainPacket(snapshot, role, packet, wanted) };
    });
  const missing = (set: PacketSet): PacketSet => set.intersect(real).subtract(permitted);
  return {
    tooMuch: find(permitted.subtract(certain), 'deny'),
    tooLittle: find(missing(compiled), 'allow'),
    limits: find(missing(possible.subtract(compiled)), 'allow'),
  };
}

/** One that the device could really send, if there is any. */
function examplePacket(space: PacketSpace, part: PacketPart, real: PacketSet): ConcretePacket {
  const { sourcePorts, established, ...rest } = part;
  const set = space.match({
    ...rest,
    ...(sourcePorts && { sourcePorts }),
    ...(established !== null && { established }),
  });
  return (set.intersect(real).witness ?? set.witness)!;
}
