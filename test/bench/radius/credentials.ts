import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { TestAuthority, type KeyKind } from '../../authority.ts';
import type { DeviceCredentials } from './supplicant.ts';

export type { KeyKind };

/** An authority, the server's certificate and those of devices, all with keys of one kind (ECDSA P-256 or RSA 2048). */
export interface Credentials {
  readonly server: { readonly certificate: string; readonly key: string };
  readonly authority: string;
  readonly revocationList: string;
  readonly devices: readonly DeviceCredentials[];
}

export function issueCredentials(folder: string, kind: KeyKind, macs: readonly string[]): Credentials {
  const authority = new TestAuthority(join(folder, kind), kind);
  const server = authority.issue('radius', 'serverAuth', 'radius.test');
  const devices = macs.map((mac, i): DeviceCredentials => {
    const issued = authority.issue(`device-${i}`, 'clientAuth', `${mac.replaceAll(':', '-')}.devices.test`);
    const [certificate, key] = [issued.certificate, issued.key].map((file) => readFileSync(file, 'utf8'));
    return { mac, certificate: certificate!, key: key!, authority: readFileSync(authority.certificate, 'utf8') };
  });
  return { server, authority: authority.certificate, revocationList: authority.revocationList, devices };
}

/** `network/eap.yaml` that says the same as freeradius/eap.conf. */
export const eapYaml = (
  { server, authority, revocationList }: Credentials,
  { versions = ['1.2', '1.3'], resumption = 3600 }: { versions?: readonly string[]; resumption?: number } = {},
): string =>
  [
    `certificate: "file:${server.certificate}"`,
    `key: "file:${server.key}"`,
    `versions: ${JSON.stringify(versions)}`,
    'fragmentSize: 1024',
    `resumption: ${resumption}`,
    'authorities:',
    `  bench: { certificates: "file:${authority}", revocationLists: "file:${revocationList}", devices: [{ from: dns-name, pattern: "{mac}.devices.test" }] }`,
  ].join('\n');
