import { Duplex } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { connect, type TLSSocket } from 'node:tls';
import type { Issued } from '../../apps/radius-bridge/test/certificates.js';
import { answerTo, eap, eapCode, eapIn, eapType, identity } from './eap.js';
import { mab, pump, type Switch } from './switch.js';
import { accessRequest, code, split, type, u32, type Parsed } from './wire.js';

export interface Attempt {
  /** Null: the supplicant has no certificate. */
  readonly device: Issued | null;
  /** What it does instead: EAP-TTLS with PAP inside (RFC 5281 §11.2.5). */
  readonly password?: { readonly name: string; readonly password: string };
  readonly mac?: string;
  readonly version?: '1.2' | '1.3';
  /** Most octets of an EAP packet of the supplicant. */
  readonly fragmentSize?: number;
  /** Of an earlier attempt. */
  readonly session?: Buffer | undefined;
  /** What the switch says besides. */
  readonly more?: readonly Buffer[];
}

export interface Attempted {
  readonly requests: readonly Buffer[];
  readonly challenges: readonly Parsed[];
  /** The Access-Accept or Access-Reject. */
  readonly end: Parsed;
  /** Application data of TLS: the commitment of RFC 9190 §2.5. */
  readonly applicationData: Buffer;
  /** In the order of arrival. */
  readonly arrivals: readonly ('data' | 'ticket')[];
  readonly isResumed: boolean;
  /** As the supplicant derives it: Master Session Key and the rest; null without TLS. */
  readonly keyMaterial: Buffer | null;
  readonly session: Buffer | undefined;
}

const flag = { length: 0x80, more: 0x40, start: 0x20 } as const;
/** Turns of the event loop in which TLS, whose work is done in this process, has said what it has to say. */
const turns = 25;
const mostRounds = 200;
/** Code, Identifier, Length, Type, Flags, TLS Message Length. */
const overhead = 10;

class Pipe extends Duplex {
  private out: Buffer[] = [];

  override _read(): void {
    // What the peer says is pushed.
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.out.push(chunk);
    done();
  }

  /** What TLS has said since. */
  said(): Buffer {
    const out = Buffer.concat(this.out);
    this.out = [];
    return out;
  }
}

/** A supplicant on a port: TLS is Node's client, its framing in EAP (RFC 5216 §3) is written anew here. */
export async function authenticate(nas: Switch, attempt: Attempt): Promise<Attempted> {
  const supplicant = new Supplicant(attempt);
  const { mac = pump, more = [] } = attempt;
  const requests: Buffer[] = [];
  const challenges: Parsed[] = [];
  const ask = async (attributes: readonly Buffer[]): Promise<Parsed> => {
    const request = accessRequest(nas.secret, [...mab(mac), ...more, ...attributes]);
    requests.push(request);
    return nas.ask(request);
  };
  let reply = await ask(split(type.eapMessage, identity()));
  while (reply.code === code.accessChallenge) {
    if (challenges.push(reply) > mostRounds) throw new Error('the conversation does not end');
    reply = await ask(answerTo(reply, await supplicant.answer(eapIn(reply))));
  }
  return { requests, challenges, end: reply, ...(await supplicant.end()) };
}

class Supplicant {
  private readonly pipe = new Pipe();
  private readonly data: Buffer[] = [];
  private readonly arrivals: ('data' | 'ticket')[] = [];
  private ticket: Buffer | undefined;
  private tls: TLSSocket | null = null;
  private incoming: Buffer[] = [];
  private outgoing: Buffer = Buffer.alloc(0);
  private isFirstFragment = true;
  private readonly method: number;

  constructor(private readonly attempt: Attempt) {
    this.method = attempt.password ? eapType.ttls : eapType.tls;
  }

  async answer({ id, method, data }: ReturnType<typeof eapIn>): Promise<Buffer> {
    if (method !== this.method) return eap(eapCode.response, id, eapType.nak, Buffer.from([this.method]));
    const flags = data[0]!;
    this.incoming.push(data.subarray(flags & flag.length ? 5 : 1));
    if (flags & flag.start) this.connect();
    if (flags & flag.more) return eap(eapCode.response, id, this.method, Buffer.from([0]));
    const message = Buffer.concat(this.incoming);
    this.incoming = [];
    if (this.outgoing.length === 0) {
      if (message.length > 0) this.pipe.push(message);
      await settle();
      this.outgoing = this.pipe.said();
      this.isFirstFragment = true;
    }
    return eap(eapCode.response, id, this.method, this.fragment());
  }

  async end(): Promise<Omit<Attempted, 'requests' | 'challenges' | 'end'>> {
    await settle();
    const { tls } = this;
    const ended = {
      applicationData: Buffer.concat(this.data),
      arrivals: this.arrivals,
      isResumed: tls?.isSessionReused() ?? false,
      keyMaterial: tls && this.materialOf(tls),
      session: this.ticket ?? tls?.getSession(),
    };
    this.pipe.destroy();
    return ended;
  }

  private fragment(): Buffer {
    const { outgoing } = this;
    const part = outgoing.subarray(0, (this.attempt.fragmentSize ?? 1000) - overhead);
    const isMore = part.length < outgoing.length;
    const hasLength = isMore && this.isFirstFragment;
    this.outgoing = outgoing.subarray(part.length);
    this.isFirstFragment = false;
    const flags = Buffer.from([(hasLength ? flag.length : 0) | (isMore ? flag.more : 0)]);
    return Buffer.concat([flags, hasLength ? u32(outgoing.length) : Buffer.alloc(0), part]);
  }

  private connect(): void {
    const { device, version = '1.3', session } = this.attempt;
    this.tls = connect({
      socket: this.pipe,
      ...(device && { key: device.key, cert: device.certificate }),
      rejectUnauthorized: false,
      minVersion: `TLSv${version}`,
      maxVersion: `TLSv${version}`,
      session,
    });
    this.tls.on('session', (given: Buffer) => {
      this.arrivals.push('ticket');
      this.ticket = given;
    });
    this.tls.on('data', (chunk: Buffer) => {
      this.arrivals.push('data');
      this.data.push(chunk);
    });
    const { password } = this.attempt;
    if (password) {
      const { name, password: secret } = password;
      const padded = Buffer.alloc(Math.ceil(secret.length / 16) * 16);
      padded.write(secret);
      this.tls.once('secureConnect', () => this.tls?.write(Buffer.concat([avp(1, Buffer.from(name)), avp(2, padded)])));
    }
    // What it ends with is in the reply.
    this.tls.on('error', () => undefined);
  }

  /** RFC 5216 §2.3, RFC 5281 §8; RFC 9190 §2.3, RFC 9427 §2.1. Null: there was no end to the handshake. */
  private materialOf(tls: TLSSocket): Buffer | null {
    if (tls.getProtocol() === null || !tls.getFinished()) return null;
    const label = this.method === eapType.ttls ? 'ttls keying material' : 'client EAP encryption';
    return this.attempt.version === '1.2'
      ? tls.exportKeyingMaterial(128, label, undefined as unknown as Buffer)
      : tls.exportKeyingMaterial(128, 'EXPORTER_EAP_TLS_Key_Material', Buffer.from([this.method]));
  }
}

/** RFC 5281 §10.1: code, the flag of what must be understood, length, data, zeros up to a multiple of four. */
function avp(avpCode: number, data: Buffer): Buffer {
  const head = Buffer.concat([u32(avpCode), u32(0x4000_0000 | (8 + data.length))]);
  return Buffer.concat([head, data, Buffer.alloc((4 - (data.length % 4)) % 4)]);
}

async function settle(): Promise<void> {
  for (let i = 0; i < turns; i++) await turn();
}
