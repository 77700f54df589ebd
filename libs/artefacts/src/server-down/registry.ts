import { arubaCx } from './aruba-cx.js';
import { ciscoIosXe } from './cisco-ios-xe.js';
import type { SwitchMake } from './configuration.js';
import { juniperEx } from './juniper-ex.js';

/** By NAS profile. Of the others Cordon writes what is wanted as JSON, and they are configured by hand. */
export const switchMakes: ReadonlyMap<string, SwitchMake> = new Map([
  ['cisco-ios-xe', ciscoIosXe],
  ['cisco-ios-xe-dacl', ciscoIosXe],
  ['aruba-cx', arubaCx],
  ['juniper-ex', juniperEx],
]);
