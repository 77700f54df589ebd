import { randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import {
  codes,
  decodePacket,
  integerAttribute,
  ipv4Attribute,
  octetsAttribute,
  readOctets,
  Secret,
  signRequest,
  textAttribute,
  types,
  verifyReply,
  type Attribute,
  type Packet,
} from '#radius';
import { userName } from './grant.ts';

const socketCount = 64;
const lostMilliseconds = 5000;

const acctStatusStart = 1;

/** What a switch says of a device on one of its ports, in every request. */
const about = (mac: string, port: number): Attribute[] => [
  textAttribute(types.userName, userName(mac)),
  textAttribute(types.calledStationId, '02-00-00-00-00-01'),
  textAttribute(types.callingStationId, mac.replaceAll(':', '-').toUpperCase()),
  ipv4Attribute(types.nasIpAddress, '127.0.0.1'),
  integerAttribute(types.nasPortType, 15),
  integerAttribute(types.nasPort, port),
  textAttribute(types.nasPortId, `GigabitEthernet${port >> 6}/0/${port & 63}`),
];

/** One request at a time and socket: whatever comes is the reply to it, or nobody's. */
async function ask(
  socket: Socket,
  port: number,
  code: typeof codes.accessRequest | typeof codes.accountingRequest,
  attributes: readonly Attribute[],
  secret: Secret,
): Promise<Packet> {
  const random = code === codes.accessRequest ? randomBytes(16) : undefined;
  const datagram = signRequest(code, randomBytes(1)[0]!, attributes, secret, random);
  socket.send(datagram, port, '127.0.0.1');
  const [bytes] = (await once(socket, 'message', { signal: AbortSignal.timeout(lostMilliseconds) })) as [Buffer];
  const reply = decodePacket(bytes);
  if (typeof reply === 'string' || verifyReply(reply, datagram.subarray(4, 20), secret) !== 'valid')
    throw new Error('a reply is not validly signed');
  return reply;
}

/** Authenticates devices, each on its port, and reports the start of their sessions: Access-Request, then Accounting-Request with its Class. */
export async function startSessions(
  ports: { readonly authentication: number; readonly accounting: number },
  macs: readonly string[],
  text: string,
): Promise<void> {
  const secret = new Secret(text);
  const lane = async (first: number): Promise<void> => {
    const socket = createSocket('udp4').bind(0, '127.0.0.1');
    await once(socket, 'listening');
    try {
      for (let i = first; i < macs.length; i += socketCount) {
        const common = about(macs[i]!, i);
        const request = [...common, integerAttribute(types.serviceType, 10)];
        const accept = await ask(socket, ports.authentication, codes.accessRequest, request, secret);
        if (accept.code !== codes.accessAccept) throw new Error(`${macs[i]} is not accepted`);
        const record = [
          ...common,
          integerAttribute(types.acctStatusType, acctStatusStart),
          textAttribute(types.acctSessionId, `bench-${i}`),
          octetsAttribute(types.class, readOctets(accept.attributes, types.class)!),
          ipv4Attribute(types.framedIpAddress, `10.21.${(i >> 8) & 15}.${i & 255}`),
        ];
        await ask(socket, ports.accounting, codes.accountingRequest, record, secret);
      }
    } finally {
      socket.close();
    }
  };
  await Promise.all(Array.from({ length: socketCount }, (_, first) => lane(first)));
}
