/** One figure of a case and what it shall be. */
export interface Target {
  /** A key of `Outcome.figures`. */
  readonly figure: string;
  readonly limit: number;
  readonly want: 'at most' | 'at least';
}

export interface Outcome {
  /** For people: row → column → cell. */
  readonly rows: Readonly<Record<string, Readonly<Record<string, string | number>>>>;
  /** For machines and targets. A comparison that could not be made has no figure. */
  readonly figures: Readonly<Record<string, number>>;
  readonly notes: readonly string[];
}

export interface RunOptions {
  readonly rounds: number;
  /** Tells a person that something goes on. */
  readonly progress: (text: string) => void;
}

/** Something that is measured, in a process of its own. */
export interface BenchCase {
  readonly name: string;
  readonly target: Target | null;
  readonly run: (options: RunOptions) => Outcome | Promise<Outcome>;
}

export type Verdict = 'met' | 'missed' | 'not compared';

export function judge({ figure, limit, want }: Target, { figures }: Outcome): Verdict {
  const found = figures[figure];
  if (found === undefined) return 'not compared';
  return (want === 'at most' ? found <= limit : found >= limit) ? 'met' : 'missed';
}
