import { setTimeout as pause } from 'node:timers/promises';
import { ControllerError } from './controller-client.js';
import { print, printJson } from './output.js';

/** What somebody else writes, in pieces, with how far it got on disk. */
export interface Spool<Batch> {
  /** Null: there is nothing new. The same again until it is confirmed. */
  next(mostBytes: number): Batch | null;
  confirm(batch: Batch): void;
}

/** As the controller takes it. */
export interface Taken {
  readonly taken: number;
  /** Of a gateway: openings that passed, and that the policy in audit would drop. */
  readonly watched?: number;
  readonly ignored: number;
  readonly malformed: number;
}

export interface Shipment<Batch> {
  readonly spool: Spool<Batch>;
  readonly send: (batch: Batch) => Promise<Taken>;
  /** Of what was taken. */
  readonly words: (taken: Taken) => string;
}

const mostBytes = 512 * 1024;
const idleMilliseconds = 1000;
const firstRetry = 1000;
const lastRetry = 60_000;

/**
 * Sends piece by piece, for ever. How far it got is on disk after each that the controller has stored: when this process is killed in between,
 * that one is sent again and counted twice.
 */
export async function ship<Batch>(
  { spool, send, words }: Shipment<Batch>,
  { once, json }: { readonly once?: boolean; readonly json?: boolean },
): Promise<number> {
  for (;;) {
    const batch = spool.next(mostBytes);
    if (batch === null) {
      if (once) return 0;
      await pause(idleMilliseconds);
      continue;
    }
    const answer = await sendUntilTaken(() => send(batch));
    spool.confirm(batch);
    if (json) printJson(answer);
    else print(words(answer));
  }
}

/** A controller that is away, or has enough for now, comes back; one that does not want this never will. */
async function sendUntilTaken(send: () => Promise<Taken>): Promise<Taken> {
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
