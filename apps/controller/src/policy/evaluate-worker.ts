import { parentPort } from 'node:worker_threads';
import { Evaluator, type EvaluationRequest } from './evaluate.js';

/** Entry of a thread of evaluate-thread.ts: a result for each request, in order. */
const evaluator = new Evaluator();
parentPort?.on('message', (request: EvaluationRequest) => {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
  parentPort?.postMessage(evaluator.evaluate(request));
});
