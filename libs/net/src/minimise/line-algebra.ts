import type { Interval } from '../interval.js';
import type { MatchLine } from './abilities.js';

/** Whether some packet may match both. */
export function meets(a: MatchLine, b: MatchLine): boolean {
  return meetsInPorts(a, b) && meetsInAddresses(a, b);
}

export const meetsInAddresses = (a: MatchLine, b: MatchLine): boolean => touches(a.destination, b.destination);

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
  const [x, y] = [a[0]!, b[0]!];
  if (a.length === 1 && b.length === 1) return x.first <= y.last && y.first <= x.last;
  return a.some((one) => b.some((other) => one.first <= other.last && other.first <= one.last));
}

function holds<T extends number | bigint>(a: Ranges<T>, b: Ranges<T>): boolean {
  if (!a || a === b) return true;
  if (!b) return false;
  const [x, y] = [a[0]!, b[0]!];
  if (a.length === 1 && b.length === 1) return x.first <= y.first && y.last <= x.last;
  return b.every((inner) => a.some((outer) => outer.first <= inner.first && inner.last <= outer.last));
}
