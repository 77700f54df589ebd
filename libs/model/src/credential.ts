import { z } from 'zod';
import { macSchema } from './device.js';

/**
 * Methods that a password may be used with. Each needs a hash of its own, and a credential holds only those of its methods:
 * `pap` (EAP-TTLS) a salted slow one, `mschapv2` (PEAP, EAP-TTLS) one that is as good as the password.
 */
export const passwordMethods = ['pap', 'mschapv2'] as const;
export type PasswordMethod = (typeof passwordMethods)[number];

/** No control or format characters, no lone surrogates, no separators of lines: whatever can be seen or is a space. */
const printable = /^[^\p{C}\p{Zl}\p{Zp}]*$/u;
const longestUsername = 253;

/**
 * As the supplicant sends it inside the tunnel; compared byte for byte. User-Name holds 253 bytes (RFC 2865 §5.1). `.` and
 * `..` can't stand in a URL.
 */
export const usernameSchema = z
  .string()
  .min(1)
  .regex(printable, 'has characters that can not be seen')
  .regex(/^\S(.*\S)?$/su, 'begins or ends with a space')
  .regex(/^(?!\.{1,2}$)/, 'is not a name')
  .refine((text) => new TextEncoder().encode(text).length <= longestUsername, `has more than ${longestUsername} bytes`);

/** What a new password must be. Nothing is trimmed or normalised: it is what was typed. Messages never repeat it. */
export const passwordSchema = z
  .string()
  .regex(printable, 'has characters that can not be seen, such as a tab or the end of a line')
  .regex(/^.{8,}$/su, 'has fewer than 8 characters')
  .regex(/^.{0,128}$/su, 'has more than 128 characters');

/**
 * A user name and what proves it, for devices that authenticate by password. It belongs to one device: on another device's
 * port it is a stolen one. Null: the name may not use that method.
 *
 * INVARIANT: it goes to the bridge and nowhere else, neither to a log, an event nor the API.
 */
export const credentialSchema = z.strictObject({
  username: z.string().min(1).max(longestUsername),
  mac: macSchema,
  /** For `pap`: `$scrypt$ln=14,r=8,p=1$<salt>$<hash>`, both in base64 without padding. */
  passwordHash: z.string().nullable(),
  /** For `mschapv2`: MD4 of the password in UTF-16LE, 32 hex digits. Whoever has it can log in with it: it is kept like a key. */
  ntHash: z
    .string()
    .regex(/^[0-9a-f]{32}$/)
    .nullable(),
});
export type Credential = z.infer<typeof credentialSchema>;
