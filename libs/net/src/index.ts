export { finalDenies, isConsistentEntry, isIcmpEntry, matchAcl, type AclEntry, type AclPacket } from './acl.js';
export * from './address.js';
export { ipv6Value, readIpv4, readIpv6 } from './address-bytes.js';
export { firstMatchPrefixes, type PrefixLine } from './first-match.js';
export { IntervalAlgebra, textOfIntervals, type Interval } from './interval.js';
export { IntervalTables } from './interval-tables.js';
export { formatMacRadius, isLocallyAdministered, parseMac, type Mac } from './mac.js';
export { AddressMap } from './address-map.js';
export { AddressPartition, type AtomSet } from './address-partition.js';
export * from './service.js';
export { joinedCells, sharingLists, sweep, type SweepCell } from './sweep.js';
export type { ConcretePacket, PacketMatch, PacketPart } from './packets/packet.js';
export type { PacketSet } from './packets/packet-set.js';
export { PacketSpace, type OrderedMatch } from './packets/packet-space.js';
export { portAclAbilities, type Abilities, type MatchLine, type PacketRegion } from './minimise/abilities.js';
export { EntryMinimiser, fewestEntries } from './minimise/fewest-entries.js';
export { countLines, portMasks, type PortMask } from './minimise/weight.js';
export { entriesOfAce, matchOfAce, type Ace } from './ace/ace.js';
export { parseArubaCxAce } from './ace/parse-aruba-cx.js';
export { parseCiscoAce } from './ace/parse-cisco.js';
export { renderArubaCxAce } from './ace/render-aruba-cx.js';
export { renderCiscoAces } from './ace/render-cisco.js';
export {
  linesOf,
  LineWords,
  NotUnderstood,
  prefixMatch,
  readText,
  type AddressMatch,
  type TextLine,
} from './ace/text.js';
