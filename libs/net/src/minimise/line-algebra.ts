import type { Interval } from '../interval.js';
import type { MatchLine } from './abilities.js';

/** Whether some packet may match both. */
export function meets(a: MatchLine, b: MatchLine): boolean {
  return meetsInPorts(a, b) && touches(a.destination, b.destination);
}

/** The same, whatever the addresses. What tells most lines apart comes first. */
export function meetsInPorts(a: MatchLine, b: MatchLine): boolean {
  return (
    touches(a.destinationPorts, b.destinationPorts) &&
    (a.family === null || b.family === null || a.family === b.family) &&
    (!a.protocols || !b.protocols || a.protocols.some((protocol) => b.protocols!.includes(protocol))) &&
    touches(a.sourcePorts, b.sourcePorts)
  );
}

/** Whether every packet that matches `b` matches `a`. */
export function covers(a: MatchLine, b: MatchLine): boolean {
  return (
    holds(a.destinationPorts, b.destinationPorts) &&
    holds(a.destination, b.destination) &&
    (a.family === null || a.family === b.family) &&
    (!a.protocols || (b.protocols?.every((protocol) => a.protocols!.includes(protocol)) ?? false)) &&
    (!a.established || b.established) &&
    holds(a.sourcePorts, b.sourcePorts)
  );
}

type Ranges<T> = readonly Interval<T>[] | null;

function touches<T extends number | bigint>(a: Ranges<T>, b: Ranges<T>): boolean {
  if (!a || !b || a === b) return true;
  for (const x of a) for (const y of b) if (x.first <= y.last && y.first <= x.last) return true;
  return false;
}

function holds<T extends number | bigint>(a: Ranges<T>, b: Ranges<T>): boolean {
  if (!a || a === b) return true;
  if (!b) return false;
  for (const y of b) if (!a.some((x) => x.first <= y.first && y.last <= x.last)) return false;
  return true;
}
