import { fnv1a } from '#base';

/**
 * Seconds until a device is to authenticate again: 90 to 100 % of the NAS's session timeout. The share depends on the MAC
 * alone, so that devices that came up together (after a power cut) spread out and stay spread out.
 */
export function reauthenticationSeconds(sessionTimeout: number, mac: string): number {
  const share = (fnv1a(mac) >>> 0) / 2 ** 32;
  return Math.max(1, Math.round(sessionTimeout * (0.9 + share / 10)));
}
