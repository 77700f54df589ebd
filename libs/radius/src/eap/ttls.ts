import { vendors } from '../dictionary.js';
import { authenticatorResponse, challengeLength, verifyMschapResponse } from './mschapv2.js';
import {
  noSuchName,
  notForMschap,
  readName,
  wrongPassword,
  type ExportMaterial,
  type FindProof,
  type InnerMethod,
  type InnerStep,
  type PasswordProof,
} from './tunnel.js';

/*
 * Attribute-value pairs in the tunnel of EAP-TTLS (RFC 5281 §10.1):
 *
 *   | AVP Code (4) | V M 0 0 0 0 0 0 | AVP Length (3) | Vendor-ID (4), where V is set | Data … | up to 3 zeros
 */
const avpFlags = { vendor: 0x80, mandatory: 0x40 } as const;
const avpHeader = 8;
const vendorSize = 4;

export interface Avp {
  readonly code: number;
  /** 0: none. */
  readonly vendor: number;
  readonly mandatory: boolean;
  readonly data: Buffer;
}

export const avps = {
  userName: 1,
  userPassword: 2,
  chapPassword: 3,
  eapMessage: 79,
  msChapChallenge: 11,
  msChap2Response: 25,
  msChap2Success: 26,
} as const;

/** Null: not formed as the RFC says. */
export function decodeAvps(bytes: Buffer): Avp[] | null {
  const found: Avp[] = [];
  for (let at = 0; at < bytes.length;) {
    if (bytes.length - at < avpHeader) return null;
    const flags = bytes[at + 4]!;
    const hasVendor = (flags & avpFlags.vendor) !== 0;
    const head = avpHeader + (hasVendor ? vendorSize : 0);
    const length = bytes.readUIntBE(at + 5, 3);
    if (length < head || length > bytes.length - at) return null;
    found.push({
      code: bytes.readUInt32BE(at),
      vendor: hasVendor ? bytes.readUInt32BE(at + avpHeader) : 0,
      mandatory: (flags & avpFlags.mandatory) !== 0,
      data: bytes.subarray(at + head, at + length),
    });
    // The last one may come without its padding.
    at += Math.ceil(length / 4) * 4;
  }
  return found;
}

export function encodeAvp({ code, vendor, mandatory, data }: Avp): Buffer {
  const head = avpHeader + (vendor === 0 ? 0 : vendorSize);
  const out = Buffer.alloc(Math.ceil((head + data.length) / 4) * 4);
  out.writeUInt32BE(code, 0);
  out[4] = (vendor === 0 ? 0 : avpFlags.vendor) | (mandatory ? avpFlags.mandatory : 0);
  out.writeUIntBE(head + data.length, 5, 3);
  if (vendor !== 0) out.writeUInt32BE(vendor, avpHeader);
  data.copy(out, head);
  return out;
}

const nothing = Buffer.alloc(0);
const challengeLabel = 'ttls challenge';
/** Ident, flags, the peer's challenge, eight zeros and the answer (RFC 2548 §2.3.2). */
const mschapResponseLength = 50;

/** EAP-TTLS with PAP or MS-CHAPv2 in it (RFC 5281 §11.2.4, §11.2.5): the peer speaks first, and says all at once. */
export class TtlsInner implements InnerMethod {
  /** MS-CHAPv2 was answered; the peer still has to agree. */
  private awaited: string | null = null;

  constructor(
    private readonly find: FindProof,
    private readonly material: ExportMaterial,
  ) {}

  begin(): Buffer {
    return nothing;
  }

  resume(): Buffer {
    return nothing;
  }

  async receive(message: Buffer): Promise<InnerStep> {
    if (this.awaited !== null)
      return message.length === 0
        ? { kind: 'proved', username: this.awaited }
        : failed('data came instead of an acknowledgement');
    if (message.length === 0) return { kind: 'continue', output: nothing };
    const found = decodeAvps(message);
    if (!found) return failed('what came through the tunnel is not well-formed');
    const only = (code: number, vendor: number): Buffer | null => {
      const [first, second] = found.filter((avp) => avp.code === code && avp.vendor === vendor);
      return second ? null : (first?.data ?? null);
    };
    const unknown = found.find(({ code, vendor, mandatory }) => mandatory && !isKnown(code, vendor));
    if (unknown) return failed(`the supplicant insists on AVP ${unknown.vendor}/${unknown.code}, which is not known`);
    const username = readName(only(avps.userName, 0) ?? nothing);
    if (username === '') return failed('the supplicant gave no user name, two, or no readable one');
    const password = only(avps.userPassword, 0);
    const response = only(avps.msChap2Response, vendors.microsoft);
    const challenge = only(avps.msChapChallenge, vendors.microsoft);
    if (password && !response) return this.pap(username, password);
    if (response && challenge && !password) return this.mschapv2(username, challenge, response);
    return failed('the supplicant wants another method in EAP-TTLS than PAP or MS-CHAPv2');
  }

  private async pap(username: string, padded: Buffer): Promise<InnerStep> {
    const proof = await this.find(username);
    if (!proof) return failed(noSuchName(username));
    return (await proof.verify(withoutPadding(padded)))
      ? { kind: 'proved', username }
      : failed(wrongPassword(username));
  }

  private async mschapv2(username: string, challenge: Buffer, response: Buffer): Promise<InnerStep> {
    const own = this.material(challengeLabel, challengeLength + 1);
    const isOwn = challenge.equals(own.subarray(0, challengeLength)) && response[0] === own[challengeLength];
    if (!isOwn || response.length !== mschapResponseLength)
      return failed('the MS-CHAPv2 challenge is not that of this tunnel');
    const proof: PasswordProof | null = await this.find(username);
    if (!proof) return failed(noSuchName(username));
    if (!proof.ntHash) return failed(notForMschap(username));
    const said = { username, peerChallenge: response.subarray(2, 18), ntResponse: response.subarray(26) };
    if (!verifyMschapResponse(proof.ntHash, challenge, said)) return failed(wrongPassword(username));
    this.awaited = username;
    const answer = Buffer.from(authenticatorResponse(proof.ntHash, challenge, said), 'ascii');
    const data = Buffer.concat([response.subarray(0, 1), answer]);
    const success = { code: avps.msChap2Success, vendor: vendors.microsoft, mandatory: true, data };
    return { kind: 'continue', output: encodeAvp(success) };
  }
}

const isKnown = (code: number, vendor: number): boolean =>
  vendor === 0
    ? code === avps.userName || code === avps.userPassword || code === avps.chapPassword || code === avps.eapMessage
    : vendor === vendors.microsoft && (code === avps.msChapChallenge || code === avps.msChap2Response);

/** RFC 5281 §11.2.5: zeros up to a multiple of 16. */
function withoutPadding(padded: Buffer): Buffer {
  let end = padded.length;
  while (end > 0 && padded[end - 1] === 0) end--;
  return padded.subarray(0, end);
}

const failed = (reason: string): InnerStep => ({ kind: 'failed', output: nothing, reason });
