import type { Session } from '#model';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { secret, TestBed } from './bed.js';
import { mab, type Switch } from './switch.js';
import {
  accessRequest,
  accountingRequest,
  all,
  code,
  hasResponseAuthenticator,
  only,
  parse,
  tlv,
  type,
  type Parsed,
} from './wire.js';

const status = { start: 1, stop: 2, interim: 3, on: 7, off: 8, tunnelStart: 9, failed: 15 } as const;
/** RFC 2866 §5.10. */
const lostCarrier = 2;

describe('RFC 2866', () => {
  let bed: TestBed;
  let nas: Switch;
  let other: Switch;
  let numbered = 0;
  const macs = Array.from({ length: 60 }, (_, i) => `00:1a:2b:00:01:${(0x10 + i).toString(16)}`);

  beforeAll(async () => {
    bed = await TestBed.start({ devices: macs.map((mac) => ({ mac })) });
    nas = await bed.switchAt();
    other = await bed.switchAt('127.0.0.2');
  });

  afterAll(async () => {
    await bed?.stop();
  });

  /** Of a device that no other test speaks of. */
  const newMac = (): string => macs[numbered++]!;
  const record = (mac: string, statusType: number, session: string, more: readonly Buffer[] = []): Buffer[] => [
    tlv(type.acctStatusType, statusType),
    tlv(type.acctSessionId, session),
    ...mab(mac),
    ...more,
  ];
  const report = (by: Switch, ...parts: Parameters<typeof record>): Promise<Parsed> =>
    by.ask(accountingRequest(secret, record(...parts)));
  const accept = async (by: Switch, mac: string): Promise<Parsed> => {
    const reply = await by.ask(accessRequest(secret, mab(mac)));
    expect(reply.code).toBe(code.accessAccept);
    return reply;
  };
  const known = (
    mac: string,
    session: string,
    isExpected: (session: Session) => boolean = () => true,
  ): Promise<Session> => bed.session(mac, (one) => one.acctSessionId === session && isExpected(one));

  it('RFC 2866 §3: a request whose authenticator is wrong is silently discarded', async () => {
    const mac = newMac();
    const request = accountingRequest(secret, record(mac, status.start, 'S'));
    for (const at of [4, 19, request.length - 1]) {
      const wrong = Buffer.from(request);
      wrong[at]! ^= 1;
      expect(await nas.unanswered(wrong, 'accounting')).toEqual(['accounting.dropped.bad-authenticator']);
    }
    const foreign = accountingRequest('another secret', record(mac, status.start, 'S'));
    expect(await nas.unanswered(foreign, 'accounting')).toEqual(['accounting.dropped.bad-authenticator']);
    expect(bed.sessions(mac)).toEqual([]);
  });

  it('RFC 2866 §3: a random authenticator, as of Access-Request, is wrong', async () => {
    const request = accessRequest(secret, record(newMac(), status.start, 'S'));
    request[0] = code.accountingRequest;
    expect(await nas.unanswered(request, 'accounting')).toEqual(['accounting.dropped.bad-authenticator']);
  });

  it('RFC 2869 §5.14: Message-Authenticator of an Accounting-Request is computed over a zeroed authenticator', async () => {
    const mac = newMac();
    const request = accountingRequest(secret, record(mac, status.start, 'S'), { messageAuthenticator: 'over-zeros' });
    expect((await nas.ask(request)).code).toBe(code.accountingResponse);
    await known(mac, 'S');
  });

  it('RFC 2869 §5.14: an Accounting-Request whose Message-Authenticator is wrong is silently discarded', async () => {
    const mac = newMac();
    const request = accountingRequest(secret, record(mac, status.start, 'S'), { messageAuthenticator: 'wrong' });
    expect(await nas.unanswered(request, 'accounting')).toEqual(['accounting.dropped.bad-message-authenticator']);
    expect(bed.sessions(mac)).toEqual([]);
  });

  it('RFC 2866 §4.2: the response has the Identifier of its request, and its authenticator is right', async () => {
    for (const id of [0, 255]) {
      const request = accountingRequest(secret, record(newMac(), status.start, 'S'), { id });
      const reply = await nas.exchange(request);
      expect(hasResponseAuthenticator(reply, request, secret)).toBe(true);
      expect(parse(reply)).toMatchObject({ code: code.accountingResponse, id });
    }
  });

  it('RFC 2866 §4.2: the response has no attributes of its own', async () => {
    expect((await report(nas, newMac(), status.start, 'S')).attributes).toEqual([]);
  });

  it('RFC 2866 §5.13: Proxy-State is copied into the response unmodified and in order', async () => {
    const states = [Buffer.from('first'), Buffer.alloc(253, 1), Buffer.alloc(0), Buffer.from('last')];
    const reply = await report(
      nas,
      newMac(),
      status.start,
      'S',
      states.map((value) => tlv(type.proxyState, value)),
    );
    expect(all(reply, type.proxyState)).toEqual(states);
  });

  it('RFC 2866 §5.1: a record without Acct-Status-Type is not acknowledged', async () => {
    const request = accountingRequest(secret, record(newMac(), status.start, 'S').slice(1));
    expect(await nas.unanswered(request, 'accounting')).toEqual(['accounting.dropped.no-status-type']);
  });

  it.each([status.tunnelStart, status.failed, 4_000_000_000])(
    'RFC 2866 §5.1: a status that is not about a session is acknowledged and not acted on (%i)',
    async (statusType) => {
      const mac = newMac();
      expect((await report(nas, mac, statusType, 'S')).code).toBe(code.accountingResponse);
      await report(nas, mac, status.start, 'S-after');
      await known(mac, 'S-after');
      expect(bed.sessions(mac)).toHaveLength(1);
    },
  );

  it('RFC 2866 §3: an Access-Request is not answered on the accounting port, nor the other way round', async () => {
    expect(await nas.unanswered(accessRequest(secret, mab()), 'accounting')).toEqual([
      'accounting.dropped.unexpected-code',
    ]);
    const start = accountingRequest(secret, record(newMac(), status.start, 'S'));
    expect(await nas.unanswered(start, 'authentication')).toEqual(['authentication.dropped.unexpected-code']);
  });

  it('RFC 2866 §3: a client without a shared secret is silently discarded', async () => {
    const stranger = await bed.switchAt('127.0.0.9');
    const request = accountingRequest(secret, record(newMac(), status.start, 'S'));
    expect(await stranger.unanswered(request, 'accounting', nas)).toEqual(['accounting.dropped.unknown-client']);
  });

  it('RFC 2866 §4.1: there is no response before the record is on disk', async () => {
    const mac = newMac();
    const release = bed.holdDisk();
    const request = accountingRequest(secret, record(mac, status.start, 'S'));
    await nas.send(request);
    for (let i = 0; i < 3; i++) expect(await nas.unanswered(request, 'accounting')).toEqual(['accounting.duplicates']);
    release();
    expect(nas.prove(request, (await nas.next()).bytes).code).toBe(code.accountingResponse);
    await known(mac, 'S');
  });

  it('RFC 2866 §4.1: a record that was acknowledged is there after the bridge was killed', async () => {
    const mac = newMac();
    await accept(nas, mac);
    await report(nas, mac, status.start, 'S');
    bed.controller.isRefusingEvents = true;
    const octets = [tlv(type.acctInputOctets, 4711)];
    expect((await report(nas, mac, status.interim, 'S', octets)).code).toBe(code.accountingResponse);
    await bed.restart();
    nas = await bed.switchAt();
    other = await bed.switchAt('127.0.0.2');
    bed.controller.isRefusingEvents = false;
    expect(await known(mac, 'S', ({ inputOctets }) => inputOctets === 4711)).toMatchObject({ state: 'open' });
  });

  it('RFC 2866 §2: a session is open from its Start to its Stop, which says why it ended', async () => {
    const mac = newMac();
    await accept(nas, mac);
    await report(nas, mac, status.start, 'S');
    await known(mac, 'S', ({ state }) => state === 'open');
    await report(nas, mac, status.stop, 'S', [tlv(type.acctTerminateCause, lostCarrier)]);
    expect(await known(mac, 'S', ({ state }) => state === 'closed')).toMatchObject({ endReason: 'Lost-Carrier' });
    expect(bed.sessions(mac)).toHaveLength(1);
  });

  it('RFC 2869 §2.1: an Interim without a Start that came makes up the session', async () => {
    const mac = newMac();
    await report(nas, mac, status.interim, 'S', [tlv(type.acctInputOctets, 5)]);
    expect(await known(mac, 'S')).toMatchObject({ state: 'open', inputOctets: 5, class: 'infusion-pump' });
  });

  it('RFC 2866 §5.1: a Stop without a Start leaves a session that ended', async () => {
    const mac = newMac();
    await report(nas, mac, status.stop, 'S');
    expect(await known(mac, 'S', ({ state }) => state === 'closed')).toMatchObject({ mac });
  });

  it('RFC 2866 §5.1: a record that comes late does not open a session that ended', async () => {
    const mac = newMac();
    await report(nas, mac, status.start, 'S');
    await report(nas, mac, status.stop, 'S');
    for (const late of [status.interim, status.start]) await report(nas, mac, late, 'S', [tlv(type.acctDelayTime, 30)]);
    await report(nas, mac, status.start, 'S-next');
    await known(mac, 'S-next', ({ state }) => state === 'open');
    expect(await known(mac, 'S', ({ state }) => state === 'closed')).toMatchObject({ acctSessionId: 'S' });
  });

  it('RFC 2869 §5.1: Gigawords count how often the octets ran over', async () => {
    const mac = newMac();
    const counters = [tlv(type.acctInputOctets, 7), tlv(type.acctInputGigawords, 3)];
    await report(nas, mac, status.interim, 'S', counters);
    expect(await known(mac, 'S')).toMatchObject({ inputOctets: 3 * 2 ** 32 + 7 });
  });

  it('RFC 2866 §5.3: a record that was overtaken does not turn the octets back', async () => {
    const mac = newMac();
    for (const octets of [100, 300, 200])
      await report(nas, mac, status.interim, 'S', [tlv(type.acctInputOctets, octets)]);
    await report(nas, mac, status.stop, 'S');
    expect(await known(mac, 'S', ({ state }) => state === 'closed')).toMatchObject({ inputOctets: 300 });
  });

  it('RFC 2866 §5.2: a record that is sent again with another delay is no second session', async () => {
    const mac = newMac();
    for (const delay of [0, 5, 15]) await report(nas, mac, status.start, 'S', [tlv(type.acctDelayTime, delay)]);
    await report(nas, mac, status.stop, 'S');
    await known(mac, 'S', ({ state }) => state === 'closed');
    expect(bed.sessions(mac)).toHaveLength(1);
  });

  it('RFC 2866 §5.5: Acct-Session-Id is unique only on its NAS: the same id on another is another session', async () => {
    const [here, there] = [newMac(), newMac()];
    await report(nas, here, status.start, 'SAME');
    await report(other, there, status.start, 'SAME');
    await report(other, there, status.stop, 'SAME');
    await known(there, 'SAME', ({ state }) => state === 'closed');
    expect(await known(here, 'SAME')).toMatchObject({ state: 'open', nas: 'switch' });
  });

  it('RFC 2866 §5.5: a device that moves to another NAS, which counts in the same way, has a session on each', async () => {
    const mac = newMac();
    await report(nas, mac, status.start, 'SAME');
    await report(other, mac, status.start, 'SAME');
    await report(nas, mac, status.stop, 'SAME');
    await bed.session(mac, ({ nas, state }) => nas === 'switch' && state === 'closed');
    expect(await bed.session(mac, ({ nas }) => nas === 'switch-2')).toMatchObject({ state: 'open' });
  });

  it('RFC 2866 §5.5: a NAS that gives an id again, to another device, begins another session', async () => {
    const [first, second] = [newMac(), newMac()];
    await report(nas, first, status.start, 'AGAIN');
    await report(nas, second, status.start, 'AGAIN');
    await known(second, 'AGAIN');
    expect(await known(first, 'AGAIN')).toMatchObject({ state: 'open', mac: first });
  });

  it('RFC 2865 §5.25: Class, given back in accounting, names the session that the Accept began', async () => {
    const mac = newMac();
    const decision = only(await accept(nas, mac), type.class)!;
    // Another port than that of the request: without Class it would be another session.
    const moved = [
      tlv(type.acctStatusType, status.start),
      tlv(type.acctSessionId, 'S'),
      ...mab(mac).slice(0, 2),
      tlv(type.nasPort, 99),
      tlv(type.class, decision),
    ];
    await nas.ask(accountingRequest(secret, moved));
    expect(await known(mac, 'S')).toMatchObject({ decisionId: decision.toString(), vlan: 210 });
    expect(bed.sessions(mac)).toHaveLength(1);
  });

  it('RFC 2866 §5.8: an address that the device has is learned, one outside its segment is not', async () => {
    const mac = newMac();
    await accept(nas, mac);
    await report(nas, mac, status.start, 'S', [tlv(type.framedIpAddress, Buffer.from([10, 21, 0, 77]))]);
    await known(mac, 'S', ({ addresses }) => addresses.includes('10.21.0.77'));
    const grown = await bed.grown(() =>
      report(nas, mac, status.interim, 'S', [
        tlv(type.framedIpAddress, Buffer.from([10, 10, 4, 20])),
        tlv(type.acctInputOctets, 1),
      ]),
    );
    expect(grown['accounting.ignored.address-outside-segment']).toBe(1);
    expect(await known(mac, 'S', ({ inputOctets }) => inputOctets === 1)).toMatchObject({ addresses: ['10.21.0.77'] });
  });

  it.each([
    ['Accounting-On', status.on, 'the NAS restarted'],
    ['Accounting-Off', status.off, 'the NAS is going down'],
  ])('RFC 2866 §5.1: %s ends the sessions of its NAS, and no others', async (_, statusType, reason) => {
    const [here, there] = [newMac(), newMac()];
    await report(nas, here, status.start, 'S');
    await report(other, there, status.start, 'S');
    await known(here, 'S');
    await nas.ask(accountingRequest(secret, [tlv(type.acctStatusType, statusType), tlv(type.acctSessionId, 'boot')]));
    expect(await known(here, 'S', ({ state }) => state === 'closed')).toMatchObject({ endReason: reason });
    expect(await known(there, 'S')).toMatchObject({ state: 'open' });
  });

  it('RFC 2866 §5.2: an Accounting-On that comes late does not end sessions that began after it', async () => {
    const mac = newMac();
    const restarted = [
      tlv(type.acctStatusType, status.on),
      tlv(type.acctSessionId, 'boot'),
      tlv(type.acctDelayTime, 600),
    ];
    await report(nas, mac, status.start, 'S');
    await nas.ask(accountingRequest(secret, restarted));
    await report(nas, mac, status.interim, 'S', [tlv(type.acctInputOctets, 9)]);
    expect(await known(mac, 'S', ({ inputOctets }) => inputOctets === 9)).toMatchObject({ state: 'open' });
  });
});
