import { types, type Packet } from '#radius';

/**
 * The EAP packet of a request (RFC 3579 §3.1): its EAP-Message attributes in order, which must stand together. Empty: the NAS
 * asks us to begin.
 */
export function readEapMessage({ attributes }: Pick<Packet, 'attributes'>): Buffer | 'absent' | 'scattered' {
  const first = attributes.findIndex(({ type }) => type === types.eapMessage);
  if (first < 0) return 'absent';
  let end = first;
  while (attributes[end]?.type === types.eapMessage) end++;
  if (attributes.slice(end).some(({ type }) => type === types.eapMessage)) return 'scattered';
  return Buffer.concat(attributes.slice(first, end).map(({ value }) => value));
}
