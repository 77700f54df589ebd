import { parseMac } from '#net';
import { describe, expect, it } from 'vitest';
import { dateAttribute, integerAttribute } from './build.js';
import { describeAttribute } from './describe.js';
import { types } from './dictionary.js';
import {
  bounceRequest,
  coaRequest,
  disconnectRequest,
  readDynamicAuthorizationReply,
  reauthenticateRequest,
} from './dynamic-authorization.js';
import type { Authorization, SessionIdentification } from './nas-profiles/profile.js';
import { nasProfile } from './nas-profiles/registry.js';
import { codes, decodePacket, signReply, signRequest, type Attribute, type Packet } from './packet.js';
import { Secret } from './secret.js';
import { verifyReply, verifySignedRequest } from './verify.js';

const secret = new Secret('xyzzy5461');
const at = new Date('2026-11-23T19:00:00.900Z');
const rfc = nasProfile('rfc')!;
const cisco = nasProfile('cisco-ios-xe')!;
const session = (over: Partial<SessionIdentification> = {}): SessionIdentification => ({
  mac: parseMac('001a2b3c4d5e')!,
  userName: '001a2b3c4d5e',
  callingStationId: '001a.2b3c.4d5e',
  acctSessionId: '0000002A',
  auditSessionId: '0A00030B000000120000ABCD',
  nasIpAddress: '10.0.3.11',
  nasIpv6Address: null,
  nasIdentifier: 'main-idf3-sw1',
  nasPort: 50_103,
  nasPortId: 'GigabitEthernet1/0/3',
  ...over,
});
const unknown = session({
  userName: null,
  callingStationId: null,
  acctSessionId: null,
  auditSessionId: null,
  nasIpAddress: null,
  nasIdentifier: null,
  nasPort: null,
  nasPortId: null,
});
const authorization: Authorization = {
  vlan: 999,
  voice: false,
  acl: [],
  role: 'pump',
  portAcl: 'full',
  sessionTimeout: 600,
  sgt: null,
  class: Buffer.from('c'),
};
const shown = (attributes: readonly Attribute[]): string[] =>
  attributes.map(describeAttribute).map(({ name, value }) => `${name} = ${value}`);
const packetOf = (bytes: Buffer | null): Packet => decodePacket(bytes ?? Buffer.alloc(0)) as Packet;

const standard = [
  'NAS-IP-Address = 10.0.3.11',
  'NAS-Identifier = main-idf3-sw1',
  'User-Name = 001a2b3c4d5e',
  'Calling-Station-Id = 001a.2b3c.4d5e',
  'Acct-Session-Id = 0000002A',
  'NAS-Port = 50103',
  'NAS-Port-Id = GigabitEthernet1/0/3',
  'Event-Timestamp = 2026-11-23T19:00:00.000Z',
];
const ofCisco = [
  'NAS-IP-Address = 10.0.3.11',
  'NAS-Identifier = main-idf3-sw1',
  'Calling-Station-Id = 001a.2b3c.4d5e',
  'Acct-Session-Id = 0000002A',
  'Cisco-AVPair = audit-session-id=0A00030B000000120000ABCD',
  'Event-Timestamp = 2026-11-23T19:00:00.000Z',
];

describe('coaRequest', () => {
  it('pushes the new authorization to RFC switches', () => {
    expect(shown(coaRequest(rfc, session(), authorization, at))).toEqual([
      ...standard,
      'Tunnel-Type = VLAN',
      'Tunnel-Medium-Type = IEEE-802',
      'Tunnel-Private-Group-Id = 999',
      'Session-Timeout = 600',
      'Termination-Action = RADIUS-Request',
      'NAS-Filter-Rule = deny in ip from any to any',
      'Class = 0x63',
    ]);
  });

  it('asks Cisco switches to authenticate the session again', () => {
    expect(shown(coaRequest(cisco, session(), authorization, at))).toEqual([
      ...ofCisco,
      'Cisco-AVPair = subscriber:command=reauthenticate',
      'Cisco-AVPair = subscriber:reauthenticate-type=last',
    ]);
  });

  it('is signed both ways, with Message-Authenticator first (RFC 5176 §3.4)', () => {
    const request = packetOf(signRequest(codes.coaRequest, 3, coaRequest(rfc, session(), authorization, at), secret));
    expect(request.attributes[0]?.type).toBe(types.messageAuthenticator);
    expect(verifySignedRequest(request, secret)).toBe('valid');
  });
});

describe('a command to a session', () => {
  it('has it authenticated again, or its port bounced, in the words of the make', () => {
    expect(shown(reauthenticateRequest(cisco, session(), at))).toEqual([
      ...ofCisco,
      'Cisco-AVPair = subscriber:command=reauthenticate',
      'Cisco-AVPair = subscriber:reauthenticate-type=last',
    ]);
    expect(shown(bounceRequest(cisco, session(), at))).toEqual([
      ...ofCisco,
      'Cisco-AVPair = subscriber:command=bounce-host-port',
    ]);
  });

  it('is an error for a make that has none: the ladder leaves it out', () => {
    expect(() => reauthenticateRequest(rfc, session(), at)).toThrow('no command to re-authenticate');
    expect(() => bounceRequest(rfc, session(), at)).toThrow('no command to bounce');
  });
});

describe('disconnectRequest', () => {
  it('names the session as the NAS named it, and nothing else', () => {
    expect(shown(disconnectRequest(rfc, session(), at))).toEqual(standard);
    expect(shown(disconnectRequest(cisco, session(), at))).toEqual(ofCisco);
  });

  it.each([[rfc], [cisco]])('names at least the device by its MAC ($name)', (profile) => {
    expect(shown(disconnectRequest(profile, unknown, at))).toEqual([
      'Calling-Station-Id = 00-1A-2B-3C-4D-5E',
      'Event-Timestamp = 2026-11-23T19:00:00.000Z',
    ]);
  });

  it('gives an IPv6 switch its own address', () => {
    expect(shown(disconnectRequest(rfc, { ...unknown, nasIpv6Address: 'fd00::11' }, at))).toContain(
      'NAS-IPv6-Address = fd00::11',
    );
  });
});

describe('readDynamicAuthorizationReply', () => {
  const request = packetOf(signRequest(codes.coaRequest, 3, [], secret));
  const reply = (code: 41 | 42 | 44 | 45, ...attributes: Attribute[]): Packet =>
    packetOf(signReply(request, code, attributes, secret));

  it('reads an acknowledgement', () => {
    const ack = reply(codes.coaAck);
    expect(verifyReply(ack, request.authenticator, secret)).toBe('valid');
    expect(readDynamicAuthorizationReply(ack, 'CoA-Request')).toEqual({
      outcome: 'ack',
      errorCause: null,
      cause: null,
    });
  });

  it.each([
    [503, 'Session-Context-Not-Found'],
    [401, 'Unsupported-Attribute'],
    [999, 'cause 999'],
  ])('reads why it was refused: %i is %s', (errorCause, cause) => {
    const nak = reply(codes.disconnectNak, integerAttribute(types.errorCause, errorCause));
    expect(readDynamicAuthorizationReply(nak, 'Disconnect-Request')).toEqual({ outcome: 'nak', errorCause, cause });
  });

  it('reads a reply that carries Proxy-State and its own Event-Timestamp', () => {
    const proxyState = { type: 33, value: Buffer.from('proxy') };
    const nak = reply(
      codes.coaNak,
      proxyState,
      integerAttribute(types.errorCause, 506),
      dateAttribute(types.eventTimestamp, at),
    );
    expect(verifyReply(nak, request.authenticator, secret)).toBe('valid');
    expect(readDynamicAuthorizationReply(nak, 'CoA-Request')).toMatchObject({ outcome: 'nak', errorCause: 506 });
  });

  it('takes no answer to the other kind of request', () => {
    expect(readDynamicAuthorizationReply(reply(codes.coaAck), 'Disconnect-Request')).toBeNull();
    expect(readDynamicAuthorizationReply(reply(codes.disconnectAck), 'CoA-Request')).toBeNull();
    expect(readDynamicAuthorizationReply(request, 'CoA-Request')).toBeNull();
  });
});
