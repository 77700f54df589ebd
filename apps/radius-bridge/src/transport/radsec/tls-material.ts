import { createSecureContext } from 'node:tls';
import { canonicalJson, sha256 } from '#base';
import type { RadsecEntry } from '#policy/snapshot';
import { textOf, type SecretLookup } from '../../config.js';
import { pemBlocks, tlsVersions, type TlsVersions } from '../../certificates.js';
import { named } from '../../log.js';
import { Revocations } from './peer-certificate.js';

/** What network/radsec.yaml names, read. */
export interface TlsMaterial extends TlsVersions {
  /** PEM: the bridge's certificate and those between it and its root. */
  readonly cert: string;
  readonly key: string;
  /** PEM each. */
  readonly ca: string[];
  readonly crl: string[] | undefined;
  readonly revocations: Revocations;
  /** Of all of it, and of the authorities alone. */
  readonly digest: string;
  readonly authoritiesDigest: string;
}

/** Throws, naming the field, on what can't be read or does not fit together. */
export function readMaterial(entry: RadsecEntry, read: (reference: string) => SecretLookup): TlsMaterial {
  const { versions } = entry;
  const cert = textOf(read(entry.certificate));
  const key = textOf(read(entry.key));
  const authorities = textOf(read(entry.authorities));
  const lists = entry.revocationLists === null ? null : textOf(read(entry.revocationLists));
  const material: TlsMaterial = {
    cert,
    key,
    ca: named('authorities', () => pemBlocks(authorities, 'CERTIFICATE')),
    crl: named('revocationLists', () => (lists === null ? undefined : pemBlocks(lists, 'X509 CRL'))),
    ...tlsVersions(versions),
    revocations: named('revocationLists', () => new Revocations(lists)),
    digest: sha256(canonicalJson({ cert, key: sha256(key), authorities, lists, versions })),
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
