import { connect, type TLSSocket } from 'node:tls';
import { setImmediate as turn } from 'node:timers/promises';
import {
  decodeEap,
  decodeTlsFrame,
  EapConversation,
  eapCodes,
  eapTypes,
  encodeEap,
  IncomingMessage,
  OutgoingMessage,
  type EapAnswer,
} from '#radius';
import type { Mac } from '#net';
import type { EstablishedTls } from '../src/eap/established.js';
import type { Beginning, EapStep } from '../src/eap/messages.js';
import type { TlsPeers } from '../src/eap/tls-peers.js';
import { Wire } from '../src/eap/wire.js';
import type { Issued } from './certificates.js';

export interface Attempt {
  readonly device: Issued;
  readonly caller: Mac | null;
  readonly version: '1.2' | '1.3';
  /** Of an earlier attempt. */
  readonly session?: Buffer | undefined;
}

export interface Attempted {
  readonly outcome: EapAnswer<EstablishedTls>;
  readonly session: Buffer | undefined;
  readonly keyMaterial: Buffer | null;
}

let numbered = 0;
const identity = encodeEap(eapCodes.response, 1, eapTypes.identity, Buffer.from('anonymous'));
const patience = 20;

/** A supplicant of Node's own TLS client, which converses with what a worker would have, in this process. */
export async function attempt(peers: TlsPeers, { device, caller, version, session }: Attempt): Promise<Attempted> {
  const number = numbered++;
  const wire = new Wire();
  let tls: TLSSocket | null = null;
  let ticket: Buffer | undefined;
  let outgoing: OutgoingMessage | null = null;
  let incoming = new IncomingMessage();
  let begins: Beginning | null = { method: 'tls', caller, tunnel: null };
  const receive = (message: Buffer): Promise<EapStep> => {
    const step = peers.receive(number, begins, message);
    begins = null;
    return step;
  };
  const conversation = new EapConversation(() => ({ receive, close: () => peers.close(number) }), ['tls'], 300, 1);
  let outcome = await conversation.receive(identity);
  while (outcome.kind === 'request') {
    const request = decodeEap(outcome.packet);
    if (typeof request === 'string') throw new Error(request);
    const frame = decodeTlsFrame(request.data)!;
    if (frame.start) {
      tls = connect({
        socket: wire,
        key: device.key,
        cert: device.certificate,
        rejectUnauthorized: false,
        minVersion: `TLSv${version}`,
        maxVersion: `TLSv${version}`,
        session,
      });
      tls.on('session', (given: Buffer) => (ticket = given));
      tls.on('error', () => undefined);
      tls.resume();
    } else if (!outgoing || outgoing.isDone) {
      const whole = incoming.add(frame);
      if (whole instanceof Buffer) {
        incoming = new IncomingMessage();
        wire.push(whole);
      }
    }
    if (!outgoing || outgoing.isDone) {
      for (let i = 0; i < patience; i++) await turn();
      const output = frame.more ? Buffer.alloc(0) : wire.takeOutput();
      outgoing = output.length > 0 ? new OutgoingMessage(output, 300) : null;
    }
    const typeData = outgoing && !outgoing.isDone ? outgoing.next() : Buffer.from([0]);
    outcome = await conversation.receive(encodeEap(eapCodes.response, request.id, eapTypes.tls, typeData));
  }
  const keyMaterial = outcome.kind === 'success' ? materialOf(tls!, version) : null;
  const given = ticket ?? tls?.getSession();
  wire.destroy();
  return { outcome, session: given, keyMaterial };
}

const materialOf = (tls: TLSSocket, version: '1.2' | '1.3'): Buffer =>
  version === '1.3'
    ? tls.exportKeyingMaterial(128, 'EXPORTER_EAP_TLS_Key_Material', Buffer.from([13]))
    : tls.exportKeyingMaterial(128, 'client EAP encryption', undefined as unknown as Buffer);
