import { canonicalJson, remembered } from '#base';
import { formatRange, rangesOf, type AclEntry, type AddressSet, type ServiceSet } from '#net';
import type { ClassFlows, DirectionFlows, FlowRegion, PeerRegion } from '../snapshot.js';
import { encodeEntry } from './acl.js';
import type { EncodedAddresses, EncodedRegion, EncodedServices } from './encoded.js';
import { hashOnce, jsonList } from './hashes.js';

/*
 * Canonical JSON of what classes share, and its hash: content never changes, so each object is looked at once, however many
 * name it.
 */

const texts = new WeakMap<object, string>();

export const encodeAddresses = (set: AddressSet): EncodedAddresses => rangesOf(set).map(formatRange);
export const encodeServices = (set: ServiceSet): EncodedServices =>
  set.map(({ first, last }) => [first, last] as const);

export const hashOfAddresses = (set: AddressSet): string => hashOnce(set, () => canonicalJson(encodeAddresses(set)));

export const regionText = (region: FlowRegion): string =>
  remembered(texts, region, () => {
    const { addresses, services, rules } = region;
    return JSON.stringify([hashOfAddresses(addresses), encodeServices(services), rules] satisfies EncodedRegion);
  });

export const peerText = (region: PeerRegion): string =>
  remembered(texts, region, () => {
    const { peer, services, rules } = region;
    return JSON.stringify([peer, encodeServices(services), rules] satisfies EncodedRegion);
  });

export const entryText = (entry: AclEntry): string =>
  remembered(texts, entry, () => JSON.stringify(encodeEntry(entry)));

/** Many classes have the same peers. */
const peersText = (regions: readonly PeerRegion[]): string =>
  remembered(texts, regions, () => jsonList(regions.map(peerText)));

export const hashOfDirection = (flows: DirectionFlows): string =>
  hashOnce(flows, ({ allowed, denied, peersAllowed, peersDenied }) =>
    jsonList([
      jsonList(allowed.map(regionText)),
      jsonList(denied.map(regionText)),
      peersText(peersAllowed),
      peersText(peersDenied),
    ]),
  );

export const hashOfAcl = (acl: readonly AclEntry[]): string => hashOnce(acl, () => jsonList(acl.map(entryText)));

export const hashesOfFlows = ({ outbound, inbound }: ClassFlows): { outbound: string; inbound: string } => ({
  outbound: hashOfDirection(outbound),
  inbound: hashOfDirection(inbound),
});
