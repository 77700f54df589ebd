import {
  codes,
  integerAttribute,
  ipv4Attribute,
  octetsAttribute,
  readOctets,
  textAttribute,
  types,
  type Attribute,
} from '#radius';
import { Asker, type Patience } from './asker.ts';
import { userName } from './grant.ts';

const lanes = 64;
const patience: Patience = { transmissions: 1, milliseconds: 5000 };

const acctStatus = { start: 1, stop: 2, interim: 3 } as const;
const callCheck = 10;

/** What a switch says of a device on one of its ports, in every request. */
const about = (mac: string, port: number, nasAddress: string): Attribute[] => [
  textAttribute(types.userName, userName(mac)),
  textAttribute(types.calledStationId, '02-00-00-00-00-01'),
  textAttribute(types.callingStationId, mac.replaceAll(':', '-').toUpperCase()),
  ipv4Attribute(types.nasIpAddress, nasAddress),
  integerAttribute(types.nasPortType, 15),
  integerAttribute(types.nasPort, port),
  textAttribute(types.nasPortId, `GigabitEthernet${port >> 6}/0/${port & 63}`),
];

/** An Access-Request for a device that has no 802.1X. */
export const macRequest = (mac: string, port: number, nasAddress = '127.0.0.1'): Attribute[] => [
  ...about(mac, port, nasAddress),
  integerAttribute(types.serviceType, callCheck),
];

/** An Accounting-Request about the session that an Access-Accept began. */
export const accountingRequest = (
  mac: string,
  port: number,
  session: { readonly id: string; readonly decision: Buffer; readonly address: string },
  status: keyof typeof acctStatus,
  nasAddress = '127.0.0.1',
): Attribute[] => [
  ...about(mac, port, nasAddress),
  integerAttribute(types.acctStatusType, acctStatus[status]),
  textAttribute(types.acctSessionId, session.id),
  octetsAttribute(types.class, session.decision),
  ipv4Attribute(types.framedIpAddress, session.address),
];

/** In the segment of the pumps. */
export const addressOf = (port: number): string => `10.21.${(port >> 8) & 15}.${port & 255}`;

/** Authenticates devices, each on its port, and reports the start of their sessions: Access-Request, then Accounting-Request with its Class. */
export async function startSessions(
  ports: { readonly authentication: number; readonly accounting: number },
  macs: readonly string[],
  secret: string,
): Promise<void> {
  const lane = async (first: number): Promise<void> => {
    const asker = await Asker.open(secret);
    try {
      for (let i = first; i < macs.length; i += lanes) {
        const mac = macs[i]!;
        const accept = await asker.ask(ports.authentication, codes.accessRequest, macRequest(mac, i), patience);
        if (accept?.code !== codes.accessAccept) throw new Error(`${mac} is not accepted`);
        const session = {
          id: `bench-${i}`,
          decision: readOctets(accept.attributes, types.class)!,
          address: addressOf(i),
        };
        const record = accountingRequest(mac, i, session, 'start');
        const response = await asker.ask(ports.accounting, codes.accountingRequest, record, patience);
        if (!response) throw new Error(`the start of the session of ${mac} is not acknowledged`);
      }
    } finally {
      asker.close();
    }
  };
  await Promise.all(Array.from({ length: lanes }, (_, first) => lane(first)));
}
