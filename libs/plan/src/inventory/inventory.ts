import type { Diagnostic } from '#base';
import type { Posture } from '#model';

/** A row of the inventory: one device, or `count` alike. */
export interface InventoryDevice {
  /** MAC or whatever the inventory calls it; rows that only count have none. */
  readonly id: string | null;
  readonly class: string;
  /** Null: the switch says it. */
  readonly site: string | null;
  readonly nas: string | null;
  readonly posture: Posture;
  readonly count: number;
  readonly line: number;
}

/** The devices of a hospital, as an admin exports them. What names it uses is not checked here: policies know names. */
export interface Inventory {
  readonly file: string;
  readonly devices: readonly InventoryDevice[];
  /** IPv4 as a number, IPv6 in RFC 5952 text → index of the device. */
  readonly byAddress: ReadonlyMap<number | string, number>;
  /** Canonical MAC → index. */
  readonly byMac: ReadonlyMap<string, number>;
  /** Addresses that two devices claim: they belong to neither. */
  readonly findings: readonly Diagnostic[];
}
