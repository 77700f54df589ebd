import { formatMacRadius, parseMac, type Mac } from '#net';
import {
  codes,
  decodePacket,
  describeAttribute,
  describeCode,
  hidePassword,
  integerAttribute,
  ipv4Attribute,
  octetsAttribute,
  readTaggedText,
  Secret,
  signRequest,
  textAttribute,
  types,
  verifyReply,
  type Packet,
} from '#radius';
import { randomBytes, randomInt } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { bold, green, print, printJson, red } from '../output.js';
import { UsageError } from '../policy-files.js';

export interface RadtestOptions {
  readonly nas: string;
  readonly server: string;
  readonly secret?: string;
  readonly data: string;
  readonly json?: boolean;
}

const callCheck = 10;
const ethernet = 15;
const triesMs = [500, 1000, 2000];

/** Authenticates a MAC as a switch at address `nas` would, and shows the reply. Exit 0: Accept, 2: Reject, 1: no answer. */
export async function radtest(text: string, options: RadtestOptions): Promise<number> {
  const mac = parseMac(text);
  if (!mac) throw new UsageError(`\`${text}\` is not the MAC address of a device, for example 00:1a:2b:3c:4d:5e`);
  const secret = new Secret(readSecret(options));
  const [host = '', port = '1812'] = options.server.split(':');
  const socket = createSocket('udp4');
  try {
    socket.bind(0, options.nas);
    await once(socket, 'listening').catch((error: Error) => {
      throw new UsageError(`can't send from ${options.nas}: ${error.message}; --nas takes an address of this machine`);
    });
    const request = { id: randomInt(256), authenticator: randomBytes(16) };
    const datagram = signRequest(
      codes.accessRequest,
      request.id,
      requestAttributes(mac, options.nas, request.authenticator, secret),
      secret,
      request.authenticator,
    );
    const started = performance.now();
    const reply = await exchange(
      socket,
      datagram,
      host,
      Number(port),
      (packet) => packet.id === request.id && verifyReply(packet, request.authenticator, secret) === 'valid',
    );
    if (!reply) {
      const hint = `no answer from ${options.server}: is it up, is ${options.nas} in network/nas.yaml, is the secret the same? Requests of unknown or wrong clients are dropped in silence`;
      if (options.json) printJson({ outcome: 'no-answer', hint });
      else print(red(hint));
      return 1;
    }
    show(mac, reply, performance.now() - started, options.json ?? false);
    return reply.code === codes.accessAccept ? 0 : 2;
  } finally {
    socket.close();
  }
}

function requestAttributes(mac: Mac, nas: string, authenticator: Buffer, secret: Secret) {
  const userName = mac.replaceAll(':', '');
  return [
    textAttribute(types.userName, userName),
    octetsAttribute(types.userPassword, hidePassword(userName, authenticator, secret)),
    ipv4Attribute(types.nasIpAddress, nas),
    integerAttribute(types.serviceType, callCheck),
    textAttribute(types.callingStationId, formatMacRadius(mac)),
    textAttribute(types.nasIdentifier, 'cordon-radtest'),
    integerAttribute(types.nasPortType, ethernet),
    textAttribute(types.nasPortId, 'radtest'),
  ];
}

function readSecret({ secret, data }: RadtestOptions): string {
  const kept = join(data, 'radius-secret-demo');
  const found =
    secret ?? process.env['RADIUS_SECRET_DEMO'] ?? (existsSync(kept) ? readFileSync(kept, 'utf8').trim() : undefined);
  if (!found)
    throw new UsageError(
      'which RADIUS secret? Give --secret, or set RADIUS_SECRET_DEMO, or start `cordon serve` in this folder first',
    );
  return found;
}

async function exchange(
  socket: Socket,
  datagram: Buffer,
  host: string,
  port: number,
  isOurs: (packet: Packet) => boolean,
): Promise<Packet | null> {
  const answer = new Promise<Packet>((resolve) => {
    socket.on('message', (message) => {
      const packet = decodePacket(message);
      if (typeof packet !== 'string' && isOurs(packet)) resolve(packet);
    });
  });
  for (const wait of triesMs) {
    socket.send(datagram, port, host);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<null>((resolve) => {
      timer = setTimeout(resolve, wait, null);
    });
    const reply = await Promise.race([answer, late]);
    clearTimeout(timer);
    if (reply) return reply;
  }
  return null;
}

function show(mac: Mac, reply: Packet, ms: number, json: boolean): void {
  const attributes = reply.attributes.map(describeAttribute);
  const vlan = readTaggedText(reply.attributes, types.tunnelPrivateGroupId)?.value ?? null;
  const outcome = reply.code === codes.accessAccept ? 'accept' : 'reject';
  if (json)
    return printJson({
      outcome,
      mac,
      vlan: vlan === null ? null : Number(vlan),
      attributes,
    });
  const name = describeCode(reply.code);
  print(
    `${mac}: ${outcome === 'accept' ? green(name) : red(name)}${vlan === null ? '' : `, VLAN ${bold(vlan)}`} (${ms.toFixed(1)} ms)`,
  );
  for (const attribute of attributes) print(`  ${attribute.name} = ${attribute.value}`);
}
