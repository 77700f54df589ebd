import { z } from 'zod';
import { authorizationSteps } from './authorization-step.js';
import { macSchema } from './device.js';
import { fingerprintSchema } from './fingerprint.js';
import { authenticationMethods, postures } from './posture.js';

const instant = z.iso.datetime();
/** Absent in the events that an older bridge has on its disk. */
const sinceLater = <T extends z.ZodType>(schema: T) => schema.nullable().default(null);

/** What the bridge tried with a live session whose authorization changed, and what the NAS said (RFC 5176). */
export const coaOutcomeSchema = z.strictObject({
  at: instant,
  step: z.enum(authorizationSteps),
  request: z.enum(['CoA-Request', 'Disconnect-Request']),
  outcome: z.enum(['ack', 'nak', 'timeout']),
  errorCause: z.number().int().nullable(),
  /** What was asked for, and why it went as it did, for people. */
  reason: z.string(),
});
export type CoaOutcome = z.infer<typeof coaOutcomeSchema>;

/** The latest: the others are over for long. */
export const maxSucceeded = 4;

/** How many attempts a session keeps besides the last. */
export const maxEarlierCoa = 7;

/**
 * Whether the NAS has what policy says. `settled`: it has; `held`: it has not, on purpose: the class waits for its time, or the device
 * is in clinical use; `changing`: a step is under way; `diverged`: it has not, and what was tried did not help (it goes on being tried,
 * no oftener than every few minutes).
 */
export const convergenceSchema = z.strictObject({
  state: z.enum(['settled', 'held', 'changing', 'diverged']),
  since: instant,
  /** What is being changed, what it waits for, or why it could not be, for people; null when settled. */
  reason: z.string().nullable(),
});
export type Convergence = z.infer<typeof convergenceSchema>;

/**
 * Whether the NAS took what it was told. `waiting`: it was told lately; `confirmed`: accounting, or an acknowledgement, shows it;
 * `unknown`: nothing can show it, because the NAS does no accounting; `ignored`: it accounts, and not for this session; `looping`: it asks
 * again and again for a device that was let in.
 */
export const deliverySchema = z.strictObject({
  state: z.enum(['waiting', 'confirmed', 'unknown', 'ignored', 'looping']),
  since: instant,
  /** For people; null where there is nothing to say. */
  reason: z.string().nullable(),
});
export type Delivery = z.infer<typeof deliverySchema>;

/**
 * One device on one port, as the bridge knows it. Always sent whole (state, not a difference), so that a repeated or
 * late copy does no harm; `revision` grows with each change of this session.
 */
export const sessionSchema = z.strictObject({
  id: z.string().min(1),
  revision: z.number().int().nonnegative(),
  state: z.enum(['open', 'closed']),
  mac: macSchema,
  nas: z.string(),
  nasAddress: z.string(),
  nasPort: z.string().nullable(),
  /** A radio, between whose access points devices roam; null: not known. */
  isWireless: sinceLater(z.boolean()),
  acctSessionId: z.string().nullable(),
  site: z.string(),
  method: z.enum(authenticationMethods),
  class: z.string(),
  posture: z.enum(postures),
  /** What the NAS was last told, by Access-Accept or acknowledged CoA. */
  segment: z.string(),
  vlan: z.number().int(),
  /** The class whose flow rules hold in this segment: its own class, or the segment's role. */
  role: z.string(),
  decisionId: z.string(),
  snapshotDigest: z.string(),
  /** Rule that granted the segment, `file:line`. */
  rule: z.string(),
  addresses: z.array(z.string()),
  /** When the NAS last reported any. */
  addressesAt: sinceLater(instant),
  /** Null: nothing was told. */
  fingerprint: sinceLater(fingerprintSchema),
  startedAt: instant,
  updatedAt: instant,
  endedAt: instant.nullable(),
  endReason: z.string().nullable(),
  inputOctets: z.number().nonnegative(),
  outputOctets: z.number().nonnegative(),
  lastCoa: coaOutcomeSchema.nullable(),
  /** Attempts before the last, the latest first. */
  earlierCoa: z.array(coaOutcomeSchema).max(maxEarlierCoa),
  convergence: convergenceSchema,
  /** Absent in the events that an older bridge has on its disk. */
  delivery: deliverySchema.default({ state: 'unknown', since: '1970-01-01T00:00:00.000Z', reason: null }),
  /** Addresses that the NAS reported and that are not of the segment that it was told. */
  strayAddresses: z.array(z.string()).default([]),
  /** Fingerprint of the authorization that the NAS was last told, the same at all bridges; null when that is not known. */
  told: sinceLater(z.string()),
  toldAt: sinceLater(instant),
  /** When the NAS last spoke of it; null: an older release did not say. */
  heardAt: sinceLater(instant),
  /** Sessions at other bridges that this one takes the place of: the NAS spoke of it later than of them, as they were at that revision. */
  succeeds: z
    .array(z.strictObject({ id: z.string(), revision: z.number().int().nonnegative() }))
    .max(maxSucceeded)
    .default([]),
});
export type Session = z.infer<typeof sessionSchema>;

/** When the NAS last spoke of it, as far as that is known. */
export const lastHeard = ({ heardAt, updatedAt }: Pick<Session, 'heardAt' | 'updatedAt'>): string =>
  heardAt ?? updatedAt;

/** Whether it takes the place of the other one, and knows all that that one says. */
export const isSuccessor = (session: Pick<Session, 'succeeds'>, { id, revision }: Pick<Session, 'id' | 'revision'>) =>
  session.succeeds.some((known) => known.id === id && known.revision >= revision);

/** Why a session ends that the NAS goes on with at another bridge, which calls itself `<id>/<instance of its database>`. */
export const wentOnWith = (bridge: string): string => `the switch went on with bridge ${bridge.split('/')[0]!}`;

/** One decision of the bridge, or several equal ones in a row (`count`). */
export const authenticationSchema = z.strictObject({
  at: instant,
  mac: z.string().nullable(),
  nas: z.string(),
  nasPort: z.string().nullable(),
  outcome: z.enum(['accept', 'reject']),
  /** For people. */
  reason: z.string(),
  /** The name of why it was rejected, out of a short list; null for an accept. */
  code: sinceLater(z.string()),
  method: sinceLater(z.enum(authenticationMethods)),
  class: sinceLater(z.string()),
  posture: sinceLater(z.enum(postures)),
  site: sinceLater(z.string()),
  segment: z.string().nullable(),
  vlan: sinceLater(z.number().int()),
  /** Rule that granted the segment, `file:line`. */
  rule: sinceLater(z.string()),
  /** Of the policy that decided. */
  snapshotDigest: sinceLater(z.string()),
  decisionId: z.string(),
  count: z.number().int().positive(),
});
export type Authentication = z.infer<typeof authenticationSchema>;
