import { maxOf, PacketSpace, type Interval, type PacketMatch } from '#net';
import { median } from '../statistics.ts';
import type { BenchCase } from '../bench-case.ts';
import { areEqualBoxes, permittedBoxes, type Box } from './box-set.ts';
import { Numbers } from './numbers.ts';

interface Line {
  readonly permits: boolean;
  readonly match: PacketMatch;
  readonly box: Box;
}

const ports = [22, 53, 80, 104, 123, 161, 443, 445, 2575, 3389, 8080, 11_112];

/** Lines as a port ACL has them: mostly one port of one server, some of prefixes, some denies above them. */
function randomLines(count: number, seed: number): Line[] {
  const numbers = new Numbers(seed);
  return Array.from({ length: count }, () => {
    const host = BigInt(0x0a0a_0000 + numbers.below(4096));
    const size = numbers.chance(0.8) ? 1n : 1n << BigInt(numbers.below(9));
    const first = host - (host % size);
    const destination: Interval<bigint> = { first, last: first + size - 1n };
    const port = numbers.pick(ports);
    const service = numbers.chance(0.1)
      ? { first: 6 * 65_536 + 1024, last: 6 * 65_536 + 65_535 }
      : { first: 6 * 65_536 + port, last: 6 * 65_536 + port };
    const every = { first: 0n, last: maxOf(4) };
    return {
      permits: numbers.chance(0.8),
      match: { family: 4, services: [service], destination: [destination] },
      box: {
        service,
        sourcePort: { first: 0, last: 65_535 },
        established: { first: 0, last: 1 },
        destination,
        source: every,
      },
    };
  });
}

const timed = <T>(make: () => T): { value: T; milliseconds: number } => {
  const begun = performance.now();
  const value = make();
  return { value, milliseconds: performance.now() - begun };
};

/** Longer lists take boxes minutes. */
const mostForBoxes = 1000;

/**
 * What a verification does: two lists of one meaning, each made into the set that it permits, and compared. The second has
 * every line twice.
 */
export function packetSetCase(count: number): BenchCase {
  return {
    name: `packet sets: two first-match lists of ${count} and ${2 * count} lines compared`,
    // Short lists are where boxes are quick.
    target: count < 200 ? null : { figure: 'diagrams : boxes', limit: 1, want: 'at most' },
    run: ({ rounds, progress }) => {
      const diagrams: number[] = [];
      const boxes: number[] = [];
      for (let round = 0; round <= rounds; round++) {
        progress(round === 0 ? 'warm-up' : `round ${round} of ${rounds}`);
        const lines = randomLines(count, round);
        const twice = lines.flatMap((line) => [line, line]);
        const byDiagram = timed(() => {
          const space = new PacketSpace();
          const permitted = (list: readonly Line[]) =>
            space.firstMatch(list.map(({ permits, match }) => ({ permits, matches: space.match(match) })));
          return permitted(lines).equals(permitted(twice));
        });
        if (!byDiagram.value) throw new Error('equal lists compare as different');
        if (round > 0) diagrams.push(byDiagram.milliseconds);
        if (count > mostForBoxes) continue;
        const byBoxes = timed(() => areEqualBoxes(permittedBoxes(lines), permittedBoxes(twice)));
        if (!byBoxes.value) throw new Error('equal lists compare as different');
        if (round > 0) boxes.push(byBoxes.milliseconds);
      }
      const figures = { 'diagrams ms': median(diagrams), ...(boxes.length > 0 && compared(diagrams, boxes)) };
      const rounded = Object.entries(figures).map(([key, value]) => [key, Math.round(value * 100) / 100]);
      return { rows: { 'packet sets': Object.fromEntries(rounded) as Record<string, number> }, figures, notes: [] };
    },
  };
}

function compared(diagrams: readonly number[], boxes: readonly number[]): Record<string, number> {
  return {
    'boxes ms': median(boxes),
    'diagrams : boxes': median(diagrams.map((milliseconds, i) => milliseconds / boxes[i]!)),
  };
}
