/**
 * Seconds until a device is to authenticate again: 90 to 100 % of the NAS's session timeout. The share depends on the MAC
 * alone, so that devices that came up together (after a power cut) spread out and stay spread out.
 */
export function reauthenticationSeconds(sessionTimeout: number, mac: string): number {
  let hash = 0x811c9dc5; // FNV-1a
  for (let i = 0; i < mac.length; i++) hash = Math.imul(hash ^ mac.charCodeAt(i), 0x01000193);
  const share = (hash >>> 0) / 2 ** 32;
  return Math.max(1, Math.round(sessionTimeout * (0.9 + share / 10)));
}
