import { Worker } from 'node:worker_threads';
import { deepFreeze, type Result } from '#base';
import { Evaluator, type Evaluation, type EvaluationRequest } from './evaluate.js';

/**
 * Evaluates in a thread of its own: a large policy with many invariants takes seconds, and meanwhile the feed, the enforcement points and a
 * quarantine must not wait. The thread stays, and has the policy before at hand: of the next one only what changed is made anew.
 *
 * A candidate has another thread. Whoever may push a branch may write one that takes for ever; what is in force does not stand behind it.
 */
export function evaluateInThread(request: EvaluationRequest): Promise<Result<Evaluation>> {
  return (request.isCandidate ? ofCandidates : ofPolicy).evaluate(request);
}

/** From TypeScript sources (tests), which a thread can't load, evaluation runs here. */
const isBuilt = !import.meta.url.endsWith('.ts');

class EvaluationThread {
  private worker: Worker | null = null;
  private tail: Promise<unknown> = Promise.resolve();

  /** One after the other. */
  evaluate(request: EvaluationRequest): Promise<Result<Evaluation>> {
    if (!isBuilt) return Promise.resolve().then(() => new Evaluator().evaluate(request));
    const result = this.tail.then(() => this.ask(request));
    this.tail = result.catch(() => undefined);
    return result;
  }

  private ask(request: EvaluationRequest): Promise<Result<Evaluation>> {
    const worker = (this.worker ??= this.start());
    worker.ref();
    return new Promise<Result<Evaluation>>((resolve, reject) => {
      const end = (): void => {
        worker.off('message', take).off('error', fail).off('exit', leave).unref();
      };
      const take = (result: Result<Evaluation>): void => {
        end();
        resolve(deepFreeze(result));
      };
      const fail = (error: unknown): void => {
        end();
        // It is ending: the next request is for another one.
        if (this.worker === worker) this.worker = null;
        reject(error instanceof Error ? error : new Error(String(error)));
      };
      const leave = (): void => fail(new Error('the evaluation ended without a result'));
      worker.once('message', take).once('error', fail).once('exit', leave);
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
      worker.postMessage(request);
    });
  }

  private start(): Worker {
    const worker = new Worker(new URL('./evaluate-worker.js', import.meta.url));
    worker.once('exit', () => {
      if (this.worker === worker) this.worker = null;
    });
    return worker;
  }
}

const ofPolicy = new EvaluationThread();
const ofCandidates = new EvaluationThread();
