import { z } from 'zod';
import { addressSet, type AclEntry, type Address, type AddressSet, type ServiceSet } from '#net';

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

/** A port ACL that stands on a switch under a name, because replies of RADIUS name it (Filter-Id). */
export interface NamedList {
  /** Contains the hash of the entries, so a list never changes: another meaning is another name. */
  readonly name: string;
  /** In order; the first that matches a packet from the device decides. What none matches is dropped, in both families. */
  readonly entries: readonly AclEntry[];
}

export interface Vlan {
  /** 1 to 4094 */
  readonly id: number;
  readonly name: string;
}

/** An endpoint of the policy that is a service in a cluster. */
export interface Workload {
  /** Name of the endpoint. */
  readonly endpoint: string;
  readonly namespace: string;
  readonly service: string;
  /** The addresses that the policy knows it by. */
  readonly addresses: AddressSet;
}

/** What a point can enforce. Each driver says which of these; of the others it is told nothing. */
export const enforcedParts = ['flows', 'lists', 'vlans', 'ports', 'workloads'] as const;
export type EnforcedPart = (typeof enforcedParts)[number];

/**
 * All an enforcement point must enforce, whatever its make.
 *
 * INVARIANT (semantics of `entries`): a packet with neither side in `scope` is not ours and stays untouched. Otherwise it is dropped
 * if any `deny` entry matches; else passed if any `allow` entry matches or it is a reply within a connection that was
 * passed; else dropped, counted and logged. Entries have no order. IPv4 and IPv6 always together. A point with `workloads` does
 * so for packets from and to them, and leaves all others untouched.
 *
 * INVARIANT (semantics of `candidate`): it changes what becomes of no packet. Of those that open a connection and are passed, exactly those
 * that would be dropped with these entries in place of `entries` are counted, and logged up to a rate.
 */
export interface EnforcementRules {
  readonly snapshotDigest: string;
  readonly scope: AddressSet;
  readonly entries: readonly FlowEntry[];
  /** Names are unique. Lists of ours that are not among these may go once no session has them. */
  readonly lists: readonly NamedList[];
  /** VLANs that must exist; ids are unique. */
  readonly vlans: readonly Vlan[];
  readonly workloads: readonly Workload[];
  /** Entries of a policy that is not in force, and only watched; null: there is none, or the point can't watch one. */
  readonly candidate: readonly FlowEntry[] | null;
}

/** Class → addresses of its devices that are on the network now, as text in canonical form. */
export type Membership = ReadonlyMap<string, ReadonlySet<string>>;

export interface EnforcementState {
  readonly rules: EnforcementRules;
  readonly membership: Membership;
  /** Port of the switch → VLAN id of the devices on it now. Ports that are not named are not ours. */
  readonly ports: ReadonlyMap<string, number>;
}

/** Rules that ask for nothing. */
export const noRules: EnforcementRules = {
  snapshotDigest: '0'.repeat(64),
  scope: addressSet([]),
  entries: [],
  lists: [],
  vlans: [],
  workloads: [],
  candidate: null,
};

/** The same rules object means the same rules: what was worked out for it may be kept. */
export const stateOf = (
  rules: EnforcementRules,
  membership: Membership = new Map(),
  ports: EnforcementState['ports'] = new Map(),
): EnforcementState => ({ rules, membership, ports });

/** A connection an enforcement point tracks, in the direction in which it was opened. `destinationPort`: ICMP type for ICMP. */
export interface Connection {
  readonly source: Address;
  readonly destination: Address;
  readonly protocol: number;
  readonly sourcePort: number;
  readonly destinationPort: number;
}

/** How points are reached: `transport.kind` in network/enforcement-points.yaml. */
export const transportKinds = ['simulated', 'local', 'netns', 'ssh', 'ovsdb', 'kubernetes'] as const;
export type TransportKind = (typeof transportKinds)[number];

interface DriverFacts {
  readonly transports: readonly TransportKind[];
  /** Settings of a point that only this driver has: `options` in network/enforcement-points.yaml. All values are text. */
  readonly options: z.ZodType<Readonly<Record<string, string | undefined>>>;
  readonly enforces: (options: Readonly<Record<string, string>>) => readonly EnforcedPart[];
}

const noOptions = z.strictObject({});

/** RFC 8519 has no VLANs; OpenConfig has, in a network instance. */
const netconfOptions = z.discriminatedUnion('model', [
  z.strictObject({ model: z.literal('ietf-acl') }),
  z.strictObject({ model: z.literal('openconfig'), networkInstance: z.string().min(1).exactOptional() }),
]);

/** Decimal, from the first number to the last. */
const numberFrom = (first: number, last: number) =>
  z.string().refine((text) => /^[1-9]\d{0,4}$/.test(text) && Number(text) >= first && Number(text) <= last, {
    message: `must be a number from ${first} to ${last}`,
  });
const label = '[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?';
/** A namespace or a service. */
export const kubernetesLabel = z
  .string()
  .regex(new RegExp(`^${label}$`), 'must be a name of small letters, digits and `-`, at most 63 characters');
/** Namespaces in which the services of a point are. */
export const kubernetesNamespaces = ({ namespaces = 'default' }: Readonly<Record<string, string>>): readonly string[] =>
  namespaces.split(',');

/** Drivers that a policy may name, and what it may say of each; the registry in libs/drivers has exactly these. */
export const driverFacts = {
  'cli-over-ssh': {
    transports: ['simulated', 'ssh'],
    options: z.strictObject({ make: z.enum(['ios-xe', 'aos-cx']) }),
    enforces: () => ['lists'],
  },
  netconf: {
    transports: ['simulated', 'ssh'],
    options: netconfOptions,
    enforces: ({ model }) => (model === 'openconfig' ? ['lists', 'vlans'] : ['lists']),
  },
  nftables: { transports: ['simulated', 'local', 'netns', 'ssh'], options: noOptions, enforces: () => ['flows'] },
  kubernetes: {
    transports: ['kubernetes'],
    options: z.strictObject({
      /** Where the services of the policy are, with a comma between; `default` if not given. */
      namespaces: z
        .string()
        .regex(new RegExp(`^${label}(,${label})*$`), 'must be names, with a comma between')
        .optional(),
      /** `no` for clusters before 1.25, whose NetworkPolicies have no ranges of ports; `yes` if not given. */
      portRanges: z.enum(['yes', 'no']).optional(),
    }),
    enforces: () => ['flows', 'workloads'],
  },
  openvswitch: {
    transports: ['simulated', 'ovsdb'],
    options: z.strictObject({
      bridge: z.string().regex(/^[A-Za-z0-9_.-]{1,15}$/, 'must be the name of a bridge'),
      /** Connection tracking zone. */
      zone: z.exactOptional(numberFrom(1, 65_535)),
      /** The first of six OpenFlow tables that are ours alone. */
      table: z.exactOptional(numberFrom(1, 248)),
      /** For a gateway that no device authenticates at. */
      ports: z.exactOptional(z.literal('none')),
    }),
    enforces: ({ ports }) => (ports === 'none' ? ['flows'] : ['flows', 'ports']),
  },
} as const satisfies Record<string, DriverFacts>;
export type DriverName = keyof typeof driverFacts;

export const factsOf = (driver: string): DriverFacts | null =>
  Object.hasOwn(driverFacts, driver) ? driverFacts[driver as DriverName] : null;
