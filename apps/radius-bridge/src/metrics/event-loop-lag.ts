import type { Counters } from '../counters.js';

const everyMilliseconds = 100;

/** Looks ten times a second how late the event loop is. Answers with the way to stop. */
export function watchEventLoop(counters: Counters): () => void {
  let due = performance.now() + everyMilliseconds;
  const timer = setInterval(() => {
    const now = performance.now();
    counters.took('event-loop.lag', Math.max(0, now - due));
    due = now + everyMilliseconds;
  }, everyMilliseconds);
  timer.unref();
  return () => clearInterval(timer);
}
