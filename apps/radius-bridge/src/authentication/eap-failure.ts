import { octetsAttribute, readConcatenated, types, type Attribute, type Packet } from '#radius';

const eapFailureCode = 4;
const eapFailureLength = 4;

/**
 * What the Access-Reject to an EAP request has to carry (RFC 3579 §2.1): without the packet in it a switch has nothing to
 * pass on, and its supplicant and its fallback to MAC authentication wait until they give up.
 *
 *   | Code 4 | Identifier of the response | Length 4 (two bytes) |      RFC 3748 §4.2
 *
 * None when the request is not EAP. EAP-Start (RFC 3579 §2.1: an empty EAP-Message) has no identifier to repeat.
 */
export function eapFailure(request: Pick<Packet, 'attributes'>): Attribute[] {
  const message = readConcatenated(request.attributes, types.eapMessage);
  if (message === null) return [];
  const identifier = message[1] ?? 0;
  return [octetsAttribute(types.eapMessage, Buffer.from([eapFailureCode, identifier, 0, eapFailureLength]))];
}
