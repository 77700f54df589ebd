import {
  noRules,
  type EnforcedPart,
  type EnforcementState,
  type FlowEntry,
  type FlowSide,
  type NamedList,
  type Vlan,
  type Workload,
} from '#model';
import {
  addressSet,
  allAddresses,
  formatAddress,
  parseAddress,
  parsePrefix,
  parseRange,
  parseService,
  serviceAlgebra,
  subtractAddresses,
  type AclEntry,
  type AclPacket,
  type Address,
  type Prefix,
  type ServiceSet,
} from '#net';
import type { Packet } from './invariant.js';

/** Where the conformance kit's packets run: a fixture with real packets builds exactly this. */
export const conformanceNetwork = {
  /** In scope, member of `infusion-pump`. */
  pump: ['10.20.0.11', 'fd00:20::11'],
  /** In scope, no member of anything. */
  stranger: ['10.20.0.12', 'fd00:20::12'],
  /** Beside the devices, but out of scope. */
  printer: ['10.40.0.9', 'fd00:40::9'],
  /** The far side: a server, and an address that stands for the internet. */
  server: ['10.10.0.10', 'fd00:10::10'],
  internet: ['198.51.100.7', '2001:db8::7'],
  /** TCP and UDP listen here, at both ends. */
  ports: [3613, 8443, 8444, 9000],
} as const;

export function at(text: string): Address {
  const address = parseAddress(text);
  if (!address) throw new Error(`no address: ${text}`);
  return address;
}

const classes = (...names: string[]): FlowSide => ({ kind: 'classes', classes: names });
export const ranges = (...texts: string[]) =>
  addressSet(
    texts.map((text) => {
      const range = parseRange(text);
      if (!range) throw new Error(`no range: ${text}`);
      return range;
    }),
  );
const addresses = (...texts: string[]): FlowSide => ({ kind: 'addresses', addresses: ranges(...texts) });

export function services(...texts: string[]): ServiceSet {
  return serviceAlgebra.normalize(
    texts.map((text) => {
      const service = parseService(text);
      if (!service) throw new Error(`no service: ${text}`);
      return service;
    }),
  );
}

export function flow(
  id: string,
  action: FlowEntry['action'],
  source: FlowSide,
  destination: FlowSide,
  ...apps: string[]
): FlowEntry {
  return {
    id: id.padEnd(12, '0'),
    action,
    source,
    destination,
    services: services(...apps),
    line: `rules/flows.csv:${id}`,
  };
}

const { pump, stranger, server, printer, internet } = conformanceNetwork;
const family25 = Array.from({ length: 25 }, (_, i) => (i === 0 ? 'infusion-pump' : `class-${i}`));
const outside: FlowSide = {
  kind: 'addresses',
  addresses: subtractAddresses(allAddresses, ranges('10.0.0.0/8', '192.168.0.0/16', 'fc00::/7')),
};

export const pumpLine = 'a10000000000';
const entries: readonly FlowEntry[] = [
  flow(
    'a1',
    'allow',
    classes('infusion-pump'),
    addresses(...server),
    'tcp/8443',
    'tcp/104',
    'tcp/11112-11115',
    'udp/8443',
  ),
  // the same line again: its subject was a class and an endpoint
  flow('a1', 'allow', addresses('10.30.0.1-10.30.0.9'), addresses(...server), 'tcp/8443'),
  flow('a2', 'allow', addresses(...server), classes('infusion-pump'), 'tcp/3613'),
  flow(
    'a3',
    'allow',
    classes(...family25),
    addresses(...server),
    'icmp/8',
    'icmp6/128',
    'udp/123',
    'ip/50',
    'sctp/7-9',
  ),
  flow('a4', 'allow', classes('infusion-pump', 'class-1'), classes('class-2', 'pump-gateway'), 'tcp', 'udp/5000-5010'),
  flow('a5', 'allow', addresses('10.20.9.0/24', 'fd00:20:9::/48'), addresses('10.10.0.0/24', 'fd00:10::/64'), 'any'),
  flow('a6', 'allow', classes('class-3'), { kind: 'addresses', addresses: allAddresses }, 'any'),
  flow('d1', 'deny', classes(...family25), outside, 'any'),
  flow('d2', 'deny', addresses('10.10.0.66'), classes('infusion-pump'), 'tcp/3613'),
  flow('d3', 'deny', classes('class-3'), classes('pump-gateway'), 'tcp/22', 'icmp'),
];

const member = (...texts: readonly string[]): ReadonlySet<string> =>
  new Set(texts.map((text) => formatAddress(at(text))));
const membership = new Map<string, ReadonlySet<string>>([
  ['infusion-pump', member(...pump, '10.20.0.21', 'fd00:20::21')],
  ['class-1', member('10.20.1.1')],
  ['class-2', member('10.20.2.1', 'fd00:20::2:1')],
  ['class-3', member('10.20.3.1', 'fd00:20::3:1')],
  ['pump-gateway', member('10.20.4.1', 'fd00:20::4:1')],
  ['no-rule-names-it', member('10.20.5.1')],
]);

const acl = (entry: Partial<AclEntry>): AclEntry => ({
  action: 'permit',
  family: 4,
  protocol: 6,
  sourcePorts: null,
  destination: null,
  destinationPorts: null,
  established: false,
  ...entry,
});
const prefix = (text: string): Prefix => {
  const parsed = parsePrefix(text);
  if (typeof parsed === 'string') throw new Error(parsed);
  return parsed;
};
const port = (first: number, last = first) => ({ first, last });

const listOf = (name: string, ...of: readonly Partial<AclEntry>[]): NamedList => ({ name, entries: of.map(acl) });
/** Every condition that a port ACL can have, in both families, and a deny that only its place makes mean something. */
const pumpList = listOf(
  'cordon-infusion-pump-0123456789abcdef',
  { destination: prefix('10.10.0.10/32'), sourcePorts: port(3613), established: true },
  { action: 'deny', destination: prefix('10.10.0.66/32') },
  { destination: prefix('10.10.0.0/24'), destinationPorts: port(8443) },
  { protocol: 17, destination: prefix('10.10.0.0/24'), destinationPorts: port(5000, 5010) },
  { protocol: 17, sourcePorts: port(68), destinationPorts: port(67) },
  { protocol: 1, destinationPorts: port(8), destination: prefix('10.10.0.10/32') },
  { protocol: 50, destination: prefix('10.10.0.0/16') },
  { protocol: null, destination: prefix('10.30.0.0/24') },
  { family: 6, destination: prefix('fd00:10::/64'), destinationPorts: port(8443) },
  { family: 6, protocol: 58, destinationPorts: port(128) },
  { family: 6, action: 'deny', destination: prefix('fd00:10::66/128') },
  { family: 6, protocol: null, destination: prefix('fd00:10::/32') },
);
const quarantineList = listOf('cordon-quarantined-fedcba9876543210', {
  destination: prefix('10.10.0.10/32'),
  destinationPorts: port(8444),
});
/** A role that may nothing. */
const closedList = listOf('cordon-nothing-00000000000000ff');
const lists = [pumpList, quarantineList, closedList];
const vlans: readonly Vlan[] = [
  { id: 210, name: 'pumps' },
  { id: 999, name: 'quarantine' },
];
const workloads: readonly Workload[] = [
  { endpoint: 'server', namespace: 'clinical', service: 'server', addresses: ranges(...server) },
];
const ports = new Map([
  ['p1', 210],
  ['p2', 999],
]);

const scope = ranges('10.20.0.0/16', '10.30.0.1-10.30.0.9', 'fd00:20::/32');
const stateOf = (
  entries: readonly FlowEntry[],
  { members = membership, of = lists, at = ports, vlan = vlans }: Others = {},
): EnforcementState => ({
  rules: { snapshotDigest: '0'.repeat(64), scope, entries, lists: of, vlans: vlan, workloads, candidate: null },
  membership: members,
  ports: at,
});

interface Others {
  readonly members?: EnforcementState['membership'];
  readonly of?: readonly NamedList[];
  readonly at?: EnforcementState['ports'];
  readonly vlan?: readonly Vlan[];
}

export const baseState = stateOf(entries);
/** Other rules, of which one keeps the pump's connection allowed. */
export const otherRules = stateOf(
  [
    entries[0]!,
    flow('b1', 'allow', classes('infusion-pump'), addresses(...server), 'tcp/8444'),
    flow('d9', 'deny', classes('class-1'), addresses(...server), 'any'),
  ],
  {
    // one list stays, one goes, one comes
    of: [pumpList, listOf('cordon-quarantined-00000000000000aa', { destination: prefix('10.10.0.10/32') })],
    vlan: [vlans[0]!, { id: 998, name: 'quarantine' }],
  },
);
/** The pump may nothing any more. */
export const closedRules = stateOf(
  entries.filter(({ id }) => id !== pumpLine),
  { of: [closedList, quarantineList] },
);
export const otherMembers = stateOf(entries, {
  members: new Map([
    ...membership,
    ['infusion-pump', member(...pump, '10.20.0.31', 'fd00:20::31')],
    ['class-1', new Set<string>()],
  ]),
  at: new Map([
    ['p1', 999],
    ['p3', 210],
  ]),
});
/** The pump left its class. */
export const withoutPump = stateOf(entries, {
  members: new Map([...membership, ['infusion-pump', member('10.20.0.21')]]),
  at: new Map([['p2', 999]]),
});
export const emptyState: EnforcementState = {
  rules: { ...noRules, scope: ranges('10.20.0.0/16') },
  membership: new Map(),
  ports: new Map(),
};
/** Scopes and addresses at the ends of the address space. */
export const wholeScope: EnforcementState = {
  ...baseState,
  rules: { ...baseState.rules, scope: allAddresses },
};

const everyState = { baseState, otherRules, closedRules, otherMembers, withoutPump, emptyState, wholeScope };

/** The sample lists' state with this list in place of them: for what a make has no words for. */
export function stateWithList(list: Partial<NamedList>): EnforcementState {
  const { baseState } = samplesFor(['lists']);
  return { ...baseState, rules: { ...baseState.rules, lists: [{ name: 'cordon-x-0', entries: [], ...list }] } };
}
export const stateWithEntry = (entry: Partial<AclEntry>): EnforcementState =>
  stateWithList({ entries: [acl({ protocol: null, ...entry })] });

/** Where pods are judged nothing but TCP, UDP and SCTP can be said, or all protocols together: what else is allowed is left out. */
const podServices = services('tcp', 'udp', 'sctp');
const atPods = (entry: FlowEntry): FlowEntry => {
  const [first] = entry.services;
  const isAny = first?.first === 0 && first.last === 0xff_ffff;
  return isAny ? entry : { ...entry, services: serviceAlgebra.intersect(entry.services, podServices) };
};

/** The sample states as a driver is told them: only the parts that it enforces. */
export function samplesFor(
  parts: readonly EnforcedPart[],
): Readonly<Record<keyof typeof everyState, EnforcementState>> {
  const has = (part: EnforcedPart): boolean => parts.includes(part);
  const restrict = ({ rules, membership, ports }: EnforcementState): EnforcementState => ({
    rules: {
      ...noRules,
      ...(has('flows') && {
        scope: rules.scope,
        entries: has('workloads') ? rules.entries.map(atPods) : rules.entries,
      }),
      ...(has('lists') && { lists: rules.lists }),
      ...(has('vlans') && { vlans: rules.vlans }),
      // without any there would be nothing to enforce
      ...(has('workloads') && { workloads }),
    },
    membership: has('flows') ? membership : new Map(),
    ports: has('ports') ? ports : new Map(),
  });
  return Object.fromEntries(Object.entries(everyState).map(([name, state]) => [name, restrict(state)])) as Record<
    keyof typeof everyState,
    EnforcementState
  >;
}

const others =
  '10.20.0.21 10.20.0.31 10.20.1.1 10.20.2.1 10.20.3.1 10.20.4.1 10.20.9.9 10.30.0.9 10.30.0.10 10.10.0.66 255.255.255.255 ' +
  '0.0.0.0 fd00:20::2:1 fd00:20::3:1 fd00:20::4:1 fd00:20:9::1 :: fbff::1';
const interesting = [...pump, ...stranger, ...server, ...printer, ...internet, ...others.split(' ')].map(at);
const kinds: readonly [protocol: number, port: number][] = [
  ...[22, 104, 3613, 8443, 8444, 11_112, 11_115, 11_116].map((port): [number, number] => [6, port]),
  ...[123, 5000, 8443].map((port): [number, number] => [17, port]),
  ...(
    [
      [1, 0],
      [1, 8],
      [58, 128],
      [58, 8],
      [50, 0],
      [51, 0],
      [132, 8],
    ] as const
  ).map(([p, n]): [number, number] => [p, n]),
];

/** Every pair of addresses that matter to the sample states, with every service that does. */
export const samplePackets: readonly Packet[] = interesting.flatMap((source) =>
  interesting
    .filter((destination) => destination.family === source.family)
    .flatMap((destination) => kinds.map(([protocol, port]) => ({ source, destination, protocol, port }))),
);

const packet = (
  from: readonly string[],
  to: readonly string[],
  family: 0 | 1,
  protocol: number,
  port: number,
): Packet => ({
  source: at(from[family]!),
  destination: at(to[family]!),
  protocol,
  port,
});

const ends =
  '10.10.0.10 10.10.0.66 10.10.0.9 10.10.1.1 10.30.0.5 10.30.1.5 10.11.0.1 fd00:10::10 fd00:10::66 fd00:11::1';
const aclKinds: readonly [protocol: number, source: number | null, port: number | null][] = [
  ...[8443, 8444, 104].flatMap((to): [number, number, number][] => [
    [6, 50_000, to],
    [6, 3613, to],
  ]),
  [17, 50_000, 5000],
  [17, 50_000, 5011],
  [17, 68, 67],
  [17, 67, 68],
  [1, null, 8],
  [1, null, 0],
  [58, null, 128],
  [58, null, 129],
  [50, null, null],
  [51, null, null],
];

/** Packets from a device that tell the entries of the sample lists apart. */
export const listPackets: readonly AclPacket[] = ends.split(' ').flatMap((end) =>
  aclKinds.flatMap(([protocol, sourcePort, destinationPort]) =>
    (protocol === 6 ? [false, true] : [false]).map((established) => ({
      destination: at(end),
      protocol,
      sourcePort,
      destinationPort,
      established,
    })),
  ),
);

/** Packets that a fixture really sends, in both families, from both ends. */
export const livePackets: readonly Packet[] = ([0, 1] as const).flatMap((family) => [
  packet(pump, server, family, 6, 8443),
  packet(pump, server, family, 6, 9000),
  packet(pump, server, family, 17, 8443),
  packet(pump, server, family, 17, 9000),
  packet(pump, server, family, family === 0 ? 1 : 58, family === 0 ? 8 : 128),
  packet(pump, internet, family, 6, 8443),
  packet(stranger, server, family, 6, 8443),
  packet(printer, server, family, 6, 9000),
  packet(server, pump, family, 6, 3613),
  packet(server, pump, family, 6, 8443),
  packet(server, printer, family, 17, 9000),
]);
