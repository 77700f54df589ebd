import { createHash, createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { integerAttribute, octetsAttribute, textAttribute } from './build.js';
import { types } from './dictionary.js';
import { codes, decodePacket, signReply, signRequest, type Code, type Packet } from './packet.js';
import { Secret } from './secret.js';
import { verifyMessageAuthenticator, verifyReply, verifyRequestAuthenticator, verifySignedRequest } from './verify.js';

const key = 'xyzzy5461';
const secret = new Secret(key);
const other = new Secret('xyzzy5462');
const hex = (text: string): Buffer => Buffer.from(text.replaceAll(/\s/g, ''), 'hex');
const packetOf = (bytes: Buffer | null): Packet => {
  const packet = decodePacket(bytes ?? Buffer.alloc(0));
  if (typeof packet === 'string') throw new Error(packet);
  return packet;
};
const random = Buffer.from(Array.from({ length: 16 }, (_, i) => i * 7));
const attributes = [textAttribute(types.userName, 'pump'), integerAttribute(types.nasPort, 3)];

describe('the examples of the RFCs', () => {
  it('RFC 2865 §7.1: the Access-Accept is signed, and lacks Message-Authenticator', () => {
    const authenticator = hex('0f403f9473978057bd83d5cb98f4227a');
    const reply = packetOf(
      hex(
        '02 00 00 26 86 fe 22 0e 76 24 ba 2a 10 05 f6 bf 9b 55 e0 b2 06 06 00 00 00 01 0f 06 00 00 00 00 0e 06 c0 a8 01 03',
      ),
    );
    expect(verifyReply(reply, authenticator, secret)).toBe('missing-message-authenticator');
    expect(verifyReply(reply, authenticator, other)).toBe('bad-authenticator');
    expect(verifyReply(reply, random, secret)).toBe('bad-authenticator');
  });

  it('RFC 5997 §6.1: the Status-Server carries a valid Message-Authenticator', () => {
    const request = packetOf(
      hex(
        '0c da 00 26 8a 54 f4 68 6f b3 94 c5 28 66 e3 02 18 5d 06 23 50 12 5a 66 5e 2e 1e 84 11 f3 e2 43 82 20 97 c8 4f a3',
      ),
    );
    expect(request.code).toBe(codes.statusServer);
    expect(verifyMessageAuthenticator(request, secret)).toBe('valid');
    expect(verifyMessageAuthenticator(request, other)).toBe('invalid');
    const made = signRequest(codes.statusServer, 0xda, [], secret, request.authenticator);
    expect(made).toEqual(request.bytes);
  });
});

describe('verifyMessageAuthenticator', () => {
  /** The plain way to make the sum, with node:crypto alone (RFC 3579 §3.2). */
  const naive = (bytes: Buffer, at: number, authenticator: Buffer): Buffer => {
    const copy = Buffer.from(bytes);
    authenticator.copy(copy, 4);
    copy.fill(0, at, at + 16);
    return createHmac('md5', key).update(copy).digest();
  };

  it.each<[string, Code, Buffer | undefined]>([
    ['Access-Request under its own authenticator', codes.accessRequest, random],
    ['Accounting-Request under zeros', codes.accountingRequest, undefined],
    ['CoA-Request under zeros (RFC 5176 §3.4)', codes.coaRequest, undefined],
    ['Disconnect-Request under zeros', codes.disconnectRequest, undefined],
  ])('%s', (_title, code, authenticator) => {
    const packet = packetOf(signRequest(code, 5, attributes, secret, authenticator));
    expect(packet.attributes[0]?.value).toEqual(naive(packet.bytes, 22, authenticator ?? Buffer.alloc(16)));
    expect(verifyMessageAuthenticator(packet, secret)).toBe('valid');
    expect(verifyMessageAuthenticator(packet, other)).toBe('invalid');
  });

  it('judges a reply under the authenticator of its request, and not without', () => {
    const request = packetOf(signRequest(codes.coaRequest, 5, attributes, secret));
    const reply = packetOf(signReply(request, codes.coaNak, [integerAttribute(types.errorCause, 503)], secret));
    expect(reply.attributes[0]?.value).toEqual(naive(reply.bytes, 22, request.authenticator));
    expect(verifyMessageAuthenticator(reply, secret, request.authenticator)).toBe('valid');
    expect(verifyMessageAuthenticator(reply, secret, random)).toBe('invalid');
    expect(() => verifyMessageAuthenticator(reply, secret)).toThrow(TypeError);
  });

  it('finds it wherever it stands', () => {
    const packet = packetOf(signRequest(codes.accessRequest, 5, attributes, secret, random));
    const [mac, ...rest] = packet.attributes;
    const moved = Buffer.concat([
      packet.bytes.subarray(0, 20),
      ...[...rest, mac!].map(({ type, value }) => Buffer.concat([Buffer.from([type, value.length + 2]), value])),
    ]);
    naive(moved, moved.length - 16, random).copy(moved, moved.length - 16);
    expect(verifyMessageAuthenticator(packetOf(moved), secret)).toBe('valid');
  });

  it('tells missing, duplicate and misshapen ones apart', () => {
    const bare = (...extra: string[]): Packet => {
      const body = extra.map((value) => octetsAttribute(types.messageAuthenticator, hex(value)));
      const bytes = signRequest(codes.accessRequest, 5, [...body, ...attributes], secret, random);
      // Take the one that signRequest put first out again.
      const cut = Buffer.concat([bytes.subarray(0, 20), bytes.subarray(38)]);
      cut.writeUInt16BE(cut.length, 2);
      return packetOf(cut);
    };
    expect(verifyMessageAuthenticator(bare(), secret)).toBe('missing');
    expect(verifyMessageAuthenticator(bare('00'.repeat(16)), secret)).toBe('invalid');
    expect(verifyMessageAuthenticator(bare('00'.repeat(15)), secret)).toBe('invalid');
    expect(verifyMessageAuthenticator(bare(''), secret)).toBe('invalid');
    expect(verifyMessageAuthenticator(bare('00'.repeat(16), '00'.repeat(16)), secret)).toBe('duplicate');
  });

  it('notices each changed byte', () => {
    const bytes = signRequest(codes.accessRequest, 5, attributes, secret, random);
    for (let at = 0; at < bytes.length; at++) {
      const flipped = Buffer.from(bytes);
      flipped[at]! ^= 0x10;
      const packet = decodePacket(flipped);
      if (typeof packet !== 'string' && packet.code === codes.accessRequest)
        expect(verifyMessageAuthenticator(packet, secret), `byte ${at}`).not.toBe('valid');
    }
  });
});

describe('signed requests', () => {
  const naive = (bytes: Buffer): Buffer =>
    createHash('md5')
      .update(bytes.subarray(0, 4))
      .update(Buffer.alloc(16))
      .update(bytes.subarray(20))
      .update(key)
      .digest();

  it.each([['accountingRequest'], ['coaRequest'], ['disconnectRequest']] as const)(
    '%s has MD5 over the packet with the authenticator zeroed (RFC 2866 §3)',
    (name) => {
      const packet = packetOf(signRequest(codes[name], 5, attributes, secret));
      expect(packet.authenticator).toEqual(naive(packet.bytes));
      expect(verifyRequestAuthenticator(packet, secret)).toBe(true);
      expect(verifySignedRequest(packet, secret)).toBe('valid');
      expect(verifySignedRequest(packet, other)).toBe('bad-authenticator');
    },
  );

  it('may lack Message-Authenticator but not carry a wrong one', () => {
    const bytes = signRequest(codes.coaRequest, 5, attributes, secret);
    const forged = Buffer.from(bytes);
    forged[30]! ^= 1;
    naive(forged).copy(forged, 4);
    expect(verifySignedRequest(packetOf(forged), secret)).toBe('bad-message-authenticator');
    const bare = Buffer.concat([bytes.subarray(0, 20), bytes.subarray(38)]);
    bare.writeUInt16BE(bare.length, 2);
    naive(bare).copy(bare, 4);
    expect(verifySignedRequest(packetOf(bare), secret)).toBe('valid');
  });
});

describe('verifyReply', () => {
  it('refuses what is no reply', () => {
    const request = packetOf(signRequest(codes.coaRequest, 5, attributes, secret));
    expect(verifyReply(request, request.authenticator, secret)).toBe('bad-authenticator');
  });

  it('refuses a reply whose response authenticator holds and whose Message-Authenticator does not', () => {
    const request = packetOf(signRequest(codes.accessRequest, 5, attributes, secret, random));
    const forged = signReply(request, codes.accessAccept, attributes, secret)!;
    forged[25]! ^= 1;
    random.copy(forged, 4);
    createHash('md5').update(forged).update(key).digest().copy(forged, 4);
    expect(verifyReply(packetOf(forged), random, secret)).toBe('bad-message-authenticator');
  });
});
