import { z } from 'zod';
import { macSchema } from './device.js';

/** One device, or all of a class. */
const subject = { mac: macSchema.nullable(), class: z.string().nullable() };

/** What people ordered beside the policy in git: few at a time, and each by name in the audit trail. */
export const ordersSchema = z.strictObject({
  /** Devices that count as another class until then, in whatever posture they are: the policy says what that class may. */
  breakGlass: z.array(z.strictObject({ id: z.number().int(), ...subject, as: z.string(), until: z.iso.datetime() })),
  /** Sessions that need not wait for their class's time to be changed to this policy. Neither device nor class: all. */
  released: z.array(z.strictObject({ ...subject, digest: z.string() })),
});
export type Orders = z.infer<typeof ordersSchema>;
export type BreakGlassOrder = Orders['breakGlass'][number];

export const noOrders: Orders = { breakGlass: [], released: [] };
