import { Clusters, NumberListMap, remembered } from '#base';
import {
  AddressPartition,
  joinedCells,
  serviceAlgebra,
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
  private readonly parts = new NumberListMap<Part>(mostParts);
  private readonly services = new ServiceStore();

  constructor(private readonly partition: AddressPartition) {}

  /** A box is known again by its number. */
  of(boxes: readonly AtomBox[]): NormalForm {
    const parts = connected(boxes).map((places) => {
      const own = places.map((i) => boxes[i]!);
      const key = own.map(({ number }) => number);
      return this.parts.getOrAdd(key, () => partOf(own, this.partition, this.services));
    });
    const list = (regions: (part: Part) => readonly PlacedRegion[]): FlowRegion[] =>
      inOrder(parts.flatMap(regions)).map(({ region }) => region);
    return { allowed: list(({ allowed }) => allowed), denied: list(({ denied }) => denied) };
  }
}

/** By their places: boxes that share atoms, with each other or by way of others. */
function connected(boxes: readonly AtomBox[]): number[][] {
  const clusters = new Clusters(boxes.length);
  const intervals = boxes.flatMap(({ atoms }, box) => atoms.map(({ first, last }) => ({ first, last, box })));
  intervals.sort((a, b) => a.first - b.first);
  let end = -1;
  let holder = 0;
  for (const { first, last, box } of intervals) {
    if (first <= end) clusters.join(holder, box);
    if (last > end) {
      end = last;
      holder = box;
    }
  }
  return clusters.lists();
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
