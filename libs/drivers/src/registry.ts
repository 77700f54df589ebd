import { canonicalJson, remembered, type Diagnostic } from '#base';
import type { EnforcementState } from '#model';
import type { Driver, DriverOptions } from './driver.js';
import { createCliDriver } from './cli-over-ssh/index.js';
import { createKubernetesDriver } from './kubernetes/index.js';
import { createNetconfDriver } from './netconf/index.js';
import { createNftablesDriver } from './nftables/index.js';
import { createOpenvswitchDriver, type OpenvswitchDriver } from './openvswitch/index.js';

const nftables = createNftablesDriver();
const openvswitch = new Map<string, OpenvswitchDriver>();

/** Every driver there is, by the name that policies use. Listed by hand: what is here has passed the conformance kit. */
export const drivers: ReadonlyMap<string, (options: DriverOptions) => Driver> = new Map<
  string,
  (options: DriverOptions) => Driver
>([
  ['cli-over-ssh', (options) => createCliDriver(options)],
  ['kubernetes', (options) => createKubernetesDriver(options)],
  ['netconf', (options) => createNetconfDriver(options)],
  ['nftables', () => nftables],
  ['openvswitch', (options) => remembered(openvswitch, canonicalJson(options), () => createOpenvswitchDriver(options))],
]);

/** With the options of a point, as the policy has them; null for a name that no driver has. */
export function driverNamed(name: string, options: DriverOptions): Driver | null {
  return drivers.get(name)?.(options) ?? null;
}

/** What the driver of a point can't express; nothing of a driver that there is not, which the policy's loader refuses. */
export const checkPoint = (
  { driver, options }: { readonly driver: string; readonly options: DriverOptions },
  state: EnforcementState,
): readonly Diagnostic[] => driverNamed(driver, options)?.check(state) ?? [];
