import { z } from 'zod';
import { ordersSchema } from './orders.js';
import { credentialSchema } from './credential.js';
import { deviceKeySchema, macSchema } from './device.js';
import { authenticationSchema, sessionSchema } from './session.js';

/*
 * Between controller and bridge; the bridge always opens the connection, and works without it.
 *
 *   GET  /api/v1/bridge/feed?bridge=NAME&since=REVISION&credentials=REVISION&digest=DIGEST&rollout=VERSION   → endless NDJSON of feed messages
 *   POST /api/v1/bridge/events   → the spool, in order; answered once stored
 *
 * Both carry `Authorization: Bearer <bridge token>`. All messages carry state, so repeating one does no harm.
 */

/** A row of the device index or the MAC of one that is gone. */
export const deviceChangeSchema = z.union([
  deviceKeySchema,
  z.strictObject({ mac: macSchema, deleted: z.literal(true) }),
]);
export type DeviceChange = z.infer<typeof deviceChangeSchema>;

/** A credential, or the name of one that is gone. */
export const credentialChangeSchema = z.union([
  credentialSchema,
  z.strictObject({ username: credentialSchema.shape.username, deleted: z.literal(true) }),
]);
export type CredentialChange = z.infer<typeof credentialChangeSchema>;

export const stagedPolicySchema = z.strictObject({
  version: z.string().min(1),
  /** As in a `snapshot` message. */
  snapshot: z.unknown(),
  /** Sites that it holds at, those below them included. */
  sites: z.array(z.string()),
  devices: z.array(macSchema),
});
export type StagedPolicy = z.infer<typeof stagedPolicySchema>;

export const sessionElsewhereSchema = z.strictObject({ bridge: z.string().min(1), session: sessionSchema });
export type SessionElsewhere = z.infer<typeof sessionElsewhereSchema>;

export const feedMessageSchema = z.discriminatedUnion('type', [
  /** `snapshot` is what `encodeSnapshot` of libs/policy gives. Sent first when the bridge's digest differs, then at each change. */
  z.strictObject({ type: z.literal('snapshot'), snapshot: z.unknown() }),
  /**
   * A policy that is being rolled out beside the one in force, and where it holds already; null: none is. `version` names both: sent
   * first, after the snapshot, when the bridge's differs.
   */
  z.strictObject({ type: z.literal('rollout'), rollout: stagedPolicySchema.nullable() }),
  /** What people ordered; all of it, each time. */
  z.strictObject({ type: z.literal('orders'), orders: ordersSchema }),
  /** `reset`: forget the index and take this as the start (large indexes come in several messages, only the first with reset). */
  z.strictObject({
    type: z.literal('devices'),
    reset: z.boolean(),
    revision: z.number().int().nonnegative(),
    devices: z.array(deviceChangeSchema),
  }),
  /** As `devices`, with revisions of its own. Secret: see `credentialSchema`. */
  z.strictObject({
    type: z.literal('credentials'),
    reset: z.boolean(),
    revision: z.number().int().nonnegative(),
    credentials: z.array(credentialChangeSchema),
  }),
  /**
   * Sessions of other bridges, of a device that has a session at this one by the same NAS. A NAS that gets no answer from one bridge
   * goes on with the next, and tells neither.
   */
  z.strictObject({ type: z.literal('elsewhere'), sessions: z.array(sessionElsewhereSchema) }),
  z.strictObject({ type: z.literal('ping') }),
]);
export type FeedMessage = z.infer<typeof feedMessageSchema>;

export const bridgeEventSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('session'), seq: z.number().int().positive(), session: sessionSchema }),
  z.strictObject({
    type: z.literal('authentication'),
    seq: z.number().int().positive(),
    authentication: authenticationSchema,
  }),
]);
export type BridgeEvent = z.infer<typeof bridgeEventSchema>;

/**
 * `seq` grows by one per event of this `bridge` and survives its restarts: the controller stores each number once. A bridge
 * calls itself `<id>/<instance of its database>`, because one that lost its disk begins at 1 again.
 */
export const bridgeEventsSchema = z.strictObject({
  bridge: z.string().min(1),
  /** Of the snapshot in force by which it answers. When that is another, a batch goes though nothing happened. */
  digest: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .optional(),
  events: z.array(bridgeEventSchema).max(1000),
});
export type BridgeEvents = z.infer<typeof bridgeEventsSchema>;

/** All events up to this `seq` are stored; the bridge may forget them. */
export interface BridgeEventsAnswer {
  readonly stored: number;
}
