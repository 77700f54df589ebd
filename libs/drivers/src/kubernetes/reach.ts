import { canonicalJson, compareText } from '#base';
import type { EnforcementState, FlowEntry, FlowSide, Workload } from '#model';
import {
  addressAlgebra,
  allAddresses,
  families,
  familyOf,
  hasAddress,
  joinedCells,
  parseAddress,
  rangesOf,
  addressSet,
  serviceAlgebra,
  type Address,
  type AddressRange,
  type AddressSet,
  type Family,
  type Interval,
  type ServiceSet,
} from '#net';
import type { Direction } from './names.js';

/** What some peers may, and by which lines. */
export interface Permission {
  readonly services: ServiceSet;
  /** Ids of the lines that allow some of it, and where they stand: in order, each once. */
  readonly lines: readonly string[];
  readonly places: readonly string[];
}

/** Peers that may the same by the same lines. */
export interface PeerGroup extends Permission {
  readonly addresses: AddressSet;
  /** Devices among `addresses` whose class may less: not of this group. */
  readonly carved: readonly string[];
  readonly devices: readonly string[];
}

/**
 * Who may reach a workload, or whom it may reach. NetworkPolicies only add permissions and have no deny, so denies are taken off
 * here: for each region of fixed addresses, and for each device by its address and classes.
 */
export interface Reach {
  /** Addresses whose packets are not ours to judge. */
  readonly untouched: AddressSet;
  readonly groups: readonly PeerGroup[];
}

export interface Device {
  readonly text: string;
  readonly address: Address;
  readonly classes: ReadonlySet<string>;
  /** The same for devices of the same classes. */
  readonly kind: string;
}

/** Each address once, with all classes that it is a member of. */
export function devicesOf({ membership }: Pick<EnforcementState, 'membership'>): readonly Device[] {
  const devices = new Map<string, { text: string; address: Address; classes: Set<string> }>();
  for (const [name, members] of membership)
    for (const text of members) {
      const known = devices.get(text);
      const address = known?.address ?? parseAddress(text);
      if (known) known.classes.add(name);
      else if (address) devices.set(text, { text, address, classes: new Set([name]) });
    }
  return [...devices.values()]
    .map((device) => ({ ...device, kind: [...device.classes].sort(compareText).join() }))
    .sort((a, b) => compareText(a.text, b.text));
}

export function reachOf(
  { rules }: Pick<EnforcementState, 'rules'>,
  devices: readonly Device[],
  workload: Workload,
  direction: Direction,
): Reach {
  const groups = new GroupsBuild();
  const untouched: AddressRange[] = [];
  // Devices with an address of the workload's: next to never any.
  const locals = devices.filter(({ address }) => hasAddress(workload.addresses, address));
  for (const family of families) {
    const own = familyOf(workload.addresses, family);
    const scope = familyOf(rules.scope, family);
    const isInScope = addressAlgebra.intersect(own, scope).length > 0;
    if (!isInScope)
      for (const range of addressAlgebra.subtract(familyOf(allAddresses, family), scope))
        untouched.push({ family, ...range });
    const entries = rules.entries.filter((entry) => concerns(entry, direction, own, family, locals));
    const peers = entries.map((entry) => (direction === 'from' ? entry.source : entry.destination));
    addFamily(groups, { family, entries, peers, scope, isInScope }, devices);
  }
  return { untouched: addressSet(untouched), groups: groups.done() };
}

/**
 * A NetworkPolicy speaks of pods, not of their addresses. So an `allow` counts when it holds for all addresses of the workload, a `deny` as
 * soon as it holds for one. `check` refuses lines that name a part of them; a device at such an address can still make it a part.
 */
function concerns(
  { action, source, destination }: FlowEntry,
  direction: Direction,
  own: readonly Interval<bigint>[],
  family: Family,
  locals: readonly Device[],
): boolean {
  const side = direction === 'from' ? destination : source;
  const covered =
    side.kind === 'addresses'
      ? addressAlgebra.intersect(own, familyOf(side.addresses, family))
      : familyOf(addressSet(locals.filter((device) => isOf(device, side)).map(hostRange)), family);
  const within = addressAlgebra.intersect(own, covered);
  return within.length > 0 && (action === 'deny' || addressAlgebra.equals(within, own));
}

const isOf = ({ classes }: Device, side: FlowSide): boolean =>
  side.kind === 'classes' && side.classes.some((name) => classes.has(name));
const hostRange = ({ address: { family, value } }: Device): AddressRange => ({ family, first: value, last: value });

/** Fixed addresses that the same of some lists hold. */
type Cell = ReturnType<typeof joinedCells<bigint>>[number];

interface FamilyCase {
  readonly family: Family;
  readonly entries: readonly FlowEntry[];
  /** The far side of each entry. */
  readonly peers: readonly FlowSide[];
  readonly scope: readonly Interval<bigint>[];
  readonly isInScope: boolean;
}

/** Cells of fixed addresses that no entry and no border of the scope tells apart, then the devices one by one. */
function addFamily(groups: GroupsBuild, of: FamilyCase, devices: readonly Device[]): void {
  const { family, entries, peers, scope, isInScope } = of;
  const fixed = peers.map((side) => (side.kind === 'addresses' ? familyOf(side.addresses, family) : []));
  const cells = joinedCells([scope, ...fixed], 1n);
  const isJudged = (cell: Cell | null): boolean => isInScope || cell?.members[0] === 0;
  const ofCell = (cell: Cell | null): FlowEntry[] =>
    (cell?.members ?? []).filter((member) => member > 0).map((member) => entries[member - 1]!);
  for (const cell of cells) if (isJudged(cell)) groups.addAddresses(permissionOf(ofCell(cell)), family, cell.parts);

  const byClass = peers.flatMap((side, i) => (side.kind === 'classes' ? [{ entry: entries[i]!, side }] : []));
  if (byClass.length === 0) return;
  const find = cellFinder(cells);
  // There are as many devices as a hospital has, and few kinds of them in few cells.
  const known = new Map<Cell | null, Map<string, Kind | null>>();
  for (const device of devices) {
    if (device.address.family !== family) continue;
    const cell = find(device.address.value);
    const inCell = known.get(cell) ?? new Map<string, Kind | null>();
    known.set(cell, inCell);
    let kind = inCell.get(device.kind);
    if (kind === undefined) {
      const own = byClass.filter(({ side }) => isOf(device, side)).map(({ entry }) => entry);
      kind = isJudged(cell) ? kindOf(ofCell(cell), own) : null;
      inCell.set(device.kind, kind);
    }
    if (!kind) continue;
    if (kind.isLess) groups.carve(kind.before, device.text);
    groups.addDevice(kind.after, device.text);
  }
}

/** What an address may by itself, and with the classes of a device there. */
interface Kind {
  readonly before: Permission;
  readonly after: Permission;
  /** The classes take something away. */
  readonly isLess: boolean;
}

/** Null: the classes make no difference. */
function kindOf(ofAddress: readonly FlowEntry[], ofClasses: readonly FlowEntry[]): Kind | null {
  const before = permissionOf(ofAddress);
  const after = permissionOf([...ofAddress, ...ofClasses]);
  if (serviceAlgebra.equals(before.services, after.services)) return null;
  return { before, after, isLess: !serviceAlgebra.isSubset(before.services, after.services) };
}

function permissionOf(entries: readonly FlowEntry[]): Permission {
  const of = (action: FlowEntry['action']): ServiceSet =>
    serviceAlgebra.normalize(entries.filter((entry) => entry.action === action).flatMap(({ services }) => services));
  const services = serviceAlgebra.subtract(of('allow'), of('deny'));
  const allowing = entries.filter(
    (entry) => entry.action === 'allow' && serviceAlgebra.intersect(entry.services, services).length > 0,
  );
  const once = (texts: readonly string[]): string[] => [...new Set(texts)].sort(compareText);
  return { services, lines: once(allowing.map(({ id }) => id)), places: once(allowing.map(({ line }) => line)) };
}

/** The cell of an address; null when it is in none. */
function cellFinder(cells: readonly Cell[]): (value: bigint) => Cell | null {
  const parts = cells
    .flatMap((cell) => cell.parts.map(({ first, last }) => ({ first, last, cell })))
    .sort((a, b) => (a.first < b.first ? -1 : 1));
  return (value) => {
    let low = 0;
    let high = parts.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const { first, last, cell } = parts[middle]!;
      if (value < first) high = middle - 1;
      else if (value > last) low = middle + 1;
      else return cell;
    }
    return null;
  };
}

interface OpenGroup {
  readonly permission: Permission;
  readonly ranges: AddressRange[];
  readonly carved: string[];
  readonly devices: string[];
}

/** Puts together who may the same by the same lines, over both families. */
class GroupsBuild {
  private readonly groups = new Map<string, OpenGroup>();

  addAddresses(permission: Permission, family: Family, parts: readonly Interval<bigint>[]): void {
    for (const part of parts) this.groupOf(permission)?.ranges.push({ family, ...part });
  }

  addDevice(permission: Permission, device: string): void {
    this.groupOf(permission)?.devices.push(device);
  }

  carve(permission: Permission, device: string): void {
    this.groupOf(permission)?.carved.push(device);
  }

  done(): PeerGroup[] {
    return [...this.groups]
      .sort(([a], [b]) => compareText(a, b))
      .map(([, { permission, ranges, carved, devices }]) => ({
        ...permission,
        addresses: addressSet(ranges),
        carved: carved.sort(compareText),
        devices: devices.sort(compareText),
      }));
  }

  private groupOf(permission: Permission): OpenGroup | null {
    const { services, lines } = permission;
    if (services.length === 0) return null;
    const key = canonicalJson({ services, lines });
    const group = this.groups.get(key) ?? { permission, ranges: [], carved: [], devices: [] };
    this.groups.set(key, group);
    return group;
  }
}

/** Whether a line names addresses of this workload: such lines stand on its objects. */
export function speaksOf({ source, destination }: FlowEntry, { addresses }: Workload): boolean {
  return [source, destination].some((side) => side.kind === 'addresses' && overlap(side.addresses, addresses));
}

export const overlap = (a: AddressSet, b: AddressSet): boolean =>
  families.some((family) => addressAlgebra.intersect(familyOf(a, family), familyOf(b, family)).length > 0);

/** Whether a set has some but not all of a workload's addresses of a family. */
export const hasPart = (set: AddressSet, { addresses }: Workload): boolean =>
  families.some((family) => {
    const own = familyOf(addresses, family);
    const within = addressAlgebra.intersect(own, familyOf(set, family));
    return within.length > 0 && !addressAlgebra.equals(within, own);
  });

export const textsOf = (set: AddressSet, format: (range: AddressRange) => string): string[] =>
  rangesOf(set).map(format);
