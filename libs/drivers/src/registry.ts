import type { Driver, DriverOptions } from './driver.js';
import { createKubernetesDriver } from './kubernetes/index.js';
import { createNetconfDriver } from './netconf/index.js';
import { createNftablesDriver } from './nftables/index.js';

const nftables = createNftablesDriver();

/** Every driver there is, by the name that policies use. Listed by hand: what is here has passed the conformance kit. */
export const drivers: ReadonlyMap<string, (options: DriverOptions) => Driver> = new Map<
  string,
  (options: DriverOptions) => Driver
>([
  ['kubernetes', (options) => createKubernetesDriver(options)],
  ['netconf', (options) => createNetconfDriver(options)],
  ['nftables', () => nftables],
]);

/** With the options of a point, as the policy has them; null for a name that no driver has. */
export function driverNamed(name: string, options: DriverOptions): Driver | null {
  return drivers.get(name)?.(options) ?? null;
}
