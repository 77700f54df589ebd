/** Time comes in as an argument; the pure core reads no clock and only the apps hand out the real one. */
export interface Clock {
  now(): Date;
}

export const systemClock: Clock = { now: () => new Date() };
