import { createRequire } from 'node:module';
import { parsePrefix, type Prefix } from '#net';
import { describe, expect, it } from 'vitest';
import { readAccounting } from './accounting.js';
import { readIpv4, readOctets, readText } from './attributes.js';
import { octetsAttribute, textAttribute } from './build.js';
import { types } from './dictionary.js';
import { renderAuthorization } from './nas-profiles/authorization.js';
import type { Authorization } from './nas-profiles/profile.js';
import { nasProfile } from './nas-profiles/registry.js';
import { codes, decodePacket, signReply, signRequest, type Packet } from './packet.js';
import { hidePassword, revealPassword } from './password.js';
import { Secret } from './secret.js';
import { verifyMessageAuthenticator, verifySignedRequest } from './verify.js';

/**
 * The npm package `radius` was written by others from the same RFCs: a second opinion. Known faults of its version 1.1.4
 * are kept out of its way: it takes Message-Authenticator of accounting for one over the packet's own authenticator.
 */
interface NodeRadius {
  decode(args: { packet: Buffer; secret: string }): Decoded;
  encode(args: object): Buffer;
  verify_response(args: { request: Buffer; response: Buffer; secret: string }): boolean;
}
interface Decoded {
  readonly code: string;
  readonly identifier: number;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly raw_attributes: readonly (readonly [number, Buffer])[];
}
const nodeRadius = createRequire(import.meta.url)('radius') as NodeRadius;

const key = 'xyzzy5461';
const secret = new Secret(key);
const random = Buffer.from(Array.from({ length: 16 }, (_, i) => 200 - i));
const packetOf = (bytes: Buffer): Packet => {
  const packet = decodePacket(bytes);
  if (typeof packet === 'string') throw new Error(packet);
  return packet;
};
const authorization: Authorization = {
  vlan: 210,
  voice: false,
  role: 'infusion-pump',
  portAcl: 'full',
  acl: [
    {
      action: 'permit' as const,
      family: 4 as const,
      protocol: 6,
      sourcePorts: null,
      destination: parsePrefix('10.10.4.20') as Prefix,
      destinationPorts: { first: 443, last: 443 },
      established: false,
    },
  ],
  sessionTimeout: 28_800,
  sgt: 21,
  class: Buffer.from('cordon:7f'),
};

describe('what Cordon sends, read by node-radius', () => {
  const bytes = signRequest(
    codes.accessRequest,
    42,
    [
      textAttribute(types.userName, '001a2b3c4d5e'),
      octetsAttribute(types.userPassword, hidePassword('a longer password than sixteen', random, secret)),
      octetsAttribute(types.proxyState, Buffer.from('hop-1')),
    ],
    secret,
    random,
  );

  it('is a request that it believes', () => {
    const decoded = nodeRadius.decode({ packet: Buffer.from(bytes), secret: key });
    expect(decoded).toMatchObject({
      code: 'Access-Request',
      identifier: 42,
      attributes: { 'User-Name': '001a2b3c4d5e', 'User-Password': 'a longer password than sixteen' },
    });
  });

  it.each([['rfc'], ['cisco-ios-xe']])('is an Access-Accept that it believes (%s)', (name) => {
    const attributes = renderAuthorization(nasProfile(name)!, authorization);
    const response = signReply(packetOf(bytes), codes.accessAccept, attributes, secret)!;
    const untouched = Buffer.from(response);
    expect(nodeRadius.verify_response({ request: Buffer.from(bytes), response, secret: key })).toBe(true);
    const decoded = nodeRadius.decode({ packet: untouched, secret: key });
    expect(decoded.raw_attributes[0]?.[0]).toBe(types.messageAuthenticator);
    expect(decoded.raw_attributes.at(-1)).toEqual([types.proxyState, Buffer.from('hop-1')]);
    expect(decoded).toMatchObject({
      code: 'Access-Accept',
      identifier: 42,
      attributes: {
        'Session-Timeout': 28_800,
        'Termination-Action': 'RADIUS-Request',
        Class: Buffer.from('cordon:7f'),
      },
    });
    const group = decoded.attributes['Tunnel-Private-Group-Id'];
    expect(Array.isArray(group) ? group.at(-1) : group).toBe('210');
    if (name === 'rfc')
      expect(decoded.attributes['NAS-Filter-Rule']).toBe(
        'permit in tcp from any to 10.10.4.20 443\0deny in ip from any to any',
      );
  });

  it('does not pass with another secret', () => {
    const response = signReply(packetOf(bytes), codes.accessReject, [], new Secret('other'))!;
    expect(nodeRadius.verify_response({ request: Buffer.from(bytes), response, secret: key })).toBe(false);
  });
});

describe('what node-radius sends, read by Cordon', () => {
  it('is an Access-Request with PAP and Message-Authenticator', () => {
    const packet = packetOf(
      nodeRadius.encode({
        code: 'Access-Request',
        identifier: 7,
        secret: key,
        add_message_authenticator: true,
        attributes: [
          ['User-Name', 'pump'],
          ['User-Password', 'swordfish'],
          ['NAS-IP-Address', '10.0.3.11'],
        ],
      }),
    );
    expect(verifyMessageAuthenticator(packet, secret)).toBe('valid');
    expect(readText(packet.attributes, types.userName)).toBe('pump');
    expect(readIpv4(packet.attributes, types.nasIpAddress)).toBe('10.0.3.11');
    const hidden = readOctets(packet.attributes, types.userPassword)!;
    expect(revealPassword(hidden, packet.authenticator, secret)?.toString()).toBe('swordfish');
  });

  it('is an Accounting-Request', () => {
    const packet = packetOf(
      nodeRadius.encode({
        code: 'Accounting-Request',
        identifier: 8,
        secret: key,
        attributes: [
          ['Acct-Status-Type', 'Interim-Update'],
          ['Acct-Session-Id', '2A'],
          ['Acct-Input-Octets', 5],
          ['Acct-Input-Gigawords', 1],
        ],
      }),
    );
    expect(verifySignedRequest(packet, secret)).toBe('valid');
    expect(verifySignedRequest(packet, new Secret('other'))).toBe('bad-authenticator');
    expect(readAccounting(packet)).toMatchObject({ status: 'interim', sessionId: '2A', inputOctets: 2 ** 32 + 5 });
  });
});
