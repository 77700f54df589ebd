import { addressAlgebra, prefixesOfRange, type Family } from '../address.js';
import { textOfIntervals, type Interval } from '../interval.js';
import { isIcmp, serviceAlgebra } from '../service.js';
import type { Abilities, MatchLine } from './abilities.js';
import { crowdedLines, dropIdleLines } from './idle-lines.js';
import { meets } from './line-algebra.js';
import { lineWeight } from './weight.js';

/**
 * Joins lines that differ in one condition, where no line between them decides otherwise about what would move, and drops
 * lines that decide nothing. The meaning stays the same at each step.
 */
export function tidyLines(lines: readonly MatchLine[], abilities: Abilities): readonly MatchLine[] {
  const crowded = crowdedLines(lines);
  let list = dropIdleLines(lines.filter((_, i) => crowded.has(i)));
  const apart = lines.filter((_, i) => !crowded.has(i));
  // Lines that meet no others were made to be joined with none, unless lines can hold more than they were made with.
  const isPlain = hasSingleValues(abilities);
  if (!isPlain) list = [...apart, ...list];
  for (const condition of conditions) {
    const joined = joinLines(list, condition, abilities);
    list = joined.length < list.length ? dropIdleLines(joined) : joined;
  }
  return isPlain ? [...apart, ...list] : list;
}

/** Whether lines are made as full as they can be from the start. */
export const hasSingleValues = ({ addresses, ports, protocols, families }: Abilities): boolean =>
  addresses === 'prefix' && ports.most === 1 && ports.form === 'range' && protocols === 'one' && families === 'one';

/** In this order: what joins first decides what can join later. */
const conditions = ['destinationPorts', 'sourcePorts', 'protocols', 'family', 'destination'] as const;
type Condition = (typeof conditions)[number];

function joinLines(lines: readonly MatchLine[], condition: Condition, abilities: Abilities): readonly MatchLine[] {
  if (!canJoin(condition, abilities)) return lines;
  const list: (MatchLine | null)[] = [...lines];
  for (const places of placesOfLike(lines, condition)) {
    for (let n = 1; n < places.length; n++) {
      const j = places[n]!;
      for (let m = 0; m < n; m++) {
        const i = places[m]!;
        const [upper, lower] = [list[i], list[j]];
        if (!upper || !lower) continue;
        const joined = join(upper, lower, condition, abilities);
        if (!joined) continue;
        // Upwards if nothing between decides about the lower line, else downwards if nothing does about the upper.
        if (!isDecidedBetween(list, i, j, lower)) {
          list[i] = joined;
          list[j] = null;
        } else if (!isDecidedBetween(list, i, j, upper)) {
          list[i] = null;
          list[j] = joined;
        }
      }
    }
  }
  return list.filter((line) => line !== null);
}

/** Whether a line between two others decides the other way about some packet of a line. */
function isDecidedBetween(list: readonly (MatchLine | null)[], from: number, to: number, line: MatchLine): boolean {
  for (let i = from + 1; i < to; i++) {
    const other = list[i];
    if (other && other.action !== line.action && meets(other, line)) return true;
  }
  return false;
}

function canJoin(condition: Condition, abilities: Abilities): boolean {
  if (condition === 'protocols') return abilities.protocols === 'set';
  return condition !== 'family' || abilities.families === 'both';
}

/** One line for two that are alike but for one condition; null if it would not be one line. */
function join(a: MatchLine, b: MatchLine, condition: Condition, abilities: Abilities): MatchLine | null {
  switch (condition) {
    case 'destinationPorts':
    case 'sourcePorts': {
      const [x, y] = [a[condition], b[condition]];
      if (x && y && abilities.ports.most === 1 && !isTouching(x, y, 1)) return null;
      const joined = { ...a, [condition]: x && y && serviceAlgebra.union(x, y) };
      const isFewer = lineWeight(joined, abilities) < lineWeight(a, abilities) + lineWeight(b, abilities);
      return isFewer && (joined[condition]?.length ?? 1) <= abilities.ports.most ? joined : null;
    }
    case 'protocols':
      return a.protocols &&
        b.protocols &&
        (a.destinationPorts === null || ![...a.protocols, ...b.protocols].some(isIcmp))
        ? { ...a, protocols: [...new Set([...a.protocols, ...b.protocols])].sort((x, y) => x - y) }
        : null;
    case 'family':
      return a.destination === null && !a.protocols?.some(isIcmp) ? { ...a, family: null } : null;
    case 'destination': {
      const { family } = a;
      if (family === null || !a.destination || !b.destination) return a.destination ? b : a;
      if (abilities.addresses !== 'set' && !isTouching(a.destination, b.destination, 1n)) return null;
      const joined = addressAlgebra.union(a.destination, b.destination);
      return isOneLine(family, joined, abilities) ? { ...a, destination: joined } : null;
    }
    default:
      return condition;
  }
}

/** Of two lists of one interval each: whether they make one. */
function isTouching<T extends number | bigint>(x: readonly Interval<T>[], y: readonly Interval<T>[], one: T): boolean {
  const [a, b] = [x[0]!, y[0]!];
  const isNext = (low: T, high: T): boolean => (low as bigint) + (one as bigint) >= (high as bigint);
  return isNext(a.last, b.first) && isNext(b.last, a.first);
}

function isOneLine(family: Family, ranges: readonly Interval<bigint>[], { addresses }: Abilities): boolean {
  if (addresses === 'set') return true;
  const [only, ...more] = ranges;
  if (!only || more.length > 0) return false;
  return addresses === 'range' || prefixesOfRange({ family, ...only }).length === 1;
}

/** Places of lines that differ in nothing but this condition. */
function placesOfLike(lines: readonly MatchLine[], condition: Condition): number[][] {
  const groups = Map.groupBy(lines.keys(), (i) => textWithout(lines[i]!, condition));
  return [...groups.values()].filter(({ length }) => length > 1);
}

/** By line, which many lists share: what it says beside each condition. */
const texts = new WeakMap<MatchLine, Map<Condition, string>>();

function textWithout(line: MatchLine, condition: Condition): string {
  const own = texts.get(line) ?? new Map<Condition, string>();
  texts.set(line, own);
  let text = own.get(condition);
  if (text === undefined) {
    const { action, established, family, protocols, destinationPorts, sourcePorts, destination } = line;
    const words: unknown[] = [action, established];
    if (condition !== 'family') words.push(family);
    if (condition !== 'protocols') words.push(protocols?.join() ?? 'any');
    if (condition !== 'destinationPorts') words.push(textOf(destinationPorts));
    if (condition !== 'sourcePorts') words.push(textOf(sourcePorts));
    if (condition !== 'destination') words.push(textOf(destination));
    text = words.join(' ');
    own.set(condition, text);
  }
  return text;
}

const textOf = (ranges: readonly Interval<number | bigint>[] | null): string =>
  ranges === null ? 'any' : textOfIntervals(ranges);
