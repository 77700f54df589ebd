import { randomBytes } from 'node:crypto';
import {
  masterSessionKeyLength,
  PeapInner,
  tlsMethods,
  TtlsInner,
  type FindProof,
  type InnerMethod,
  type InnerStep,
  type TlsPeer,
  type TlsStep,
} from '#radius';
import type { EstablishedTls } from './established.js';
import { serverOptions, type EapMaterial } from './material.js';
import type { PasswordJudge, PasswordVerdict } from './passwords.js';
import { midHandshake, TlsServer, type TlsConnection } from './tls-connection.js';

const challengeBytes = 16;
/** RFC 9427 §4: where nothing is said inside the tunnel, TLS 1.3 needs what EAP-TLS says at its end. */
const commitment = Buffer.from([0]);

export type TunnelMethod = 'peap' | 'ttls';

export interface TunnelPorts {
  readonly find: FindProof;
  /** Whether who proved the password of `username` may in; `again`: by a session that is resumed. */
  readonly judge: PasswordJudge;
  /** 48 bytes. Tickets are good for nothing but conversations with the same. */
  readonly ticketKeys: Buffer;
}

/**
 * PEAP and EAP-TTLS: TLS without a certificate of the device, and a password through it.
 *
 * A peer gets session tickets before it has proved anything, so each conversation has ticket keys of its own. Only the keys of a
 * conversation that came to its good end are given to the device's next one, by the bridge: a ticket is worth as much as the
 * password that was proved with it.
 */
export class TunnelPeer implements TlsPeer<EstablishedTls> {
  private readonly connection: TlsConnection;
  private readonly inner: InnerMethod;
  private hasBegun = false;

  constructor(
    private readonly method: TunnelMethod,
    material: EapMaterial,
    private readonly ports: TunnelPorts,
  ) {
    const connection = new TlsServer(serverOptions(material, ports.ticketKeys)).connect();
    this.connection = connection;
    this.inner =
      method === 'peap'
        ? new PeapInner(ports.find, randomBytes(challengeBytes))
        : new TtlsInner(ports.find, (label, length) => connection.exportMaterial(label, length));
  }

  async receive(message: Buffer): Promise<TlsStep<EstablishedTls>> {
    const { connection } = this;
    const output = message.length === 0 ? message : await connection.exchange(message);
    if (connection.failure || !connection.socket) return midHandshake(connection, output);
    if (!this.hasBegun) {
      // In TLS 1.2 the peer first hears the end of a full handshake, and acknowledges it or goes on by itself.
      const received = connection.takeReceived();
      if (connection.version === '1.2' && output.length > 0 && received.length === 0)
        return { kind: 'continue', output };
      this.hasBegun = true;
      if (connection.socket.isSessionReused()) return this.resume(output);
      const first = await connection.say(this.inner.begin());
      const said = Buffer.concat([output, first]);
      if (received.length === 0) return { kind: 'continue', output: said };
      return this.step(await this.inner.receive(received), said);
    }
    return this.step(await this.inner.receive(connection.takeReceived()), output);
  }

  close(): void {
    this.connection.close();
  }

  private async resume(output: Buffer): Promise<TlsStep<EstablishedTls>> {
    const first = this.inner.resume();
    if (first.length > 0) {
      const said = await this.connection.say(first);
      return { kind: 'continue', output: Buffer.concat([output, said]) };
    }
    const step = this.end(await this.ports.judge(null), output);
    if (step.kind !== 'established' || this.connection.version !== '1.3') return step;
    const last = await this.connection.say(commitment);
    return { ...step, output: Buffer.concat([output, last]) };
  }

  private async step(step: InnerStep, output: Buffer): Promise<TlsStep<EstablishedTls>> {
    if (step.kind === 'proved') {
      const isResumed = this.connection.socket!.isSessionReused();
      return this.end(await this.ports.judge(isResumed ? null : step.username), output);
    }
    const said = Buffer.concat([output, await this.connection.say(step.output)]);
    return step.kind === 'failed'
      ? { kind: 'failed', output: said, reason: step.reason }
      : { kind: 'continue', output: said };
  }

  private end(verdict: PasswordVerdict, output: Buffer): TlsStep<EstablishedTls> {
    if ('reason' in verdict) return { kind: 'failed', output, reason: verdict.reason };
    const { connection } = this;
    const session: EstablishedTls = {
      mac: verdict.mac,
      method: 'password',
      masterSessionKey: this.keyMaterial().subarray(0, masterSessionKeyLength),
      version: connection.version,
      resumed: connection.socket!.isSessionReused(),
      credential: verdict.credential,
    };
    return { kind: 'established', output, session };
  }

  /** [MS-PEAP] §3.1.5.5, RFC 5281 §8, RFC 9427 §2.1. */
  private keyMaterial(): Buffer {
    const { connection, method } = this;
    if (connection.version === '1.3')
      return connection.exportMaterial('EXPORTER_EAP_TLS_Key_Material', 128, Buffer.from([tlsMethods[method]]));
    return connection.exportMaterial(method === 'peap' ? 'client EAP encryption' : 'ttls keying material', 128);
  }
}
