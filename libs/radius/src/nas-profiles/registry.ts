import { arubaCx } from './aruba-cx.js';
import { arubaOsSwitch } from './aruba-os-switch.js';
import { ciscoIosXe } from './cisco-ios-xe.js';
import { ciscoIosXeDacl } from './cisco-ios-xe-dacl.js';
import { extremeExos } from './extreme-exos.js';
import { fortiswitch } from './fortiswitch.js';
import { huawei } from './huawei.js';
import { juniperEx } from './juniper-ex.js';
import { mikrotik } from './mikrotik.js';
import type { NasProfile } from './profile.js';
import { rfc } from './rfc.js';
import { ruckusIcx } from './ruckus-icx.js';

/** Listed by hand: what is here has passed `registry.spec.ts`. */
const profiles: ReadonlyMap<string, NasProfile> = new Map(
  [
    rfc,
    ciscoIosXe,
    ciscoIosXeDacl,
    arubaCx,
    arubaOsSwitch,
    juniperEx,
    extremeExos,
    fortiswitch,
    ruckusIcx,
    mikrotik,
    huawei,
  ].map((profile) => [profile.name, profile]),
);

export const nasProfileNames: readonly string[] = [...profiles.keys()];

export function nasProfile(name: string): NasProfile | null {
  return profiles.get(name) ?? null;
}
