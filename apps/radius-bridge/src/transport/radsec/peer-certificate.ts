import 'reflect-metadata';
import type { X509Certificate } from 'node:crypto';
import { X509Certificate as ParsedCertificate, X509Crl } from '@peculiar/x509';
import type { CertificateName } from '#policy/snapshot';
import { parseAddress } from '#net';
import { alternativeNames, canonicalSerial, pemBlocks, subjectNames } from '../../certificates.js';
import type { CertificateNames } from '../../clients/client-table.js';

/** A certificate that a connection began with: the chain was proved by TLS, what changes with time is judged here. */
export interface PeerCertificate {
  readonly names: CertificateNames;
  readonly issuer: string;
  readonly serial: string;
  readonly validUntil: Date;
}

export function readPeerCertificate(certificate: X509Certificate): PeerCertificate {
  const parsed = new ParsedCertificate(certificate.raw);
  const named = alternativeNames(certificate);
  return {
    names: {
      'dns-name': named('DNS'),
      'ip-address': named('IP Address'),
      'common-name': subjectNames(certificate, 'CN'),
    },
    issuer: parsed.issuer,
    serial: canonicalSerial(parsed.serialNumber),
    validUntil: certificate.validToDate,
  };
}

/** Whether a certificate has the name by which the policy knows its owner. */
export function hasName({ names }: PeerCertificate, { from, name }: CertificateName): boolean {
  return names[from].some((found) => isSame(from, found, name));
}

function isSame(from: CertificateName['from'], found: string, wanted: string): boolean {
  if (from === 'common-name') return found === wanted;
  if (from === 'dns-name') return found.toLowerCase() === wanted.toLowerCase();
  const [one, other] = [parseAddress(found), parseAddress(wanted)];
  return one !== null && other !== null && one.family === other.family && one.value === other.value;
}

/** Revoked serial numbers, by who issued the certificates. */
export class Revocations {
  private readonly serials = new Map<string, Set<string>>();

  /** Throws on what can't be read. `lists`: PEM, one or more. */
  constructor(lists: string | null) {
    for (const pem of lists === null ? [] : pemBlocks(lists, 'X509 CRL')) {
      const { issuer, entries } = new X509Crl(pem);
      const known = this.serials.get(issuer) ?? new Set();
      for (const { serialNumber } of entries) known.add(canonicalSerial(serialNumber));
      this.serials.set(issuer, known);
    }
  }

  has({ issuer, serial }: PeerCertificate): boolean {
    return this.serials.get(issuer)?.has(serial) ?? false;
  }
}
