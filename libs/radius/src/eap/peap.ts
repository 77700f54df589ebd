import { decodeEap, eapCodes, eapTypes, encodeEap } from './eap-packet.js';
import {
  authenticatorResponse,
  challengeLength,
  ntResponseLength,
  verifyMschapResponse,
  type MschapResponse,
} from './mschapv2.js';
import {
  noSuchName,
  notForMschap,
  readName,
  wrongPassword,
  type FindProof,
  type InnerMethod,
  type InnerStep,
} from './tunnel.js';

/*
 * PEAP version 0 ([MS-PEAP], draft-kamath-pppext-peapv0): EAP in a tunnel, with code, identifier and length left out of each inner packet
 * but those of type 33, which carry the result.
 *
 *   Identity ▶ MSCHAPv2 Challenge ▶ Response ▶ Success ▶ its acknowledgement ▶ Result ▶ Result
 */
const extensionsType = 33;
const resultTlv = 0x8003;
const results = { success: 1, failure: 2 } as const;

/** draft-kamath-pppext-eap-mschapv2 §2: OpCode, identifier, length, and what belongs to the code. */
const opCodes = { challenge: 1, response: 2, success: 3, failure: 4 } as const;
const mschapHeader = 4;
/** The peer's challenge, eight zeros, its answer, flags. */
const valueSize = challengeLength + 8 + ntResponseLength + 1;
const authenticationFailure = 691;
const serverName = Buffer.from('cordon');

/** PEAP with EAP-MSCHAPv2 in it. */
export class PeapInner implements InnerMethod {
  private state: 'identity' | 'challenged' | 'succeeded' | 'refused' | 'result' = 'identity';
  private username = '';
  private id = 0;
  private refusal = '';

  /** `challenge`: 16 random bytes. */
  constructor(
    private readonly find: FindProof,
    private readonly challenge: Buffer,
  ) {}

  begin(): Buffer {
    return Buffer.from([eapTypes.identity]);
  }

  resume(): Buffer {
    this.state = 'result';
    return this.result(results.success);
  }

  async receive(message: Buffer): Promise<InnerStep> {
    const inner = decodeInner(message);
    if (!inner) return failed('what came through the tunnel is not well-formed');
    const { type, data } = inner;
    if (type === eapTypes.nak) return failed('the supplicant wants another method in PEAP than MSCHAPv2');
    switch (this.state) {
      case 'identity':
        if (type !== eapTypes.identity) return unexpected(type);
        this.username = readName(data);
        this.state = 'challenged';
        return { kind: 'continue', output: this.mschap(opCodes.challenge, sized(this.challenge), serverName) };
      case 'challenged':
        return type === eapTypes.mschapv2 ? this.answer(data) : unexpected(type);
      case 'succeeded':
        if (type !== eapTypes.mschapv2 || data[0] !== opCodes.success) return unexpected(type);
        this.state = 'result';
        return { kind: 'continue', output: this.result(results.success) };
      case 'refused':
        return { kind: 'failed', output: this.result(results.failure), reason: this.refusal };
      case 'result':
        break;
    }
    return readResult(type, data) === results.success
      ? { kind: 'proved', username: this.username }
      : failed('the supplicant does not agree that it may in');
  }

  private async answer(data: Buffer): Promise<InnerStep> {
    const response = readResponse(data);
    if (!response) return failed('the answer to the MS-CHAPv2 challenge is not well-formed');
    // The name of the answer may have a domain in front; who it is was said before.
    const proof = this.username === '' ? null : await this.find(this.username);
    if (!proof) return this.refuse(this.username === '' ? 'the user name is not readable' : noSuchName(this.username));
    if (!proof.ntHash) return this.refuse(notForMschap(this.username));
    if (!verifyMschapResponse(proof.ntHash, this.challenge, response)) return this.refuse(wrongPassword(this.username));
    this.state = 'succeeded';
    const proven = `${authenticatorResponse(proof.ntHash, this.challenge, response)} M=OK`;
    return { kind: 'continue', output: this.mschap(opCodes.success, Buffer.from(proven, 'ascii')) };
  }

  /** Said in MS-CHAPv2's own words first: some supplicants then tell the person that it was the password. */
  private refuse(reason: string): InnerStep {
    this.state = 'refused';
    this.refusal = reason;
    const words = `E=${authenticationFailure} R=0 C=${this.challenge.toString('hex').toUpperCase()} V=3 M=refused`;
    return { kind: 'continue', output: this.mschap(opCodes.failure, Buffer.from(words, 'ascii')) };
  }

  private mschap(opCode: number, ...parts: readonly Buffer[]): Buffer {
    const body = Buffer.concat(parts);
    const head = Buffer.from([eapTypes.mschapv2, opCode, this.id, 0, 0]);
    head.writeUInt16BE(mschapHeader + body.length, 3);
    return Buffer.concat([head, body]);
  }

  private result(status: number): Buffer {
    const tlv = Buffer.alloc(6);
    tlv.writeUInt16BE(resultTlv, 0);
    tlv.writeUInt16BE(2, 2);
    tlv.writeUInt16BE(status, 4);
    return encodeEap(eapCodes.request, ++this.id, extensionsType, tlv);
  }
}

const sized = (value: Buffer): Buffer => Buffer.concat([Buffer.from([value.length]), value]);

/** Type and what follows it: with or without the header, which only results must have. */
function decodeInner(message: Buffer): { readonly type: number; readonly data: Buffer } | null {
  if (message.length === 0) return null;
  const whole = decodeEap(message);
  if (typeof whole !== 'string' && whole.code === eapCodes.response && whole.type === extensionsType)
    return { type: extensionsType, data: whole.data };
  return { type: message[0]!, data: message.subarray(1) };
}

function readResponse(data: Buffer): MschapResponse | null {
  const value = data.subarray(mschapHeader + 1);
  if (data[0] !== opCodes.response || data[mschapHeader] !== valueSize || value.length < valueSize) return null;
  return {
    peerChallenge: value.subarray(0, challengeLength),
    ntResponse: value.subarray(challengeLength + 8, challengeLength + 8 + ntResponseLength),
    username: value.subarray(valueSize).toString('utf8'),
  };
}

/** Null: no result is in it. */
function readResult(type: number, data: Buffer): number | null {
  if (type !== extensionsType) return null;
  for (let at = 0; at + 4 <= data.length;) {
    const length = data.readUInt16BE(at + 2);
    if (at + 4 + length > data.length) return null;
    // The highest bit says that the peer must understand it.
    if ((data.readUInt16BE(at) & 0x3fff) === (resultTlv & 0x3fff) && length === 2) return data.readUInt16BE(at + 4);
    at += 4 + length;
  }
  return null;
}

const failed = (reason: string): InnerStep => ({ kind: 'failed', output: Buffer.alloc(0), reason });
const unexpected = (type: number): InnerStep => failed(`method ${type} inside PEAP is not what was asked for`);
