import type { Outcome, Target } from '../bench-case.ts';
import { round } from './part.ts';

type Figures = Readonly<Record<string, number>>;
/** At the smaller size, and at the larger. */
type Pair = readonly [Figures, Figures];

/** Noise of a machine that others use, too. */
const tolerance = 1.2;
/** What does not concern a device may cost it this much. */
const constant = 1.5;

const linear = (figure: string): Target => ({ figure, want: 'at most', limit: tolerance });

export const linearityTargets: readonly Target[] = [
  linear('all classes, time per session'),
  linear('all classes, CPU per session'),
  linear('stream, CPU per change'),
  { figure: 'one class, time', want: 'at most', limit: constant },
  { figure: 'one class, CPU', want: 'at most', limit: constant },
];

/** How figures grow with the estate: per session where all are concerned, as they are where only as many are as before. */
export function linearity(edits: Pair, stream: Pair, factor: number): Outcome {
  const growth = ([small, large]: Pair, name: string, by: number): Record<string, number> =>
    small[name] === undefined || large[name] === undefined ? {} : { growth: large[name] / small[name] / by };
  const compared: Readonly<Record<string, Record<string, number>>> = {
    'all classes, time per session': growth(edits, 'all classes: from published to last CoA, s', factor),
    'all classes, CPU per session': growth(edits, 'all classes: CPU, s', factor),
    'stream, CPU per change': growth(stream, 'CPU, s', factor),
    'one class, time': growth(edits, 'one class: from published to last CoA, s', 1),
    'one class, CPU': growth(edits, 'one class: CPU, s', 1),
  };
  const rows = Object.entries(compared).map(([name, { growth: found }]) => [
    name,
    { [`at ${factor} times the devices`]: found === undefined ? '?' : round(found, 2) },
  ]);
  const figures = Object.entries(compared).flatMap(([name, { growth: found }]) =>
    found === undefined ? [] : [[name, found]],
  );
  return { rows: Object.fromEntries(rows), figures: Object.fromEntries(figures), notes: [] };
}
