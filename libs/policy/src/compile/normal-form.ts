import { NumberListMap, remembered } from '#base';
import {
  AddressPartition,
  joinedCells,
  serviceAlgebra,
  sharingLists,
  sweep,
  textOfIntervals,
  type AddressSet,
  type AtomSet,
  type Interval,
  type ServiceSet,
} from '#net';
import type { Effect, FlowRegion } from '../snapshot.js';

/** A rule as geometry: its effect on every packet of `addresses` × `services`. */
export interface RuleBox {
  readonly id: string;
  readonly effect: Effect;
  readonly addresses: AddressSet;
  readonly services: ServiceSet;
}

/** The same with addresses as atoms of a partition: small numbers, which sweeps compare quickly. */
export interface AtomBox {
  /** One of its own among all that a `NormalForms` is given. */
  readonly number: number;
  readonly id: string;
  readonly effect: Effect;
  readonly atoms: AtomSet;
  readonly services: ServiceSet;
}

export interface NormalForm {
  /** Allowed and not denied: disjoint, in order of address, then service. */
  readonly allowed: readonly FlowRegion[];
  /** Denied, whether allowed or not: disjoint, in the same order. */
  readonly denied: readonly FlowRegion[];
}

/** Deny overrides allow, exactly. */
export function normalForm(rules: readonly RuleBox[]): NormalForm {
  const partition = new AddressPartition(rules.map(({ addresses }) => addresses));
  const boxes = rules.map(({ id, effect, services }, i) => ({
    number: i,
    id,
    effect,
    services,
    atoms: partition.atomsOf(i),
  }));
  return new NormalForms(partition).of(boxes);
}

/** Parts that are remembered: those of one version of a policy, and of some before. */
const mostParts = 2 ** 17;

/**
 * Normal forms of many lists of rules over one partition of the addresses. Rules that share addresses with no others of a
 * list, nearly each by itself, are a part that other lists have, too: it is worked out once, and its regions are the same
 * objects.
 */
export class NormalForms {
  /** Of one box, by its number. */
  private readonly alone = new Map<number, Part>();
  private readonly together = new NumberListMap<Part>(mostParts);
  private readonly services = new ServiceStore();

  constructor(private readonly partition: AddressPartition) {}

  /** A box is known again by its number. */
  of(boxes: readonly AtomBox[]): NormalForm {
    const clusters = sharingLists(boxes.map(({ atoms }) => atoms));
    const parts = clusters.areApart
      ? boxes.map((box) => this.partOfOne(box))
      : clusters.lists().map((places) => this.partOf(places.map((i) => boxes[i]!)));
    const list = (regions: (part: Part) => readonly PlacedRegion[]): FlowRegion[] =>
      inOrder(parts.flatMap(regions)).map(({ region }) => region);
    return { allowed: list(({ allowed }) => allowed), denied: list(({ denied }) => denied) };
  }

  private partOf(boxes: readonly AtomBox[]): Part {
    if (boxes.length === 1) return this.partOfOne(boxes[0]!);
    const key = boxes.map(({ number }) => number);
    return this.together.getOrAdd(key, () => partOf(boxes, this.partition, this.services));
  }

  private partOfOne(box: AtomBox): Part {
    const known = this.alone.get(box.number);
    if (known) return known;
    if (this.alone.size === mostParts) this.alone.clear();
    const part = this.partAlone(box);
    this.alone.set(box.number, part);
    return part;
  }

  private partAlone({ id, effect, atoms, services }: AtomBox): Part {
    if (atoms.length === 0 || services.length === 0) return { allowed: [], denied: [] };
    const region = {
      addresses: this.partition.union(atoms),
      services: this.services.set(this.services.number(services)),
      rules: [id],
    };
    const own = [{ atom: atoms[0]!.first, region }];
    return effect === 'deny' ? { allowed: [], denied: own } : { allowed: own, denied: [] };
  }
}

/** A region and the first atom of its addresses. */
interface PlacedRegion {
  readonly atom: number;
  readonly region: FlowRegion;
}

interface Part {
  readonly allowed: readonly PlacedRegion[];
  readonly denied: readonly PlacedRegion[];
}

const inOrder = (regions: PlacedRegion[]): PlacedRegion[] =>
  regions.sort((a, b) => a.atom - b.atom || a.region.services[0]!.first - b.region.services[0]!.first);

/**
 * One sweep over the addresses splits them where the set of rules changes; within each set of rules a second sweep does the
 * same over the services. Cells with the same services and the same rules are joined.
 */
function partOf(rules: readonly AtomBox[], partition: AddressPartition, store: ServiceStore): Part {
  const allowed = new RegionSet(partition, store);
  const denied = new RegionSet(partition, store);
  const lists = rules.map(({ atoms }) => atoms);
  for (const { members, parts: atoms } of joinedCells(lists, 1)) {
    const here = members.map((i) => rules[i]!);
    for (const { services, allow, deny } of serviceCells(here)) {
      if (deny.length > 0) denied.add(atoms, services, deny);
      else allowed.add(atoms, services, allow);
    }
  }
  return { allowed: allowed.regions(), denied: denied.regions() };
}

export interface ServiceCell {
  readonly services: ServiceSet;
  readonly allow: readonly string[];
  readonly deny: readonly string[];
}

const none: readonly string[] = [];

/** Splits the services of some rules where the set of rules changes; joined per set of deciding rules. */
export function serviceCells(rules: readonly Omit<AtomBox, 'number' | 'atoms'>[]): ServiceCell[] {
  const [only] = rules;
  if (rules.length === 1) {
    const { services, effect, id } = only!;
    if (services.length === 0) return [];
    return [effect === 'deny' ? { services, allow: none, deny: [id] } : { services, allow: [id], deny: none }];
  }
  const sorted = [...rules].sort((a, b) => (a.id < b.id ? -1 : 1));
  const lists = sorted.map(({ services }) => services);
  const cells = new Map<string, { found: Interval<number>[]; effect: Effect; deciding: readonly number[] }>();
  for (const { first, last, members } of sweep(lists, 1)) {
    const effect = members.some((i) => sorted[i]!.effect === 'deny') ? 'deny' : 'allow';
    const deciding = members.filter((i) => sorted[i]!.effect === effect);
    const key = deciding.join();
    const cell = cells.get(key);
    if (cell) cell.found.push({ first, last });
    else cells.set(key, { found: [{ first, last }], effect, deciding });
  }
  return [...cells.values()].map(({ found, effect, deciding }) => {
    const services = serviceAlgebra.normalize(found);
    const ids = deciding.map((i) => sorted[i]!.id);
    return effect === 'deny' ? { services, allow: none, deny: ids } : { services, allow: ids, deny: none };
  });
}

/** Equal sets of services under one number, as one object. */
class ServiceStore {
  private readonly sets: ServiceSet[] = [];
  private readonly byText = new Map<string, number>();
  private readonly known = new WeakMap<ServiceSet, number>();

  number(services: ServiceSet): number {
    return remembered(this.known, services, () => {
      const text = textOfIntervals(services);
      const found = this.byText.get(text);
      if (found !== undefined) return found;
      this.byText.set(text, this.sets.length);
      return this.sets.push(services) - 1;
    });
  }

  set(number: number): ServiceSet {
    return this.sets[number]!;
  }
}

/** Joins atoms that have the same services for the same reasons. */
class RegionSet {
  private readonly found = new Map<
    string,
    { atoms: Interval<number>[]; services: ServiceSet; rules: readonly string[] }
  >();

  constructor(
    private readonly partition: AddressPartition,
    private readonly services: ServiceStore,
  ) {}

  add(atoms: readonly Interval<number>[], services: ServiceSet, rules: readonly string[]): void {
    const number = this.services.number(services);
    const key = `${number}|${rules.join()}`;
    const region = this.found.get(key);
    if (region) region.atoms.push(...atoms);
    else this.found.set(key, { atoms: [...atoms], services: this.services.set(number), rules });
  }

  regions(): PlacedRegion[] {
    return Array.from(this.found.values(), ({ atoms, services, rules }) => {
      const joined = serviceAlgebra.normalize(atoms);
      return { atom: joined[0]!.first, region: { addresses: this.partition.union(joined), services, rules } };
    });
  }
}
