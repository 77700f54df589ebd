import { beforeEach, describe, expect, it } from 'vitest';
import { parseMac } from '#net';
import { eapCodes, eapTypes, encodeEap } from '#radius';
import { MemoryAuthority } from '../../test/certificates.js';
import { Counters } from '../counters.js';
import { conversationMilliseconds, EapService, type EapReply } from './eap-service.js';
import type { EapWorkers } from './eap-workers.js';
import { lost, type Beginning, type EapStep } from './messages.js';

const pump = parseMac('00:1a:2b:3c:4d:5e')!;
const identity = encodeEap(eapCodes.response, 7, eapTypes.identity, Buffer.from('anonymous'));
const names = [{ type: 'dns' as const, value: '00-1A-2B-3C-4D-5E.devices.test' }];

/** Workers that take down what is asked of them, and answer when the test says so. */
class ScriptedWorkers {
  leastBacklog = 0;
  readonly begun: Beginning[] = [];
  closed = 0;
  answers: EapStep[] = [];

  configure(): void {
    // What it is configured with is the real workers' business.
  }

  connect(begins: Beginning) {
    this.begun.push(begins);
    return {
      receive: () => Promise.resolve(this.answers.shift() ?? lost),
      close: () => void this.closed++,
    };
  }
}

describe('conversations of 802.1X in the main process', () => {
  let workers: ScriptedWorkers;
  let service: EapService;
  let now = 0;
  const counters = new Counters();

  beforeEach(async () => {
    workers = new ScriptedWorkers();
    now = 1_000_000;
    const authority = await MemoryAuthority.create();
    const server = await authority.issue('CN=radius', 'serverAuth', names);
    const files: Record<string, string> = {
      'file:server': server.certificate,
      'file:key': server.key,
      'file:authority': authority.certificate,
    };
    const read = (reference: string) => ({ secret: files[reference]! });
    service = new EapService(
      workers as unknown as EapWorkers,
      read,
      counters,
      () => undefined,
      () => now,
    );
    service.configure({
      certificate: 'file:server',
      key: 'file:key',
      methods: ['tls', 'peap'],
      passwordPosture: 'verified',
      versions: ['1.3'],
      fragmentSize: 1000,
      resumption: 3600,
      authorities: [{ name: 'own', certificates: 'file:authority', revocationLists: null, ocsp: null, devices: [] }],
    });
  });

  const ask = (message: Buffer, state: Buffer | null, nas = 'sw1'): Promise<EapReply> =>
    new Promise((resolve) => service.answer({ nas, caller: pump, message, state, framedMtu: null }, resolve));

  const begin = async () => {
    const reply = await ask(identity, null);
    if (reply.kind !== 'challenge') throw new Error(reply.kind);
    return reply;
  };

  /** Answers the request that the reply carries. */
  const answerTo = (packet: Buffer, type: number, data: Buffer): Buffer =>
    encodeEap(eapCodes.response, packet[1]!, type, data);

  const hello = Buffer.from([0, 22, 3, 1]);
  const silence: EapStep = { kind: 'continue', output: Buffer.from('server hello') };

  it('begin without a worker, which is asked once there is TLS', async () => {
    const { packet, state } = await begin();
    expect(packet.subarray(4)).toEqual(Buffer.from([eapTypes.tls, 0x20]));
    expect(workers.begun).toEqual([]);
    workers.answers = [silence];
    expect(await ask(answerTo(packet, eapTypes.tls, hello), state)).toMatchObject({ kind: 'challenge' });
    expect(workers.begun).toEqual([{ method: 'tls', caller: pump, tunnel: null }]);
  });

  it('are forgotten after a minute, and the worker’s part of them too', async () => {
    const first = await begin();
    workers.answers = [silence];
    const second = await ask(answerTo(first.packet, eapTypes.tls, hello), first.state);
    if (second.kind !== 'challenge') throw new Error(second.kind);
    now += conversationMilliseconds;
    await begin();
    expect(workers.closed).toBe(1);
    expect(service.open).toBe(1);
    expect(await ask(answerTo(second.packet, eapTypes.tls, hello), second.state)).toMatchObject({ kind: 'failure' });
  });

  it('are of one NAS, and a State is good once', async () => {
    const { packet, state } = await begin();
    const message = answerTo(packet, eapTypes.tls, hello);
    expect(await ask(message, state, 'sw2')).toMatchObject({ kind: 'failure', packet: null });
    workers.answers = [silence];
    expect(await ask(message, state)).toMatchObject({ kind: 'challenge' });
    expect(await ask(message, state)).toMatchObject({ kind: 'failure', packet: null });
  });

  it('go on after a response that counts for nothing', async () => {
    const { packet, state } = await begin();
    const stale = encodeEap(eapCodes.response, (packet[1]! + 9) & 0xff, eapTypes.tls, hello);
    expect(await ask(stale, state)).toEqual({ kind: 'silence', reason: 'eap-other-identifier' });
    workers.answers = [silence];
    expect(await ask(answerTo(packet, eapTypes.tls, hello), state)).toMatchObject({ kind: 'challenge' });
  });

  it('fail when their worker is lost', async () => {
    const { packet, state } = await begin();
    const reply = await ask(answerTo(packet, eapTypes.tls, hello), state);
    expect(reply).toMatchObject({
      kind: 'failure',
      reason: 'the EAP worker was lost in the middle of the conversation',
    });
    expect('packet' in reply && reply.packet?.[0]).toBe(eapCodes.failure);
  });

  it('a fault in making the reply costs the request: it gets silence, and is counted', async () => {
    const { packet, state } = await begin();
    const before = counters.get('faults');
    const replies: EapReply[] = [];
    const request = {
      nas: 'sw1',
      caller: pump,
      message: answerTo(packet, eapTypes.tls, hello),
      state,
      framedMtu: null,
    };
    workers.answers = [silence];
    await new Promise<void>((resolve) =>
      service.answer(request, (reply) => {
        if (replies.push(reply) === 1) throw new Error('no reply can be made');
        resolve();
      }),
    );
    expect(replies.map(({ kind }) => kind)).toEqual(['challenge', 'silence']);
    expect(counters.get('faults')).toBe(before + 1);
  });

  it('are not begun when the workers can not keep up, and those under way go on', async () => {
    const { packet, state } = await begin();
    workers.leastBacklog = 200;
    expect(await ask(identity, null)).toEqual({ kind: 'silence', reason: 'eap-overload' });
    workers.answers = [silence];
    expect(await ask(answerTo(packet, eapTypes.tls, hello), state)).toMatchObject({ kind: 'challenge' });
  });

  it('that become a tunnel have ticket keys of their own', async () => {
    const peap = async () => {
      const first = await begin();
      const second = await ask(answerTo(first.packet, eapTypes.nak, Buffer.from([eapTypes.peap])), first.state);
      if (second.kind !== 'challenge') throw new Error(second.kind);
      return ask(answerTo(second.packet, eapTypes.peap, hello), second.state);
    };
    const session = {
      mac: pump,
      method: 'password' as const,
      masterSessionKey: Buffer.alloc(64),
      version: '1.3' as const,
      resumed: false,
      credential: { username: 'pump', digest: 'd' },
    };
    workers.answers = [silence, { kind: 'established', output: Buffer.alloc(0), session }, silence, silence];
    await peap();
    expect(await peap()).toMatchObject({ kind: 'success' });
    await peap();
    await peap();
    const [first, second, third, fourth] = workers.begun.map(({ tunnel }) => tunnel!);
    expect(second!.ticketKeys).not.toEqual(first!.ticketKeys);
    // The third may resume the second, which came to its good end; nobody may resume the third.
    expect(third).toEqual({ ticketKeys: second!.ticketKeys, earlier: session.credential });
    expect(fourth!.earlier).toBe(null);
    expect(fourth!.ticketKeys).not.toEqual(third!.ticketKeys);
  });
});
