import type { PolicyRepository } from '../e2e/tiny-policy.ts';
import type { Act, ActKind } from './acts.ts';
import type { BridgeUnderTest, ControllerUnderTest } from './cordon.ts';
import type { FirewallHost } from './firewall-host.ts';
import { devicePlans, sites, type DevicePlan, type PointPlans, type Site } from './hospital.ts';
import type { Judge } from './judge.ts';
import type { Ledger } from './ledger.ts';
import type { Network, Partitions } from './network.ts';
import type { PolicyWatch } from './policy-watch.ts';
import type { ScriptedSwitch } from './switch.ts';
import type { SwitchHost } from './switch-host.ts';

/** Everything that acts may touch, and that is looked at in the end. */
export interface World {
  readonly controller: ControllerUnderTest;
  readonly bridges: Readonly<Record<Site, BridgeUnderTest>>;
  readonly switches: readonly ScriptedSwitch[];
  readonly firewall: FirewallHost;
  readonly openvswitch: SwitchHost;
  readonly network: Network;
  readonly partitions: Partitions;
  readonly repository: PolicyRepository;
  readonly points: PointPlans;
  readonly judge: Judge;
  readonly policy: PolicyWatch;
  readonly ledger: Ledger;
  /** For people, and for the list of last acts. */
  readonly note: (line: string) => void;
}

export interface Deed {
  /** What it touches: one act at a time does. */
  readonly on: (act: Act) => string;
  /** Resolves when it is over. */
  readonly carryOut: (act: Act, signal: AbortSignal) => Promise<void>;
}
export type Deeds<K extends ActKind = ActKind> = Readonly<Record<K, Deed>>;

export const siteOf = (choice: number): Site => sites[choice % sites.length]!;
export const deviceOf = (choice: number): DevicePlan => devicePlans[choice % devicePlans.length]!;
const strangers = devicePlans.filter(({ isStranger }) => isStranger);
export const strangerOf = (choice: number): DevicePlan => strangers[(choice >> 1) % strangers.length]!;
