import { readConcatenated, types, type Attribute, type Packet } from '#radius';

/**
 * The EAP packet of a request (RFC 3579 §3.1): its EAP-Message attributes in order, which must stand together. Empty: the NAS
 * asks us to begin.
 */
export function readEapMessage({ attributes }: Pick<Packet, 'attributes'>): Buffer | 'absent' | 'scattered' {
  const message = readConcatenated(attributes, types.eapMessage);
  if (message === null) return 'absent';
  const isPart = ({ type }: Attribute): boolean => type === types.eapMessage;
  const together = attributes.slice(attributes.findIndex(isPart), attributes.findLastIndex(isPart) + 1);
  return together.every(isPart) ? message : 'scattered';
}
