import { canonicalJson } from '#base';
import type { NasEntry } from '#policy/snapshot';
import type { Client } from '../clients/client-table.js';
import type { Counters } from '../counters.js';
import type { Log } from '../log.js';
import { RadsecLink } from '../transport/radsec/radsec-link.js';
import type { RadsecService } from '../transport/radsec/radsec-service.js';
import type { TlsMaterial } from '../transport/radsec/tls-material.js';
import type { CoaChannel } from './coa-channel.js';

const quietMilliseconds = 60_000;

/** There is none now; the client may come back. */
const gone = (nas: string): CoaChannel => ({ name: `${nas} gone`, send: () => false, unanswered: () => undefined });

/** How each client is told of changes, by `coaTransport` of network/nas.yaml. */
export class CoaChannels {
  private readonly links = new Map<string, RadsecLink>();
  private material: TlsMaterial | null = null;
  private readonly toldAt = new Map<string, number>();

  constructor(
    private readonly radsec: RadsecService,
    private readonly counters: Counters,
    private readonly log: Log,
    private readonly onReply: (packet: Buffer, from: string) => void,
    private readonly now: () => number,
  ) {}

  /** Null: by UDP. `address`: where the session came from. */
  of({ nas }: Client, address: string): CoaChannel | null {
    if (nas.coaTransport === 'udp') return null;
    return nas.coaTransport === 'radsec' ? this.link(nas, address) : this.connection(nas);
  }

  /** What was opened with other certificates is opened anew when it is needed. */
  useMaterial(): void {
    if (this.radsec.tls === this.material) return;
    this.material = this.radsec.tls;
    this.closeAll();
  }

  closeAll(): void {
    for (const link of this.links.values()) link.close();
    this.links.clear();
  }

  private connection({ name }: NasEntry): CoaChannel {
    const connection = this.radsec.connectionOf(name);
    // A client that does not answer over its own connection may still ask over it: it stays.
    return connection
      ? { name: connection.name, send: (packet) => connection.send(packet), unanswered: () => undefined }
      : gone(name);
  }

  private link(nas: NasEntry, address: string): CoaChannel {
    const target = { nas: nas.name, address, port: nas.coaPort, certificate: nas.certificate! };
    const key = canonicalJson(target);
    let link = this.links.get(key);
    if (!link) {
      const ports = {
        material: () => this.radsec.tls,
        counters: this.counters,
        onReply: this.onReply,
        onProblem: (name: string, reason: string) => this.tell(name, reason),
        now: this.now,
      };
      link = new RadsecLink(target, ports);
      this.links.set(key, link);
    }
    return link;
  }

  private tell(nas: string, reason: string): void {
    const last = this.toldAt.get(nas);
    if (last !== undefined && this.now() - last < quietMilliseconds) return;
    this.toldAt.set(nas, this.now());
    this.log('warn', 'can not connect to a RADIUS client over TLS', { nas, reason });
  }
}
