import type { WebhookEvent } from '../src/webhooks/events.js';

/** One that is told apart by its commit. */
export const sampleEvent = (commit: string): WebhookEvent => ({
  type: 'policy.refused',
  data: { commit, author: 'Ada', errors: 1, first: null },
});
