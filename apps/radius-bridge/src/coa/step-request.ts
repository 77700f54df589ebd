import { assertNever } from '#base';
import type { AuthorizationStep } from '#model';
import {
  bounceRequest,
  coaRequest,
  disconnectRequest,
  reauthenticateRequest,
  type Attribute,
  type Authorization,
  type NasProfile,
  type SessionIdentification,
} from '#radius';
import type { CoaKind } from './coa-client.js';

/** A step as a message; `authorization` is asked for only where it is sent. */
export function stepRequest(
  step: AuthorizationStep,
  profile: NasProfile,
  session: SessionIdentification,
  authorization: () => Authorization,
  at: Date,
): { readonly kind: CoaKind; readonly attributes: readonly Attribute[] } {
  switch (step) {
    case 'coa':
      return { kind: 'CoA-Request', attributes: coaRequest(profile, session, authorization(), at) };
    case 'reauthenticate':
      return { kind: 'CoA-Request', attributes: reauthenticateRequest(profile, session, at) };
    case 'disconnect':
      return { kind: 'Disconnect-Request', attributes: disconnectRequest(profile, session, at) };
    case 'bounce':
      return { kind: 'CoA-Request', attributes: bounceRequest(profile, session, at) };
    default:
      return assertNever(step);
  }
}
