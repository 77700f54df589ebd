import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { secret, TestBed, type TestDevice } from './bed.js';
import { DynamicPort } from './dynamic-port.js';
import { otherPump, pump, quarantined, type Switch } from './switch.js';
import {
  accessRequest,
  accountingRequest,
  all,
  code,
  dynamicReply,
  isSignedOverZeros,
  isSummedRequest,
  only,
  parse,
  tlv,
  type,
  type ReplyOptions,
} from './wire.js';

const positive = (request: Buffer): number => (request[0] === code.coaRequest ? code.coaAck : code.disconnectAck);
const negative = (request: Buffer): number => positive(request) + 1;

describe('RFC 5176', () => {
  const port = new DynamicPort(secret);
  const devices = new Map<string, TestDevice>([pump, otherPump].map((mac) => [mac, { mac }]));
  let bed: TestBed;
  let nas: Switch;
  let revision = 1;
  let numbered = 0;

  const ack =
    (options?: ReplyOptions) =>
    (request: Buffer): Buffer =>
      dynamicReply(request, positive(request), [], secret, options);
  const nak =
    (errorCause: number) =>
    (request: Buffer): Buffer =>
      dynamicReply(request, negative(request), [tlv(type.errorCause, errorCause)], secret);

  beforeAll(async () => {
    bed = await TestBed.start({ coaPort: await port.listen() });
    nas = await bed.switchAt();
  });

  afterEach(() => port.settle());

  afterAll(async () => {
    await bed?.stop();
    port.close();
  });

  /** A device of its own on a port, with all that a switch says of it. */
  async function connect(more: readonly Buffer[] = []): Promise<string> {
    const mac = `00:1a:2b:00:00:${(0x10 + numbered++).toString(16)}`;
    await become({ mac });
    const said = [
      tlv(type.userName, mac.replaceAll(':', '')),
      tlv(type.callingStationId, mac.replaceAll(':', '-').toUpperCase()),
      tlv(type.nasPort, 100 + numbered),
      tlv(type.nasIpAddress, Buffer.from([10, 0, 3, 11])),
      tlv(type.nasIdentifier, 'idf3'),
      tlv(type.acctSessionId, `S-${numbered}`),
      ...more,
    ];
    expect((await nas.ask(accessRequest(secret, said))).code).toBe(code.accessAccept);
    await bed.session(mac, ({ state }) => state === 'open');
    return mac;
  }

  async function become(device: TestDevice): Promise<void> {
    devices.set(device.mac, device);
    await bed.change({ devices: [...devices.values()] }, ++revision);
  }

  /** The first request to bring a session to another VLAN. */
  async function provoke(mac: string): Promise<Buffer> {
    await become({ mac, posture: 'at-risk' });
    const [request] = await port.about(mac);
    return request!;
  }

  it('RFC 5176 §3.4: the Request Authenticator is MD5 over the packet with zeros in its place, and the secret', async () => {
    const request = await provoke(await connect());
    expect(request[0]).toBe(code.coaRequest);
    expect(isSummedRequest(request, secret)).toBe(true);
  });

  it('RFC 5176 §3.4: Message-Authenticator is there, computed over a zeroed authenticator and before it', async () => {
    expect(isSignedOverZeros(await provoke(await connect()), secret)).toBe(true);
  });

  it('RFC 5176 §6.3: Event-Timestamp is there and is of now', async () => {
    const mac = await connect();
    const before = Date.now() / 1000;
    const request = parse(await provoke(mac));
    const at = only(request, type.eventTimestamp)!.readUInt32BE();
    expect(at).toBeGreaterThanOrEqual(Math.floor(before));
    expect(at).toBeLessThanOrEqual(Date.now() / 1000);
  });

  it('RFC 5176 §3: the NAS and the session are named as the NAS itself named them', async () => {
    const mac = await connect();
    const request = parse(await provoke(mac));
    expect(only(request, type.nasIpAddress)).toEqual(Buffer.from([10, 0, 3, 11]));
    expect(only(request, type.nasIdentifier)?.toString()).toBe('idf3');
    expect(only(request, type.callingStationId)?.toString()).toBe(mac.replaceAll(':', '-').toUpperCase());
    expect(only(request, type.acctSessionId)?.toString()).toBe(`S-${numbered}`);
    expect(only(request, type.nasPort)?.readUInt32BE()).toBe(100 + numbered);
  });

  it('RFC 5176 §3: the session is named by the id that accounting gave it, where that came later', async () => {
    const mac = await connect();
    const record = [
      tlv(type.acctStatusType, 1),
      tlv(type.acctSessionId, 'later-id'),
      tlv(type.callingStationId, mac),
      tlv(type.nasPort, 100 + numbered),
    ];
    expect((await nas.ask(accountingRequest(secret, record))).code).toBe(code.accountingResponse);
    await bed.session(mac, ({ acctSessionId }) => acctSessionId === 'later-id');
    const request = parse(await provoke(mac));
    expect(only(request, type.acctSessionId)?.toString()).toBe('later-id');
  });

  it('RFC 5176 §2.2: a CoA-Request carries what the session is to have now', async () => {
    const request = parse(await provoke(await connect()));
    expect(only(request, type.tunnelPrivateGroupId)?.toString()).toBe('211');
    expect(all(request, type.nasFilterRule)).not.toEqual([]);
  });

  it('RFC 5176 §2.2: a session is another one only once the NAS acknowledged it', async () => {
    const mac = await connect();
    const held = Promise.withResolvers<Buffer>();
    port.on(mac, (request) => {
      held.resolve(request);
      return null;
    });
    await become({ mac, posture: 'at-risk' });
    await held.promise;
    expect(bed.sessions(mac)).toMatchObject([{ vlan: 210, state: 'open' }]);
    port.on(mac, ack());
    const session = await bed.session(mac, ({ vlan }) => vlan === 211);
    expect(session.lastCoa).toMatchObject({ request: 'CoA-Request', outcome: 'ack' });
  });

  it('RFC 5176 §3.4: Message-Authenticator is not asked of a reply whose authenticator is right', async () => {
    const mac = await connect();
    port.on(mac, ack({ messageAuthenticator: 'absent' }));
    await become({ mac, posture: 'at-risk' });
    await bed.session(mac, ({ vlan }) => vlan === 211);
  });

  it.each<[string, ReplyOptions, string]>([
    ['Response Authenticator', { authenticator: 'wrong' }, 'coa.dropped.bad-authenticator'],
    ['Message-Authenticator', { messageAuthenticator: 'wrong' }, 'coa.dropped.bad-message-authenticator'],
  ])('RFC 5176 §3.4: a reply whose %s is wrong is silently discarded', async (_, options, counter) => {
    const mac = await connect();
    let replies = 0;
    port.on(mac, (request) => (replies++ === 0 ? ack(options)(request) : null));
    const grown = await bed.grown(async () => {
      await become({ mac, posture: 'at-risk' });
      // As if nothing had come: the request is sent again.
      await port.about(mac, 2);
    });
    expect(grown[counter]).toBe(1);
    expect(bed.sessions(mac)).toMatchObject([{ vlan: 210, lastCoa: null }]);
  });

  it('RFC 5176 §3.4: a reply signed with another secret is silently discarded', async () => {
    const mac = await connect();
    port.on(mac, (request) => dynamicReply(request, positive(request), [], 'another secret'));
    const grown = await bed.grown(async () => {
      await become({ mac, posture: 'at-risk' });
      await port.about(mac, 2);
    });
    expect(grown['coa.dropped.bad-authenticator']).toBeGreaterThan(0);
    expect(bed.sessions(mac)).toMatchObject([{ vlan: 210 }]);
  });

  it('RFC 5176 §2.3: a reply with another Identifier, or of another Code, is no reply', async () => {
    const mac = await connect();
    port.on(mac, (request) => {
      const other = Buffer.from(request);
      other[1] = (request[1]! + 128) % 256;
      return dynamicReply(other, positive(request), [], secret);
    });
    const grown = await bed.grown(async () => {
      await become({ mac, posture: 'at-risk' });
      await port.about(mac, 2);
      port.on(mac, (request) => dynamicReply(request, code.disconnectAck, [], secret));
      await port.about(mac, 3);
    });
    expect(grown['coa.dropped.unexpected']).toBeGreaterThanOrEqual(1);
    expect(bed.sessions(mac)).toMatchObject([{ vlan: 210, state: 'open' }]);
  });

  it('RFC 5176 §2.3: a reply that does not come from where the request went is no reply', async () => {
    const mac = await connect();
    const elsewhere = createSocket('udp4').bind(0, '127.0.0.1');
    await once(elsewhere, 'listening');
    port.on(mac, () => null);
    const grown = await bed.grown(async () => {
      const request = await provoke(mac);
      elsewhere.send(ack()(request), port.source, '127.0.0.1');
      await port.about(mac, 2);
    });
    elsewhere.close();
    expect(grown['coa.dropped.unexpected']).toBe(1);
    expect(bed.sessions(mac)).toMatchObject([{ vlan: 210 }]);
  });

  it('RFC 5176 §2.3: a retransmission has the same Identifier, authenticator and bytes', async () => {
    const mac = await connect();
    port.on(mac, () => null);
    await provoke(mac);
    const [first, ...again] = await port.about(mac, 3);
    for (const each of again) expect(each).toEqual(first);
  });

  it('RFC 5176 §2.3: another request has another Identifier', async () => {
    const requests = [await provoke(await connect()), await provoke(await connect())];
    expect(requests[0]![1]).not.toBe(requests[1]![1]);
  });

  it('RFC 5176 §2.2: a CoA-NAK has changed nothing, and its Error-Cause is told', async () => {
    const mac = await connect();
    port.on(mac, (request) => (request[0] === code.coaRequest ? nak(401)(request) : null));
    await become({ mac, posture: 'at-risk' });
    const session = await bed.session(mac, ({ lastCoa }) => lastCoa?.outcome === 'nak');
    expect(session).toMatchObject({ vlan: 210, state: 'open' });
    expect(session.lastCoa).toMatchObject({ request: 'CoA-Request', errorCause: 401 });
    expect(session.lastCoa?.reason).toMatch(/unsupported/i);
    // What follows is another try to bring about the change, which is not made yet.
    await port.about(mac, 2);
    expect(bed.sessions(mac)).toMatchObject([{ vlan: 210, state: 'open' }]);
  });

  it('RFC 5176 §2.1: a session that may be there no more gets a Disconnect-Request, and ends when that is acknowledged', async () => {
    const mac = await connect();
    port.on(mac, ack());
    await become({ mac, class: 'quarantined' });
    const [request] = await port.about(mac);
    expect(request![0]).toBe(code.disconnectRequest);
    expect([isSummedRequest(request!, secret), isSignedOverZeros(request!, secret)]).toEqual([true, true]);
    await bed.session(mac, ({ state }) => state === 'closed');
  });

  it('RFC 5176 §2.3: a Disconnect-Request names the session and asks for nothing else', async () => {
    const mac = await connect();
    await become({ mac, class: 'quarantined' });
    const [bytes] = await port.about(mac);
    const request = parse(bytes!);
    for (const wanted of [type.tunnelPrivateGroupId, type.tunnelType, type.nasFilterRule, type.sessionTimeout])
      expect(all(request, wanted)).toEqual([]);
    expect(only(request, type.acctSessionId)).not.toBeNull();
    expect(only(request, type.eventTimestamp)).not.toBeNull();
  });

  it('RFC 5176 §3.5: of a session that the NAS does not know (503) there is nothing left to disconnect', async () => {
    const mac = await connect();
    port.on(mac, nak(503));
    await become({ mac, class: 'quarantined' });
    const session = await bed.session(mac, ({ state }) => state === 'closed');
    expect(session.endReason).toContain('does not know');
  });

  it('RFC 5176 §2.1: a Disconnect-NAK leaves the session open', async () => {
    const mac = await connect();
    port.on(mac, nak(501));
    await become({ mac, class: 'quarantined' });
    const session = await bed.session(mac, ({ lastCoa }) => lastCoa?.outcome === 'nak');
    expect(session.state).toBe('open');
  });

  it('RFC 5176 §2: it goes to the port of the NAS that the policy names', async () => {
    const mac = await connect();
    await provoke(mac);
    expect(bed.coaPort).not.toBe(3799);
    expect(port.requests.length).toBeGreaterThan(0);
  });

  it('RFC 5176 §3: attributes of a reply that are not known do no harm', async () => {
    const mac = await connect();
    const foreign = [tlv(type.proxyState, 'proxy'), tlv(250, Buffer.alloc(40, 1)), tlv(type.replyMessage, 'done')];
    port.on(mac, (request) => dynamicReply(request, positive(request), foreign, secret));
    await become({ mac, posture: 'at-risk' });
    await bed.session(mac, ({ vlan }) => vlan === 211);
  });

  it('RFC 5176 §2.2: a session that would get the same as before gets no request', async () => {
    const mac = await connect();
    const grown = await bed.grown(async () => {
      await become({ mac: quarantined, posture: 'quarantined' });
      await become({ mac });
    });
    expect(grown['coa.requests']).toBeUndefined();
  });
});
