import 'reflect-metadata';
import { SubjectAlternativeNameExtension, type X509Certificate as ParsedCertificate } from '@peculiar/x509';

/*
 * What is read of certificates and of the files that they stand in, wherever a peer shows one: a device (eap/trust.ts) or a switch
 * (transport/radsec). Whom to believe is decided there.
 */

/** PEM blocks of one kind; text around them is allowed, as `openssl` writes it. Throws when there is none. */
export function pemBlocks(text: string, kind: 'CERTIFICATE' | 'X509 CRL'): string[] {
  const blocks = text.match(new RegExp(`-----BEGIN ${kind}-----[A-Za-z0-9+/=\\s]+-----END ${kind}-----`, 'g')) ?? [];
  if (blocks.length === 0) throw new Error(`there is no ${kind} in PEM in its file`);
  return blocks;
}

/** Serial numbers are written with and without zeros in front, and in both cases. */
export const canonicalSerial = (hex: string): string => hex.toLowerCase().replace(/^0+(?=.)/, '');

/** Alternative names of the subject, by type. */
export function alternativeNames(certificate: ParsedCertificate): (type: 'dns' | 'url' | 'email' | 'ip') => string[] {
  const names = certificate.getExtension(SubjectAlternativeNameExtension)?.names.items ?? [];
  return (type) => names.filter((name) => name.type === type).map(({ value }) => value);
}

export interface TlsVersions {
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3';
  readonly maxVersion: 'TLSv1.2' | 'TLSv1.3';
}

/** As Node's TLS takes them. */
export const tlsVersions = (served: readonly ('1.2' | '1.3')[]): TlsVersions => ({
  minVersion: served.includes('1.2') ? 'TLSv1.2' : 'TLSv1.3',
  maxVersion: served.includes('1.3') ? 'TLSv1.3' : 'TLSv1.2',
});
