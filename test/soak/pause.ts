import { setTimeout as wait } from 'node:timers/promises';

/** Ends early when the signal is aborted. */
export async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted || milliseconds <= 0) return;
  await wait(milliseconds, undefined, { signal }).catch(() => undefined);
}

/** Asks every 100 ms until it is so; false when the time is up or the signal is aborted. */
export async function isSoWithin(
  milliseconds: number,
  isSo: () => boolean | Promise<boolean>,
  signal: AbortSignal,
): Promise<boolean> {
  const deadline = Date.now() + milliseconds;
  while (!signal.aborted) {
    if (await isSo()) return true;
    if (Date.now() > deadline) return false;
    await pause(100, signal);
  }
  return false;
}
