import { types, valueNames } from './dictionary.js';

/**
 * What a refusal means for whoever wants the session changed.
 *
 *   next       this step will not do for this session: the next one may
 *   never      this switch refuses this step for every session: the next one may do, and the step need not be tried again there
 *   wait       no other step would do better: the same one again, later
 *   unfit      the switch can't hold what it is to be told, and would be told the same by any other step: it is left as it is,
 *              unless the session is to be shut out anyway
 *   gone       the session is not there any more
 *   initiated  no refusal: the switch asks again by itself
 */
export type ErrorReaction = 'next' | 'never' | 'wait' | 'unfit' | 'gone' | 'initiated';

interface ErrorCauseRow {
  readonly reaction: ErrorReaction;
  /** For people: what the switch says with it. */
  readonly meaning: string;
}

/** Error-Cause (RFC 5176 §3.6), each with why it is reacted to in this way. */
const rows: ReadonlyMap<number, ErrorCauseRow> = new Map<number, ErrorCauseRow>([
  // Belongs into a Disconnect-ACK: what was left of a session that had ended was removed.
  [201, { reaction: 'gone', meaning: 'the session had ended; what was left of it is removed' }],
  // "MUST NOT be sent" by those who follow RFC 5176; it is about EAP, which no request of ours carries.
  [202, { reaction: 'next', meaning: 'the switch speaks of an EAP packet that was not sent' }],
  // A step has the same kinds of attributes for every session of a switch.
  [401, { reaction: 'never', meaning: 'the switch does not know an attribute of the request' }],
  // What is missing is what the switch never told of this session: it may have told it of others.
  [402, { reaction: 'next', meaning: 'the switch wants an attribute that it never told of this session' }],
  // Every step says the same of the switch, and a person must put right who it is.
  [403, { reaction: 'wait', meaning: 'the request names another switch than the one that got it' }],
  [404, { reaction: 'next', meaning: 'the switch finds the request malformed' }],
  // The kind of service is the step's, not the session's.
  [405, { reaction: 'never', meaning: 'the switch does not serve this kind of request' }],
  [406, { reaction: 'never', meaning: 'the switch does not support CoA or Disconnect' }],
  // A VLAN that the switch does not have comes again with the next Access-Accept, and then costs the device its port.
  [407, { reaction: 'unfit', meaning: 'the switch can not take a value, for example a VLAN that it does not have' }],
  // "for the specified session": another one may be allowed.
  [501, { reaction: 'next', meaning: 'the configuration of the switch forbids it for this session' }],
  [502, { reaction: 'wait', meaning: 'a RADIUS proxy does not know the way to the switch' }],
  [503, { reaction: 'gone', meaning: 'the switch does not know the session' }],
  // The session was found: a harder step may remove it.
  [504, { reaction: 'next', meaning: 'the switch knows the session and can not remove it' }],
  [505, { reaction: 'wait', meaning: 'a RADIUS proxy on the way to the switch failed' }],
  // Memory or room for ACL entries: after a harder step the device would need the same again, and get nothing.
  [506, { reaction: 'wait', meaning: 'the switch has no resources left for it' }],
  [507, { reaction: 'initiated', meaning: 'the switch authenticates the session again' }],
  // The session is not named exactly enough. A harder step would have the same name, and might hit others.
  [508, { reaction: 'wait', meaning: 'the request fits several sessions, and the switch takes one at a time' }],
]);

const withoutCause: ErrorCauseRow = { reaction: 'next', meaning: 'the switch gave no reason' };
const unknownCause: ErrorCauseRow = { reaction: 'next', meaning: 'the switch gave a reason that no standard has' };

export const errorCauseNumbers: readonly number[] = [...rows.keys()];

/** What a refusal with this Error-Cause, or without one, means. */
export function explainErrorCause(cause: number | null): ErrorCauseRow {
  return cause === null ? withoutCause : (rows.get(cause) ?? unknownCause);
}

/** `Session-Context-Not-Found`. */
export function describeErrorCause(cause: number): string {
  return valueNames.get(types.errorCause)?.[cause] ?? `cause ${cause}`;
}
