import { IntervalAlgebra, type Family } from '#net';
import type { FlowRuleSource } from '../policy.js';
import type { Sides } from './sides.js';

const places = new IntervalAlgebra<number>(1);

/**
 * Finds which of some rules meet at a destination: every set of them that has a place of its own, once in the life of this
 * object. It is asked for every class, and most of a class's rules are those of others, too; so borders are sorted once for
 * all, and a set that met before is told by a number and then compared, without a list being made.
 */
export class DestinationSweep {
  private readonly borders: Borders;
  /** By rule: the number of its object. */
  private readonly objectOf: Int32Array;
  private readonly seen = new Map<number, (readonly number[])[]>();
  /** By rule: whether it is open at the place that the sweep has reached. */
  private readonly isOpen: Uint8Array;
  /** By object: the rules of this sweep towards it, and what they add to the number of a set. */
  private readonly bundles: number[][];
  private readonly high: Int32Array;
  private readonly low: Int32Array;

  constructor(
    rules: readonly Pick<FlowRuleSource, 'object'>[],
    objects: Pick<Sides, 'placesOf' | 'ofFamily'>,
    family: Family,
    private readonly spread: (value: number) => number = mix,
  ) {
    const names = [...new Set(rules.map(({ object }) => object))];
    const numbers = new Map(names.map((name, i) => [name, i]));
    this.borders = bordersOf(names, objects, family);
    this.objectOf = Int32Array.from(rules, ({ object }) => numbers.get(object)!);
    this.isOpen = new Uint8Array(rules.length);
    this.bundles = names.map(() => []);
    this.high = new Int32Array(names.length);
    this.low = new Int32Array(names.length);
  }

  /** `found` gets the rules in ascending order, and a place where exactly these of `rules` meet. */
  sweep(rules: readonly number[], found: (met: readonly number[], place: number) => void): void {
    const { place, opens, object } = this.borders;
    const met = this.bundle(rules);
    const events = sortedEvents(met.map((number) => this.borders.of[number]!));
    let count = 0;
    let high = 0;
    let low = 0;
    for (let i = 0; i < events.length;) {
      const here = place[events[i]!]!;
      for (; i < events.length && place[events[i]!] === here; i++) {
        const event = events[i]!;
        const number = object[event]!;
        const bundle = this.bundles[number]!;
        const isOpening = opens[event]!;
        for (const rule of bundle) this.isOpen[rule] = isOpening;
        count += isOpening ? bundle.length : -bundle.length;
        high ^= this.high[number]!;
        low ^= this.low[number]!;
      }
      if (count > 0 && this.isNew(rules, count, (high >>> 0) * 0x20_0000 + (low >>> 11))) {
        found(this.openOf(rules), here);
      }
    }
    for (const number of met) this.bundles[number] = [];
  }

  /** The objects of these rules. */
  private bundle(rules: readonly number[]): number[] {
    const met: number[] = [];
    for (const rule of rules) {
      const number = this.objectOf[rule]!;
      const bundle = this.bundles[number]!;
      if (bundle.length === 0) {
        met.push(number);
        this.high[number] = 0;
        this.low[number] = 0;
      }
      bundle.push(rule);
      this.high[number]! ^= this.spread(rule);
      this.low[number]! ^= this.spread(~rule);
    }
    return met;
  }

  /** Different sets may have one number: only a set with the same rules is one that met before. */
  private isNew(rules: readonly number[], count: number, number: number): boolean {
    const alike = this.seen.get(number);
    if (alike?.some((set) => set.length === count && set.every((rule) => this.isOpen[rule] === 1))) return false;
    const set = this.openOf(rules);
    if (alike) alike.push(set);
    else this.seen.set(number, [set]);
    return true;
  }

  private openOf(rules: readonly number[]): number[] {
    return rules.filter((rule) => this.isOpen[rule] === 1).sort((a, b) => a - b);
  }
}

/** Where the places of objects begin, and end (the place behind), in ascending order. */
interface Borders {
  readonly place: Int32Array;
  readonly opens: Uint8Array;
  readonly object: Int32Array;
  /** By object: positions of its borders. */
  readonly of: readonly Int32Array[];
}

function bordersOf(names: readonly string[], objects: Pick<Sides, 'placesOf' | 'ofFamily'>, family: Family): Borders {
  const all = names.flatMap((name, object) =>
    places.intersect(objects.placesOf(name), objects.ofFamily[family]).flatMap(({ first, last }) => [
      { at: first, opens: 1, object },
      { at: last + 1, opens: 0, object },
    ]),
  );
  all.sort((a, b) => a.at - b.at);
  const positions = names.map((): number[] => []);
  for (const [i, { object }] of all.entries()) positions[object]!.push(i);
  return {
    place: Int32Array.from(all, ({ at }) => at),
    opens: Uint8Array.from(all, ({ opens }) => opens),
    object: Int32Array.from(all, ({ object }) => object),
    of: positions.map((list) => Int32Array.from(list)),
  };
}

function sortedEvents(lists: readonly Int32Array[]): Int32Array {
  const events = new Int32Array(lists.reduce((sum, { length }) => sum + length, 0));
  let next = 0;
  for (const list of lists) {
    events.set(list, next);
    next += list.length;
  }
  return events.sort();
}

/** Spreads a number over 32 bits (the finisher of MurmurHash3). */
function mix(value: number): number {
  let bits = value;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85eb_ca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2_ae35);
  return bits ^ (bits >>> 16);
}
