import { createHash } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { canonicalJson, sha256 } from '#base';
import type { RadsecEntry } from '#policy/snapshot';
import type { SecretLookup } from '../../config.js';
import { pemBlocks, Revocations } from './peer-certificate.js';

/** What network/radsec.yaml names, read. */
export interface TlsMaterial {
  /** PEM: the bridge's certificate and those between it and its root. */
  readonly cert: string;
  readonly key: string;
  /** PEM each. */
  readonly ca: string[];
  readonly crl: string[] | undefined;
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3';
  readonly maxVersion: 'TLSv1.2' | 'TLSv1.3';
  readonly revocations: Revocations;
  /** Of all of it, and of the authorities alone. */
  readonly digest: string;
  readonly authoritiesDigest: string;
}

/** Throws, naming the field, on what can't be read or does not fit together. */
export function readMaterial(entry: RadsecEntry, read: (reference: string) => SecretLookup): TlsMaterial {
  const textOf = (reference: string): string => {
    const found = read(reference);
    if ('problem' in found) throw new Error(found.problem);
    return found.secret;
  };
  const { versions } = entry;
  const cert = textOf(entry.certificate);
  const key = textOf(entry.key);
  const authorities = textOf(entry.authorities);
  const lists = entry.revocationLists === null ? null : textOf(entry.revocationLists);
  const material: TlsMaterial = {
    cert,
    key,
    ca: named('authorities', () => pemBlocks(authorities, 'CERTIFICATE')),
    crl: named('revocationLists', () => (lists === null ? undefined : pemBlocks(lists, 'X509 CRL'))),
    minVersion: versions.includes('1.2') ? 'TLSv1.2' : 'TLSv1.3',
    maxVersion: versions.includes('1.3') ? 'TLSv1.3' : 'TLSv1.2',
    revocations: named('revocationLists', () => new Revocations(lists)),
    digest: sha256(
      canonicalJson({ cert, key: createHash('sha256').update(key).digest('hex'), authorities, lists, versions }),
    ),
    authoritiesDigest: sha256(authorities),
  };
  named('certificate and key', () => createSecureContext(contextOf(material)));
  return material;
}

/** What Node's TLS takes of it. */
export const contextOf = ({ cert, key, ca, crl, minVersion, maxVersion }: TlsMaterial) => ({
  cert,
  key,
  ca,
  ...(crl ? { crl } : {}),
  minVersion,
  maxVersion,
});

function named<T>(field: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    throw new Error(`${field}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}
