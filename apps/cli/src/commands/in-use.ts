import { ControllerClient, readControllerOptions, type ControllerArguments } from '../controller-client.js';
import { countOf, print, printJson } from '../output.js';

export interface InUseOptions extends ControllerArguments {
  readonly release?: boolean;
  readonly json?: boolean;
}

interface Answer {
  readonly changed: number;
  readonly unknown: readonly string[];
}

/** Marks devices as in clinical use, or takes the mark away. Exit code 2: some are in no record. */
export async function markInUse(macs: readonly string[], options: InUseOptions): Promise<number> {
  const client = new ControllerClient(readControllerOptions(options, process.env));
  const inUse = !(options.release ?? false);
  const answer = await client.send<Answer>('POST', '/api/v1/devices/in-use', { macs, inUse });
  if (options.json) printJson(answer);
  else {
    print(
      `${countOf(answer.changed, 'device')} ${inUse ? 'marked as in clinical use: what would disrupt them waits' : 'released'}`,
    );
    if (answer.unknown.length > 0) print(`not in the registry: ${answer.unknown.join(', ')}`);
  }
  return answer.unknown.length > 0 ? 2 : 0;
}
