import { compareText, sha256 } from '#base';
import type { EnforcementRules, EnforcementState, FlowEntry, Workload } from '#model';
import {
  families,
  familyOf,
  formatAddress,
  formatRange,
  parseAddress,
  prefixesOfRange,
  rangeOfPrefix,
  rangesOf,
  subtractAddresses,
  allAddresses,
  type AddressSet,
  type Prefix,
} from '#net';
import * as names from './names.js';
import type { ClusterText, NetworkPolicy, PolicyPeer, PolicyPort, Service } from './objects.js';
import { piecesOf } from './pieces.js';
import { portsOf } from './ports.js';
import { devicesOf, reachOf, speaksOf, textsOf, type PeerGroup } from './reach.js';

/*
 *  Service SERVICE ─selector─▶ its pods ◀─┬─ cordon.SERVICE                        closes them both ways, but for what is out of scope
 *                                         ├─ cordon.SERVICE.from.addresses-KEY     opens them to fixed addresses
 *                                         ├─ cordon.SERVICE.from.devices-KEY       opens them to devices, each by its own address
 *                                         └─ cordon.SERVICE.to.…                   the same for what the pods open
 *
 *  The artefact can't know which pods these are: in place of the service's selector stands one that names the service, here and
 *  in a stand-in of the service. The session puts the real one in.
 */

export interface RenderOptions {
  /** The API server knows `endPort` (Kubernetes 1.25). */
  readonly hasRanges: boolean;
}

export function render(state: EnforcementState, options: RenderOptions): string {
  return formatText({ items: itemsOf(state, options) });
}

export const formatText = (text: Pick<ClusterText, 'items' | 'remove'>): string =>
  `${JSON.stringify({ apiVersion: 'v1', kind: 'List', ...text }, null, 1)}\n`;

export function itemsOf(state: EnforcementState, options: RenderOptions): (Service | NetworkPolicy)[] {
  const workloads = [...state.rules.workloads].sort((a, b) => compareText(keyOf(a), keyOf(b)));
  const devices = devicesOf(state);
  return workloads.flatMap((workload) => {
    const ways = names.directions.map((direction) => ({ direction, ...reachOf(state, devices, workload, direction) }));
    const untouched = untouchedBlocks(ways[0]!.untouched);
    return [
      standIn(workload),
      renderBase(state.rules, workload, untouched),
      ...ways.flatMap(({ direction, groups }) =>
        groups.flatMap((group) => renderGroup(workload, direction, group, options)),
      ),
    ];
  });
}

const keyOf = ({ namespace, service }: Workload): string => `${namespace}/${service}`;

const standInSelector = (service: string) => ({ [names.serviceKey]: service });

const standIn = ({ namespace, service }: Workload): Service => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { namespace, name: service },
  spec: { selector: standInSelector(service) },
});

function renderBase(rules: EnforcementRules, workload: Workload, untouched: readonly PolicyPeer[]): NetworkPolicy {
  const entries = rules.entries.filter((entry) => speaksOf(entry, workload));
  return policyOf(
    workload,
    names.baseName(workload.service),
    {
      [names.linesKey]: [...new Set(entries.map(({ id }) => id))].sort(compareText).join(),
      [names.addressesKey]: textsOf(workload.addresses, formatRange).join(),
      [names.rulesKey]: rulesHash(rules, workload, entries),
    },
    {
      policyTypes: ['Ingress', 'Egress'],
      // an empty list of peers would mean all of them
      ...(untouched.length > 0 && { ingress: [{ from: untouched }], egress: [{ to: untouched }] }),
    },
  );
}

function rulesHash({ scope }: EnforcementRules, { addresses }: Workload, entries: readonly FlowEntry[]): string {
  const plain = (value: unknown): string =>
    JSON.stringify(value, (_, each: unknown) => (typeof each === 'bigint' ? each.toString() : each));
  const lines = entries.map(({ action, source, destination, services }) =>
    plain([action, source, destination, services]),
  );
  return sha256(plain([scope, addresses, lines.sort(compareText)])).slice(0, 16);
}

function renderGroup(
  workload: Workload,
  direction: names.Direction,
  group: PeerGroup,
  { hasRanges }: RenderOptions,
): NetworkPolicy[] {
  const ports = portsOf(group.services, hasRanges);
  if (ports?.length === 0) return [];
  const key = names.permissionKey(ports, group.lines);
  const make = (part: names.Part, bits: string, peers: readonly PolicyPeer[]): NetworkPolicy => {
    const name = names.groupName(workload.service, direction, part, key) + (bits && `.${bits}`);
    return policyOf(workload, name, { [names.linesKey]: group.lines.join() }, opening(direction, peers, ports));
  };
  const fixed = fixedBlocks(group);
  return [
    ...(fixed.length > 0 ? [make('addresses', '', fixed)] : []),
    ...piecesOf(group.devices).map(({ bits, members }) => make('devices', bits, members.map(hostBlock))),
  ];
}

type Opening = Omit<NetworkPolicy['spec'], 'podSelector'>;

function opening(
  direction: names.Direction,
  peers: readonly PolicyPeer[],
  ports: readonly PolicyPort[] | null,
): Opening {
  const rest = ports && { ports };
  return direction === 'from'
    ? { policyTypes: ['Ingress'], ingress: [{ from: peers, ...rest }] }
    : { policyTypes: ['Egress'], egress: [{ to: peers, ...rest }] };
}

function policyOf(
  { namespace, service }: Workload,
  name: string,
  annotations: Readonly<Record<string, string>>,
  spec: Opening,
): NetworkPolicy {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: {
      namespace,
      name,
      labels: names.ownLabels,
      annotations: { [names.serviceKey]: service, ...annotations },
    },
    spec: { podSelector: { matchLabels: standInSelector(service) }, ...spec },
  };
}

const formatCidr = ({ family, value, length }: Prefix): string => `${formatAddress({ family, value })}/${length}`;
const hostBlock = (device: string): PolicyPeer => ({
  ipBlock: { cidr: `${device}/${device.includes(':') ? 128 : 32}` },
});

/** All of a family but the scope: shorter than the prefixes that this leaves. */
function untouchedBlocks(untouched: AddressSet): PolicyPeer[] {
  const rest = subtractAddresses(allAddresses, untouched);
  return families.flatMap((family) => {
    if (familyOf(untouched, family).length === 0) return [];
    const except = rangesOf(rest)
      .filter((range) => range.family === family)
      .flatMap(prefixesOfRange)
      .map(formatCidr);
    const cidr = formatCidr({ family, value: 0n, length: 0 });
    return [{ ipBlock: { cidr, ...(except.length > 0 && { except }) } }];
  });
}

/** Fixed addresses, without the devices among them that may less. Exceptions are devices and nothing else. */
function fixedBlocks({ addresses, carved }: PeerGroup): PolicyPeer[] {
  const devices = carved.map((text) => ({ cidr: hostBlock(text).ipBlock.cidr, address: parseAddress(text) }));
  return rangesOf(addresses)
    .flatMap(prefixesOfRange)
    .flatMap((prefix): PolicyPeer[] => {
      const cidr = formatCidr(prefix);
      const { family, first, last } = rangeOfPrefix(prefix);
      const except = devices
        .filter(({ address }) => address?.family === family && first <= address.value && address.value <= last)
        .map((device) => device.cidr);
      if (except.includes(cidr)) return [];
      return [{ ipBlock: { cidr, ...(except.length > 0 && { except }) } }];
    });
}
