import { formatAddress, hasAddress, parseAddress, parseMac } from '#net';
import { accessFor, principalsOf, type AccessGrant, type Snapshot } from '#policy';
import type { GroupedDevices } from '../access/device-groups.js';
import type { GroupAccess } from '../access/diff-access.js';
import type { Inventory } from '../inventory/inventory.js';
import { ipv4Number } from '../text/ipv4.js';
import { AddressCells } from './address-cells.js';
import type { JudgedSide } from './judge.js';
import { PairIndex } from './pair-index.js';

/** Ends that both policies can't tell apart. */
export interface Side {
  readonly name: string;
  /** Null: an address and no device. */
  readonly class: string | null;
  readonly before: JudgedSide;
  readonly after: JudgedSide;
  /** Where the device is placed, for a role that changes. */
  readonly grants: { readonly before: AccessGrant | null; readonly after: AccessGrant | null } | null;
}

/** An address of the file (with the device behind it, where that is known), as a small number. */
export interface End {
  /** Index of its side; null: in a device segment, but whose it is can't be told. */
  readonly side: number | null;
  /** Tells devices apart; null: no device. */
  readonly device: number | null;
}

export interface EndContext {
  readonly before: Snapshot;
  readonly after: Snapshot;
  readonly inventory: Inventory | null;
  readonly grouped: GroupedDevices | null;
  /** Of the inventory's groups. */
  readonly access: readonly GroupAccess[];
}

/**
 * Who stands behind an address: the device of the inventory that has it (by MAC, if the record names one, else by address);
 * else the only role that a device in its segment can have; else, outside all device segments, the address itself. It never
 * guesses: what is left has no side.
 */
export class Ends {
  readonly ends: End[] = [];
  readonly sides: Side[] = [];
  /** IPv4 address → number, of which `v4Ends` has the end. */
  private readonly v4 = new PairIndex();
  private readonly v4Ends: number[] = [];
  private readonly v6 = new Map<string, number>();
  private readonly withDevice = new Map<string, number>();
  private readonly keyed = new Map<string, number>();
  private readonly cells: AddressCells;
  private readonly infos: (CellInfo | undefined)[] = [];
  private readonly accessOf: ReadonlyMap<object, GroupAccess>;
  private readonly cellOf: number[] = [];

  constructor(private readonly context: EndContext) {
    this.cells = new AddressCells(context.before, context.after);
    this.accessOf = new Map(context.access.map((access) => [access.group, access]));
  }

  /** The end that a record writes between two places of a line; -1: no address. */
  find(line: string, from: number, to: number): number {
    const value = ipv4Number(line, from, to);
    if (value >= 0) {
      const known = this.v4Ends[this.v4.of(value, 0)];
      if (known !== undefined) return known;
      const device = this.context.inventory?.byAddress.get(value);
      const end = this.add(this.cells.ofV4(value), device);
      this.v4Ends.push(end);
      return end;
    }
    const text = line.slice(from, to);
    const known = this.v6.get(text);
    if (known !== undefined) return known;
    const address = parseAddress(text);
    if (!address || address.family !== 6) return -1;
    const canonical = formatAddress(address);
    const device = this.context.inventory?.byAddress.get(canonical);
    const end = this.v6.get(canonical) ?? this.add(this.cells.ofV6(address.value), device);
    // A slice would keep its whole chunk of the file in memory.
    this.v6.set(Buffer.from(text, 'latin1').toString('latin1'), end).set(canonical, end);
    return end;
  }

  /** The same address with the device that the record names by MAC, if the inventory has it. */
  withMac(end: number, mac: string): number {
    const { inventory } = this.context;
    const parsed = inventory && parseMac(mac);
    const device = parsed ? inventory.byMac.get(parsed) : undefined;
    if (device === undefined || this.ends[end]!.device === device) return end;
    const key = `${end} ${device}`;
    const known = this.withDevice.get(key);
    if (known !== undefined) return known;
    const made = this.add(this.cellOf[end]!, device);
    this.withDevice.set(key, made);
    return made;
  }

  private add(cell: number, device: number | undefined): number {
    const info = (this.infos[cell] ??= this.describe(cell));
    this.cellOf.push(cell);
    if (device !== undefined) {
      const group = this.context.grouped?.groupOf[device] ?? null;
      const access = group && this.accessOf.get(group);
      const side = access ? this.sideOf(access.group.class, access.before, access.after, cell, info) : null;
      return this.ends.push({ side, device }) - 1;
    }
    if (info.occupant === 'unknown') return this.ends.push({ side: null, device: null }) - 1;
    if (info.occupant === null) return this.ends.push({ side: this.addressSide(cell, info), device: null }) - 1;
    const { before, after } = info.occupant;
    const side = this.sideOf(before.role, before, after, cell, info);
    // Negative: no device of the inventory.
    return this.ends.push({ side, device: -1 - this.ends.length }) - 1;
  }

  private sideOf(
    name: string,
    before: AccessGrant | null,
    after: AccessGrant | null,
    cell: number,
    info: CellInfo,
  ): number {
    // Which line placed a device matters only where its role changes.
    const moves = before?.role !== after?.role;
    const roles = [before, after]
      .map((grant) => (grant ? `${grant.role} ${moves ? grant.rule.id : ''}` : '-'))
      .join(' ');
    return this.intern(`${name} ${roles} ${info.principals}`, () => {
      const address = this.cells.addressIn(cell);
      const judged = (grant: AccessGrant | null): JudgedSide => ({
        role: grant?.role ?? null,
        rejected: grant === null,
        address,
      });
      return { name, class: name, before: judged(before), after: judged(after), grants: { before, after } };
    });
  }

  private addressSide(cell: number, info: CellInfo): number {
    return this.intern(`address ${info.principals}`, () => {
      const side: JudgedSide = { role: null, rejected: false, address: this.cells.addressIn(cell) };
      return { name: info.name, class: null, before: side, after: side, grants: null };
    });
  }

  private intern(key: string, make: () => Side): number {
    const known = this.keyed.get(key);
    if (known !== undefined) return known;
    const index = this.sides.push(make()) - 1;
    this.keyed.set(key, index);
    return index;
  }

  private describe(cell: number): CellInfo {
    const { before, after } = this.context;
    const address = this.cells.addressIn(cell);
    const principals = [before, after].map((snapshot) => [...principalsOf(snapshot, { address })].sort().join(' '));
    const holders = before.endpoints.filter(({ addresses }) => hasAddress(addresses, address));
    const smallest = holders.sort((a, b) => sizeOf(a) - sizeOf(b) || (a.name < b.name ? -1 : 1))[0];
    const name = smallest?.name ?? 'addresses that no endpoint names';
    return { principals: principals.join('|'), name, occupant: occupantOf(before, after, address) };
  }
}

interface CellInfo {
  /** Equal texts: the same endpoints in both policies. */
  readonly principals: string;
  readonly name: string;
  /** Null: no device segment. Unknown: devices of several roles may be here. */
  readonly occupant: { readonly before: AccessGrant; readonly after: AccessGrant | null } | 'unknown' | null;
}

const sizeOf = ({ addresses }: Snapshot['endpoints'][number]): number =>
  [...addresses.v4, ...addresses.v6].reduce((sum, { first, last }) => sum + Number(last - first), 0);

/** Who can be at an address of a segment: one role, before and after, or nobody can tell. */
function occupantOf(before: Snapshot, after: Snapshot, address: JudgedSide['address']): CellInfo['occupant'] {
  const places = before.segments.flatMap(({ name, sites }) =>
    sites.filter(({ prefixes }) => hasAddress(prefixes, address)).map(({ site }) => ({ name, site })),
  );
  const [place] = places;
  if (!place) {
    const isLater = after.segments.some(({ sites }) => sites.some(({ prefixes }) => hasAddress(prefixes, address)));
    return isLater ? 'unknown' : null;
  }
  const below = new Map(before.sites.map(({ name, ancestors }) => [name, [name, ...ancestors]]));
  const grants = before.accessTable.filter(
    (grant) => grant.segment === place.name && (below.get(grant.site)?.includes(place.site) ?? false),
  );
  const pairs = grants.map((grant) => ({
    before: grant,
    after: accessFor(after, grant.class, grant.site, grant.posture),
  }));
  const [first] = pairs;
  if (!first) return 'unknown';
  const isOne = pairs.every((pair) => pair.before.role === first.before.role && pair.after?.role === first.after?.role);
  return isOne ? first : 'unknown';
}
