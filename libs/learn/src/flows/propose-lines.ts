import { compareText } from '#base';
import { joinedCells, serviceAlgebra, textOfIntervals, type ServiceSet } from '#net';
import type { Snapshot } from '#policy';
import { fewestCandidates, type Candidate } from './cover.js';
import type { Principal, Principals } from './principals.js';
import { sizeOf, usesOf } from './seen-services.js';

/** What one pair of units was seen doing. */
export interface SeenPair {
  readonly source: number;
  readonly destination: number;
  /** Must be covered. */
  readonly wanted: ServiceSet;
  /** May be covered: all that was seen, what policy allows already included. */
  readonly seen: ServiceSet;
}

/** A line in names of units: applications and endpoints that the catalog lacks have no name yet. */
export interface ChosenLine {
  readonly subject: Principal;
  readonly object: Principal;
  /** Null: the catalog has none. */
  readonly application: string | null;
  readonly services: ServiceSet;
  /** What it covers of each pair, by number. */
  readonly covers: readonly { readonly pair: number; readonly services: ServiceSet }[];
}

export interface ChosenLines {
  readonly lines: readonly ChosenLine[];
  readonly isFewest: boolean;
  /** What no line covers that is no broader than what was seen. */
  readonly uncovered: readonly { readonly pair: number; readonly services: ServiceSet }[];
}

interface Offer {
  readonly name: string | null;
  readonly services: ServiceSet;
}

interface Box {
  readonly subject: Principal;
  readonly object: Principal;
  readonly application: Offer;
  readonly elements: readonly number[];
}

/**
 * The fewest lines for what was seen. A line is a box, principals × principals × services, and each box that is considered lies within what was
 * seen; so does every choice of them. Elements are what a box can't cut: a pair of units × the services that the same pairs and
 * applications have.
 */
export function proposeLines(
  pairs: readonly SeenPair[],
  snapshot: Snapshot,
  principals: Principals,
  isBroader: boolean,
): ChosenLines {
  return new LineSearch(pairs, snapshot, principals).run(isBroader);
}

class LineSearch {
  private readonly pairOf = new Map<string, number>();
  /** Source unit → numbers of its pairs. */
  private readonly pairsFrom = new Map<number, number[]>();
  private readonly applications: readonly Offer[];
  /** Element → pair, services. */
  private readonly elements: { readonly pair: number; readonly services: ServiceSet }[] = [];
  /** Pair → its elements. */
  private readonly elementsOf: number[][];
  private readonly boxes: Box[] = [];

  constructor(
    private readonly pairs: readonly SeenPair[],
    private readonly snapshot: Snapshot,
    private readonly principals: Principals,
  ) {
    this.elementsOf = pairs.map(() => []);
    for (const [i, { source, destination }] of pairs.entries()) {
      this.pairOf.set(`${source} ${destination}`, i);
      this.pairsFrom.set(source, [...(this.pairsFrom.get(source) ?? []), i]);
    }
    this.applications = this.offers();
    this.cutIntoElements();
  }

  run(isBroader: boolean): ChosenLines {
    this.addBoxes((unit) => this.principals.of(unit), null);
    if (isBroader) {
      const open = new Set(this.uncovered());
      const withSelf = (unit: number): readonly Principal[] => {
        const widened = this.principals.widened(unit);
        return [...this.principals.of(unit), ...(widened ? [widened] : [])];
      };
      if (open.size > 0) this.addBoxes(withSelf, open);
    }
    const candidates = this.boxes.map((box): Candidate => ({ elements: box.elements, rank: rankOf(box) }));
    const { chosen, isFewest } = fewestCandidates(candidates);
    return {
      lines: chosen.map((i) => this.lineOf(this.boxes[i]!)),
      isFewest,
      uncovered: this.uncovered().map((element) => this.elements[element]!),
    };
  }

  private uncovered(): number[] {
    const covered = new Set(this.boxes.flatMap(({ elements }) => elements));
    return [...this.elements.keys()].filter((element) => !covered.has(element));
  }

  /** Applications of the catalog that lie within what some pair was seen doing; and what of a pair none of these has. */
  private offers(): Offer[] {
    const uses = usesOf(this.snapshot);
    const named = new Map<string, Offer>();
    const sorted = [...this.snapshot.applications].sort(
      (a, b) => (uses.get(b.name) ?? 0) - (uses.get(a.name) ?? 0) || compareText(a.name, b.name),
    );
    for (const { name, services } of sorted) {
      const key = textOfIntervals(services);
      if (services.length > 0 && !named.has(key)) named.set(key, { name, services });
    }
    const within = [...named.values()].filter(({ services }) =>
      this.pairs.some(({ seen }) => serviceAlgebra.isSubset(services, seen)),
    );
    const unnamed = new Map<string, Offer>();
    for (const { wanted, seen } of this.pairs) {
      const fitting = within.filter(({ services }) => serviceAlgebra.isSubset(services, seen));
      const rest = fitting.reduce((left, { services }) => serviceAlgebra.subtract(left, services), [...wanted]);
      if (rest.length > 0) unnamed.set(textOfIntervals(rest), { name: null, services: rest });
    }
    return [...within, ...unnamed.values()];
  }

  private cutIntoElements(): void {
    const sets = [...this.pairs.map(({ wanted }) => wanted), ...this.applications.map(({ services }) => services)];
    for (const { members, parts } of joinedCells(sets, 1)) {
      const services = serviceAlgebra.normalize(parts);
      for (const pair of members) {
        if (pair >= this.pairs.length) continue;
        this.elementsOf[pair]!.push(this.elements.push({ pair, services }) - 1);
      }
    }
  }

  /** `open`: only boxes that cover one of these. */
  private addBoxes(principalsOf: (unit: number) => readonly Principal[], open: ReadonlySet<number> | null): void {
    const done = new Set<string>();
    for (const [source, own] of this.pairsFrom) {
      for (const subject of principalsOf(source)) {
        for (const pair of own) {
          for (const object of principalsOf(this.pairs[pair]!.destination)) {
            const key = `${subject.name} ${subject.unseen.length} ${object.name} ${object.unseen.length}`;
            if (done.has(key)) continue;
            done.add(key);
            this.addBoxesOf(subject, object, open);
          }
        }
      }
    }
  }

  private addBoxesOf(subject: Principal, object: Principal, open: ReadonlySet<number> | null): void {
    const within = this.pairsWithin(subject, object);
    if (!within) return;
    const also = this.alsoCovered(subject, object);
    for (const application of this.applications) {
      const { services } = application;
      if (!within.every((pair) => serviceAlgebra.isSubset(services, this.pairs[pair]!.seen))) continue;
      const elements = [...within, ...also]
        .flatMap((pair) => this.elementsOf[pair]!)
        .filter((element) => serviceAlgebra.isSubset(this.elements[element]!.services, services))
        .sort((a, b) => a - b);
      if (elements.length === 0 || (open && !elements.some((element) => open.has(element)))) continue;
      this.boxes.push({ subject, object, application, elements });
    }
  }

  /** Null: a pair of them was never seen. */
  private pairsWithin(subject: Principal, object: Principal): number[] | null {
    const within: number[] = [];
    for (const source of subject.units) {
      for (const destination of object.units) {
        const pair = this.pairOf.get(`${source} ${destination}`);
        if (pair === undefined) return null;
        within.push(pair);
      }
    }
    return within;
  }

  /** Pairs that a widened name covers beside its own. */
  private alsoCovered(subject: Principal, object: Principal): number[] {
    if (subject.also.length + object.also.length === 0) return [];
    const own = new Set(this.pairsWithin(subject, object));
    const [sources, destinations] = [subject, object].map(({ units, also }) => [...units, ...also]);
    const all = sources!.flatMap((source) => destinations!.map((to) => this.pairOf.get(`${source} ${to}`)));
    return all.filter((pair) => pair !== undefined).filter((pair) => !own.has(pair));
  }

  private lineOf({ subject, object, application, elements }: Box): ChosenLine {
    const covers = elements.map((element) => this.elements[element]!);
    return { subject, object, application: application.name, services: application.services, covers };
  }
}

/** Names of the catalog before new ones, narrow classes before wide ones, narrow applications before wide ones. */
function rankOf({ subject, object, application }: Box): number {
  const size = Math.min(sizeOf(application.services), 0xffff);
  return (subject.rank + object.rank) * 0x2_0000 + (application.name === null ? 0x1_0000 : 0) + size;
}
