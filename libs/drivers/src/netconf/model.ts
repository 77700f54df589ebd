import type { Family, Interval, Prefix } from '#net';
import type { ObservedState, ObservedVlan } from '../driver.js';

/** The YANG model in which a switch takes its lists: `options.model` of a point. */
export type ModelName = 'ietf-acl' | 'openconfig';

/** Namespaces of what is written and read. */
export const namespaces = {
  ietfAcl: 'urn:ietf:params:xml:ns:yang:ietf-access-control-list',
  acl: 'http://openconfig.net/yang/acl',
  packetMatchTypes: 'http://openconfig.net/yang/packet-match-types',
  icmp4Types: 'http://openconfig.net/yang/openconfig-icmpv4-types',
  icmp6Types: 'http://openconfig.net/yang/openconfig-icmpv6-types',
  networkInstance: 'http://openconfig.net/yang/network-instance',
} as const;

/**
 * A list of ours in canonical form, in words of neither model. In OpenConfig a name has a list for each family; in the model of
 * RFC 8519 it has one for both.
 */
export interface AccessList {
  readonly families: readonly Family[];
  /** In the order in which the switch looks at them. */
  readonly entries: readonly ListEntry[];
  /** What we never write, as text: drift, and the list's meaning is not known. */
  readonly foreign: readonly string[];
}

/** As it stands in a text, before lists of one name are put together. */
export interface NamedAccessList {
  readonly name: string;
  readonly list: AccessList;
}

/** Conditions that are null match everything. */
export interface ListEntry {
  readonly action: 'accept' | 'drop' | null;
  /** Null: packets of any family that the list judges. */
  readonly family: Family | null;
  readonly protocol: number | null;
  readonly destination: Prefix | null;
  readonly sourcePorts: readonly Interval<number>[] | null;
  readonly destinationPorts: readonly Interval<number>[] | null;
  readonly icmpType: number | null;
  /** RFC 8519: names of bits, sorted. OpenConfig: `established`. */
  readonly tcp: readonly string[] | null;
  readonly foreign: readonly string[];
}

/** What a text says is on the switch. */
export interface ObservedSwitch extends ObservedState {
  /** Ours, by name. */
  readonly lists: ReadonlyMap<string, readonly AccessList[]>;
  /** All of the network instance, by id: others' too, because one that policy wants may be there already. */
  readonly vlans: ReadonlyMap<number, ObservedVlan>;
}
