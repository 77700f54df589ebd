import { Worker } from 'node:worker_threads';
import type { Result } from '#base';
import { weighProposal, type Weighed, type WeighRequest } from './weigh-proposal.js';

/** In a thread of its own, as `evaluateInThread`: bridges and firewalls don't wait for somebody's idea. */
export async function weighInThread(request: WeighRequest): Promise<Result<Weighed>> {
  // From TypeScript sources (tests), which a thread can't load, it runs here.
  if (import.meta.url.endsWith('.ts')) return weighProposal(request);
  const worker = new Worker(new URL('./weigh-worker.js', import.meta.url), { workerData: request });
  try {
    return await new Promise<Result<Weighed>>((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
      worker.once('exit', () => reject(new Error('the comparison ended without a result')));
    });
  } finally {
    await worker.terminate();
  }
}
