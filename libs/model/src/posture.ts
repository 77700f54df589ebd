import { z } from 'zod';

/**
 * How far a session is trusted. `verified`: a certificate was shown; `unverified`: known by MAC or profile only; the
 * other two are set on the device by a person or a risk signal and win over whatever the authentication showed.
 */
export const postures = ['verified', 'unverified', 'at-risk', 'quarantined'] as const;
export type Posture = (typeof postures)[number];

/** What is stored on a device: `normal` means "as authenticated". */
export const devicePostures = ['normal', 'at-risk', 'quarantined'] as const;
export const devicePostureSchema = z.enum(devicePostures);
export type DevicePosture = z.infer<typeof devicePostureSchema>;

/** What a device showed; `password`: that it knows a secret of its own, in PEAP or EAP-TTLS. */
export const authenticationMethods = ['mac', 'password', 'certificate'] as const;
export type AuthenticationMethod = (typeof authenticationMethods)[number];
