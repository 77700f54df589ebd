import {
  addressSet,
  allAddresses,
  familyOf,
  intersectAddresses,
  isEmptyAddressSet,
  noAddresses,
  parsePrefix,
  protocols,
  rangeOfPrefix,
  serviceAlgebra,
  serviceKey,
  subtractAddresses,
  type AddressSet,
  type Family,
  type ServiceSet,
} from '#net';

/** Connections to (or from) all of `addresses`, of all of `services`. */
export interface FlowBox {
  readonly addresses: AddressSet;
  readonly services: ServiceSet;
}

/** All addresses of one family. */
export const wholeFamily = (family: Family): AddressSet =>
  family === 4 ? { ...noAddresses, v4: allAddresses.v4 } : { ...noAddresses, v6: allAddresses.v6 };

export const inFamily = (addresses: AddressSet, family: Family): AddressSet =>
  intersectAddresses(addresses, wholeFamily(family));

export const wholeProtocol = (protocol: number): ServiceSet => [
  { first: serviceKey(protocol, 0), last: serviceKey(protocol, 0xffff) },
];

const prefix = (text: string) => rangeOfPrefix(parsePrefix(text) as Exclude<ReturnType<typeof parsePrefix>, string>);

/** Nobody answers from such an address: an answer comes from another one, and is a connection of its own. */
const unanswering = addressSet([prefix('224.0.0.0/4'), prefix('255.255.255.255'), prefix('ff00::/8')]);

/** What of ICMP is asked and answered: request and reply (RFC 792, RFC 4443). */
export const echoes = [
  { protocol: protocols.icmp, request: 8, reply: 0 },
  { protocol: protocols.icmp6, request: 128, reply: 129 },
] as const;

const type = (protocol: number, number: number): ServiceSet => [
  { first: serviceKey(protocol, number), last: serviceKey(protocol, number) },
];

/** ICMP but for its requests. */
const unanswered: ServiceSet = serviceAlgebra.normalize(
  echoes.flatMap(({ protocol, request }) => serviceAlgebra.subtract(wholeProtocol(protocol), type(protocol, request))),
);

/** What has no answers, whatever a policy allows. `mayBeGroup`: the addresses are where it goes. */
export const answerless = (box: FlowBox, mayBeGroup: boolean): FlowBox[] => [
  { addresses: box.addresses, services: unanswered },
  ...(mayBeGroup ? [{ addresses: unanswering, services: box.services }] : []),
];

const isEmpty = ({ addresses, services }: FlowBox): boolean => isEmptyAddressSet(addresses) || services.length === 0;

/** The box without the others, in disjoint boxes. */
export function withoutBoxes(box: FlowBox, others: readonly FlowBox[]): FlowBox[] {
  return others.reduce((rest, other) => rest.flatMap((one) => withoutBox(one, other)), isEmpty(box) ? [] : [box]);
}

function withoutBox(box: FlowBox, other: FlowBox): FlowBox[] {
  const addresses = intersectAddresses(box.addresses, other.addresses);
  const services = serviceAlgebra.intersect(box.services, other.services);
  if (isEmpty({ addresses, services })) return [box];
  return [
    { addresses: subtractAddresses(box.addresses, addresses), services: box.services },
    { addresses, services: serviceAlgebra.subtract(box.services, services) },
  ].filter((part) => !isEmpty(part));
}

/** What the box shares with any of the others, in disjoint boxes; the box itself where it shares all. */
export function withinBoxes(box: FlowBox, others: readonly FlowBox[]): FlowBox[] {
  const outside = withoutBoxes(box, others);
  return outside.length === 0 ? (isEmpty(box) ? [] : [box]) : withoutBoxes(box, outside);
}

export const hasFamily = (addresses: AddressSet, family: Family): boolean => familyOf(addresses, family).length > 0;
