import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { secret, TestBed } from './bed.js';
import { answerTo, eapCode, eapIn, EapMaterial, forTls, identity } from './eap.js';
import { mab, otherPump, pump, type Switch } from './switch.js';
import { accessRequest, accountingRequest, code, only, split, statusServer, tlv, type } from './wire.js';

const unknown = '02:aa:00:00:00:01';
const eapStart = [...mab(), ...split(type.eapMessage, identity())];

describe('RFC 5080', () => {
  let bed: TestBed;
  let nas: Switch;
  let material: EapMaterial;

  beforeAll(async () => {
    material = await EapMaterial.create();
    bed = await TestBed.start({ files: material.files() });
    nas = await bed.switchAt();
  });

  afterAll(async () => {
    await bed?.stop();
    material?.remove();
  });

  const record = (more: readonly Buffer[] = [], id?: number): Buffer =>
    accountingRequest(secret, [tlv(type.acctStatusType, 1), tlv(type.acctSessionId, 'S-1'), ...mab(), ...more], {
      ...(id !== undefined && { id }),
    });

  it.each([
    ['Access-Accept', (): Buffer => accessRequest(secret, mab()), 'authentication.accepts'],
    ['Access-Reject', (): Buffer => accessRequest(secret, mab(unknown)), 'authentication.rejects'],
    ['Access-Challenge', (): Buffer => accessRequest(secret, eapStart), 'eap.conversations'],
    ['Accounting-Response', (): Buffer => record(), 'accounting.start'],
    ['the answer to Status-Server', (): Buffer => statusServer(secret), 'authentication.status-server'],
  ])(
    'RFC 5080 §2.2.2: a duplicate of a request that was answered gets the same bytes, without processing it again: %s',
    async (_, request, processed) => {
      const bytes = request();
      const first = await nas.exchange(bytes);
      const grown = await bed.grown(async () => {
        for (let i = 0; i < 3; i++) expect(await nas.exchange(bytes)).toEqual(first);
      });
      expect(grown).not.toHaveProperty([processed]);
    },
  );

  it('RFC 5080 §2.2.2: a duplicate of an Access-Request that is still being processed is silently discarded', async () => {
    const request = await forTls(nas);
    bed.signalWorkers('SIGSTOP');
    try {
      await nas.send(request);
      expect(await nas.unanswered(request)).toEqual(['authentication.duplicates']);
      expect(await nas.unanswered(request)).toEqual(['authentication.duplicates']);
    } finally {
      bed.signalWorkers('SIGCONT');
    }
    const reply = (await nas.next()).bytes;
    expect(nas.prove(request, reply).code).toBe(code.accessReject);
    expect(await nas.exchange(request)).toEqual(reply);
    expect(nas.waiting).toBe(0);
  });

  it('RFC 5080 §2.2.2: a duplicate of an Accounting-Request that is still being processed is silently discarded', async () => {
    const request = record([tlv(type.nasPort, 70)]);
    // Both wait in the socket: the bridge reads them together, and the disk has answered neither.
    process.kill(bed.bridge.child.pid!, 'SIGSTOP');
    await nas.send(request);
    await nas.send(request);
    process.kill(bed.bridge.child.pid!, 'SIGCONT');
    expect(nas.prove(request, (await nas.next()).bytes).code).toBe(code.accountingResponse);
    const probe = statusServer(secret);
    expect(nas.prove(probe, await nas.exchange(probe, 'accounting')).code).toBe(code.accountingResponse);
    expect(nas.waiting).toBe(0);
  });

  it.each([
    ['authentication', (): Buffer => accessRequest(secret, mab())],
    ['accounting', (): Buffer => record([], 200)],
  ] as const)('RFC 5080 §2.2.2: a cached reply lives between 5 and 30 seconds: %s', async (_, request) => {
    const bytes = request();
    const first = await nas.exchange(bytes);
    const isRepeated = async (): Promise<boolean> => {
      const grown = await bed.grown(async () => void (await nas.exchange(bytes)));
      return Object.keys(grown).some((name) => name.endsWith('.duplicates'));
    };
    bed.moveClock(5);
    expect(await isRepeated()).toBe(true);
    expect(await nas.exchange(bytes)).toEqual(first);
    bed.moveClock(25);
    expect(await isRepeated()).toBe(false);
  });

  it('RFC 5080 §2.2.2: a repeated duplicate does not keep its entry alive beyond 30 seconds', async () => {
    const request = accessRequest(secret, mab());
    const first = await nas.exchange(request);
    let seconds = 0;
    while ((await nas.exchange(request)).equals(first)) {
      expect(seconds).toBeLessThanOrEqual(30);
      bed.moveClock(2);
      seconds += 2;
    }
    expect(seconds).toBeGreaterThan(5);
  });

  it('RFC 5080 §2.2.2: the source port is part of what makes a duplicate', async () => {
    const other = await bed.switchAt();
    const request = accessRequest(secret, mab());
    const replies = [await nas.exchange(request), await other.exchange(request)];
    // Class names the decision: there were two.
    expect(replies[0]).not.toEqual(replies[1]);
    expect(await nas.exchange(request)).toEqual(replies[0]);
    expect(await other.exchange(request)).toEqual(replies[1]);
  });

  it('RFC 5080 §2.2.2: the source address is part of what makes a duplicate', async () => {
    const here = await bed.switchAt('127.1.0.5');
    const there = await bed.switchAt('127.1.0.6', secret, here.port);
    const request = accessRequest(secret, mab());
    const first = await here.exchange(request);
    expect(await there.exchange(request)).not.toEqual(first);
    expect(await here.exchange(request)).toEqual(first);
  });

  it('RFC 5080 §2.2.2: the Identifier is part of what makes a duplicate', async () => {
    const authenticator = randomBytes(16);
    const [one, two] = [31, 32].map((id) => accessRequest(secret, mab(), { id, authenticator }));
    const first = await nas.ask(one!);
    const second = await nas.ask(two!);
    expect(only(second, type.class)).not.toEqual(only(first, type.class));
  });

  it('RFC 5080 §2.2.2: the socket that received it is part of what makes a duplicate', async () => {
    const request = statusServer(secret);
    expect(nas.prove(request, await nas.exchange(request)).code).toBe(code.accessAccept);
    expect(nas.prove(request, await nas.exchange(request, 'accounting')).code).toBe(code.accountingResponse);
  });

  it('RFC 5080 §2.2.2: a valid request with the same key and another authenticator purges the entry', async () => {
    const [one, two] = [0, 1].map(() => accessRequest(secret, mab(), { id: 77 }));
    const first = await nas.exchange(one!);
    const second = await nas.exchange(two!);
    expect(second).not.toEqual(first);
    expect(await nas.exchange(two!)).toEqual(second);
    expect(await nas.exchange(one!)).not.toEqual(first);
  });

  it('RFC 5080 §2.2.2: a late reply to a request that was superseded does not replace the newer one', async () => {
    const id = 78;
    const old = await forTls(nas, id);
    bed.signalWorkers('SIGSTOP');
    const newer = accessRequest(secret, mab(), { id });
    try {
      await nas.send(old);
      const first = await nas.exchange(newer);
      expect(nas.prove(newer, first).code).toBe(code.accessAccept);
      bed.signalWorkers('SIGCONT');
      expect(nas.prove(old, (await nas.next()).bytes).code).toBe(code.accessReject);
      expect(await nas.exchange(newer)).toEqual(first);
    } finally {
      bed.signalWorkers('SIGCONT');
    }
  });

  it('RFC 5080 §2.2.2: a packet with a bad Message-Authenticator does not touch the cache', async () => {
    const request = accessRequest(secret, mab(), { id: 79 });
    const first = await nas.exchange(request);
    for (const messageAuthenticator of ['wrong', 'none', 'twice'] as const) {
      const forged = accessRequest(secret, mab(otherPump), { id: 79, messageAuthenticator });
      expect(await nas.unanswered(forged)).toHaveLength(1);
      expect(await nas.exchange(request)).toEqual(first);
    }
  });

  it('RFC 5080 §2.2.2: a packet with a bad Message-Authenticator is no duplicate, whatever else of it is equal', async () => {
    const request = accessRequest(secret, mab(), { id: 80 });
    const first = await nas.exchange(request);
    const forged = Buffer.from(request);
    forged[forged.length - 1]! ^= 1;
    expect(await nas.unanswered(forged)).toEqual(['authentication.dropped.message-authenticator-invalid']);
    expect(await nas.exchange(request)).toEqual(first);
  });

  it('RFC 5080 §2.2.2: a forged packet does not take the place of a request in progress', async () => {
    const request = await forTls(nas, 81);
    bed.signalWorkers('SIGSTOP');
    try {
      await nas.send(request);
      await nas.unanswered(accessRequest(secret, mab(), { id: 81, messageAuthenticator: 'wrong' }));
    } finally {
      bed.signalWorkers('SIGCONT');
    }
    const reply = (await nas.next()).bytes;
    expect(nas.prove(request, reply).code).toBe(code.accessReject);
    expect(await nas.exchange(request)).toEqual(reply);
  });

  it('RFC 5080 §2.2.2: an Accounting-Request with a bad authenticator does not touch the cache', async () => {
    const request = record([tlv(type.nasPort, 71)], 82);
    const first = await nas.exchange(request);
    const forged = accountingRequest('not the secret', [tlv(type.acctStatusType, 2), ...mab()], { id: 82 });
    expect(await nas.unanswered(forged, 'accounting')).toEqual(['accounting.dropped.bad-authenticator']);
    const grown = await bed.grown(async () => expect(await nas.exchange(request)).toEqual(first));
    expect(grown).toMatchObject({ 'accounting.duplicates': 1 });
  });

  it('RFC 5080 §2.2.2: a request that was dropped is new when it comes again', async () => {
    const scattered = [
      tlv(type.eapMessage, identity().subarray(0, 4)),
      ...mab(),
      tlv(type.eapMessage, identity().subarray(4)),
    ];
    const request = accessRequest(secret, scattered, { id: 83 });
    for (let i = 0; i < 2; i++) expect(await nas.unanswered(request)).toEqual(['authentication.dropped.eap-scattered']);
  });

  it('RFC 5080 §2.2.1: a duplicate in a conversation of EAP is answered from the cache and does not disturb it', async () => {
    const start = await nas.ask(accessRequest(secret, eapStart));
    const clientHello = Buffer.from([eapCode.response, eapIn(start).id, 0, 7, 13, 0x40, 22]);
    const request = accessRequest(secret, [...mab(), ...answerTo(start, clientHello)]);
    const first = await nas.exchange(request);
    expect(await nas.exchange(request)).toEqual(first);
    const acknowledged = nas.prove(request, first);
    expect(acknowledged.code).toBe(code.accessChallenge);
    const last = Buffer.from([eapCode.response, eapIn(acknowledged).id, 0, 6, 3, 4]);
    expect((await nas.ask(accessRequest(secret, [...mab(), ...answerTo(acknowledged, last)]))).code).toBe(
      code.accessReject,
    );
  });

  it('RFC 5080 §2.2.1: under overload conversations in progress are finished and new ones are not begun', async () => {
    const start = await nas.ask(accessRequest(secret, eapStart));
    const storm = await bed.switchAt('127.0.0.2');
    const others: Buffer[] = [];
    for (let i = 0; i < 200; i++) others.push(await forTls(storm, i));
    bed.signalWorkers('SIGSTOP');
    const next = accessRequest(secret, [...mab(), ...answerTo(start, Buffer.from([2, eapIn(start).id, 0, 6, 3, 4]))]);
    try {
      const grown = await bed.grown(async () => {
        for (const other of others) await storm.send(other);
        expect(await storm.untilDropped(accessRequest(secret, eapStart, { id: 255 }))).toEqual([
          'authentication.dropped.eap-overload',
        ]);
      });
      expect(grown).toMatchObject({ 'authentication.dropped.eap-overload': 1 });
      await nas.send(next);
    } finally {
      bed.signalWorkers('SIGCONT');
    }
    expect(nas.prove(next, (await nas.next()).bytes).code).toBe(code.accessReject);
    for (const other of others) expect(storm.prove(other, (await storm.next()).bytes).code).toBe(code.accessReject);
  });

  it('RFC 5080 §2.2.1: MAC authentication is answered while 802.1X is overloaded', async () => {
    const other = await bed.switchAt('127.0.0.2');
    const waiting: Buffer[] = [];
    for (let i = 0; i < 200; i++) waiting.push(await forTls(other, i));
    bed.signalWorkers('SIGSTOP');
    try {
      for (const one of waiting) await other.send(one);
      expect((await nas.ask(accessRequest(secret, mab(pump)))).code).toBe(code.accessAccept);
    } finally {
      bed.signalWorkers('SIGCONT');
    }
  });
});
