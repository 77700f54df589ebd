import { z } from 'zod';

/**
 * What a device says of itself by DHCP or LLDP, where its switch tells it: options 60, 55 (as `1,3,6,15`) and 12, TLVs 5 and 6. Words
 * of the device, which may lie.
 */
export const fingerprintFields = [
  'dhcp-class-identifier',
  'dhcp-parameter-request-list',
  'dhcp-host-name',
  'lldp-system-name',
  'lldp-system-description',
] as const;
export type FingerprintField = (typeof fingerprintFields)[number];

const text = z.string().min(1).max(1024).exactOptional();
/** What it left out is not there. */
export const fingerprintSchema = z.strictObject({
  'dhcp-class-identifier': text,
  'dhcp-parameter-request-list': text,
  'dhcp-host-name': text,
  'lldp-system-name': text,
  'lldp-system-description': text,
} satisfies Record<FingerprintField, z.ZodType>);
export type Fingerprint = Readonly<z.infer<typeof fingerprintSchema>>;
