import { parseMac, type Mac } from '#net';
import { z } from 'zod';
import { devicePostureSchema } from './posture.js';

/** Any of the five MAC forms in; the canonical form out. */
export const macSchema = z.string().transform((text, context): Mac => {
  const mac = parseMac(text);
  if (mac) return mac;
  context.addIssue({
    code: 'custom',
    message: `\`${text}\` is not the MAC address of a device, for example 00:1a:2b:3c:4d:5e`,
  });
  return z.NEVER;
});

/** What the data plane must know of a device to decide: a row of the device index. */
export const deviceKeySchema = z.strictObject({
  mac: macSchema,
  class: z.string().min(1),
  posture: devicePostureSchema,
  /** By which certificates may name it; left out where its record has none. */
  serial: z.string().min(1).optional(),
  /** In clinical use since then: what disrupts it waits. Left out where it is not. */
  inUse: z.iso.datetime().optional(),
});
export type IndexedDevice = z.infer<typeof deviceKeySchema>;

/** Devices that no record names belong to this class. */
export const unknownClass = 'unknown';
