import { setImmediate as turn } from 'node:timers/promises';
import { connect, createSecureContext, type SecureContext, type TLSSocket } from 'node:tls';
import {
  decodeEap,
  decodeTlsFrame,
  eapCodes,
  eapTypes,
  encodeEap,
  IncomingMessage,
  masterSessionKeyLength,
  OutgoingMessage,
} from '#radius';
import { Wire } from '../../../apps/radius-bridge/src/eap/wire.ts';

export type TlsVersion = '1.2' | '1.3';

/** A device that has a certificate. PEM. */
export interface DeviceCredentials {
  readonly mac: string;
  readonly certificate: string;
  readonly key: string;
  /** Whom it trusts. */
  readonly authority: string;
}

/** What its conversations have in common. */
export class Device {
  readonly mac: string;
  readonly version: TlsVersion;
  readonly context: SecureContext;
  /** Of its last conversation, to be resumed. */
  session: Buffer | undefined;

  constructor({ mac, certificate, key, authority }: DeviceCredentials, version: TlsVersion) {
    this.mac = mac;
    this.version = version;
    const bounds = { minVersion: `TLSv${version}`, maxVersion: `TLSv${version}` } as const;
    this.context = createSecureContext({ cert: certificate, key, ca: authority, ecdhCurve: groups, ...bounds });
  }
}

const fragmentSize = 1024;
/**
 * Both servers are to do the same work: left to choose, one whose OpenSSL knows X25519MLKEM768 would take it, which costs more and has
 * longer messages. Devices that are in hospitals know nothing of it. (P-256 is that of certificates.)
 */
const groups = 'X25519:P-256';
/** Turns of the event loop: TLS has said all it has to say when it is silent for a few, and nothing when it is for many. */
const quietTurns = 3;
const patience = 15;
const acknowledgement = Buffer.from([0]);
const keyMaterialLength = 128;

/** The supplicant's side of one EAP-TLS conversation: Node's own TLS client behind the framing of RFC 5216. */
export class Supplicant {
  private readonly device: Device;
  private readonly resumes: boolean;
  private readonly wire = new Wire();
  private tls: TLSSocket | null = null;
  private incoming = new IncomingMessage();
  private outgoing: OutgoingMessage | null = null;
  /** Why it refuses the server. */
  problem: string | null = null;

  constructor(device: Device, resumes: boolean) {
    this.device = device;
    this.resumes = resumes;
  }

  /** What it says first, without being asked. */
  identity(): Buffer {
    return encodeEap(eapCodes.response, 1, eapTypes.identity, Buffer.from('anonymous@devices.test'));
  }

  get isResumed(): boolean {
    return this.tls?.isSessionReused() ?? false;
  }

  /** A request in, the response to it out. */
  async respond(message: Buffer): Promise<Buffer> {
    const request = decodeEap(message);
    if (typeof request === 'string') throw new Error(`EAP packet: ${request}`);
    if (request.code !== eapCodes.request) throw new Error('EAP: not a request');
    if (request.type !== eapTypes.tls) throw new Error(`EAP: method ${request.type} is asked for`);
    const frame = decodeTlsFrame(request.data);
    if (!frame) throw new Error('EAP-TLS: malformed frame');
    return encodeEap(eapCodes.response, request.id, eapTypes.tls, await this.answer(frame));
  }

  private async answer(frame: NonNullable<ReturnType<typeof decodeTlsFrame>>): Promise<Buffer> {
    if (this.outgoing && !this.outgoing.isDone) return this.outgoing.next();
    const before = this.wire.writes;
    if (frame.start) this.begin();
    else {
      const whole = this.incoming.add(frame);
      if (whole === 'refused') throw new Error('EAP-TLS: fragments that do not fit together');
      if (whole === 'more') return acknowledgement;
      this.incoming = new IncomingMessage();
      this.wire.push(whole);
    }
    await this.flight(before);
    if (this.problem !== null) throw new Error(`TLS: ${this.problem}`);
    const output = this.wire.takeOutput();
    if (output.length === 0) return acknowledgement;
    this.outgoing = new OutgoingMessage(output, fragmentSize - 5);
    return this.outgoing.next();
  }

  private begin(): void {
    const { context, session } = this.device;
    this.tls = connect({
      socket: this.wire,
      secureContext: context,
      checkServerIdentity: () => undefined,
      ...(this.resumes && session ? { session } : {}),
    });
    this.tls.on('session', (given: Buffer) => (this.device.session = given));
    this.tls.on('error', (error) => (this.problem = error.message));
    this.tls.resume();
  }

  private async flight(before: number): Promise<void> {
    for (let quiet = 0, seen = before, i = 0; quiet < quietTurns && i < patience; i++) {
      await turn();
      const { writes } = this.wire;
      quiet = writes === seen && writes > before ? quiet + 1 : 0;
      seen = writes;
    }
  }

  /** RFC 5216 §2.3, RFC 9190 §2.3: what the server's keys must be derived from. */
  masterSessionKey(): Buffer {
    const material =
      this.device.version === '1.3'
        ? this.tls!.exportKeyingMaterial(
            keyMaterialLength,
            'EXPORTER_EAP_TLS_Key_Material',
            Buffer.from([eapTypes.tls]),
          )
        : // In TLS 1.2 no context is not the same as an empty one, and Node takes none, whatever its types say.
          this.tls!.exportKeyingMaterial(keyMaterialLength, 'client EAP encryption', undefined as unknown as Buffer);
    return material.subarray(0, masterSessionKeyLength);
  }

  close(): void {
    this.wire.destroy();
  }
}
