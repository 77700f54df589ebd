import { isIP } from 'node:net';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { X509Certificate } from 'node:crypto';
import type { CertificateName } from '#policy/snapshot';
import type { Counters } from '../../counters.js';
import type { CoaChannel } from '../../coa/coa-channel.js';
import { PacketStream } from './packet-stream.js';
import { hasName, readPeerCertificate } from './peer-certificate.js';
import { contextOf, type TlsMaterial } from './tls-material.js';

const idleMilliseconds = 300_000;
const connectMilliseconds = 10_000;
/** Between two attempts to connect. */
const pauseMilliseconds = 2000;

export interface LinkTarget {
  readonly nas: string;
  readonly address: string;
  readonly port: number;
  readonly certificate: CertificateName;
}

export interface LinkPorts {
  /** Null: network/radsec.yaml is missing or not usable. */
  readonly material: () => TlsMaterial | null;
  readonly counters: Counters;
  readonly onReply: (packet: Buffer, from: string) => void;
  readonly onProblem: (nas: string, reason: string) => void;
  readonly now: () => number;
}

/**
 * A connection that the bridge opens itself, to tell a client of changes over TLS: opened when it is needed, ended when nothing was
 * sent for five minutes. The far end must show the certificate that the policy names.
 */
export class RadsecLink implements CoaChannel {
  readonly name: string;
  private socket: TLSSocket | null = null;
  private isReady = false;
  private triedAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly target: LinkTarget,
    private readonly ports: LinkPorts,
  ) {
    const { nas, address, port } = target;
    this.name = `${nas} ${address} ${port} tls`;
  }

  /** Opens the connection where there is none; then false: to be tried again. */
  send(packet: Buffer): boolean {
    if (this.socket && this.isReady) {
      this.socket.write(packet);
      return true;
    }
    if (!this.socket && this.ports.now() - this.triedAt >= pauseMilliseconds) this.open();
    return false;
  }

  /** What was sent got no answer: the connection may be a dead one, which TCP would tell us of in hours. */
  unanswered(): void {
    this.close();
  }

  close(): void {
    this.socket?.destroy();
    this.socket = null;
    this.isReady = false;
  }

  private open(): void {
    this.triedAt = this.ports.now();
    const material = this.ports.material();
    if (!material) return this.failed('RADIUS over TLS is not set up');
    const socket = connect(this.options(material));
    const stream = new PacketStream();
    this.socket = socket;
    socket.setNoDelay(true);
    socket.setKeepAlive(true, 30_000);
    socket.setTimeout(connectMilliseconds, () => socket.destroy(new Error('no answer')));
    socket.on('secureConnect', () => {
      this.isReady = this.socket === socket;
      this.ports.counters.addFor(this.target.nas, 'radsec.links');
      socket.setTimeout(idleMilliseconds, () => socket.destroy());
    });
    socket.on('data', (chunk: Buffer) => {
      const packets = stream.push(chunk);
      if (!packets) socket.destroy(new Error('what it says is no RADIUS'));
      for (const packet of packets ?? []) this.ports.onReply(packet, this.name);
    });
    socket.on('error', (error) => this.failed(error.message));
    socket.on('close', () => {
      if (this.socket !== socket) return;
      this.socket = null;
      this.isReady = false;
    });
  }

  private options(material: TlsMaterial): ConnectionOptions {
    const { address, port, certificate } = this.target;
    return {
      ...contextOf(material),
      host: address,
      port,
      ...(certificate.from === 'dns-name' && isIP(certificate.name) === 0 ? { servername: certificate.name } : {}),
      checkServerIdentity: (_, peer) =>
        hasName(readPeerCertificate(new X509Certificate(peer.raw)), certificate)
          ? undefined
          : new Error(`its certificate does not have the ${certificate.from} \`${certificate.name}\``),
    };
  }

  private failed(reason: string): void {
    this.ports.counters.addFor(this.target.nas, 'radsec.links.failed');
    this.ports.onProblem(this.target.nas, reason);
  }
}
