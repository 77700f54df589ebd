import type { Driver } from './driver.js';
import { createNftablesDriver } from './nftables/index.js';

/** Every driver there is, by the name that policies use. Listed by hand: what is here has passed the conformance kit. */
export const drivers: ReadonlyMap<string, Driver> = new Map(
  [createNftablesDriver()].map((driver) => [driver.name, driver]),
);

/** Null for a name that no driver has. */
export function driverNamed(name: string): Driver | null {
  return drivers.get(name) ?? null;
}
