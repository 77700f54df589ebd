import type { Interval } from '../interval.js';
import { hasPorts, isIcmp } from '../service.js';
import type { Abilities, MatchLine } from './abilities.js';
import { topOfAxis } from './axes.js';

/** A value and the bits of it that count, as OpenFlow matches ports. */
export interface PortMask {
  readonly value: number;
  readonly mask: number;
}

/** The fewest masked values that hold exactly these ports, in ascending order. */
export function portMasks({ first, last }: Interval<number>): PortMask[] {
  const out: PortMask[] = [];
  for (let from = first; from <= last;) {
    let size = 1;
    while (from % (size * 2) === 0 && from + size * 2 - 1 <= last) size *= 2;
    out.push({ value: from, mask: topOfAxis & ~(size - 1) });
    from += size;
  }
  return out;
}

/** Lines that a target needs to say an interval of ports, or ICMP types, of a protocol. */
export function portWeight(abilities: Abilities, protocol: number, ports: Interval<number>): number {
  const { first, last } = ports;
  if (first === 0 && last >= topOfAxis) return 1;
  if (isIcmp(protocol)) return abilities.icmpTypes === 'single' ? Math.min(last, 255) - first + 1 : 1;
  return abilities.ports.form === 'mask' && hasPorts(protocol) ? portMasks(ports).length : 1;
}

/** Lines as the target counts them. */
export function countLines(lines: readonly MatchLine[], abilities: Abilities): number {
  return lines.reduce((sum, line) => sum + lineWeight(line, abilities), 0);
}

export function lineWeight({ protocols, sourcePorts, destinationPorts }: MatchLine, abilities: Abilities): number {
  const of = (ports: readonly Interval<number>[] | null): number => {
    if (ports === null) return 1;
    const weights = ports.map((part) => portWeight(abilities, protocols?.[0] ?? 0, part));
    // A list of several is one line only where each of them is.
    const sum = weights.reduce((total, weight) => total + weight, 0);
    return sum > ports.length ? sum : Math.ceil(ports.length / abilities.ports.most);
  };
  return of(sourcePorts) * of(destinationPorts);
}
