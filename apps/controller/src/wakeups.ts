export type Topic =
  'snapshot' | 'candidate' | 'rollout' | 'orders' | 'devices' | 'credentials' | 'sessions' | 'authentications';

/**
 * "Look again": says that something changed, never what. Whoever listens reads the current state, so a lost or doubled
 * call does no harm.
 */
export class Wakeups {
  private readonly listeners = new Map<() => void, ReadonlySet<Topic>>();

  /** Answers with the way to stop listening. */
  on(topics: readonly Topic[], listener: () => void): () => void {
    this.listeners.set(listener, new Set(topics));
    return () => this.listeners.delete(listener);
  }

  fire(topic: Topic): void {
    for (const [listener, topics] of this.listeners) if (topics.has(topic)) listener();
  }
}
