import type { X509Certificate } from 'node:crypto';
import type { TlsPeer } from '#radius';
import type { Mac } from '#net';
import { EapTlsServer, type Judgement } from './eap-tls.js';
import type { EstablishedTls } from './established.js';
import type { EapMaterial } from './material.js';
import { lost, type Beginning, type EapStep } from './messages.js';
import { whyOther } from './named-device.js';
import { OcspClient } from './ocsp.js';
import { passwordJudge, proofs, type FindCredential } from './passwords.js';
import { Trust } from './trust.js';
import { TunnelPeer } from './tunnel.js';

/** Of a device's record, as it is now; see `DeviceIndex.serialOf`. */
export type FindSerial = (mac: Mac) => Promise<string | null>;

interface Served {
  readonly material: EapMaterial;
  readonly certificates: EapTlsServer;
  readonly trust: Trust;
  readonly ocsp: OcspClient;
}

/**
 * The TLS connections of one worker, by number. Those that are under way go on with the material that they began with. How long one
 * lives is for the bridge to say: it ends with its last step, or when it is closed.
 */
export class TlsPeers {
  private served: Served | null = null;
  private readonly ocsp: OcspClient;
  private readonly open = new Map<number, TlsPeer<EstablishedTls>>();

  constructor(
    private readonly now: () => number,
    private readonly find: FindCredential,
    private readonly findSerial: FindSerial,
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

  async receive(connection: number, begins: Beginning | null, message: Buffer): Promise<EapStep> {
    const peer = begins ? this.begin(connection, begins) : this.open.get(connection);
    if (!peer) return lost;
    let isOver = true;
    try {
      const step = await peer.receive(message);
      isOver = step.kind !== 'continue';
      return step;
    } finally {
      if (isOver) this.close(connection);
    }
  }

  close(connection: number): void {
    this.open.get(connection)?.close();
    this.open.delete(connection);
  }

  private begin(connection: number, beginning: Beginning): TlsPeer<EstablishedTls> | null {
    const { served } = this;
    if (!served) return null;
    const peer = this.connect(served, beginning);
    this.open.set(connection, peer);
    return peer;
  }

  private connect(served: Served, { method, caller, tunnel }: Beginning): TlsPeer<EstablishedTls> {
    if (method === 'tls') return served.certificates.connect((certificate) => this.judge(served, certificate, caller));
    if (!tunnel) throw new TypeError(`${method} begins without keys for its tickets`);
    const { ticketKeys, earlier } = tunnel;
    const ports = { find: proofs(this.find), judge: passwordJudge(this.find, caller, earlier), ticketKeys };
    return new TunnelPeer(method, served.material, ports);
  }

  /** A certificate is worth what its device is: on another port than that device's it is a stolen one. */
  private async judge({ trust, ocsp }: Served, certificate: X509Certificate, caller: Mac | null): Promise<Judgement> {
    const found = trust.judge(certificate, new Date(this.now()));
    if ('reason' in found) return found;
    if (caller === null)
      return { reason: 'the request does not say which device asks: let the switch send Calling-Station-Id' };
    const other = whyOther(found, caller, found.serial === null ? null : await this.findSerial(caller));
    if (other !== null) return { reason: other };
    const { issuer, responder } = found;
    const reason = responder && (await ocsp.check(certificate, issuer, responder));
    return reason ? { reason } : { mac: caller };
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
