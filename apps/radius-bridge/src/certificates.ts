import type { X509Certificate } from 'node:crypto';

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

/** As OpenSSL calls them, and so does Node. */
export type AlternativeName = 'DNS' | 'URI' | 'email' | 'IP Address';

/**
 * Names are read by OpenSSL, which also proves the chain: two parsers could see two devices in one certificate.
 *
 * `X509Certificate.subjectAltName` is `kind:value, kind:value`, where a value with anything unusual in it (a comma, a quote) is a
 * JSON string. A text that is not of this form has no names.
 */
export function alternativeNames({ subjectAltName }: Pick<X509Certificate, 'subjectAltName'>) {
  const names: { kind: string; name: string }[] = [];
  const text = subjectAltName ?? '';
  const entry = /([^:,"]+):("(?:[^"\\]|\\.)*"|[^,"]*)(?:, |$)/y;
  while (entry.lastIndex < text.length) {
    const found = entry.exec(text);
    if (!found) return (): string[] => [];
    const [, kind, value] = found as unknown as [string, string, string];
    names.push({ kind, name: value.startsWith('"') ? (JSON.parse(value) as string) : value });
  }
  return (wanted: AlternativeName): string[] => names.filter(({ kind }) => kind === wanted).map(({ name }) => name);
}

/** All values of a field of the subject: Common Name, or the serial number of the device (IEEE 802.1AR §8.6). */
export function subjectNames(certificate: X509Certificate, field: 'CN' | 'serialNumber'): string[] {
  const subject = certificate.toLegacyObject().subject as Readonly<Record<string, string | string[] | undefined>>;
  return [subject[field] ?? []].flat();
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
