import { parseMac, parsePrefix, type AclEntry, type Interval, type Prefix } from '#net';
import type { SessionIdentification } from '../nas-profiles/profile.js';

/* What specs of NAS profiles are about. */

export const prefix = (text: string): Prefix => parsePrefix(text) as Prefix;
export const port = (first: number, last = first): Interval<number> => ({ first, last });

/** Permits TCP in IPv4, but for what `over` says. */
export const line = (over: Partial<AclEntry> = {}): AclEntry => ({
  action: 'permit',
  family: 4,
  protocol: 6,
  sourcePorts: null,
  destination: null,
  destinationPorts: null,
  established: false,
  ...over,
});

/** A session of which the NAS told all that it could. */
export const session: SessionIdentification = {
  mac: parseMac('001a2b3c4d5e')!,
  userName: '00:1A:2B:3C:4D:5E',
  callingStationId: '00-1A-2B-3C-4D-5E',
  acctSessionId: '0000002A',
  auditSessionId: '0A00030B000000120000ABCD',
  nasIpAddress: '10.0.3.11',
  nasIpv6Address: 'fd10:3::11',
  nasIdentifier: 'main-idf3-sw1',
  nasPort: 50_103,
  nasPortId: 'GigabitEthernet1/0/3',
};
