import {
  decodeEap,
  eapCodes,
  eapTypes,
  encodeEap,
  tlsMethods,
  type EapPacket,
  type MalformedEap,
  type TlsMethod,
} from './eap-packet.js';
import { decodeTlsFrame, IncomingMessage, OutgoingMessage, startFrame } from './tls-frames.js';

/** What TLS, and what is said inside it, makes of a message of the peer. */
export type TlsStep<T> =
  /** It goes on: `output` is for the peer; in a tunnel it may be nothing. */
  | { readonly kind: 'continue'; readonly output: Buffer }
  /** Proved and judged; `output` is what the peer still has to hear, often nothing. */
  | { readonly kind: 'established'; readonly output: Buffer; readonly session: T }
  /** `output`: an alert, if there is one. */
  | { readonly kind: 'failed'; readonly output: Buffer; readonly reason: string };

/** The server's side of one TLS connection. `T`: what is known of the peer once it is established. */
export interface TlsPeer<T> {
  /** A whole message of the peer in, what follows of it out. An empty one is an acknowledgement, which only tunnels get to see. */
  receive(message: Buffer): Promise<TlsStep<T>>;
  close(): void;
}

export type EapAnswer<T> =
  | { readonly kind: 'request'; readonly packet: Buffer }
  | { readonly kind: 'success'; readonly packet: Buffer; readonly session: T }
  | { readonly kind: 'failure'; readonly packet: Buffer; readonly reason: string }
  /** RFC 3748: silence, as if the response had never come. */
  | { readonly kind: 'discard'; readonly reason: EapDiscard };

export type EapDiscard = MalformedEap | 'eap-not-a-response' | 'eap-other-identifier' | 'eap-busy';

/** Whoever needs more rounds than the longest chain in the smallest fragments wants our time. */
const mostRounds = 100;

/**
 * EAP-TLS (RFC 5216, RFC 9190), PEAP and EAP-TTLS (RFC 5281): the server's side of one conversation. The peer's responses in, our
 * requests out, until Success or Failure. Decides about EAP, its framing and the method; whom to trust is TLS's and the policy's
 * to say.
 *
 *   Identity ▶ Start ▶ [fragments of the peer ▶ TLS ▶ our fragments] … ▶ Success
 *                └ Nak ▶ Start of the method that the peer wants, if we have it
 *
 * INVARIANT: Success comes only after TLS said `established`, and Failure is final.
 */
export class EapConversation<T> {
  private id: number;
  private rounds = 0;
  private isBusy = false;
  private method: TlsMethod;
  private tls: TlsPeer<T> | null = null;
  private incoming = new IncomingMessage();
  private outgoing: OutgoingMessage | null = null;
  /** What follows once the peer has heard all that is going out. */
  private afterwards:
    { readonly kind: 'success'; readonly session: T } | { readonly kind: 'failure'; readonly reason: string } | null =
    null;
  private state: 'identity' | 'start' | 'method' | 'ended' = 'identity';

  /** `methods`: the first is proposed, the others are for who asks. `fragmentSize`: of an EAP packet, in bytes. */
  constructor(
    private readonly connect: (method: TlsMethod) => TlsPeer<T>,
    private readonly methods: readonly [TlsMethod, ...TlsMethod[]],
    private readonly fragmentSize: number,
    firstId: number,
  ) {
    this.id = firstId;
    this.method = methods[0];
  }

  /** RFC 3579 §2.1: the NAS has no identity yet, and asks us to begin. */
  begin(): EapAnswer<T> {
    return this.request(eapTypes.identity);
  }

  async receive(bytes: Buffer): Promise<EapAnswer<T>> {
    const packet = decodeEap(bytes);
    if (typeof packet === 'string') return discard(packet);
    if (packet.code !== eapCodes.response || packet.type === null) return discard('eap-not-a-response');
    if (this.isBusy || this.state === 'ended') return discard('eap-busy');
    if (this.state === 'identity' && packet.type === eapTypes.identity) {
      // The NAS asked for the identity in our place, with an identifier of its own (RFC 3579 §2.1).
      this.id = packet.id;
      return this.start(this.methods[0]);
    }
    // RFC 3748 §4.1: a response that answers no request of ours is discarded.
    if (packet.id !== this.id) return discard('eap-other-identifier');
    if (++this.rounds > mostRounds) return this.fail('the conversation has too many rounds');
    this.isBusy = true;
    try {
      return await this.continue(packet);
    } finally {
      this.isBusy = false;
    }
  }

  close(): void {
    this.state = 'ended';
    this.tls?.close();
  }

  private start(method: TlsMethod): EapAnswer<T> {
    this.state = 'start';
    this.method = method;
    return this.request(tlsMethods[method], startFrame);
  }

  /** RFC 3748 §5.3.1: only to the proposal of a method, and not after the peer went along with it. */
  private proposeAnother(wanted: Buffer): EapAnswer<T> {
    const other = [...wanted].flatMap((type) => this.methods.slice(1).filter((method) => tlsMethods[method] === type));
    const isFirst = this.state === 'start' && this.method === this.methods[0];
    if (isFirst && other[0]) return this.start(other[0]);
    return this.fail(
      `the supplicant wants ${methodsIn(wanted)}, and only ${this.methods.map(nameOf).join(', ')} is served`,
    );
  }

  private async continue({ type, data }: EapPacket): Promise<EapAnswer<T>> {
    if (type === eapTypes.nak) return this.proposeAnother(data);
    if (this.state === 'identity' || type !== tlsMethods[this.method])
      return this.fail(`method ${type} is not what was asked for`);
    this.state = 'method';
    const frame = decodeTlsFrame(data);
    if (!frame) return this.fail(`a fragment of ${nameOf(this.method)} is not well-formed`);
    const isAcknowledgement = frame.data.length === 0 && !frame.more;
    if (this.outgoing && !this.outgoing.isDone)
      return isAcknowledgement ? this.sendNext(this.outgoing) : this.fail('data came instead of an acknowledgement');
    if (this.afterwards) return this.end(this.afterwards);
    const message = this.incoming.add(frame);
    if (message === 'refused')
      return this.fail('the fragments of a TLS message are too long, or not as long as they say');
    if (message === 'more') return this.request(tlsMethods[this.method], Buffer.from([0]));
    this.incoming = new IncomingMessage();
    const mayBeEmpty = this.method !== 'tls' && this.outgoing !== null;
    if (message.length === 0 && !mayBeEmpty)
      return this.fail(`an empty message of ${nameOf(this.method)} came in the middle of the handshake`);
    this.tls ??= this.connect(this.method);
    return this.answer(await this.tls.receive(message));
  }

  private answer(step: TlsStep<T>): EapAnswer<T> {
    if (this.state === 'ended') return discard('eap-busy');
    if (step.kind === 'established') this.afterwards = { kind: 'success', session: step.session };
    if (step.kind === 'failed') this.afterwards = { kind: 'failure', reason: step.reason };
    if (step.output.length > 0)
      return this.sendNext(new OutgoingMessage(step.output, this.fragmentSize - methodHeader));
    if (this.afterwards) return this.end(this.afterwards);
    if (this.method === 'tls') return this.fail('TLS has nothing to say in the middle of the handshake');
    return this.sendNext(new OutgoingMessage(step.output, this.fragmentSize - methodHeader));
  }

  private sendNext(outgoing: OutgoingMessage): EapAnswer<T> {
    this.outgoing = outgoing;
    return this.request(tlsMethods[this.method], outgoing.next());
  }

  private request(type: number, data?: Buffer): EapAnswer<T> {
    this.id = (this.id + 1) & 0xff;
    return { kind: 'request', packet: encodeEap(eapCodes.request, this.id, type, data) };
  }

  private end(outcome: NonNullable<typeof this.afterwards>): EapAnswer<T> {
    if (outcome.kind === 'failure') return this.fail(outcome.reason);
    this.close();
    return { kind: 'success', packet: encodeEap(eapCodes.success, this.id), session: outcome.session };
  }

  /** RFC 3748 §4.2: Success and Failure have the identifier of the response that they follow. */
  private fail(reason: string): EapAnswer<T> {
    this.close();
    return { kind: 'failure', packet: encodeEap(eapCodes.failure, this.id), reason };
  }
}

/** Code, Identifier, Length and Type. */
const methodHeader = 5;

const discard = (reason: EapDiscard): { readonly kind: 'discard'; readonly reason: EapDiscard } => ({
  kind: 'discard',
  reason,
});

const methodNames: ReadonlyMap<number, string> = new Map([
  [4, 'EAP-MD5'],
  [6, 'EAP-GTC'],
  [eapTypes.tls, 'EAP-TLS'],
  [eapTypes.ttls, 'EAP-TTLS'],
  [eapTypes.peap, 'PEAP'],
  [eapTypes.mschapv2, 'EAP-MSCHAPv2'],
  [43, 'EAP-FAST'],
  [55, 'TEAP'],
]);

const nameOf = (method: TlsMethod): string => methodNames.get(tlsMethods[method])!;

function methodsIn(types: Buffer): string {
  const names = [...types].filter((type) => type !== 0).map((type) => methodNames.get(type) ?? `method ${type}`);
  return names.length === 0 ? 'no method that we have' : names.join(' or ');
}
