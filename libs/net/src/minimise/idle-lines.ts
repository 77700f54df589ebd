import type { MatchLine } from './abilities.js';
import { covers, meets, meetsInAddresses, meetsInPorts } from './line-algebra.js';

/** Lines left out: those above which all was decided, and those whose packets the lines below treat the same. */
export function dropIdleLines(lines: readonly MatchLine[]): readonly MatchLine[] {
  const list = [...lines];
  for (let i = list.length - 1; i >= 0; i--) if (isHidden(list, i) || isRepeated(list, i)) list.splice(i, 1);
  return list;
}

function isHidden(list: readonly MatchLine[], at: number): boolean {
  const line = list[at]!;
  for (let i = 0; i < at; i++) if (covers(list[i]!, line)) return true;
  return false;
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

/**
 * Places of lines that share packets with lines of other ports. All others meet lines of the same ports only, which were made
 * as short as can be: nothing is idle there.
 */
export function crowdedLines(lines: readonly MatchLine[]): ReadonlySet<number> {
  const groups: { line: MatchLine; places: number[] }[] = [];
  for (const [i, line] of lines.entries()) {
    const top = groups.at(-1);
    if (top && hasSamePorts(top.line, line)) top.places.push(i);
    else groups.push({ line, places: [i] });
  }
  const crowded = new Set<number>();
  for (const [n, a] of groups.entries()) {
    for (let m = 0; m < n; m++) {
      const b = groups[m]!;
      if (!meetsInPorts(a.line, b.line)) continue;
      for (const i of a.places)
        for (const j of b.places) if (meetsInAddresses(lines[i]!, lines[j]!)) crowded.add(i).add(j);
    }
  }
  return crowded;
}

const hasSamePorts = (a: MatchLine, b: MatchLine): boolean =>
  a.family === b.family &&
  a.established === b.established &&
  isSame(a.protocols, b.protocols) &&
  a.destinationPorts === b.destinationPorts &&
  a.sourcePorts === b.sourcePorts;

const isSame = (a: readonly number[] | null, b: readonly number[] | null): boolean =>
  a === b || (a?.length === b?.length && a!.every((protocol, i) => protocol === b![i]));
