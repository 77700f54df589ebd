import { hasAddress, parseMac, type Address } from '#net';
import { accessFor, type AccessGrant, type Snapshot } from '#policy';
import type { GroupedDevices } from '../access/device-groups.js';
import type { GroupAccess } from '../access/diff-access.js';
import type { Inventory } from '../inventory/inventory.js';
import { AddressCells } from './address-cells.js';
import { AddressNumbers } from './address-numbers.js';
import type { EndNumbers } from './flow-record.js';
import type { JudgedSide } from './judge.js';
import { TupleIndex } from './tuple-index.js';

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
 *
 * An end is an address of the file, with the device behind it where that is known, as a small number: there are as many as
 * addresses, so what is known of them is in columns.
 */
export class Ends implements EndNumbers {
  /** End → its side; -1: in a device segment, but whose it is can't be told. */
  readonly sideOf: number[] = [];
  /** End → what tells its device from others; -1: no device. */
  readonly deviceOf: number[] = [];
  readonly sides: Side[] = [];
  private readonly cellOf: number[] = [];
  /** Four for each end: its address in network order, IPv4 as v4-mapped. */
  private readonly words: number[] = [];
  /** The addresses of the inventory, then others as they come. */
  private readonly addresses = new AddressNumbers();
  /** -1: none of the file yet. */
  private readonly addressEnds: number[] = [];
  /** For addresses of the inventory. */
  private readonly addressDevices: number[] = [];
  /** End × device that a record names instead, of which `namedEnds` has the end. */
  private readonly named = new TupleIndex();
  private readonly namedEnds: number[] = [];
  /** Number of an access × cell, of which `placedSides` has the side. */
  private readonly placed = new TupleIndex();
  private readonly placedSides: number[] = [];
  private readonly keyed = new Map<string, number>();
  private readonly cells: AddressCells;
  private readonly strangers: (Stranger | undefined)[] = [];
  private readonly accessOf: ReadonlyMap<object, number>;

  constructor(private readonly context: EndContext) {
    this.cells = new AddressCells(context.before, context.after);
    this.accessOf = new Map(context.access.map(({ group }, i) => [group, i]));
    for (const [address, device] of context.inventory?.byAddress ?? []) {
      if (typeof address === 'number') this.addresses.ofV4(address);
      else this.addresses.of(Buffer.from(address), 0, address.length);
      this.addressDevices.push(device);
      this.addressEnds.push(-1);
    }
  }

  find(text: Buffer, from: number, to: number): number {
    const number = this.addresses.of(text, from, to);
    if (number < 0) return -1;
    const known = this.addressEnds[number];
    if (known !== undefined && known >= 0) return known;
    const { octets } = this.addresses;
    for (let at = 0; at < 16; at += 4) this.words.push(octets.getInt32(at));
    const end = this.add(this.cells.of(octets), this.addressDevices[number]);
    this.addressEnds[number] = end;
    return end;
  }

  withMac(end: number, mac: string): number {
    const { inventory } = this.context;
    const parsed = inventory && parseMac(mac);
    const device = parsed ? inventory.byMac.get(parsed) : undefined;
    if (device === undefined || this.deviceOf[end] === device) return end;
    const index = this.named.of(end, device);
    if (this.namedEnds[index] === undefined) {
      this.words.push(...this.words.slice(4 * end, 4 * end + 4));
      this.namedEnds.push(this.add(this.cellOf[end]!, device));
    }
    return this.namedEnds[index]!;
  }

  addressOf(end: number): Address {
    const [a, b, c, d] = this.words.slice(4 * end, 4 * end + 4).map((word) => BigInt(word >>> 0)) as Words;
    const value = (a << 96n) | (b << 64n) | (c << 32n) | d;
    return value >> 32n === 0xffffn ? { family: 4, value: d } : { family: 6, value };
  }

  private add(cell: number, device: number | undefined): number {
    const end = this.cellOf.push(cell) - 1;
    if (device !== undefined) {
      const group = this.context.grouped?.groupOf[device] ?? null;
      const access = group ? this.accessOf.get(group) : undefined;
      this.sideOf.push(access === undefined ? -1 : this.placedSide(access, cell));
      this.deviceOf.push(device);
      return end;
    }
    const { side, isDevice } = (this.strangers[cell] ??= this.strangerIn(cell));
    this.sideOf.push(side);
    // None of the inventory's.
    this.deviceOf.push(isDevice ? (this.context.inventory?.devices.length ?? 0) + end : -1);
    return end;
  }

  private placedSide(access: number, cell: number): number {
    const { group, before, after } = this.context.access[access]!;
    return (this.placedSides[this.placed.of(access, cell)] ??= this.deviceSide(group.class, before, after, cell));
  }

  /** Who an address of the cell is that no device of the inventory has. */
  private strangerIn(cell: number): Stranger {
    const { before, after } = this.context;
    const address = this.cells.addressIn(cell);
    const occupant = occupantOf(before, after, address);
    if (occupant === 'unknown') return { side: -1, isDevice: false };
    if (occupant)
      return { side: this.deviceSide(occupant.before.role, occupant.before, occupant.after, cell), isDevice: true };
    const side = this.intern(`address ${this.cells.kindOf[cell]}`, () => {
      const judged: JudgedSide = { role: null, rejected: false, address };
      return { name: this.endpointNameOf(cell), class: null, before: judged, after: judged, grants: null };
    });
    return { side, isDevice: false };
  }

  private deviceSide(name: string, before: AccessGrant | null, after: AccessGrant | null, cell: number): number {
    // Which line placed a device matters only where its role changes.
    const moves = before?.role !== after?.role;
    const roles = [before, after]
      .map((grant) => (grant ? `${grant.role} ${moves ? grant.rule.id : ''}` : '-'))
      .join(' ');
    return this.intern(`${name} ${roles} ${this.cells.kindOf[cell]}`, () => {
      const address = this.cells.addressIn(cell);
      const judged = (grant: AccessGrant | null): JudgedSide => ({
        role: grant?.role ?? null,
        rejected: grant === null,
        address,
      });
      return { name, class: name, before: judged(before), after: judged(after), grants: { before, after } };
    });
  }

  /** The smallest endpoint of the policy before that holds the cell. */
  private endpointNameOf(cell: number): string {
    const { endpoints } = this.context.before;
    const holders = this.cells.holdersOf[cell]!.flatMap((i) => endpoints[i] ?? []);
    const [smallest] = holders.sort((a, b) => sizeOf(a) - sizeOf(b) || (a.name < b.name ? -1 : 1));
    return smallest?.name ?? 'addresses that no endpoint names';
  }

  private intern(key: string, make: () => Side): number {
    const known = this.keyed.get(key);
    if (known !== undefined) return known;
    const index = this.sides.push(make()) - 1;
    this.keyed.set(key, index);
    return index;
  }
}

type Words = [bigint, bigint, bigint, bigint];

/** An address and no device of the inventory. */
interface Stranger {
  /** -1: devices of several roles may be here. */
  readonly side: number;
  readonly isDevice: boolean;
}

const sizeOf = ({ addresses }: Snapshot['endpoints'][number]): number =>
  [...addresses.v4, ...addresses.v6].reduce((sum, { first, last }) => sum + Number(last - first), 0);

/** Null: no device segment. Unknown: devices of several roles may be here. */
type Occupant = { readonly before: AccessGrant; readonly after: AccessGrant | null } | 'unknown' | null;

/** Who can be at an address of a segment: one role, before and after, or nobody can tell. */
function occupantOf(before: Snapshot, after: Snapshot, address: Address): Occupant {
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
