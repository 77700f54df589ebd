import { randomBytes } from 'node:crypto';
import { canonicalJson, sha256 } from '#base';
import type { Mac } from '#net';
import type { EapEntry } from '#policy/snapshot';
import { textOf, type SecretLookup } from '../config.js';
import type { Counters } from '../counters.js';
import { reasonOf, type Log } from '../log.js';
import { checkMaterial, conversationMilliseconds } from './conversations.js';
import type { EapWorkers } from './eap-workers.js';
import type { EstablishedTls, ProvedCredential } from './established.js';
import type { EapMaterial } from './material.js';
import type { EapOutcome } from './messages.js';
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

/** Where a conversation is. */
interface Place {
  readonly worker: number;
  readonly conversation: number;
  readonly nas: string;
  readonly caller: Mac | null;
  readonly expiresAt: number;
  readonly ticketKeys: Buffer;
  /** Of this conversation alone: nobody has a ticket of another one with them. */
  readonly hasOwnKeys: boolean;
}

/** What a device may resume: its last conversation in which a password was proved. */
interface Resumable {
  readonly ticketKeys: Buffer;
  readonly credential: ProvedCredential;
  readonly expiresAt: number;
}

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
 * 802.1X as the bridge's main process sees it: which worker holds which conversation. A State is 128 random bits, good for
 * one request of the NAS that it was given to, and forgotten after a minute.
 */
export class EapService {
  private readonly places = new Map<string, Place>();
  private readonly resumable = new Map<Mac, Resumable>();
  private conversations = 0;
  private entry: EapEntry | null = null;
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
    return this.places.size;
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
      this.digest = null;
      this.problem = notInPolicy;
      return;
    }
    try {
      const content = this.contentOf(entry);
      const digest = sha256(canonicalJson(content));
      if (digest === this.digest && this.problem === null) return;
      // Other keys for other trust: who was let in by what is gone now has to show its certificate again.
      const material: EapMaterial = { ...content, ticketKeys: randomBytes(ticketKeyBytes) };
      checkMaterial(material);
      this.workers.configure(material);
      this.digest = digest;
      this.problem = null;
      this.log('info', '802.1X is served', { authorities: entry.authorities.map(({ name }) => name) });
    } catch (error) {
      const problem = reasonOf(error);
      if (problem !== this.problem) this.log('error', '802.1X: what the policy names is not usable', { problem });
      this.problem = problem;
    }
  }

  answer(request: EapRequest, done: (reply: EapReply) => void): void {
    const { state, message, nas, caller, framedMtu } = request;
    this.forgetOld();
    if (state) {
      const key = state.toString('hex');
      const place = this.places.get(key);
      if (place?.nas !== nas || place.caller !== caller) {
        done({
          kind: 'failure',
          packet: null,
          reason: 'the conversation is not known (any more): it took more than a minute, or the bridge was restarted',
        });
        return;
      }
      this.places.delete(key);
      this.workers.receive(place.worker, place.conversation, null, message, (answer) => {
        // A response that counts for nothing must not end the conversation.
        if (answer.kind === 'discard') this.places.set(key, place);
        done(this.replyTo(answer, place));
      });
      return;
    }
    if (this.digest === null || !this.entry) {
      done({ kind: 'failure', packet: null, reason: `802.1X is not served: ${this.problem}` });
      return;
    }
    const worker = this.workers.leastBusy();
    if (this.places.size >= mostConversations || this.workers.backlog(worker) >= mostWaiting) {
      done({ kind: 'silence', reason: 'eap-overload' });
      return;
    }
    const fragmentSize = Math.max(
      leastFragment,
      Math.min(this.entry.fragmentSize, (framedMtu ?? Infinity) - framedOverhead),
    );
    const earlier = caller === null ? null : this.takeResumable(caller);
    const ticketKeys = earlier?.ticketKeys ?? randomBytes(ticketKeyBytes);
    const conversation = this.conversations++;
    const place = { worker, conversation, nas, caller, expiresAt: 0, ticketKeys, hasOwnKeys: earlier === null };
    this.counters.add('eap.conversations');
    const begins = { caller, fragmentSize, ticketKeys, earlier: earlier?.credential ?? null };
    this.workers.receive(worker, conversation, begins, message, (answer) => done(this.replyTo(answer, place)));
  }

  /**
   * Each may be tried once: a peer that begins anew with these keys gets tickets of them before it has proved anything, and they
   * must be worth nothing after that.
   */
  private takeResumable(caller: Mac): Resumable | null {
    const found = this.resumable.get(caller);
    this.resumable.delete(caller);
    return found && found.expiresAt > this.now() ? found : null;
  }

  private keepResumable({ resumed, credential, mac }: EstablishedTls, { ticketKeys, hasOwnKeys }: Place): void {
    const seconds = this.entry?.resumption ?? 0;
    if (!credential || seconds === 0 || !(hasOwnKeys || resumed)) return;
    if (this.resumable.size >= mostResumable) this.resumable.delete(this.resumable.keys().next().value!);
    this.resumable.set(mac, { ticketKeys, credential, expiresAt: this.now() + 1000 * seconds });
  }

  private replyTo(answer: EapOutcome, place: Place): EapReply {
    switch (answer.kind) {
      case 'request': {
        const state = randomBytes(stateBytes);
        this.places.set(state.toString('hex'), { ...place, expiresAt: this.now() + conversationMilliseconds });
        return { kind: 'challenge', packet: answer.packet, state };
      }
      case 'success': {
        const { session } = answer;
        this.keepResumable(session, place);
        this.counters.add(`eap.success.${session.method}`);
        this.counters.add(`eap.success.tls-${session.version}${session.resumed ? '.resumed' : ''}`);
        return answer;
      }
      case 'failure':
        return answer;
      case 'discard':
        return { kind: 'silence', reason: answer.reason };
      case 'unknown':
        break;
    }
    return { kind: 'failure', packet: null, reason: 'the EAP worker was lost in the middle of the conversation' };
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
    for (const [key, { expiresAt }] of this.places) {
      if (expiresAt > this.now()) break;
      this.places.delete(key);
    }
  }
}
