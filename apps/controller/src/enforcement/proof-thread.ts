import { Worker } from 'node:worker_threads';
import { proveRulesOf, type RulesProof } from '#artefacts';
import { driverNamed } from '#drivers';
import type { EnforcementRules } from '#model';
import type { EnforcementPointEntry } from '#policy';

export interface ProofRequest {
  readonly driver: string;
  readonly options: EnforcementPointEntry['options'];
  readonly rules: EnforcementRules;
}

export type ProofAnswer = RulesProof;

/**
 * Proves the rules of enforcement points in a thread of its own, one after the other: with twenty sites a new policy takes ten seconds of
 * it, and meanwhile bridges must hear of that policy, and a quarantine must not wait.
 */
export class ProofThread {
  private worker: Worker | null = null;
  private readonly waiting: PromiseWithResolvers<RulesProof>[] = [];

  prove(
    { driver, options }: Pick<EnforcementPointEntry, 'driver' | 'options'>,
    rules: EnforcementRules,
  ): Promise<RulesProof> {
    // From TypeScript sources (tests), which a thread can't load, it runs here.
    if (import.meta.url.endsWith('.ts')) return Promise.resolve(proveRulesOf(driverNamed(driver, options)!, rules));
    const worker = (this.worker ??= this.start());
    const waiting = Promise.withResolvers<RulesProof>();
    this.waiting.push(waiting);
    const request: ProofRequest = { driver, options, rules };
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    worker.postMessage(request);
    return waiting.promise;
  }

  async close(): Promise<void> {
    await this.worker?.terminate();
  }

  private start(): Worker {
    const worker = new Worker(new URL('./proof-worker.js', import.meta.url), { execArgv: [] });
    // It keeps nobody running.
    worker.unref();
    worker.on('message', (answer: ProofAnswer) => this.waiting.shift()?.resolve(answer));
    const gone = (error: unknown): void => {
      if (this.worker === worker) this.worker = null;
      for (const { reject } of this.waiting.splice(0)) reject(error);
    };
    worker.on('error', gone);
    worker.on('exit', () => gone(new Error('the thread that proves rules has ended')));
    return worker;
  }
}
