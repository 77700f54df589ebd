import { devicePostureSchema, macSchema } from '#model';
import { z } from 'zod';

const shortText = z.string().trim().max(200);

export const deviceFields = z.strictObject({
  class: z.string().trim().min(1).max(100),
  posture: devicePostureSchema,
  name: shortText,
  location: shortText,
  serial: shortText,
  notes: z.string().trim().max(4000),
});
export type DeviceFields = z.infer<typeof deviceFields>;

export const newDevice = z.strictObject({
  mac: macSchema,
  class: deviceFields.shape.class,
  posture: devicePostureSchema.default('normal'),
  name: shortText.default(''),
  location: shortText.default(''),
  serial: shortText.default(''),
  notes: deviceFields.shape.notes.default(''),
});
export type NewDevice = z.infer<typeof newDevice>;

/** What a caller wants changed; an absent member stays as it is. */
export type DeviceChange = { readonly [Field in keyof DeviceFields]?: DeviceFields[Field] | undefined };
export const deviceChange = deviceFields
  .partial()
  .refine((change) => Object.keys(change).length > 0, 'name at least one field');

export const reasonField = z.string().trim().min(1, 'say why: the audit trail keeps it').max(500);
export const postureChange = z.strictObject({ posture: devicePostureSchema, reason: reasonField });
/** As a system that knows of treatments sends it: many at once, and again and again. */
export const useChange = z.strictObject({ macs: z.array(macSchema).min(1).max(10_000), inUse: z.boolean() });
export const classChange = z.strictObject({ class: deviceFields.shape.class, reason: reasonField.optional() });
