import { AsyncLocalStorage } from 'node:async_hooks';
import { constants, type X509Certificate } from 'node:crypto';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { eapTypes, masterSessionKeyLength, type TlsPeer, type TlsStep } from '#radius';
import type { Mac } from '#net';
import { setImmediate as turn } from 'node:timers/promises';
import type { Judgement } from './trust.js';
import { Wire } from './wire.js';

export type TlsVersion = '1.2' | '1.3';

export interface TlsMaterial {
  /** PEM: the server's certificate and those between it and its root. */
  readonly certificate: string;
  readonly key: string;
  /** PEM each. */
  readonly authorities: readonly string[];
  readonly revocationLists: readonly string[];
  readonly versions: readonly TlsVersion[];
  /** For how long a session may be resumed; 0: never. */
  readonly resumptionSeconds: number;
  /** 48 bytes, the same in every worker, others for other trust: a ticket from before is worth nothing then. */
  readonly ticketKeys: Buffer;
}

/** What is known of a device once TLS is established. */
export interface EstablishedTls {
  readonly mac: Mac;
  readonly masterSessionKey: Buffer;
  readonly version: TlsVersion;
  readonly resumed: boolean;
}

/** By the certificate of the device. */
export type Judge = (certificate: X509Certificate) => Judgement;

const typeCode = Buffer.from([eapTypes.tls]);
/** RFC 9190 §2.5: nothing comes after this but Success. */
const commitment = Buffer.from([0]);
/** Milliseconds until TLS has to have said something. */
const patience = 5000;

/**
 * EAP-TLS over Node's own TLS: one server for all conversations, each of which is a connection without a socket.
 *
 * Node finishes a handshake before it says whether the chain holds, so no alert can say that a certificate is revoked: such a
 * peer gets Failure, and no key is taken from its connection.
 */
export class EapTlsServer {
  private readonly server: Server;
  /** Node's server tells of a finished handshake without saying of which of our streams: the context that it began in does. */
  private readonly connection = new AsyncLocalStorage<Connection>();

  /** Throws on a certificate and a key that don't fit. */
  constructor(material: TlsMaterial) {
    const { certificate, key, authorities, revocationLists, versions, resumptionSeconds, ticketKeys } = material;
    const mayResume = resumptionSeconds > 0;
    this.server = createServer({
      cert: certificate,
      key,
      ca: [...authorities],
      ...(revocationLists.length > 0 ? { crl: [...revocationLists] } : {}),
      requestCert: true,
      rejectUnauthorized: false,
      minVersion: versions.includes('1.2') ? 'TLSv1.2' : 'TLSv1.3',
      maxVersion: versions.includes('1.3') ? 'TLSv1.3' : 'TLSv1.2',
      sessionIdContext: 'cordon-eap-tls',
      ...(mayResume
        ? { sessionTimeout: resumptionSeconds, ticketKeys }
        : { secureOptions: constants.SSL_OP_NO_TICKET }),
    });
    this.server.on('secureConnection', (socket) => this.connection.getStore()?.secured(socket));
    this.server.on('tlsClientError', (error) => this.connection.getStore()?.failed(error));
  }

  /** `judge`: whether the device may in; asked once, before anything is promised to it. */
  connect(judge: Judge): TlsPeer<EstablishedTls> {
    const connection = new Connection(judge);
    this.connection.run(connection, () => this.server.emit('connection', connection.wire));
    return connection;
  }
}

type Outcome = { readonly session: EstablishedTls } | { readonly reason: string };

class Connection implements TlsPeer<EstablishedTls> {
  readonly wire = new Wire();
  private outcome: Outcome | null = null;

  constructor(private readonly judge: Judge) {}

  async receive(message: Buffer): Promise<TlsStep<EstablishedTls>> {
    const before = this.wire.writes;
    this.wire.push(message);
    await this.flight(before);
    const output = this.wire.takeOutput();
    if (this.outcome)
      return 'reason' in this.outcome
        ? { kind: 'failed', output, reason: this.outcome.reason }
        : { kind: 'established', output, session: this.outcome.session };
    return output.length > 0 ? { kind: 'continue', output } : { kind: 'failed', output, reason: 'TLS does not answer' };
  }

  close(): void {
    this.wire.destroy();
  }

  failed(error: Error): void {
    this.outcome ??= { reason: `TLS: ${wordsOf(error)}` };
  }

  secured(socket: TLSSocket): void {
    // After the handshake nothing but alerts is expected, and an error without a listener would end the process.
    socket.on('error', (error) => this.failed(error));
    if (this.outcome) return;
    const judgement = this.judgementOf(socket);
    if ('reason' in judgement) {
      this.outcome = judgement;
      return;
    }
    const version = socket.getProtocol() === 'TLSv1.3' ? '1.3' : '1.2';
    const masterSessionKey = keyMaterial(socket, version).subarray(0, masterSessionKeyLength);
    // The session tickets of this flight are written only now; a supplicant that reads them after the commitment fails.
    if (version === '1.3') setImmediate(() => socket.write(commitment));
    this.outcome = { session: { mac: judgement.mac, masterSessionKey, version, resumed: socket.isSessionReused() } };
  }

  private judgementOf(socket: TLSSocket): Judgement {
    // A resumed session has the verdict of its first handshake, so it is judged anew all the same.
    if (!socket.authorized) return { reason: `the certificate is not accepted: ${String(socket.authorizationError)}` };
    const certificate = socket.getPeerX509Certificate();
    return certificate ? this.judge(certificate) : { reason: 'the device showed no certificate' };
  }

  /** What a flight consists of comes in several writes: it is whole when TLS has said something and is silent then. */
  private async flight(before: number): Promise<void> {
    const until = Date.now() + patience;
    for (let quiet = 0, seen = before; quiet < quietTurns && Date.now() < until;) {
      await turn();
      const { writes } = this.wire;
      quiet = writes === seen && (writes > before || this.outcome) ? quiet + 1 : 0;
      seen = writes;
    }
  }
}

/** MSK and EMSK together: in TLS 1.3 the bytes depend on how many are asked for. */
const keyMaterialLength = 128;

/** In TLS 1.2 none is not the same as an empty one (RFC 5705 §4), and Node takes none, whatever its types say. */
const noContext = undefined as unknown as Buffer;

/** RFC 5216 §2.3, RFC 9190 §2.3. */
const keyMaterial = (socket: TLSSocket, version: TlsVersion): Buffer =>
  version === '1.3'
    ? socket.exportKeyingMaterial(keyMaterialLength, 'EXPORTER_EAP_TLS_Key_Material', typeCode)
    : socket.exportKeyingMaterial(keyMaterialLength, 'client EAP encryption', noContext);

const quietTurns = 3;

/** OpenSSL's own words, where there are. */
const wordsOf = (error: Error): string => ('reason' in error ? String(error.reason) : error.message);
