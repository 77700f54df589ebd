import 'reflect-metadata';
import { X509Certificate } from 'node:crypto';
import type { EapAuthority, IdentityRule } from '#policy/snapshot';
import { alternativeNames, canonicalSerial, pemBlocks, subjectNames } from '../certificates.js';
import { named } from '../log.js';
import { deviceOf, type NamedDevice } from './named-device.js';
import type { Responder } from './ocsp.js';
import { X509Certificate as ParsedCertificate, X509Crl } from '@peculiar/x509';

/** An authority with its files read. */
export interface AuthorityMaterial extends Pick<EapAuthority, 'name' | 'devices' | 'ocsp'> {
  /** PEM, one or more: those that sign device certificates, and their roots. */
  readonly certificates: string;
  /** PEM, one or more; null: revocation is not looked at. */
  readonly revocationLists: string | null;
}

/** The files that an authority of the policy names, read. */
export const authorityMaterial = (
  { name, devices, ocsp, certificates, revocationLists }: EapAuthority,
  read: (reference: string) => string,
): AuthorityMaterial => ({
  name,
  devices,
  ocsp,
  certificates: read(certificates),
  revocationLists: revocationLists === null ? null : read(revocationLists),
});

/** A certificate that nothing is known against: what it names is to be compared with the device on the port, and the `responder` asked. */
export interface Trusted extends NamedDevice {
  readonly issuer: X509Certificate;
  readonly responder: Responder | null;
}

/** What is judged of a certificate: read from itself, or told by who has seen it (rest/claimed-certificates.ts). */
export interface CertificateFacts extends Pick<
  X509Certificate,
  'validFrom' | 'validFromDate' | 'validTo' | 'validToDate' | 'serialNumber'
> {
  readonly isIssuedBy: (issuer: X509Certificate) => boolean;
  readonly names: (from: IdentityRule['from']) => readonly string[];
}

interface Issuer {
  readonly certificate: X509Certificate;
  readonly authority: AuthorityMaterial;
  /** Null: there is none for this issuer. */
  readonly revocations: Revocations | null;
}

interface Revocations {
  readonly serials: ReadonlySet<string>;
  readonly validUntil: Date | null;
}

/**
 * What device a certificate names, by the authorities of the policy. Whether that is the one on the port, whoever asks compares.
 *
 * OpenSSL proves the chain of a full handshake; a resumed session has none, and may be older than a revocation. So all that is
 * said here is judged of every authentication, from the device's certificate alone: that one of the authorities signed it, that
 * it is valid now and not revoked by a list, and which one device it names. Whoever asks it asks the responder, too.
 */
export class Trust {
  private readonly issuers: readonly Issuer[];
  readonly certificates: readonly string[];
  readonly revocationLists: readonly string[];

  /** Throws, with the authority's name, on what can't be read. */
  constructor(authorities: readonly AuthorityMaterial[]) {
    const read = authorities.map((authority) => ({ authority, ...pemOf(authority) }));
    this.certificates = read.flatMap(({ certificates }) => certificates);
    this.revocationLists = read.flatMap(({ lists }) => lists);
    this.issuers = read.flatMap(({ authority, certificates, lists }) => issuersOf(authority, certificates, lists));
  }

  judge(certificate: X509Certificate, now: Date): Trusted | { readonly reason: string } {
    const { validFrom, validFromDate, validTo, validToDate, serialNumber } = certificate;
    const isIssuedBy = (issuer: X509Certificate): boolean => hasIssued(issuer, certificate);
    const names = (from: IdentityRule['from']): readonly string[] => readers[from](certificate);
    return this.judgeFacts({ validFrom, validFromDate, validTo, validToDate, serialNumber, isIssuedBy, names }, now);
  }

  judgeFacts(facts: CertificateFacts, now: Date): Trusted | { readonly reason: string } {
    if (now < facts.validFromDate) return { reason: `the certificate is not valid before ${facts.validFrom}` };
    if (now > facts.validToDate) return { reason: `the certificate ended on ${facts.validTo}` };
    const issuer = this.issuers.find((one) => facts.isIssuedBy(one.certificate));
    if (!issuer)
      return {
        reason:
          'no authority of the policy issued the certificate: its file must hold the certificate that signs devices',
      };
    if (issuer.authority.revocationLists !== null) {
      const { name } = issuer.authority;
      if (!issuer.revocations) return { reason: `authority \`${name}\` has no revocation list of this issuer` };
      const { serials, validUntil } = issuer.revocations;
      if (validUntil && now > validUntil)
        return { reason: `the revocation list of authority \`${name}\` ended on ${validUntil.toISOString()}` };
      if (serials.has(canonicalSerial(facts.serialNumber))) return { reason: 'the certificate is revoked' };
    }
    const device = deviceOf(facts.names, issuer.authority.devices);
    if ('reason' in device) return device;
    return { ...device, issuer: issuer.certificate, responder: issuer.authority.ocsp };
  }
}

/** PEM blocks of its files. */
function pemOf({ name, certificates, revocationLists }: AuthorityMaterial) {
  const blocks = (text: string, kind: 'CERTIFICATE' | 'X509 CRL'): string[] =>
    named(`authority \`${name}\``, () => pemBlocks(text, kind));
  return {
    certificates: blocks(certificates, 'CERTIFICATE'),
    lists: revocationLists === null ? [] : blocks(revocationLists, 'X509 CRL'),
  };
}

function issuersOf(
  authority: AuthorityMaterial,
  certificates: readonly string[],
  revocationLists: readonly string[],
): Issuer[] {
  const whose = `authority \`${authority.name}\``;
  const lists = revocationLists.map((pem) =>
    named(`${whose}: a revocation list can't be read`, () => new X509Crl(pem)),
  );
  return certificates.map((pem) => {
    const certificate = named(`${whose}: a certificate can't be read`, () => new X509Certificate(pem));
    if (!certificate.ca) throw new Error(`${whose}: ${certificate.subject} is not a certificate of an authority`);
    const subject = new ParsedCertificate(certificate.raw).subject;
    const own = lists.filter((list) => list.issuer === subject);
    const revocations = own.length === 0 ? null : joined(own);
    return { certificate, authority, revocations };
  });
}

/** What any of them revokes is revoked; when the first of them ends, all do. */
function joined(lists: readonly X509Crl[]): Revocations {
  const ends = lists.flatMap(({ nextUpdate }) => nextUpdate ?? []).map((date) => date.getTime());
  return {
    serials: new Set(lists.flatMap(({ entries }) => entries.map(({ serialNumber }) => canonicalSerial(serialNumber)))),
    validUntil: ends.length === 0 ? null : new Date(Math.min(...ends)),
  };
}

const hasIssued = (issuer: X509Certificate, certificate: X509Certificate): boolean =>
  certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);

const readers: Readonly<Record<IdentityRule['from'], (certificate: X509Certificate) => readonly string[]>> = {
  'dns-name': (certificate) => alternativeNames(certificate)('DNS'),
  uri: (certificate) => alternativeNames(certificate)('URI'),
  email: (certificate) => alternativeNames(certificate)('email'),
  'common-name': (certificate) => subjectNames(certificate, 'CN'),
  'serial-number': (certificate) => subjectNames(certificate, 'serialNumber'),
};
