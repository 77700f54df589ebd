import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readAll, readConcatenated } from './attributes.js';
import { concatenatedAttributes, integerAttribute, octetsAttribute, textAttribute } from './build.js';
import { types } from './dictionary.js';
import {
  codes,
  decodePacket,
  encodeAttributes,
  malformedReasons,
  signReply,
  signRequest,
  type Attribute,
  type MalformedReason,
  type Packet,
} from './packet.js';
import { Secret } from './secret.js';
import { verifyMessageAuthenticator, verifyReply } from './verify.js';

const secret = new Secret('xyzzy5461');
const hex = (text: string): Buffer => Buffer.from(text.replaceAll(/\s/g, ''), 'hex');
/** Code, id, length and a fixed authenticator in front of attribute bytes. */
const datagram = (attributes: string, length?: number): Buffer => {
  const body = hex(attributes);
  const head = hex(`01 07 0000 ${'a5'.repeat(16)}`);
  head.writeUInt16BE(length ?? 20 + body.length, 2);
  return Buffer.concat([head, body]);
};
const packetOf = (bytes: Buffer | null): Packet => {
  const packet = decodePacket(bytes ?? Buffer.alloc(0));
  if (typeof packet === 'string') throw new Error(packet);
  return packet;
};
const shape = (attributes: readonly Attribute[]) => attributes.map(({ type, value }) => [type, value.toString('hex')]);

describe('decodePacket', () => {
  it.each<[string, Buffer, MalformedReason]>([
    ['nothing', Buffer.alloc(0), 'too-short'],
    ['19 bytes', Buffer.alloc(19, 1), 'too-short'],
    ['Length below 20', datagram('', 19), 'bad-length'],
    ['Length above 4096', datagram('', 4097), 'bad-length'],
    ['Length beyond the datagram', datagram('01 03 61', 24), 'truncated'],
    ['an attribute of length 0', datagram('01 00'), 'attribute-too-short'],
    ['an attribute of length 1', datagram('01 01'), 'attribute-too-short'],
    ['an attribute type without length', datagram('01 03 61 01'), 'attribute-too-short'],
    ['an attribute that leaves the packet', datagram('01 03 61 01 04 61'), 'attribute-overrun'],
    ['an attribute that leaves Length, not the datagram', datagram('01 05 61 61 61', 23), 'attribute-overrun'],
  ])('refuses %s', (_title, bytes, reason) => {
    expect(decodePacket(bytes)).toBe(reason);
  });

  it('ignores bytes after Length (RFC 2865 §3)', () => {
    const packet = packetOf(datagram('01 03 61 ff ff ff', 23));
    expect(shape(packet.attributes)).toEqual([[1, '61']]);
    expect(packet.bytes).toHaveLength(23);
  });

  it('keeps unknown codes, unknown types and empty values', () => {
    const bytes = datagram('f1 04 0102 01 02');
    bytes[0] = 250;
    expect(packetOf(bytes).code).toBe(250);
    expect(shape(packetOf(bytes).attributes)).toEqual([
      [0xf1, '0102'],
      [1, ''],
    ]);
  });

  it('takes 4096 bytes of the smallest attributes', () => {
    expect(packetOf(datagram('0102'.repeat(2038))).attributes).toHaveLength(2038);
  });

  it('reads the request of RFC 2865 §7.1', () => {
    const packet = packetOf(rfc2865Request);
    expect(packet).toMatchObject({ code: codes.accessRequest, id: 0 });
    expect(shape(packet.attributes)).toEqual([
      [types.userName, Buffer.from('nemo').toString('hex')],
      [types.userPassword, '0dbe708d93d413ce3196e43f782a0aee'],
      [types.nasIpAddress, 'c0a80110'],
      [types.nasPort, '00000003'],
    ]);
  });

  it('never throws on any truncation or byte flip, and gives a reason of the list', () => {
    const reply = packetSample();
    for (let length = 0; length <= reply.length; length++) judge(reply.subarray(0, length));
    for (let at = 0; at < reply.length; at++)
      for (const value of [0, 1, 2, 0x7f, 0xff, reply[at]! ^ 1, reply[at]! ^ 0x80]) {
        const flipped = Buffer.from(reply);
        flipped[at] = value;
        judge(flipped);
      }
  });

  it('accounts for each byte of any datagram it takes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (bytes, fix) => {
        const datagram = Buffer.from(bytes);
        if (fix && datagram.length >= 20) datagram.writeUInt16BE(datagram.length, 2);
        judge(datagram);
      }),
    );
  });
});

function judge(datagram: Buffer): void {
  const packet = decodePacket(datagram);
  if (typeof packet === 'string') {
    expect(malformedReasons).toContain(packet);
    return;
  }
  expect(Buffer.concat([packet.bytes.subarray(0, 20), encodeAttributes(packet.attributes)])).toEqual(packet.bytes);
  verifyMessageAuthenticator(packet, secret, packet.authenticator);
}

function packetSample(): Buffer {
  return signRequest(
    codes.accessRequest,
    9,
    [
      textAttribute(types.userName, '00-1A-2B-3C-4D-5E'),
      integerAttribute(types.nasPort, 3),
      octetsAttribute(26, hex('00000009 01 05 616263')),
    ],
    secret,
    Buffer.alloc(16, 7),
  );
}

const rfc2865Request = hex(`
  01 00 00 38 0f 40 3f 94 73 97 80 57 bd 83 d5 cb 98 f4 22 7a 01 06 6e 65 6d 6f 02 12 0d be 70 8d 93 d4 13 ce
  31 96 e4 3f 78 2a 0a ee 04 06 c0 a8 01 10 05 06 00 00 00 03`);

describe('signReply', () => {
  const proxied = (states: readonly string[]): Packet =>
    packetOf(
      signRequest(
        codes.accessRequest,
        42,
        [textAttribute(types.userName, 'x'), ...states.map((state) => octetsAttribute(types.proxyState, hex(state)))],
        secret,
        Buffer.alloc(16, 1),
      ),
    );

  it.each([['accessAccept'], ['accessReject'], ['accessChallenge']] as const)(
    'puts Message-Authenticator first in %s (CVE-2024-3596)',
    (code) => {
      const request = proxied([]);
      const reply = packetOf(signReply(request, codes[code], [integerAttribute(types.sessionTimeout, 60)], secret));
      expect(reply.attributes[0]?.type).toBe(types.messageAuthenticator);
      expect(reply.id).toBe(42);
      expect(verifyReply(reply, request.authenticator, secret)).toBe('valid');
    },
  );

  it('leaves Message-Authenticator out of Accounting-Response', () => {
    const request = packetOf(signRequest(codes.accountingRequest, 1, [], secret));
    const reply = packetOf(signReply(request, codes.accountingResponse, [], secret));
    expect(reply.attributes).toEqual([]);
    expect(verifyReply(reply, request.authenticator, secret)).toBe('valid');
  });

  it('gives Proxy-State back unchanged, in order and after all others (RFC 2865 §5.33)', () => {
    const request = proxied(['ff00', '01', 'ff00', '']);
    const reply = packetOf(
      signReply(request, codes.accessAccept, [integerAttribute(types.sessionTimeout, 60)], secret),
    );
    expect(shape(reply.attributes).slice(1)).toEqual([
      [types.sessionTimeout, '0000003c'],
      [types.proxyState, 'ff00'],
      [types.proxyState, '01'],
      [types.proxyState, 'ff00'],
      [types.proxyState, ''],
    ]);
    expect(verifyReply(reply, request.authenticator, secret)).toBe('valid');
  });

  it('gives the same bytes for attributes and for their encoded block', () => {
    const attributes = [integerAttribute(types.sessionTimeout, 60), textAttribute(types.replyMessage, 'no')];
    const request = proxied(['01']);
    const reply = signReply(request, codes.accessReject, encodeAttributes(attributes), secret);
    expect(reply).toEqual(signReply(request, codes.accessReject, attributes, secret));
  });

  it('fills a packet to 4096 bytes and refuses one byte more', () => {
    const request = proxied(['aa'.repeat(253)]);
    const room = 4096 - 20 - 18 - 255;
    expect(signReply(request, codes.accessAccept, Buffer.alloc(room), secret)).toHaveLength(4096);
    expect(signReply(request, codes.accessAccept, Buffer.alloc(room + 1), secret)).toBeNull();
  });
});

describe('signRequest', () => {
  it.each([['accessRequest'], ['statusServer']] as const)(
    'takes the random authenticator of %s from its caller',
    (code) => {
      const random = Buffer.alloc(16, 0x33);
      expect(packetOf(signRequest(codes[code], 1, [], secret, random)).authenticator).toEqual(random);
      expect(() => signRequest(codes[code], 1, [], secret)).toThrow(RangeError);
      expect(() => signRequest(codes[code], 1, [], secret, random.subarray(1))).toThrow(RangeError);
    },
  );

  it('computes the authenticator of all others', () => {
    expect(() => signRequest(codes.coaRequest, 1, [], secret, Buffer.alloc(16))).toThrow(RangeError);
  });

  it('refuses a request over 4096 bytes', () => {
    const long = concatenatedAttributes(types.eapMessage, Buffer.alloc(4096));
    expect(() => signRequest(codes.accessRequest, 1, long, secret, Buffer.alloc(16))).toThrow('4096');
  });
});

describe('attribute bytes', () => {
  it('survive encoding and decoding', () => {
    const attribute = fc.record({
      type: fc.integer({ min: 0, max: 255 }),
      value: fc.uint8Array({ maxLength: 253 }).map((v) => Buffer.from(v)),
    });
    fc.assert(
      fc.property(fc.array(attribute, { maxLength: 15 }), (attributes) => {
        const bytes = datagram(encodeAttributes(attributes).toString('hex'));
        expect(shape(packetOf(bytes).attributes)).toEqual(shape(attributes));
      }),
    );
  });

  it('of a long value cross attribute borders unharmed', () => {
    for (const length of [0, 1, 252, 253, 254, 506, 507, 1500]) {
      const value = Buffer.from(Array.from({ length }, (_, i) => i % 251));
      const attributes = concatenatedAttributes(types.eapMessage, value);
      expect(attributes).toHaveLength(Math.ceil(length / 253));
      expect(readConcatenated(attributes, types.eapMessage) ?? Buffer.alloc(0)).toEqual(value);
      expect(readAll(attributes, types.eapMessage).every((part) => part.length <= 253)).toBe(true);
    }
  });

  it('beyond 253 are refused', () => {
    expect(() => encodeAttributes([{ type: 1, value: Buffer.alloc(254) }])).toThrow(RangeError);
  });
});
