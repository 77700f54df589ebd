import { dateAttribute } from './build.js';
import { readInteger } from './attributes.js';
import { types } from './dictionary.js';
import { describeErrorCause } from './error-causes.js';
import { renderAuthorization } from './nas-profiles/authorization.js';
import type { Authorization, NasProfile, SessionIdentification } from './nas-profiles/profile.js';
import { codes, type Attribute, type Packet } from './packet.js';

/*
 * RFC 5176: what to say to a switch about a live session. `at` goes out as Event-Timestamp, which lets a switch refuse a
 * replay (§6.3; several drop what is more than 300 s off): a retransmission repeats the same bytes.
 */

/**
 * Attributes of a CoA-Request that brings a session to `authorization`, in the way that the profile knows. Throws for a make of which
 * no way is known (`disconnect`): its sessions are ended instead.
 */
export function coaRequest(
  profile: NasProfile,
  session: SessionIdentification,
  authorization: Authorization,
  at: Date,
): Attribute[] {
  if (profile.changeOfAuthorization === 'reauthenticate') return reauthenticateRequest(profile, session, at);
  if (profile.changeOfAuthorization === 'disconnect')
    throw new TypeError(`profile \`${profile.name}\` takes no CoA that changes a session`);
  return [...addressed(profile, session, at), ...renderAuthorization(profile, authorization)];
}

/** Attributes of a CoA-Request that has the session authenticated again. Throws where the profile has no such command. */
export function reauthenticateRequest(profile: NasProfile, session: SessionIdentification, at: Date): Attribute[] {
  if (!profile.reauthenticate) throw new TypeError(`profile \`${profile.name}\` has no command to re-authenticate`);
  return [...addressed(profile, session, at), ...profile.reauthenticate()];
}

/** Attributes of a CoA-Request that takes the session's port down and up. Throws where the profile has no such command. */
export function bounceRequest(profile: NasProfile, session: SessionIdentification, at: Date): Attribute[] {
  if (!profile.bouncePort) throw new TypeError(`profile \`${profile.name}\` has no command to bounce a port`);
  return [...addressed(profile, session, at), ...profile.bouncePort()];
}

/** Attributes of a Disconnect-Request: the session ends, and the device has to authenticate anew. */
export function disconnectRequest(profile: NasProfile, session: SessionIdentification, at: Date): Attribute[] {
  return addressed(profile, session, at);
}

const addressed = (profile: NasProfile, session: SessionIdentification, at: Date): Attribute[] => [
  ...profile.identifySession(session),
  dateAttribute(types.eventTimestamp, at),
];

export interface DynamicAuthorizationReply {
  readonly outcome: 'ack' | 'nak';
  readonly errorCause: number | null;
  /** `Session-Context-Not-Found`, for people. */
  readonly cause: string | null;
}

/** The reply to a CoA- or Disconnect-Request, once its signature is verified; `null` when it answers another kind of request. */
export function readDynamicAuthorizationReply(
  reply: Pick<Packet, 'code' | 'attributes'>,
  request: 'CoA-Request' | 'Disconnect-Request',
): DynamicAuthorizationReply | null {
  const ack = request === 'CoA-Request' ? codes.coaAck : codes.disconnectAck;
  if (reply.code !== ack && reply.code !== ack + 1) return null;
  const errorCause = readInteger(reply.attributes, types.errorCause);
  return {
    outcome: reply.code === ack ? 'ack' : 'nak',
    errorCause,
    cause: errorCause === null ? null : describeErrorCause(errorCause),
  };
}
