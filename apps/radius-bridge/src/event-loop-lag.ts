const everyMilliseconds = 100;

/**
 * Looks ten times a second how late the event loop is, in milliseconds. By the monotonic clock: one that is set is not lag. Answers
 * with the way to stop.
 */
export function watchEventLoop(take: (lag: number) => void): () => void {
  let due = performance.now() + everyMilliseconds;
  const timer = setInterval(() => {
    const now = performance.now();
    take(Math.max(0, now - due));
    due = now + everyMilliseconds;
  }, everyMilliseconds);
  timer.unref();
  return () => clearInterval(timer);
}
