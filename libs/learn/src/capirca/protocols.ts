import { hasPorts, protocols, serviceAlgebra, serviceKey, type Interval, type ServiceSet } from '#net';

/** Protocols by the names that Capirca has for them (IANA's numbers). */
const numbers: Readonly<Record<string, number>> = {
  hopopt: 0,
  icmp: 1,
  igmp: 2,
  ggp: 3,
  ipip: 4,
  tcp: 6,
  egp: 8,
  igp: 9,
  udp: 17,
  rdp: 27,
  ipv6: 41,
  'ipv6-route': 43,
  fragment: 44,
  rsvp: 46,
  gre: 47,
  esp: 50,
  ah: 51,
  icmpv6: 58,
  'ipv6-nonxt': 59,
  'ipv6-opts': 60,
  eigrp: 88,
  ospf: 89,
  nos: 94,
  pim: 103,
  ipcomp: 108,
  vrrp: 112,
  l2tp: 115,
  sctp: 132,
  udplite: 136,
};

/** Types of ICMP by Capirca's names (RFC 792, RFC 1256, RFC 4443, RFC 4861 and others). */
const icmpTypes: Readonly<Record<string, number>> = {
  'echo-reply': 0,
  unreachable: 3,
  'source-quench': 4,
  redirect: 5,
  'alternate-address': 6,
  'echo-request': 8,
  'router-advertisement': 9,
  'router-solicitation': 10,
  'time-exceeded': 11,
  'parameter-problem': 12,
  'timestamp-request': 13,
  'timestamp-reply': 14,
  'information-request': 15,
  'information-reply': 16,
  'mask-request': 17,
  'mask-reply': 18,
  traceroute: 30,
  'conversion-error': 31,
  'mobile-redirect': 32,
};

const icmp6Types: Readonly<Record<string, number>> = {
  'destination-unreachable': 1,
  'packet-too-big': 2,
  'time-exceeded': 3,
  'parameter-problem': 4,
  'echo-request': 128,
  'echo-reply': 129,
  'multicast-listener-query': 130,
  'multicast-listener-report': 131,
  'multicast-listener-done': 132,
  'router-solicit': 133,
  'router-advertisement': 134,
  'neighbor-solicit': 135,
  'neighbor-advertisement': 136,
  'redirect-message': 137,
  'router-renumbering': 138,
  'icmp-node-information-query': 139,
  'icmp-node-information-response': 140,
  'inverse-neighbor-discovery-solicitation': 141,
  'inverse-neighbor-discovery-advertisement': 142,
  'version-2-multicast-listener-report': 143,
  'home-agent-address-discovery-request': 144,
  'home-agent-address-discovery-reply': 145,
  'mobile-prefix-solicitation': 146,
  'mobile-prefix-advertisement': 147,
  'certification-path-solicitation': 148,
  'certification-path-advertisement': 149,
  'multicast-router-advertisement': 151,
  'multicast-router-solicitation': 152,
  'multicast-router-termination': 153,
};

const lookUp = (table: Readonly<Record<string, number>>, name: string): number | null =>
  Object.hasOwn(table, name) ? table[name]! : null;

/** By name or number. */
export function protocolNumber(text: string): number | null {
  if (/^(0|[1-9]\d{0,2})$/.test(text)) return Number(text) <= 255 ? Number(text) : null;
  return lookUp(numbers, text.toLowerCase());
}

export const icmpType = (protocol: number, name: string): number | null =>
  lookUp(protocol === protocols.icmp ? icmpTypes : icmp6Types, name);

export const wholeProtocol = (protocol: number): ServiceSet => [
  { first: serviceKey(protocol, 0), last: serviceKey(protocol, 0xffff) },
];

/** Of protocols that have ports, these; null: all. */
export function servicesOf(numbersOf: readonly number[], ports: readonly Interval<number>[] | null): ServiceSet {
  return serviceAlgebra.normalize(
    numbersOf.flatMap((protocol) =>
      ports && hasPorts(protocol)
        ? ports.map(({ first, last }) => ({ first: serviceKey(protocol, first), last: serviceKey(protocol, last) }))
        : wholeProtocol(protocol),
    ),
  );
}
