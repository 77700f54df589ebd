import { randomInt, type X509Certificate } from 'node:crypto';
import { EapConversation, type TlsMethod, type TlsPeer } from '#radius';
import type { Mac } from '#net';
import { EapTlsServer } from './eap-tls.js';
import type { EstablishedTls } from './established.js';
import type { EapMaterial } from './material.js';
import type { Beginning, EapOutcome } from './messages.js';
import { OcspClient } from './ocsp.js';
import { passwordJudge, proofs, type FindCredential } from './passwords.js';
import { Trust, type Judgement } from './trust.js';
import { TunnelPeer } from './tunnel.js';

/** A supplicant that says nothing for this long has given up, and so has its NAS. */
export const conversationMilliseconds = 60_000;

interface Open {
  readonly eap: EapConversation<EstablishedTls>;
  expiresAt: number;
}

interface Served {
  readonly material: EapMaterial;
  readonly certificates: EapTlsServer;
  readonly trust: Trust;
  readonly ocsp: OcspClient;
}

/** The conversations of one worker. Those that are under way go on with the material that they began with. */
export class Conversations {
  private served: Served | null = null;
  private readonly ocsp: OcspClient;
  /** In order of expiry. */
  private readonly open = new Map<number, Open>();

  constructor(
    private readonly now: () => number,
    private readonly find: FindCredential,
  ) {
    this.ocsp = new OcspClient(now);
  }

  get size(): number {
    return this.open.size;
  }

  /** Throws on material that can't be used, and changes nothing then. */
  configure(material: EapMaterial): void {
    this.served = serve(material, this.ocsp);
  }

  async receive(number: number, begins: Beginning | null, message: Buffer): Promise<EapOutcome> {
    this.forgetOld();
    const known = begins ? this.begin(number, begins) : this.open.get(number);
    if (!known) return { kind: 'unknown' };
    known.expiresAt = this.now() + conversationMilliseconds;
    this.open.delete(number);
    this.open.set(number, known);
    // An empty message asks us to begin (RFC 3579 §2.1).
    const answer = message.length === 0 && begins ? known.eap.begin() : await known.eap.receive(message);
    if (answer.kind === 'success' || answer.kind === 'failure') this.open.delete(number);
    return answer;
  }

  private begin(number: number, beginning: Beginning): Open | undefined {
    const { served } = this;
    if (!served) return undefined;
    const connect = (method: TlsMethod): TlsPeer<EstablishedTls> => this.connect(served, method, beginning);
    const eap = new EapConversation(connect, served.material.methods, beginning.fragmentSize, randomInt(256));
    const conversation = { eap, expiresAt: 0 };
    this.open.set(number, conversation);
    return conversation;
  }

  private connect(
    served: Served,
    method: TlsMethod,
    { caller, ticketKeys, earlier }: Beginning,
  ): TlsPeer<EstablishedTls> {
    if (method === 'tls')
      return served.certificates.connect((certificate) => judge(served, certificate, caller, new Date(this.now())));
    const ports = { find: proofs(this.find), judge: passwordJudge(this.find, caller, earlier), ticketKeys };
    return new TunnelPeer(method, served.material, ports);
  }

  private forgetOld(): void {
    for (const [number, { eap, expiresAt }] of this.open) {
      if (expiresAt > this.now()) break;
      eap.close();
      this.open.delete(number);
    }
  }
}

function serve(material: EapMaterial, ocsp: OcspClient): Served {
  const trust = new Trust(material.authorities);
  return { material, trust, ocsp, certificates: new EapTlsServer(material, trust) };
}

/** Throws on material that no worker could use. */
export function checkMaterial(material: EapMaterial): void {
  serve(material, new OcspClient(Date.now));
}

/** A certificate is worth what its device is: on another port than that device's it is a stolen one. */
async function judge(
  { trust, ocsp }: Served,
  certificate: X509Certificate,
  caller: Mac | null,
  now: Date,
): Promise<Judgement> {
  const found = trust.judge(certificate, now);
  if ('reason' in found) return found;
  const { mac, issuer, responder } = found;
  if (caller === null)
    return { reason: 'the request does not say which device asks: let the switch send Calling-Station-Id' };
  if (caller !== mac) return { reason: `the certificate is that of ${mac}, which is not the device on this port` };
  const reason = responder && (await ocsp.check(certificate, issuer, responder));
  return reason ? { reason } : { mac };
}
