import { canonicalJson, remembered } from '#base';
import { formatRange, rangesOf, type AclEntry, type AddressSet, type ServiceSet } from '#net';
import type { DirectionFlows, FlowRegion, PeerRegion } from '../snapshot.js';
import { encodeEntry } from './acl.js';
import type { EncodedAddresses, EncodedRegion, EncodedServices } from './encoded.js';
import { hashOnce, jsonList } from './hashes.js';

export const encodeAddresses = (set: AddressSet): EncodedAddresses => rangesOf(set).map(formatRange);
export const encodeServices = (set: ServiceSet): EncodedServices =>
  set.map(({ first, last }) => [first, last] as const);

export const hashOfAddresses = (set: AddressSet): string => hashOnce(set, () => canonicalJson(encodeAddresses(set)));

/** Canonical JSON of what many classes share: each object is looked at once, however many name it. */
export class Texts {
  private readonly known = new Map<object, string>();

  region(region: FlowRegion): string {
    return this.text(region, () => {
      const { addresses, services, rules } = region;
      return JSON.stringify([hashOfAddresses(addresses), encodeServices(services), rules] satisfies EncodedRegion);
    });
  }

  peer(region: PeerRegion): string {
    return this.text(region, () => {
      const { peer, services, rules } = region;
      return JSON.stringify([peer, encodeServices(services), rules] satisfies EncodedRegion);
    });
  }

  entry(entry: AclEntry): string {
    return this.text(entry, () => JSON.stringify(encodeEntry(entry)));
  }

  hashOfDirection(flows: DirectionFlows): string {
    return hashOnce(flows, ({ allowed, denied, peersAllowed, peersDenied }) =>
      jsonList([
        jsonList(allowed.map((region) => this.region(region))),
        jsonList(denied.map((region) => this.region(region))),
        this.peers(peersAllowed),
        this.peers(peersDenied),
      ]),
    );
  }

  hashOfAcl(acl: readonly AclEntry[]): string {
    return hashOnce(acl, () => jsonList(acl.map((entry) => this.entry(entry))));
  }

  /** Many classes have the same peers. */
  private peers(regions: readonly PeerRegion[]): string {
    return this.text(regions, () => jsonList(regions.map((region) => this.peer(region))));
  }

  private text(of: object, make: () => string): string {
    return remembered(this.known, of, make);
  }
}
