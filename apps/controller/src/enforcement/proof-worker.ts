import { parentPort } from 'node:worker_threads';
import { proveRulesOf } from '#artefacts';
import { driverNamed } from '#drivers';
import type { ProofAnswer, ProofRequest } from './proof-thread.js';

/** Entry of the thread that `ProofThread` starts: one answer to each request, in order. */
parentPort?.on('message', ({ driver, options, rules }: ProofRequest) => {
  const answer: ProofAnswer = proveRulesOf(driverNamed(driver, options)!, rules);
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
  parentPort?.postMessage(answer);
});
