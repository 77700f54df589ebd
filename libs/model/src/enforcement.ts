import type { Address, AddressSet, ServiceSet } from '#net';

/** One side of a flow: devices that are members of any of these classes, or fixed addresses. */
export type FlowSide =
  | { readonly kind: 'classes'; readonly classes: readonly string[] }
  | { readonly kind: 'addresses'; readonly addresses: AddressSet };

/** One policy line as an enforcement point needs it. */
export interface FlowEntry {
  /** Identity of the policy line, stable over restarts: 12 hex digits. Drivers put it on every object they make for it. */
  readonly id: string;
  readonly action: 'allow' | 'deny';
  /** Who opens the connection; replies are implied. */
  readonly source: FlowSide;
  readonly destination: FlowSide;
  readonly services: ServiceSet;
  /** `rules/flows.csv:12` */
  readonly line: string;
}

/**
 * All an enforcement point must enforce, whatever its make.
 *
 * INVARIANT (semantics): a packet with neither side in `scope` is not ours and stays untouched. Otherwise it is dropped
 * if any `deny` entry matches; else passed if any `allow` entry matches or it is a reply within a connection that was
 * passed; else dropped, counted and logged. Entries have no order. IPv4 and IPv6 always together.
 */
export interface EnforcementRules {
  readonly snapshotDigest: string;
  readonly scope: AddressSet;
  readonly entries: readonly FlowEntry[];
}

/** Class → addresses of its devices that are on the network now, as text in canonical form. */
export type Membership = ReadonlyMap<string, ReadonlySet<string>>;

export interface EnforcementState {
  readonly rules: EnforcementRules;
  readonly membership: Membership;
}

/** A connection an enforcement point tracks, in the direction in which it was opened. `destinationPort`: ICMP type for ICMP. */
export interface Connection {
  readonly source: Address;
  readonly destination: Address;
  readonly protocol: number;
  readonly sourcePort: number;
  readonly destinationPort: number;
}

/** Drivers that a policy may name; the registry in libs/drivers has exactly these. */
export const driverNames = ['nftables'] as const;
export type DriverName = (typeof driverNames)[number];
