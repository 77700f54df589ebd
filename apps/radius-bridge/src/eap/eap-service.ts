import { canonicalJson, sha256 } from '#base';
import type { Mac } from '#net';
import type { EapEntry } from '#policy/snapshot';
import { EapConversation, type EapAnswer, type TlsMethod, type TlsPeer } from '#radius';
import { textOf, type SecretLookup } from '../config.js';
import type { Counters } from '../counters.js';
import { reasonOf, type Log } from '../log.js';
import { RandomOctets } from '../random-octets.js';
import type { EapWorkers } from './eap-workers.js';
import type { EstablishedTls, ProvedCredential } from './established.js';
import type { EapMaterial } from './material.js';
import type { TunnelKeys } from './messages.js';
import { checkMaterial } from './tls-peers.js';
import { authorityMaterial } from './trust.js';

/** A request with EAP in it, verified. */
export interface EapRequest {
  /** Of the NAS that asks: a State is worth nothing to another one. */
  readonly nas: string;
  readonly caller: Mac | null;
  /** All EAP-Message attributes, put together. */
  readonly message: Buffer;
  readonly state: Buffer | null;
  readonly framedMtu: number | null;
}

export type EapReply =
  | { readonly kind: 'challenge'; readonly packet: Buffer; readonly state: Buffer }
  | { readonly kind: 'success'; readonly packet: Buffer; readonly session: EstablishedTls }
  | { readonly kind: 'failure'; readonly packet: Buffer | null; readonly reason: string }
  /** `reason`: a counter's name. */
  | { readonly kind: 'silence'; readonly reason: string };

interface Conversation {
  readonly eap: EapConversation<EstablishedTls>;
  readonly nas: string;
  readonly caller: Mac | null;
  expiresAt: number;
  /** Once it has become a tunnel. */
  tunnel: TunnelKeys | null;
}

/** What a conversation depends on besides the workers' material. */
type Served = Pick<EapEntry, 'methods' | 'fragmentSize' | 'resumption'>;

/** What a device may resume: its last conversation in which a password was proved. */
interface Resumable {
  readonly ticketKeys: Buffer;
  readonly credential: ProvedCredential;
  readonly expiresAt: number;
}

/** A supplicant that says nothing for this long has given up, and so has its NAS. */
export const conversationMilliseconds = 60_000;
/** New conversations beyond these are not begun, so that those under way come to their end (RFC 5080 §2.2.1). */
const mostConversations = 20_000;
const mostWaiting = 200;
const mostResumable = 200_000;
const ticketKeyBytes = 48;
const stateBytes = 16;
const notInPolicy = 'the policy has no network/eap.yaml';
/** EAPOL, and what 802.1X needs of the MTU. */
const framedOverhead = 4;
const leastFragment = 100;

/**
 * 802.1X as the bridge's main process sees it: conversations, each with its TLS in a worker. A State is 128 random bits, good for one
 * request of the NAS that it was given to, and forgotten after a minute.
 *
 *   Identity, fragments, acknowledgements: here           whole TLS messages, certificates, passwords: in the worker
 */
export class EapService {
  private readonly conversations = new Map<string, Conversation>();
  private readonly resumable = new Map<Mac, Resumable>();
  private readonly random = new RandomOctets();
  private entry: EapEntry | null = null;
  private served: Served | null = null;
  private digest: string | null = null;
  /** Why 802.1X is not served; null: it is. */
  problem: string | null = notInPolicy;

  constructor(
    private readonly workers: EapWorkers,
    private readonly read: (reference: string) => SecretLookup,
    private readonly counters: Counters,
    private readonly log: Log,
    private readonly now: () => number,
  ) {}

  /** Conversations that wait for their supplicant. */
  get open(): number {
    return this.conversations.size;
  }

  /** Takes what a snapshot says. What was served before goes on being served where the new can't be. */
  configure(entry: EapEntry | null): void {
    this.entry = entry;
    this.refresh();
  }

  /** Reads the files anew: certificates and revocation lists are replaced beside a running bridge. */
  refresh(): void {
    const { entry } = this;
    if (!entry) {
      this.digest = this.served = null;
      this.problem = notInPolicy;
      return;
    }
    try {
      const content = this.contentOf(entry);
      const digest = sha256(canonicalJson(content));
      if (digest === this.digest && this.problem === null) {
        this.served = entry;
        return;
      }
      // Other keys for other trust: who was let in by what is gone now has to show its certificate again.
      const material: EapMaterial = { ...content, ticketKeys: this.random.next(ticketKeyBytes) };
      checkMaterial(material);
      this.workers.configure(material);
      this.digest = digest;
      this.served = entry;
      this.problem = null;
      this.log('info', '802.1X is served', { authorities: entry.authorities.map(({ name }) => name) });
    } catch (error) {
      const problem = reasonOf(error);
      if (problem !== this.problem) this.log('error', '802.1X: what the policy names is not usable', { problem });
      this.problem = problem;
    }
  }

  answer(request: EapRequest, done: (reply: EapReply) => void): void {
    this.forgetOld();
    const { state, message } = request;
    const found = state ? this.take(state, request) : this.begin(request);
    if ('kind' in found) done(found);
    // An empty message asks us to begin (RFC 3579 §2.1).
    else if (!state && message.length === 0) done(this.replyTo(found.eap.begin(), found, null));
    else {
      found.eap
        .receive(message)
        .then((answer) => done(this.replyTo(answer, found, state)))
        // A fault, also one in making the reply, costs the request, not the service.
        .catch((error: unknown) => {
          this.counters.add('faults');
          this.log('error', 'fault in a conversation of 802.1X', { reason: reasonOf(error) });
          done({ kind: 'silence', reason: 'eap-fault' });
        });
    }
  }

  private take(state: Buffer, { nas, caller }: EapRequest): Conversation | EapReply {
    const key = keyOf(state);
    const conversation = this.conversations.get(key);
    if (conversation?.nas === nas && conversation.caller === caller) {
      this.conversations.delete(key);
      return conversation;
    }
    return {
      kind: 'failure',
      packet: null,
      reason: 'the conversation is not known (any more): it took more than a minute, or the bridge was restarted',
    };
  }

  private begin({ nas, caller, framedMtu }: EapRequest): Conversation | EapReply {
    const { served } = this;
    if (!served) return { kind: 'failure', packet: null, reason: `802.1X is not served: ${this.problem}` };
    if (this.conversations.size >= mostConversations || this.workers.leastBacklog >= mostWaiting)
      return { kind: 'silence', reason: 'eap-overload' };
    const mtu = (framedMtu ?? Infinity) - framedOverhead;
    const fragmentSize = Math.max(leastFragment, Math.min(served.fragmentSize, mtu));
    this.counters.add('eap.conversations');
    const connect = (method: TlsMethod): TlsPeer<EstablishedTls> => {
      conversation.tunnel = method === 'tls' ? null : this.tunnelKeys(caller);
      return this.workers.connect({ method, caller, tunnel: conversation.tunnel });
    };
    const eap = new EapConversation(connect, served.methods, fragmentSize, this.random.next(1)[0]!);
    const conversation: Conversation = { eap, nas, caller, expiresAt: 0, tunnel: null };
    return conversation;
  }

  /**
   * Each may be tried once: a peer that begins anew with these keys gets tickets of them before it has proved anything, and they
   * must be worth nothing after that.
   */
  private tunnelKeys(caller: Mac | null): TunnelKeys {
    const found = caller === null ? undefined : this.resumable.get(caller);
    if (caller !== null) this.resumable.delete(caller);
    return found && found.expiresAt > this.now()
      ? { ticketKeys: found.ticketKeys, earlier: found.credential }
      : { ticketKeys: this.random.next(ticketKeyBytes), earlier: null };
  }

  /** Keys of the conversation alone, or of one that was resumed: nobody else has a ticket with them. */
  private keepResumable({ resumed, credential, mac }: EstablishedTls, tunnel: TunnelKeys | null): void {
    const seconds = this.served?.resumption ?? 0;
    if (!credential || !tunnel || seconds === 0 || !(tunnel.earlier === null || resumed)) return;
    if (this.resumable.size >= mostResumable) this.resumable.delete(this.resumable.keys().next().value!);
    this.resumable.set(mac, { ticketKeys: tunnel.ticketKeys, credential, expiresAt: this.now() + 1000 * seconds });
  }

  /** `state`: with which the request came. */
  private replyTo(answer: EapAnswer<EstablishedTls>, conversation: Conversation, state: Buffer | null): EapReply {
    switch (answer.kind) {
      case 'request': {
        const next = this.random.next(stateBytes);
        conversation.expiresAt = this.now() + conversationMilliseconds;
        this.conversations.set(keyOf(next), conversation);
        return { kind: 'challenge', packet: answer.packet, state: next };
      }
      case 'success': {
        const { session } = answer;
        this.keepResumable(session, conversation.tunnel);
        this.counters.add(`eap.success.${session.method}`);
        this.counters.add(`eap.success.tls-${session.version}${session.resumed ? '.resumed' : ''}`);
        return answer;
      }
      case 'failure':
        return answer;
      case 'discard':
        // A response that counts for nothing must not end the conversation.
        if (state) this.conversations.set(keyOf(state), conversation);
        break;
    }
    return { kind: 'silence', reason: answer.reason };
  }

  private contentOf({
    methods,
    certificate,
    key,
    versions,
    resumption,
    authorities,
  }: EapEntry): Omit<EapMaterial, 'ticketKeys'> {
    return {
      methods,
      certificate: this.textOf(certificate),
      key: this.textOf(key),
      versions,
      resumptionSeconds: resumption,
      authorities: authorities.map((authority) => authorityMaterial(authority, (file) => this.textOf(file))),
    };
  }

  private textOf(reference: string): string {
    return textOf(this.read(reference));
  }

  private forgetOld(): void {
    for (const [key, { eap, expiresAt }] of this.conversations) {
      if (expiresAt > this.now()) break;
      this.conversations.delete(key);
      eap.close();
    }
  }
}

const keyOf = (state: Buffer): string => state.toString('latin1');
