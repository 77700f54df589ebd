/**
 * What a device may be suspected of. `downgrade`: it once showed a certificate and now comes by its MAC address alone;
 * `two-ports`: its address lives on two ports at once; `vendor`: its address is of no manufacturer of its class; `fingerprint`: what
 * it says of itself by DHCP or LLDP is not what devices of its class say.
 */
export const suspicionKinds = ['downgrade', 'two-ports', 'vendor', 'fingerprint'] as const;
export type SuspicionKind = (typeof suspicionKinds)[number];

/** What policy wants done: `alarm` tells people, `quarantine` moves the device as well. */
export const suspicionActions = ['ignore', 'alarm', 'quarantine'] as const;
export type SuspicionAction = (typeof suspicionActions)[number];
