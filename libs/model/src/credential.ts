import { z } from 'zod';
import { macSchema } from './device.js';

/**
 * A user name and what proves it, for devices that authenticate by password (PEAP, EAP-TTLS). It belongs to one device: on
 * another device's port it is a stolen one. Each method needs a hash of its own; null: the name may not use that method.
 */
export const credentialSchema = z.strictObject({
  /** As the supplicant sends it inside the tunnel; compared byte for byte. */
  username: z.string().min(1).max(253),
  mac: macSchema,
  /** For methods that send the password (TTLS-PAP): `$scrypt$ln=14,r=8,p=1$<salt>$<hash>`, both in base64 without padding. */
  passwordHash: z.string().nullable(),
  /** For MSCHAPv2: MD4 of the password in UTF-16LE, 32 hex digits. Whoever has it can log in with it: it is kept like a key. */
  ntHash: z
    .string()
    .regex(/^[0-9a-f]{32}$/)
    .nullable(),
});
export type Credential = z.infer<typeof credentialSchema>;
