import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MemoryAuthority, type Issued } from '../../apps/radius-bridge/test/certificates.js';
import { sampleFiles } from '../../apps/radius-bridge/test/sample-policy.js';
import { mab, type Switch } from './switch.js';
import { accessRequest, all, only, split, tlv, type, type Parsed } from './wire.js';

/* EAP as bytes (RFC 3748 §4), and what a policy needs to serve it. */

export const eapCode = { request: 1, response: 2, success: 3, failure: 4 } as const;
export const eapType = { identity: 1, nak: 3, md5: 4, tls: 13, ttls: 21 } as const;

/** `method`: null for Success and Failure. */
export interface EapParsed {
  readonly code: number;
  readonly id: number;
  readonly method: number | null;
  readonly data: Buffer;
}

export function eap(packetCode: number, id: number, method: number, data: Buffer | string = ''): Buffer {
  const packet = Buffer.concat([Buffer.from([packetCode, id, 0, 0, method]), Buffer.from(data)]);
  packet.writeUInt16BE(packet.length, 2);
  return packet;
}

export const identity = (name = 'anonymous', id = 1): Buffer => eap(eapCode.response, id, eapType.identity, name);

/** The EAP packet of a RADIUS packet; throws unless it is exactly one. */
export function eapIn(packet: Parsed): EapParsed {
  const bytes = Buffer.concat(all(packet, type.eapMessage));
  if (bytes.length < 4 || bytes.readUInt16BE(2) !== bytes.length)
    throw new Error(`no EAP packet: ${bytes.toString('hex')}`);
  return { code: bytes[0]!, id: bytes[1]!, method: bytes[4] ?? null, data: bytes.subarray(5) };
}

/** What comes next of a conversation: the answer to a challenge, with its State. */
export function answerTo(challenge: Parsed, message: Buffer): Buffer[] {
  return [tlv(type.state, only(challenge, type.state)!), ...split(type.eapMessage, message)];
}

/** A request that a worker has to look at, in a conversation that is begun for it: what it says is no beginning of TLS. */
export async function forTls(at: Switch, id?: number): Promise<Buffer> {
  const start = await at.ask(accessRequest(at.secret, [...mab(), ...split(type.eapMessage, identity())]));
  const noHello = eap(eapCode.response, eapIn(start).id, eapType.tls, Buffer.from([0, 22, 3, 1, 0, 1, 0]));
  return accessRequest(at.secret, [...mab(), ...answerTo(start, noHello)], { ...(id !== undefined && { id }) });
}

/** A certification authority, the bridge's own certificate, and files that a policy can name. */
export class EapMaterial {
  private constructor(
    private readonly folder: string,
    readonly authority: MemoryAuthority,
    private readonly server: Issued,
  ) {}

  static async create(): Promise<EapMaterial> {
    const authority = await MemoryAuthority.create();
    const folder = mkdtempSync(join(tmpdir(), 'cordon-conformance-eap-'));
    const material = new EapMaterial(folder, authority, await authority.issue('CN=radius', 'serverAuth', []));
    await material.revoke([]);
    return material;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }

  /** Of the device with this address. */
  issue(mac: string): Promise<Issued> {
    return this.authority.issue('CN=pump', 'clientAuth', [
      { type: 'dns', value: `${mac.replaceAll(':', '-')}.devices.test` },
    ]);
  }

  /** All that are revoked from now on. */
  async revoke(serials: readonly string[]): Promise<void> {
    writeFileSync(join(this.folder, 'authority.crl'), await this.authority.revocationList(serials));
  }

  /** A pump is in VLAN 210 by its address and in 211 by its certificate. `more`: lines of `network/eap.yaml`. */
  files(more: readonly string[] = []): Readonly<Record<string, string>> {
    const write = (name: string, text: string): string => {
      writeFileSync(join(this.folder, name), text);
      return `file:${join(this.folder, name)}`;
    };
    return {
      'network/eap.yaml': [
        `certificate: "${write('server.pem', this.server.certificate)}"`,
        `key: "${write('server.key', this.server.key)}"`,
        ...more,
        'authorities:',
        `  own: { certificates: "${write('authority.pem', this.authority.certificate)}", revocationLists: "file:${join(this.folder, 'authority.crl')}", devices: [{ from: dns-name, pattern: "{mac}.devices.test" }] }`,
      ].join('\n'),
      'rules/access.csv': `${sampleFiles['rules/access.csv']}\np2, infusion-pump, everywhere, verified, pumps-watched, always, "by certificate"`,
    };
  }
}
