import { setTimeout as pause } from 'node:timers/promises';
import {
  ControllerClient,
  ControllerError,
  readControllerOptions,
  type ControllerArguments,
} from '../controller-client.js';
import { LineFile } from '../line-file.js';
import { print, printJson } from '../output.js';

export interface ShipOptions extends ControllerArguments {
  readonly file: string;
  readonly point: string;
  readonly position: string;
  readonly once?: boolean;
  readonly json?: boolean;
}

interface Answer {
  readonly taken: number;
  readonly watched: number;
  readonly ignored: number;
  readonly malformed: number;
}

const mostBytes = 512 * 1024;
const idleMilliseconds = 1000;
const firstRetry = 1000;
const lastRetry = 60_000;

/**
 * Sends what a gateway's ulogd2 writes, line by line, for ever. How far it got is on disk after each batch that the controller has stored:
 * when this process is killed in between, that one batch is sent again and counted twice.
 */
export async function shipDenied(options: ShipOptions): Promise<number> {
  const client = new ControllerClient(readControllerOptions(options, process.env));
  const path = `/api/v1/flows?point=${encodeURIComponent(options.point)}`;
  const file = new LineFile(options.file, options.position);
  for (;;) {
    const batch = file.next(mostBytes);
    if (batch === null) {
      if (options.once) return 0;
      await pause(idleMilliseconds);
      continue;
    }
    const answer = await sendUntilTaken(() => client.sendLines<Answer>(path, batch.text));
    file.confirm(batch);
    if (options.json) printJson(answer);
    else print(describeAnswer(answer));
  }
}

/** What passed and a candidate would drop comes in the same file. */
function describeAnswer({ taken, watched, ignored, malformed }: Answer): string {
  const passed = watched > 0 ? `, ${watched} that passed and would not by the policy in audit` : '';
  return `${taken} denied packets sent${passed}, ${ignored} of others, ${malformed} not understood`;
}

/** A controller that is away, or has enough for now, comes back; one that does not want this never will. */
async function sendUntilTaken(send: () => Promise<Answer>): Promise<Answer> {
  for (let wait = firstRetry; ; wait = Math.min(wait * 2, lastRetry)) {
    try {
      return await send();
    } catch (error) {
      if (!(error instanceof ControllerError) || !isPassing(error)) throw error;
      process.stderr.write(`${error.message}; trying again in ${wait / 1000} s\n`);
    }
    await pause(wait);
  }
}

/** A point may be missing because the policy that names it is not in force yet. */
const isPassing = ({ status }: ControllerError): boolean =>
  status === null || status === 404 || status === 429 || status >= 500;
