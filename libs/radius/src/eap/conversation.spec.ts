import { describe, expect, it } from 'vitest';
import { EapConversation, type EapAnswer, type TlsPeer, type TlsStep } from './conversation.js';
import { decodeEap, eapCodes, eapTypes, encodeEap, type TlsMethod } from './eap-packet.js';

/** TLS that answers from a list, and keeps what it is told. */
class ScriptedTls implements TlsPeer<string> {
  readonly heard: Buffer[] = [];
  isClosed = false;

  constructor(private readonly steps: TlsStep<string>[]) {}

  async receive(message: Buffer): Promise<TlsStep<string>> {
    this.heard.push(message);
    await Promise.resolve();
    return this.steps.shift()!;
  }

  close(): void {
    this.isClosed = true;
  }
}

const conversing = (
  tls: TlsPeer<string>,
  fragmentSize: number,
  firstId: number,
  methods: readonly [TlsMethod, ...TlsMethod[]] = ['tls'],
): EapConversation<string> => new EapConversation(() => tls, methods, fragmentSize, firstId);
const continuing = (length: number): TlsStep<string> => ({ kind: 'continue', output: Buffer.alloc(length, 1) });
const established: TlsStep<string> = { kind: 'established', output: Buffer.alloc(0), session: 'the device' };
const identity = encodeEap(eapCodes.response, 200, eapTypes.identity, Buffer.from('someone'));
const response = (id: number, typeData: Buffer, type: number = eapTypes.tls): Buffer =>
  encodeEap(eapCodes.response, id, type, typeData);
const acknowledgement = Buffer.from([0]);
const data = Buffer.from([0, 22, 3, 1]);

function requestIn(answer: EapAnswer<string>): { id: number; type: number | null; data: Buffer } {
  if (answer.kind !== 'request') throw new Error(`a request was expected, not ${JSON.stringify(answer)}`);
  const packet = decodeEap(answer.packet);
  if (typeof packet === 'string') throw new Error(packet);
  expect(packet.code).toBe(eapCodes.request);
  return packet;
}

describe('a conversation of EAP-TLS', () => {
  it('asks for the identity, if the NAS has none', async () => {
    const conversation = conversing(new ScriptedTls([]), 1024, 7);
    const asked = requestIn(conversation.begin());
    expect(asked).toMatchObject({ id: 8, type: eapTypes.identity });
    const started = requestIn(await conversation.receive(response(8, Buffer.from('someone'), eapTypes.identity)));
    expect(started).toMatchObject({ id: 9, type: eapTypes.tls, data: Buffer.from([0x20]) });
  });

  it('sends fragment after fragment as the peer acknowledges, and ends in Success with the identifier of the last response', async () => {
    const tls = new ScriptedTls([continuing(2000), established]);
    const conversation = conversing(tls, 1000, 0);
    expect(requestIn(await conversation.receive(identity))).toMatchObject({ id: 201, data: Buffer.from([0x20]) });
    const first = requestIn(await conversation.receive(response(201, data)));
    expect(first.data.subarray(0, 5)).toEqual(Buffer.from([0xc0, 0, 0, 0x07, 0xd0]));
    const second = requestIn(await conversation.receive(response(202, acknowledgement)));
    expect(second.data[0]).toBe(0x40);
    const third = requestIn(await conversation.receive(response(203, acknowledgement)));
    expect(third.data[0]).toBe(0);
    const end = await conversation.receive(response(204, data));
    expect(end).toEqual({ kind: 'success', packet: encodeEap(eapCodes.success, 204), session: 'the device' });
    expect(tls.heard).toEqual([data.subarray(1), data.subarray(1)]);
    expect(tls.isClosed).toBe(true);
  });

  it('waits for the peer to hear an alert, and then fails', async () => {
    const tls = new ScriptedTls([{ kind: 'failed', output: Buffer.from('alert'), reason: 'no common cipher' }]);
    const conversation = conversing(tls, 1000, 0);
    await conversation.receive(identity);
    expect(requestIn(await conversation.receive(response(201, data))).data.toString('latin1')).toBe('\0alert');
    const end = await conversation.receive(response(202, acknowledgement));
    expect(end).toEqual({ kind: 'failure', packet: encodeEap(eapCodes.failure, 202), reason: 'no common cipher' });
  });

  it('discards what answers none of its requests, and goes on', async () => {
    const conversation = conversing(new ScriptedTls([established]), 1000, 0);
    await conversation.receive(identity);
    expect(await conversation.receive(response(200, data))).toEqual({
      kind: 'discard',
      reason: 'eap-other-identifier',
    });
    expect(await conversation.receive(encodeEap(eapCodes.request, 201, eapTypes.tls, data))).toEqual({
      kind: 'discard',
      reason: 'eap-not-a-response',
    });
    expect(await conversation.receive(Buffer.from([2, 201, 0, 9]))).toEqual({
      kind: 'discard',
      reason: 'eap-truncated',
    });
    expect((await conversation.receive(response(201, data))).kind).toBe('success');
  });

  it('discards a response that comes while the one before is worked at', async () => {
    const conversation = conversing(new ScriptedTls([established]), 1000, 0);
    await conversation.receive(identity);
    const [first, second] = await Promise.all([
      conversation.receive(response(201, data)),
      conversation.receive(response(201, data)),
    ]);
    expect(first.kind).toBe('success');
    expect(second).toEqual({ kind: 'discard', reason: 'eap-busy' });
  });

  it.each([
    ['another method is wanted', response(201, Buffer.from([25]), eapTypes.nak), /wants PEAP/],
    ['another method is spoken', response(201, data, 21), /not what was asked for/],
    ['a frame is broken', response(201, Buffer.from([0x80])), /not well-formed/],
    ['a fragment announces too much', response(201, Buffer.from([0xc0, 1, 0, 0, 0, 1])), /too long/],
    ['nothing is said', response(201, acknowledgement), /empty message/],
  ])('fails for good when %s', async (_, bytes, reason) => {
    const tls = new ScriptedTls([]);
    const conversation = conversing(tls, 1000, 0);
    await conversation.receive(identity);
    const end = await conversation.receive(bytes);
    expect(end).toMatchObject({ kind: 'failure', reason: expect.stringMatching(reason) as string });
    expect(tls.isClosed).toBe(false);
    expect(tls.heard).toEqual([]);
    expect((await conversation.receive(response(201, data))).kind).toBe('discard');
  });

  it('fails when data comes where an acknowledgement must', async () => {
    const conversation = conversing(new ScriptedTls([continuing(2000)]), 1000, 0);
    await conversation.receive(identity);
    await conversation.receive(response(201, data));
    expect(await conversation.receive(response(202, data))).toMatchObject({ kind: 'failure' });
  });

  it('goes on with the method that the peer wants, if it is served', async () => {
    const tls = new ScriptedTls([established]);
    const conversation = conversing(tls, 1000, 0, ['tls', 'peap', 'ttls']);
    await conversation.receive(identity);
    const again = requestIn(await conversation.receive(response(201, Buffer.from([26, 21, 25]), eapTypes.nak)));
    expect(again).toMatchObject({ id: 202, type: eapTypes.ttls, data: Buffer.from([0x20]) });
    expect(await conversation.receive(response(202, data, eapTypes.ttls))).toMatchObject({ kind: 'success' });
  });

  it.each([
    ['a second time', [response(201, Buffer.from([25]), eapTypes.nak), response(202, Buffer.from([21]), eapTypes.nak)]],
    ['after it went along', [response(201, data), response(202, Buffer.from([25]), eapTypes.nak)]],
    ['to what it just had proposed to it', [response(201, Buffer.from([13]), eapTypes.nak)]],
  ])('does not let the peer choose %s', async (_, responses) => {
    const conversation = conversing(new ScriptedTls([continuing(10)]), 1000, 0, ['tls', 'peap', 'ttls']);
    await conversation.receive(identity);
    let answer = await conversation.receive(responses[0]!);
    for (const next of responses.slice(1)) answer = await conversation.receive(next);
    expect(answer).toMatchObject({ kind: 'failure', reason: expect.stringContaining('is served') as string });
  });

  it('lets a tunnel hear acknowledgements, and say nothing', async () => {
    const tls = new ScriptedTls([continuing(10), continuing(0), established]);
    const conversation = conversing(tls, 1000, 0, ['peap']);
    await conversation.receive(identity);
    await conversation.receive(response(201, data, eapTypes.peap));
    const nothing = requestIn(await conversation.receive(response(202, acknowledgement, eapTypes.peap)));
    expect(nothing).toMatchObject({ type: eapTypes.peap, data: acknowledgement });
    expect(await conversation.receive(response(203, data, eapTypes.peap))).toMatchObject({ kind: 'success' });
    expect(tls.heard.map(({ length }) => length)).toEqual([3, 0, 3]);
  });

  it('fails when it does not end', async () => {
    const conversation = conversing(new ScriptedTls([continuing(100_000)]), 105, 0);
    await conversation.receive(identity);
    let answer = await conversation.receive(response(201, data));
    for (let round = 0; answer.kind === 'request' && round < 1000; round++)
      answer = await conversation.receive(response(requestIn(answer).id, acknowledgement));
    expect(answer).toMatchObject({ kind: 'failure', reason: 'the conversation has too many rounds' });
  });
});
