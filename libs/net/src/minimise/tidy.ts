import { addressAlgebra, prefixesOfRange, type Family } from '../address.js';
import type { Interval } from '../interval.js';
import { isIcmp, serviceAlgebra } from '../service.js';
import type { Abilities, MatchLine } from './abilities.js';
import { lineWeight } from './weight.js';

/**
 * Joins lines that differ in one condition, where no line between them decides otherwise about what would move, and drops
 * lines that decide nothing. The meaning stays the same at each step.
 */
export function tidyLines(lines: readonly MatchLine[], abilities: Abilities): readonly MatchLine[] {
  let list: readonly MatchLine[] = withoutIdleLines(lines);
  for (const condition of conditions) {
    const joined = joinLines(list, condition, abilities);
    list = joined.length < list.length ? withoutIdleLines(joined) : joined;
  }
  return list;
}

/** In this order: what joins first decides what can join later. */
const conditions = ['destinationPorts', 'sourcePorts', 'protocols', 'family', 'destination'] as const;
type Condition = (typeof conditions)[number];

function joinLines(lines: readonly MatchLine[], condition: Condition, abilities: Abilities): readonly MatchLine[] {
  if (!canJoin(condition, abilities)) return lines;
  const list: (MatchLine | null)[] = [...lines];
  for (const places of Map.groupBy(lines.keys(), (i) => textWithout(lines[i]!, condition)).values()) {
    for (const [n, j] of places.entries()) {
      for (const i of places.slice(0, n)) {
        const [upper, lower] = [list[i], list[j]];
        if (!upper || !lower) continue;
        const joined = join(upper, lower, condition, abilities);
        if (!joined) continue;
        const between = list.slice(i + 1, j).filter((line) => line !== null && line.action !== upper.action);
        // Upwards if nothing between decides about the lower line, else downwards if nothing does about the upper.
        if (!between.some((line) => meets(line!, lower))) {
          list[i] = joined;
          list[j] = null;
        } else if (!between.some((line) => meets(line!, upper))) {
          list[i] = null;
          list[j] = joined;
        }
      }
    }
  }
  return list.filter((line) => line !== null);
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
      const joined = { ...a, [condition]: x && y && serviceAlgebra.union(x, y) };
      const isFewer = lineWeight(joined, abilities) < lineWeight(a, abilities) + lineWeight(b, abilities);
      return isFewer && (joined[condition]?.length ?? 1) <= abilities.ports.most ? joined : null;
    }
    case 'protocols':
      return a.protocols && b.protocols && takesAnyPort(a)
        ? { ...a, protocols: [...new Set([...a.protocols, ...b.protocols])].sort((x, y) => x - y) }
        : null;
    case 'family':
      return a.destination === null && !a.protocols?.some(isIcmp) ? { ...a, family: null } : null;
    case 'destination': {
      const { family } = a;
      if (family === null || !a.destination || !b.destination) return a.destination ? b : a;
      const joined = addressAlgebra.union(a.destination, b.destination);
      return isOneLine(family, joined, abilities) ? { ...a, destination: joined } : null;
    }
    default:
      return condition;
  }
}

/** Ports mean the same in TCP, UDP and SCTP; types are ICMP's own. */
const takesAnyPort = ({ destinationPorts, protocols }: MatchLine): boolean =>
  destinationPorts === null || !protocols?.some(isIcmp);

function isOneLine(family: Family, ranges: readonly Interval<bigint>[], { addresses }: Abilities): boolean {
  if (addresses === 'set') return true;
  const [only, ...more] = ranges;
  if (!only || more.length > 0) return false;
  return addresses === 'range' || prefixesOfRange({ family, ...only }).length === 1;
}

/** Lines left out: those above which all was decided, and those whose packets a later line treats the same. */
function withoutIdleLines(lines: readonly MatchLine[]): MatchLine[] {
  const list = [...lines];
  for (let i = list.length - 1; i >= 0; i--) {
    const line = list[i]!;
    const isHidden = list.slice(0, i).some((upper) => covers(upper, line));
    if (isHidden || isRepeated(list, i)) list.splice(i, 1);
  }
  return list;
}

function isRepeated(list: readonly MatchLine[], at: number): boolean {
  const line = list[at]!;
  for (let i = at + 1; i < list.length; i++) {
    const lower = list[i]!;
    if (lower.action !== line.action) {
      if (meets(lower, line)) return false;
    } else if (covers(lower, line)) return true;
  }
  return line.action === 'deny';
}

export function meets(a: MatchLine, b: MatchLine): boolean {
  return (
    (a.family === null || b.family === null || a.family === b.family) &&
    (!a.protocols || !b.protocols || a.protocols.some((protocol) => b.protocols!.includes(protocol))) &&
    touches(a.destinationPorts, b.destinationPorts) &&
    touches(a.sourcePorts, b.sourcePorts) &&
    touches(a.destination, b.destination)
  );
}

function covers(a: MatchLine, b: MatchLine): boolean {
  return (
    (a.family === null || a.family === b.family) &&
    (!a.protocols || (b.protocols?.every((protocol) => a.protocols!.includes(protocol)) ?? false)) &&
    (!a.established || b.established) &&
    holds(a.destinationPorts, b.destinationPorts) &&
    holds(a.sourcePorts, b.sourcePorts) &&
    holds(a.destination, b.destination)
  );
}

type Ranges<T> = readonly Interval<T>[] | null;

const touches = <T extends number | bigint>(a: Ranges<T>, b: Ranges<T>): boolean =>
  !a || !b || a.some((x) => b.some((y) => x.first <= y.last && y.first <= x.last));

const holds = <T extends number | bigint>(a: Ranges<T>, b: Ranges<T>): boolean =>
  !a || (b?.every((y) => a.some((x) => x.first <= y.first && y.last <= x.last)) ?? false);

const text = (ranges: Ranges<number | bigint>): string =>
  ranges?.map(({ first, last }) => `${first}-${last}`).join() ?? 'any';

/** Equal for lines that differ in nothing but this condition. */
function textWithout(line: MatchLine, condition: Condition): string {
  const words = {
    family: line.family ?? 'both',
    protocols: line.protocols?.join() ?? 'any',
    destinationPorts: text(line.destinationPorts),
    sourcePorts: text(line.sourcePorts),
    destination: text(line.destination),
    [condition]: '',
  };
  return `${line.action} ${line.established} ${Object.values(words).join(' ')}`;
}
