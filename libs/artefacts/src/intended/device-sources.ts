import {
  addressSet,
  families,
  familyOf,
  parseService,
  rangeOfPrefix,
  parsePrefix,
  serviceAlgebra,
  type PacketSet,
  type PacketSpace,
} from '#net';
import { segmentIn, type AccessGrant, type Snapshot } from '#policy';

const range = (text: string) => {
  const prefix = parsePrefix(text);
  if (typeof prefix === 'string') throw new TypeError(text);
  return rangeOfPrefix(prefix);
};
const services = (...texts: string[]) => serviceAlgebra.normalize(texts.flatMap((text) => parseService(text) ?? []));

/** A device without an address yet, or with a link-local one, asks for one by DHCP and finds its neighbours. */
const beforeAnAddress = addressSet([range('0.0.0.0/32'), range('::/128'), range('fe80::/10')]);
const asking = services('udp/67', 'udp/547', 'icmp6');

/**
 * Packets with a source that a device of this grant has: one of its segment there, or none yet. A list that lets only those
 * through permits nothing less than policy; packets with other sources are forged.
 */
export function deviceSources(space: PacketSpace, snapshot: Snapshot, grant: AccessGrant): PacketSet {
  const prefixes = segmentIn(snapshot, grant.segment, grant.site)?.prefixes;
  return space.union(
    families.flatMap((family) => [
      ...(prefixes ? [space.match({ family, source: familyOf(prefixes, family) })] : []),
      space.match({ family, source: familyOf(beforeAnAddress, family), services: asking }),
    ]),
  );
}
