import { nextChange, isActive, type Schedule, type When } from '../when.js';

/**
 * Whether one condition holds whenever another does. Schedules are compared by name only: of two schedules it is assumed
 * that each may be open while the other is closed, so that an answer never depends on when the clocks change.
 */
export function holdsWhenever(wider: When, narrower: When): boolean {
  if (wider.kind === 'always') return true;
  if (wider.kind === 'schedule') return narrower.kind === 'schedule' && wider.name === narrower.name;
  return narrower.kind === 'until' && narrower.end <= wider.end;
}

/** A number that grows when a condition gets strictly wider. */
export function whenRank(when: When): number {
  return when.kind === 'always' ? Number.POSITIVE_INFINITY : when.kind === 'until' ? when.end.getTime() : 0;
}

/** Whether a condition holds at an instant or later: false for what has ended, and for a window that never opens. */
export function heldFrom(schedules: ReadonlyMap<string, Schedule>, at: Date): (when: When) => boolean {
  const known = new Map<string, boolean>();
  return (when) => {
    if (when.kind !== 'schedule') return isActive(when, schedules, at);
    const held = known.get(when.name) ?? (isActive(when, schedules, at) || nextChange(when, schedules, at) !== null);
    known.set(when.name, held);
    return held;
  };
}
