import type { X509Certificate } from 'node:crypto';
import { eapTypes, masterSessionKeyLength, type TlsPeer, type TlsStep } from '#radius';
import type { Mac } from '#net';
import type { EstablishedTls } from './established.js';
import { serverOptions, type EapMaterial } from './material.js';
import { midHandshake, TlsServer, type TlsConnection } from './tls-connection.js';
import type { Trust } from './trust.js';

export type Judgement = { readonly mac: Mac } | { readonly reason: string };

/** By the certificate of the device. */
export type Judge = (certificate: X509Certificate) => Judgement | Promise<Judgement>;

const typeCode = Buffer.from([eapTypes.tls]);
/** RFC 9190 §2.5: nothing comes after this but Success. */
const commitment = Buffer.from([0]);

/**
 * EAP-TLS: one server for all conversations.
 *
 * Node finishes a handshake before it says whether the chain holds, so no alert can say that a certificate is revoked: such a
 * peer gets Failure, and no key is taken from its connection.
 */
export class EapTlsServer {
  private readonly server: TlsServer;

  /** Throws on a certificate and a key that don't fit. */
  constructor(material: EapMaterial, { certificates, revocationLists }: Trust) {
    this.server = new TlsServer({
      ...serverOptions(material, material.ticketKeys),
      ca: [...certificates],
      ...(revocationLists.length > 0 ? { crl: [...revocationLists] } : {}),
      requestCert: true,
      rejectUnauthorized: false,
    });
  }

  /** `judge`: whether the device may in; asked once, before anything is promised to it. */
  connect(judge: Judge): TlsPeer<EstablishedTls> {
    return new CertificatePeer(this.server.connect(), judge);
  }
}

class CertificatePeer implements TlsPeer<EstablishedTls> {
  constructor(
    private readonly connection: TlsConnection,
    private readonly judge: Judge,
  ) {}

  async receive(message: Buffer): Promise<TlsStep<EstablishedTls>> {
    const { connection } = this;
    const output = await connection.exchange(message);
    if (!connection.socket) return midHandshake(connection, output);
    const judgement =
      connection.socket.authorized && connection.failure ? { reason: connection.failure } : await this.judgement();
    if ('reason' in judgement) return { kind: 'failed', output, reason: judgement.reason };
    const { version } = connection;
    // The session tickets of this flight are in `output`; a supplicant that reads them after the commitment fails.
    const last = version === '1.3' ? await connection.say(commitment) : Buffer.alloc(0);
    const session: EstablishedTls = {
      mac: judgement.mac,
      method: 'certificate',
      masterSessionKey: keyMaterial(connection).subarray(0, masterSessionKeyLength),
      version,
      resumed: connection.socket.isSessionReused(),
      credential: null,
    };
    return { kind: 'established', output: Buffer.concat([output, last]), session };
  }

  close(): void {
    this.connection.close();
  }

  private async judgement(): Promise<Judgement> {
    const socket = this.connection.socket!;
    // A resumed session has the verdict of its first handshake, so it is judged anew all the same.
    if (!socket.authorized) return { reason: `the certificate is not accepted: ${String(socket.authorizationError)}` };
    const certificate = socket.getPeerX509Certificate();
    return certificate ? this.judge(certificate) : { reason: 'the device showed no certificate' };
  }
}

/** MSK and EMSK together: in TLS 1.3 the bytes depend on how many are asked for. */
const keyMaterialLength = 128;

/** RFC 5216 §2.3, RFC 9190 §2.3. */
const keyMaterial = (connection: TlsConnection): Buffer =>
  connection.version === '1.3'
    ? connection.exportMaterial('EXPORTER_EAP_TLS_Key_Material', keyMaterialLength, typeCode)
    : connection.exportMaterial('client EAP encryption', keyMaterialLength);
