/**
 * Names and formats of the attributes that Cordon reads, sends or shows (RFC 2865-2869, 3162, 3576, 4072, 4372, 4675, 4849,
 * 5176, 6911, and some vendors'). An attribute that is not here is kept and shown by number.
 */
export type AttributeKind =
  | 'text'
  | 'octets'
  | 'integer'
  | 'date'
  | 'ipv4'
  | 'ipv6'
  | 'ipv6-prefix'
  | 'tagged-text'
  | 'tagged-integer'
  | 'egress-vlan'
  | 'vendor'
  /** A secret, hidden on the wire or not: never shown. */
  | 'secret';

/** The types that code refers to. */
export const types = {
  userName: 1,
  userPassword: 2,
  chapPassword: 3,
  nasIpAddress: 4,
  nasPort: 5,
  serviceType: 6,
  framedIpAddress: 8,
  filterId: 11,
  framedMtu: 12,
  replyMessage: 18,
  state: 24,
  class: 25,
  vendorSpecific: 26,
  sessionTimeout: 27,
  terminationAction: 29,
  calledStationId: 30,
  callingStationId: 31,
  nasIdentifier: 32,
  proxyState: 33,
  acctStatusType: 40,
  acctDelayTime: 41,
  acctInputOctets: 42,
  acctOutputOctets: 43,
  acctSessionId: 44,
  acctSessionTime: 46,
  acctTerminateCause: 49,
  acctMultiSessionId: 50,
  acctInputGigawords: 52,
  acctOutputGigawords: 53,
  eventTimestamp: 55,
  chapChallenge: 60,
  nasPortType: 61,
  tunnelType: 64,
  tunnelMediumType: 65,
  eapMessage: 79,
  messageAuthenticator: 80,
  tunnelPrivateGroupId: 81,
  acctInterimInterval: 85,
  nasPortId: 87,
  nasFilterRule: 92,
  nasIpv6Address: 95,
  framedInterfaceId: 96,
  framedIpv6Prefix: 97,
  errorCause: 101,
  delegatedIpv6Prefix: 123,
  framedIpv6Address: 168,
} as const;

type Row = readonly [name: string, kind: AttributeKind];

export const attributeNames: ReadonlyMap<number, Row> = new Map<number, Row>([
  [1, ['User-Name', 'text']],
  [2, ['User-Password', 'secret']],
  [3, ['CHAP-Password', 'secret']],
  [4, ['NAS-IP-Address', 'ipv4']],
  [5, ['NAS-Port', 'integer']],
  [6, ['Service-Type', 'integer']],
  [7, ['Framed-Protocol', 'integer']],
  [8, ['Framed-IP-Address', 'ipv4']],
  [9, ['Framed-IP-Netmask', 'ipv4']],
  [10, ['Framed-Routing', 'integer']],
  [11, ['Filter-Id', 'text']],
  [12, ['Framed-MTU', 'integer']],
  [13, ['Framed-Compression', 'integer']],
  [14, ['Login-IP-Host', 'ipv4']],
  [15, ['Login-Service', 'integer']],
  [16, ['Login-TCP-Port', 'integer']],
  [18, ['Reply-Message', 'text']],
  [19, ['Callback-Number', 'text']],
  [20, ['Callback-Id', 'text']],
  [22, ['Framed-Route', 'text']],
  [24, ['State', 'octets']],
  [25, ['Class', 'octets']],
  [26, ['Vendor-Specific', 'vendor']],
  [27, ['Session-Timeout', 'integer']],
  [28, ['Idle-Timeout', 'integer']],
  [29, ['Termination-Action', 'integer']],
  [30, ['Called-Station-Id', 'text']],
  [31, ['Calling-Station-Id', 'text']],
  [32, ['NAS-Identifier', 'text']],
  [33, ['Proxy-State', 'octets']],
  [40, ['Acct-Status-Type', 'integer']],
  [41, ['Acct-Delay-Time', 'integer']],
  [42, ['Acct-Input-Octets', 'integer']],
  [43, ['Acct-Output-Octets', 'integer']],
  [44, ['Acct-Session-Id', 'text']],
  [45, ['Acct-Authentic', 'integer']],
  [46, ['Acct-Session-Time', 'integer']],
  [47, ['Acct-Input-Packets', 'integer']],
  [48, ['Acct-Output-Packets', 'integer']],
  [49, ['Acct-Terminate-Cause', 'integer']],
  [50, ['Acct-Multi-Session-Id', 'text']],
  [51, ['Acct-Link-Count', 'integer']],
  [52, ['Acct-Input-Gigawords', 'integer']],
  [53, ['Acct-Output-Gigawords', 'integer']],
  [55, ['Event-Timestamp', 'date']],
  [56, ['Egress-VLANID', 'egress-vlan']],
  [57, ['Ingress-Filters', 'integer']],
  [58, ['Egress-VLAN-Name', 'text']],
  [59, ['User-Priority-Table', 'octets']],
  [60, ['CHAP-Challenge', 'octets']],
  [61, ['NAS-Port-Type', 'integer']],
  [62, ['Port-Limit', 'integer']],
  [64, ['Tunnel-Type', 'tagged-integer']],
  [65, ['Tunnel-Medium-Type', 'tagged-integer']],
  [66, ['Tunnel-Client-Endpoint', 'tagged-text']],
  [67, ['Tunnel-Server-Endpoint', 'tagged-text']],
  [69, ['Tunnel-Password', 'secret']],
  [70, ['ARAP-Password', 'secret']],
  [77, ['Connect-Info', 'text']],
  [79, ['EAP-Message', 'octets']],
  [80, ['Message-Authenticator', 'octets']],
  [81, ['Tunnel-Private-Group-Id', 'tagged-text']],
  [82, ['Tunnel-Assignment-Id', 'tagged-text']],
  [83, ['Tunnel-Preference', 'tagged-integer']],
  [85, ['Acct-Interim-Interval', 'integer']],
  [87, ['NAS-Port-Id', 'text']],
  [88, ['Framed-Pool', 'text']],
  [89, ['Chargeable-User-Identity', 'octets']],
  [90, ['Tunnel-Client-Auth-Id', 'tagged-text']],
  [91, ['Tunnel-Server-Auth-Id', 'tagged-text']],
  [92, ['NAS-Filter-Rule', 'text']],
  [95, ['NAS-IPv6-Address', 'ipv6']],
  [96, ['Framed-Interface-Id', 'octets']],
  [97, ['Framed-IPv6-Prefix', 'ipv6-prefix']],
  [98, ['Login-IPv6-Host', 'ipv6']],
  [99, ['Framed-IPv6-Route', 'text']],
  [100, ['Framed-IPv6-Pool', 'text']],
  [101, ['Error-Cause', 'integer']],
  [123, ['Delegated-IPv6-Prefix', 'ipv6-prefix']],
  [168, ['Framed-IPv6-Address', 'ipv6']],
  [169, ['DNS-Server-IPv6-Address', 'ipv6']],
  [170, ['Route-IPv6-Information', 'ipv6-prefix']],
]);

/** IANA private enterprise numbers. */
export const vendors = { cisco: 9, hp: 11, microsoft: 311, aruba: 14823 } as const;
export const ciscoAvPair = 1;

export const vendorNames: ReadonlyMap<number, string> = new Map<number, string>([
  [vendors.cisco, 'Cisco'],
  [vendors.hp, 'HP'],
  [vendors.microsoft, 'Microsoft'],
  [vendors.aruba, 'Aruba'],
]);

export const vendorAttributeNames: ReadonlyMap<number, ReadonlyMap<number, Row>> = new Map([
  [
    vendors.cisco,
    new Map<number, Row>([
      [ciscoAvPair, ['Cisco-AVPair', 'text']],
      [2, ['Cisco-NAS-Port', 'text']],
    ]),
  ],
  [
    vendors.hp,
    new Map<number, Row>([
      [23, ['HP-Port-Bounce-Host', 'integer']],
      [25, ['HP-User-Role', 'text']],
      [61, ['HP-NAS-Filter-Rule', 'text']],
      [64, ['HP-Egress-VLANID', 'egress-vlan']],
      [65, ['HP-Egress-VLAN-Name', 'text']],
    ]),
  ],
  [
    vendors.microsoft,
    new Map<number, Row>([
      [1, ['MS-CHAP-Response', 'secret']],
      [12, ['MS-CHAP-MPPE-Keys', 'secret']],
      [16, ['MS-MPPE-Send-Key', 'secret']],
      [17, ['MS-MPPE-Recv-Key', 'secret']],
      [25, ['MS-CHAP2-Response', 'secret']],
    ]),
  ],
  [
    vendors.aruba,
    new Map<number, Row>([
      [1, ['Aruba-User-Role', 'text']],
      [2, ['Aruba-User-Vlan', 'integer']],
      [40, ['Aruba-Port-Bounce', 'integer']],
      [44, ['Aruba-MPSK-Passphrase', 'secret']],
      [51, ['Aruba-NAS-Filter-Rule', 'text']],
    ]),
  ],
]);

/** Names of enumerated values, by attribute type. */
export const valueNames: ReadonlyMap<number, Readonly<Record<number, string>>> = new Map([
  [
    types.serviceType,
    {
      1: 'Login-User',
      2: 'Framed-User',
      5: 'Outbound-User',
      6: 'Administrative-User',
      8: 'Authenticate-Only',
      10: 'Call-Check',
      17: 'Authorize-Only',
    },
  ],
  [types.terminationAction, { 0: 'Default', 1: 'RADIUS-Request' }],
  [
    types.acctStatusType,
    { 1: 'Start', 2: 'Stop', 3: 'Interim-Update', 7: 'Accounting-On', 8: 'Accounting-Off', 15: 'Failed' },
  ],
  [
    types.acctTerminateCause,
    {
      1: 'User-Request',
      2: 'Lost-Carrier',
      3: 'Lost-Service',
      4: 'Idle-Timeout',
      5: 'Session-Timeout',
      6: 'Admin-Reset',
      7: 'Admin-Reboot',
      8: 'Port-Error',
      9: 'NAS-Error',
      10: 'NAS-Request',
      11: 'NAS-Reboot',
      12: 'Port-Unneeded',
      13: 'Port-Preempted',
      14: 'Port-Suspended',
      15: 'Service-Unavailable',
      16: 'Callback',
      17: 'User-Error',
      18: 'Host-Request',
      19: 'Supplicant-Restart',
      20: 'Reauthentication-Failure',
      21: 'Port-Reinit',
      22: 'Port-Disabled',
    },
  ],
  [types.nasPortType, { 0: 'Async', 5: 'Virtual', 15: 'Ethernet', 18: 'Wireless-Other', 19: 'Wireless-802.11' }],
  [types.tunnelType, { 13: 'VLAN' }],
  [types.tunnelMediumType, { 6: 'IEEE-802' }],
  [
    types.errorCause,
    {
      201: 'Residual-Session-Context-Removed',
      202: 'Invalid-EAP-Packet',
      401: 'Unsupported-Attribute',
      402: 'Missing-Attribute',
      403: 'NAS-Identification-Mismatch',
      404: 'Invalid-Request',
      405: 'Unsupported-Service',
      406: 'Unsupported-Extension',
      407: 'Invalid-Attribute-Value',
      501: 'Administratively-Prohibited',
      502: 'Proxy-Request-Not-Routable',
      503: 'Session-Context-Not-Found',
      504: 'Session-Context-Not-Removable',
      505: 'Proxy-Processing-Error',
      506: 'Resources-Unavailable',
      507: 'Request-Initiated',
      508: 'Multiple-Session-Selection-Unsupported',
    },
  ],
]);

const codeNames: Readonly<Record<number, string>> = {
  1: 'Access-Request',
  2: 'Access-Accept',
  3: 'Access-Reject',
  4: 'Accounting-Request',
  5: 'Accounting-Response',
  11: 'Access-Challenge',
  12: 'Status-Server',
  40: 'Disconnect-Request',
  41: 'Disconnect-ACK',
  42: 'Disconnect-NAK',
  43: 'CoA-Request',
  44: 'CoA-ACK',
  45: 'CoA-NAK',
};
export const describeCode = (code: number): string => codeNames[code] ?? `code ${code}`;
