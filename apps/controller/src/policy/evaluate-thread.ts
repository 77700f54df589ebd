import { Worker } from 'node:worker_threads';
import { deepFreeze, type Result } from '#base';
import type { KnownWorkloads, Provenance } from '#policy';
import { evaluatePolicy, type Evaluation } from './evaluate.js';

export interface EvaluationRequest {
  readonly files: ReadonlyMap<string, string>;
  readonly at: Date;
  readonly provenance: Provenance;
  readonly known: KnownWorkloads;
  /** With the lines in audit in force. */
  readonly isCandidate?: boolean;
}

/**
 * Evaluates in a thread of its own: a large policy with many invariants takes seconds, and meanwhile the feed, the
 * enforcement points and a quarantine must not wait.
 */
export async function evaluateInThread(request: EvaluationRequest): Promise<Result<Evaluation>> {
  // From TypeScript sources (tests), which a thread can't load, it runs here.
  const { files, at, provenance, known, isCandidate } = request;
  if (import.meta.url.endsWith('.ts')) return evaluatePolicy(files, at, provenance, known, isCandidate);
  const worker = new Worker(new URL('./evaluate-worker.js', import.meta.url), { workerData: request });
  try {
    return await new Promise<Result<Evaluation>>((resolve, reject) => {
      worker.once('message', (result: Result<Evaluation>) => resolve(deepFreeze(result)));
      worker.once('error', reject);
      worker.once('exit', () => reject(new Error('the evaluation ended without a result')));
    });
  } finally {
    await worker.terminate();
  }
}
