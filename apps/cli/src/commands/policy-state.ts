import { ControllerClient, readControllerOptions, type ControllerArguments } from '../controller-client.js';
import { green, print, printJson, red, yellow } from '../output.js';
import { alignTable, shown } from '../table.js';
import { formatTime } from '../times.js';

export interface Disagreement {
  readonly kind: string;
  readonly between: 'source' | 'bridge' | 'point';
  readonly name: string;
  readonly isExpected: boolean;
  readonly summary: string;
  readonly hint: string;
}

/** As the controller answers it. */
export interface ThreeWays {
  readonly source: { readonly head: string | null; readonly commit: string | null; readonly digest: string | null };
  readonly running: {
    readonly commit: string | null;
    readonly digest: string | null;
    readonly bridges: readonly { readonly id: string; readonly digest: string | null; readonly isListening: boolean }[];
  };
  readonly applied: readonly {
    readonly name: string;
    readonly state: string;
    readonly verdict: string;
    readonly left: string | null;
    readonly leftAt: string | null;
    readonly read: string | null;
    readonly wanted: string | null;
    readonly digest: string | null;
  }[];
  readonly disagreements: readonly Disagreement[];
}

/** What the repository says, what runs, and what was applied. Exit 0: all agree, or will; 2: a person has to look. */
export async function policyState(options: ControllerArguments & { readonly json?: boolean }): Promise<number> {
  const client = new ControllerClient(readControllerOptions(options, process.env));
  const { threeWays } = await client.get<{ threeWays: ThreeWays }>('/api/v1/status');
  const isWrong = threeWays.disagreements.some(({ isExpected }) => !isExpected);
  if (options.json) printJson({ ok: !isWrong, ...threeWays });
  else show(threeWays);
  return isWrong ? 2 : 0;
}

const short = (text: string | null): string => (text === null || text === '' ? '-' : text.slice(0, 12));

function show({ source, running, applied, disagreements }: ThreeWays): void {
  const head = source.head === source.commit ? '' : `; its newest commit is ${short(source.head)}`;
  print(`source    ${short(source.commit)}, digest ${short(source.digest)}${head}`);
  print(`running   ${short(running.commit)}, digest ${short(running.digest)}`);
  for (const { id, digest, isListening } of running.bridges)
    if (isListening) print(`bridge    ${shown(id)} answers by ${digest === null ? 'it does not say' : short(digest)}`);
  if (applied.length > 0) {
    print('');
    const rows = applied.map(({ name, state, verdict, left, leftAt, read, wanted, digest }) => [
      name,
      state,
      short(wanted),
      short(digest),
      short(left),
      leftAt === null ? '-' : formatTime(leftAt),
      short(read),
      verdict,
    ]);
    const header = ['POINT', 'STATE', 'WANTED', 'HELD', 'RULES LEFT', 'LEFT AT', 'RULES READ', 'VERDICT'];
    for (const line of alignTable(header, rows)) print(line);
  }
  print('');
  if (disagreements.length === 0) print(green('source, running and applied agree'));
  for (const line of describeDisagreements(disagreements)) print(line);
}

export const describeDisagreements = (disagreements: readonly Disagreement[]): string[] =>
  disagreements.map(
    ({ isExpected, summary, hint }) => `${isExpected ? yellow('…') : red('!')} ${shown(summary)}\n  ${shown(hint)}`,
  );
