import type { EntityManager } from 'typeorm';
import { enqueue, isHeard as isBoxHeard, webhookBox } from '../outbox/outbox.js';
import type { WebhookEvent } from './events.js';

/** Whether anybody is to hear of events. Who has something to tell need not know the configuration. */
export const isHeard = (tx: EntityManager): Promise<boolean> => isBoxHeard(tx, webhookBox);

/** INVARIANT: called with the same `tx` as what happened, so neither is ever stored without the other. */
export function enqueueEvents(
  tx: EntityManager,
  at: Date,
  events: readonly WebhookEvent[],
  most = webhookBox.most,
): Promise<void> {
  const timestamp = at.toISOString();
  const bodies = events.map(({ type, data }) => JSON.stringify({ type, timestamp, data }));
  return enqueue(tx, webhookBox, at, bodies, most);
}
