/** `once`: it ends by itself. `until`: it is given again until it shows this. `stays`: it goes on, in a terminal of its own. */
const stepKinds = ['once', 'until', 'stays'] as const;

/** A command that a document shows, with what it prints. */
export interface Step {
  readonly kind: (typeof stepKinds)[number];
  readonly command: string;
  readonly output: string;
  /** Lines of the document that the output takes, the last one not among them. */
  readonly from: number;
  readonly to: number;
}

const fence = '```';

/**
 * The blocks ```console of a document, in their order: a line with `$ ` is a command, one with `> ` below it goes on with it, and what
 * follows is what it prints. Throws where a block is none of that, so that nothing is left untried because it is misspelt.
 */
export function readSteps(document: string): Step[] {
  const lines = document.split('\n');
  const steps: Step[] = [];
  for (let at = 0; at < lines.length; at++) {
    const word = /^```console ?(.*)$/.exec(lines[at]!)?.[1];
    if (word === undefined) continue;
    const kind = word === '' ? 'once' : stepKinds.find((each) => each === word);
    if (kind === undefined) throw new Error(`line ${at + 1}: \`console ${word}\` is none of ${stepKinds.join(', ')}`);
    const end = lines.indexOf(fence, at);
    if (end < 0) throw new Error(`line ${at + 1}: the block has no end`);
    steps.push(...stepsOf(lines, at + 1, end, kind));
    at = end;
  }
  return steps;
}

function stepsOf(lines: readonly string[], begin: number, end: number, kind: Step['kind']): Step[] {
  const isCommand = (at: number): boolean => lines[at]!.startsWith('$ ');
  const steps: Step[] = [];
  for (let at = begin; at < end;) {
    if (!isCommand(at)) throw new Error(`line ${at + 1}: what is printed here, by which command?`);
    let from = at + 1;
    while (from < end && lines[from]!.startsWith('> ')) from++;
    let to = from;
    while (to < end && !isCommand(to)) to++;
    const command = lines.slice(at, from).map((line) => line.slice(2));
    steps.push({ kind, command: command.join('\n'), output: lines.slice(from, to).join('\n'), from, to });
    at = to;
  }
  return steps;
}

/** The document with other outputs. */
export function withOutputs(document: string, outputs: ReadonlyMap<Step, string>): string {
  const lines = document.split('\n');
  const fromTheEnd = [...outputs].sort(([a], [b]) => b.from - a.from);
  for (const [{ from, to }, output] of fromTheEnd)
    lines.splice(from, to - from, ...(output === '' ? [] : output.split('\n')));
  return lines.join('\n');
}
