import {
  addressAlgebra,
  AddressPartition,
  families,
  familyOf,
  formatAddress,
  hasAddress,
  type Address,
  type AddressSet,
} from '#net';
import type { Ends, GroupedDevices } from '#plan';
import { accessFor, segmentIn, type Endpoint, type Snapshot } from '#policy';

/** What lines of policy can tell apart: a class, addresses that exactly one endpoint has, or an address that needs an endpoint of its own. */
export type Unit =
  | { readonly kind: 'class'; readonly name: string }
  | { readonly kind: 'endpoint'; readonly name: string; readonly atom: number }
  | { readonly kind: 'address'; readonly name: string; readonly address: Address };

/** An end of connections as learning sees it. */
export interface EndFacts {
  /** Number of its unit; -1: a device segment, but nobody knows whose. */
  readonly unit: number;
  /** For people. */
  readonly label: string;
  /** Why it is not believed to be the source of anything; null: it is. */
  readonly doubt: string | null;
  readonly isInternet: boolean;
  /** A server of the catalog. */
  readonly isServer: boolean;
}

/** Above this many addresses of a family an endpoint is a network: one address of it says nothing about the others. */
const mostOfServers = 16;

/** Sorts ends into units. What a unit may do is not known here. */
export class Units {
  readonly list: Unit[] = [];
  readonly partition: AddressPartition;
  private readonly numbers = new Map<string, number>();
  private readonly facts: (EndFacts | undefined)[] = [];
  /** Atom → the endpoint that has it and nothing else; null: none has, or it is a network. */
  private readonly serverOf: readonly (string | null)[];
  private readonly internet: Endpoint | undefined;

  constructor(
    private readonly snapshot: Snapshot,
    private readonly grouped: GroupedDevices,
    private readonly ends: Ends,
  ) {
    const { endpoints } = snapshot;
    this.partition = new AddressPartition(endpoints.map(({ addresses }) => addresses));
    this.internet = endpoints.find(({ name }) => name === 'internet');
    const servers = Array.from({ length: this.partition.count }, (): string | null => null);
    const byUse = endpoints.map((endpoint, i) => ({ endpoint, atoms: this.partition.atomsOf(i) }));
    for (const { endpoint, atoms } of byUse) {
      const [only] = atoms;
      if (atoms.length !== 1 || only!.first !== only!.last || !isServers(endpoint)) continue;
      servers[only!.first] ??= endpoint.name;
    }
    this.serverOf = servers;
  }

  factsOf(end: number): EndFacts {
    return (this.facts[end] ??= this.judge(end));
  }

  private judge(end: number): EndFacts {
    const { ends } = this;
    const side = ends.sideOf[end]!;
    const address = ends.addressOf(end);
    const impossible = impossibleSource(address);
    if (side < 0) {
      const segment = this.segmentOf(address);
      const label = segment ? `unknown device in ${segment}` : `a device of no known class`;
      return {
        unit: -1,
        label,
        doubt: impossible ?? 'nobody knows which device this is',
        isInternet: false,
        isServer: false,
      };
    }
    const { before: judged, class: name } = ends.sides[side]!;
    if (name !== null) {
      const label = judged.role ?? name;
      const unit = judged.role === null ? -1 : this.number({ kind: 'class', name: judged.role });
      return { unit, label, doubt: impossible ?? this.misplaced(end, address), isInternet: false, isServer: false };
    }
    const atom = this.partition.atomOf(address);
    const server = this.serverOf[atom] ?? null;
    if (server !== null) {
      const unit = this.number({ kind: 'endpoint', name: server, atom });
      return { unit, label: server, doubt: impossible, isInternet: this.isOutside(address), isServer: true };
    }
    const text = formatAddress(address);
    const isInternet = this.isOutside(address);
    const unit = this.number({ kind: 'address', name: text, address });
    const doubt = impossible ?? (isInternet ? null : 'no endpoint of the catalog has this address');
    return { unit, label: isInternet ? 'internet' : `unnamed address ${text}`, doubt, isInternet, isServer: false };
  }

  private number(unit: Unit): number {
    const key = `${unit.kind} ${unit.name}`;
    const known = this.numbers.get(key);
    if (known !== undefined) return known;
    const made = this.list.push(unit) - 1;
    this.numbers.set(key, made);
    return made;
  }

  /** Without `internal`, nobody can say what is inside: every address that no endpoint names counts as the internet. */
  private isOutside(address: Address): boolean {
    if (this.internet) return hasAddress(this.internet.addresses, address);
    return this.partition.atomOf(address) === this.partition.rest;
  }

  private segmentOf(address: Address): string | null {
    const found = this.snapshot.segments.find(({ sites }) =>
      sites.some(({ prefixes }) => hasAddress(prefixes, address)),
    );
    return found?.name ?? null;
  }

  /** A device of the inventory that shows an address of another segment than its own, or of a server. */
  private misplaced(end: number, address: Address): string | null {
    const place = this.placeOf(this.ends.deviceOf[end]!);
    if (!place || hasAddress(place, address)) return null;
    const segment = this.segmentOf(address);
    if (segment !== null) return `the address is in segment \`${segment}\`, where policy does not place this device`;
    const server = this.serverOf[this.partition.atomOf(address)] ?? null;
    return server === null ? null : `the address is that of \`${server}\``;
  }

  /** Where policy places a device of the inventory. */
  private placeOf(device: number): AddressSet | null {
    const group = this.grouped.groupOf[device];
    const grant = group && accessFor(this.snapshot, group.class, group.site, group.posture);
    return (grant && segmentIn(this.snapshot, grant.segment, group.site)?.prefixes) ?? null;
  }
}

function isServers({ addresses }: Endpoint): boolean {
  return families.every((family) => {
    const size = familyOf(addresses, family).reduce((sum, { first, last }) => sum + (last - first + 1n), 0n);
    return size <= mostOfServers;
  });
}

const unusable: readonly (readonly [4 | 6, bigint, bigint])[] = [
  [4, 0n, 0x00ff_ffffn],
  [4, 0x7f00_0000n, 0x7fff_ffffn],
  [4, 0xe000_0000n, 0xffff_ffffn],
  [6, 0n, 1n],
  [6, 0xff00n << 112n, (1n << 128n) - 1n],
];

/** Addresses that no packet may come from (RFC 6890): this network, loopback, multicast, broadcast. */
function impossibleSource({ family, value }: Address): string | null {
  const isUnusable = unusable.some(
    ([of, first, last]) => of === family && addressAlgebra.contains([{ first, last }], value),
  );
  return isUnusable ? 'no host may send from this address' : null;
}
