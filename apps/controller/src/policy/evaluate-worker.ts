import { parentPort, workerData } from 'node:worker_threads';
import type { EvaluationRequest } from './evaluate-thread.js';
import { evaluatePolicy } from './evaluate.js';

/** Entry of the thread that `evaluateInThread` starts: one request in, one result out. */
const { files, at, provenance, known, isCandidate } = workerData as EvaluationRequest;
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
parentPort?.postMessage(evaluatePolicy(files, at, provenance, known, isCandidate));
