import { randomBytes } from 'node:crypto';
import {
  codes,
  concatenatedAttributes,
  decodeAvps,
  decodeEap,
  decodePacket,
  decodeTlsFrame,
  decodeVendorSpecific,
  describeAttribute,
  eapCodes,
  EapConversation,
  eapTypes,
  encodeAttributes,
  encodeAvp,
  encodeEap,
  hasRandomAuthenticator,
  IncomingMessage,
  integerAttribute,
  mostIncoming,
  octetsAttribute,
  PeapInner,
  readAccounting,
  readDeviceSensor,
  readMacAuthentication,
  readRequestContext,
  Secret,
  sessionKeyAttributes,
  signReply,
  signRequest,
  taggedIntegerAttribute,
  taggedTextAttribute,
  textAttribute,
  TtlsInner,
  types,
  vendorAttribute,
  vendors,
  verifyMessageAuthenticator,
  verifyReply,
  verifySignedRequest,
  type Attribute,
  type FindProof,
  type Packet,
  type TlsPeer,
} from '#radius';

/** What reads bytes of strangers. Throws when something is wrong with how it read them. */
export interface Target {
  readonly name: string;
  /** Good inputs, from which bad ones are made. */
  readonly seeds: readonly Buffer[];
  readonly run: (input: Buffer) => void | Promise<void>;
}

const secret = new Secret('fuzzed');
const authenticator = randomBytes(16);
const mac = '00-1A-2B-3C-4D-5E';
const identity = encodeEap(eapCodes.response, 1, eapTypes.identity, Buffer.from('someone@devices.test'));

const context: readonly Attribute[] = [
  textAttribute(types.userName, '001a2b3c4d5e'),
  textAttribute(types.callingStationId, mac),
  textAttribute(types.calledStationId, '00-10-A4-23-19-C0:clinical'),
  integerAttribute(types.nasPort, 7),
  textAttribute(types.nasPortId, 'Gi1/0/7'),
  octetsAttribute(types.framedIpv6Prefix, Buffer.from('0040fd21000000000000', 'hex')),
  octetsAttribute(types.framedIpAddress, Buffer.from([10, 21, 0, 5])),
  octetsAttribute(types.vendorSpecific, Buffer.from('00000009011a61756469742d73657373696f6e2d69643d30413030', 'hex')),
  taggedIntegerAttribute(types.tunnelType, 1, 13),
  taggedTextAttribute(types.tunnelPrivateGroupId, 1, '210'),
  octetsAttribute(types.proxyState, Buffer.from('proxy')),
];
const eapAttributes = concatenatedAttributes(types.eapMessage, Buffer.concat([identity, Buffer.alloc(300)]));
const sensed = ['646863702d6f7074696f6e3d00370004010306fc', '6c6c64702d746c763d0005000470756d70'].map((hex) =>
  vendorAttribute(vendors.cisco, 1, Buffer.from(hex, 'hex')),
);
const accounting = [
  ...context,
  integerAttribute(types.acctStatusType, 3),
  textAttribute(types.acctSessionId, '0000002A'),
  integerAttribute(types.acctInputGigawords, 1),
  ...sensed,
];

const access = signRequest(codes.accessRequest, 1, context, secret, authenticator);
const request = decodePacket(access) as Packet;
const packets = [
  access,
  signRequest(codes.accessRequest, 2, [...context, ...eapAttributes], secret, authenticator),
  signRequest(codes.statusServer, 3, [], secret, authenticator),
  signRequest(codes.accountingRequest, 4, accounting, secret),
  signRequest(codes.coaRequest, 9, context, secret),
  signReply(
    request,
    codes.accessAccept,
    [...context, ...sessionKeyAttributes(Buffer.alloc(64), authenticator, secret)],
    secret,
  )!,
];

function check(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(what);
}

/** Everything of a packet that code ever reads. */
function readAll(packet: Packet): void {
  readMacAuthentication(packet, readRequestContext(packet));
  readAccounting(packet);
  const said = Object.values(readDeviceSensor(packet.attributes) ?? {});
  check(
    said.every((text) => text.length > 0 && text.length < 1024),
    'what a device says is no longer than an attribute has room for',
  );
  for (const attribute of packet.attributes) {
    describeAttribute(attribute);
    if (attribute.type === types.vendorSpecific) decodeVendorSpecific(attribute.value);
  }
}

const packetTarget: Target = {
  name: 'RADIUS packets and their attributes',
  seeds: packets,
  run: (input) => {
    const packet = decodePacket(input);
    if (typeof packet === 'string') return;
    check(packet.bytes.length === packet.bytes.readUInt16BE(2), 'the packet is as long as it says');
    check(
      encodeAttributes(packet.attributes).equals(packet.bytes.subarray(20)),
      'its attributes are all of it, in order',
    );
    readAll(packet);
  },
};

/** Whatever was changed within a signed packet, it is not valid any more, and so gets no answer. */
const signatureTarget: Target = {
  name: 'signatures of changed packets',
  seeds: packets,
  run: (input) => {
    const packet = decodePacket(input);
    if (typeof packet === 'string' || packets.some((good) => good.equals(packet.bytes))) return;
    // The other requests have their sum over a zeroed authenticator, which has a sum of its own.
    if (hasRandomAuthenticator(packet.code)) {
      const verdict = verifyMessageAuthenticator(packet, secret);
      check(verdict !== 'valid', 'a changed packet has a valid Message-Authenticator');
    }
    check(verifySignedRequest(packet, secret) !== 'valid', 'a changed packet is a valid request');
    check(verifyReply(packet, authenticator, secret) !== 'valid', 'a changed packet is a valid reply');
  },
};

const frames = [
  Buffer.from([0x20]),
  Buffer.from([0]),
  Buffer.from('c000000800160301', 'hex'),
  Buffer.from('0016030100a5', 'hex'),
];
const eapPackets = [
  identity,
  ...frames.map((frame) => encodeEap(eapCodes.response, 2, eapTypes.tls, frame)),
  encodeEap(eapCodes.response, 2, eapTypes.nak, Buffer.from([25, 21])),
  encodeEap(eapCodes.success, 2),
];

const eapTarget: Target = {
  name: 'EAP packets and TLS frames',
  seeds: eapPackets,
  run: (input) => {
    const packet = decodeEap(input);
    if (typeof packet === 'string') return;
    const again =
      packet.type === null
        ? encodeEap(packet.code, packet.id)
        : encodeEap(packet.code, packet.id, packet.type, packet.data);
    check(again.equals(input.subarray(0, again.length)), 'the packet is what it was read from');
    const frame = decodeTlsFrame(packet.data);
    if (!frame) return;
    const message = new IncomingMessage().add(frame);
    check(!(message instanceof Buffer) || message.length <= mostIncoming, 'a message is no longer than it may be');
  },
};

/** TLS that never comes to an end. */
const endless: TlsPeer<never> = {
  receive: (message) => Promise.resolve({ kind: 'continue', output: Buffer.alloc(message.length % 3000, 1) }),
  close: () => undefined,
};

const conversationTarget: Target = {
  name: 'conversations of EAP',
  seeds: eapPackets,
  run: async (input) => {
    const conversation = new EapConversation(() => endless, ['tls', 'peap', 'ttls'], 200, 0);
    await conversation.receive(identity);
    // The same bytes under the identifiers that are asked for: some get further than the first look at them.
    for (let id = 2; id < 5; id++) {
      const response = Buffer.from(input);
      if (response.length > 1) response[1] = id;
      const answer = await conversation.receive(response);
      check(answer.kind !== 'success', 'nobody was let in');
      if (answer.kind !== 'request') return;
      check(typeof decodeEap(answer.packet) !== 'string', 'what we send is EAP');
    }
  },
};

/** Nobody's password is right. */
const strangers: FindProof = () => Promise.resolve({ ntHash: Buffer.alloc(16), verify: () => Promise.resolve(false) });
const mschapResponse = Buffer.concat([Buffer.from('1a0200003631', 'hex'), Buffer.alloc(49), Buffer.from('someone')]);
const avpsOfPap = [1, 2].map((code) => encodeAvp({ code, vendor: 0, mandatory: true, data: Buffer.from('someone') }));
const avpsOfMschap = [11, 25].map((code) =>
  encodeAvp({ code, vendor: 311, mandatory: true, data: Buffer.alloc(code === 11 ? 16 : 50) }),
);

const tunnelTarget: Target = {
  name: 'what comes through the tunnels of PEAP and EAP-TTLS',
  seeds: [
    Buffer.from('\u0001someone', 'latin1'),
    mschapResponse,
    Buffer.from('1a03', 'hex'),
    Buffer.from('0201000b21800300020001', 'hex'),
    Buffer.concat(avpsOfPap),
    Buffer.concat([avpsOfPap[0]!, ...avpsOfMschap]),
  ],
  run: async (input) => {
    const avps = decodeAvps(input);
    if (avps) {
      const again = decodeAvps(Buffer.concat(avps.map(encodeAvp)));
      check(again?.length === avps.length, 'the AVPs that were read can be written and read again');
    }
    const ttls = await new TtlsInner(strangers, (_, length) => Buffer.alloc(length)).receive(input);
    check(ttls.kind !== 'proved', 'nobody proved a password in EAP-TTLS');
    const peap = new PeapInner(strangers, Buffer.alloc(16));
    for (const message of [Buffer.from([1, 65]), input, input, input]) {
      const step = await peap.receive(message);
      check(step.kind !== 'proved', 'nobody proved a password in PEAP');
      if (step.kind === 'failed') return;
    }
  },
};

export const targets: readonly Target[] = [packetTarget, signatureTarget, eapTarget, conversationTarget, tunnelTarget];
