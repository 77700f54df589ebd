import 'reflect-metadata';
import type { X509Certificate } from 'node:crypto';
import { SubjectKeyIdentifierExtension, X509Certificate as ParsedCertificate } from '@peculiar/x509';
import type { EapEntry } from '#policy/snapshot';
import { canonicalJson, sha256 } from '#base';
import { textOf, type SecretLookup } from '../config.js';
import type { NamedDevice } from '../eap/named-device.js';
import { authorityMaterial, Trust, type CertificateFacts } from '../eap/trust.js';
import { reasonOf, type Log } from '../log.js';
import { onlyValue, valuesOf, type Claims } from './claims.js';

const prefix = 'TLS-Client-Cert-';
const noAuthorities = 'the policy has no network/eap.yaml with authorities of devices';

/**
 * What device a certificate names that FreeRADIUS has seen. That the device has its key, and that its chain is good, FreeRADIUS has proved
 * and we believe; issuer, dates, revocation lists and names are judged by the same code and rules as a certificate that is shown to us.
 *
 * The issuer is told by its name, as OpenSSL prints it in one line, and by its key where FreeRADIUS tells that. A name that can be read in
 * two ways is nobody's.
 */
export class ClaimedCertificates {
  private trust: Trust | null = null;
  private digest: string | null = null;
  private entry: EapEntry | null = null;
  /** Why there is no trust; null: there is. */
  problem: string | null = noAuthorities;

  constructor(
    private readonly read: (reference: string) => SecretLookup,
    private readonly log: Log,
  ) {}

  /** Takes what a snapshot says. What was judged by before stays where the new can't be read. */
  configure(entry: EapEntry | null): void {
    this.entry = entry;
    this.refresh();
  }

  /** Reads the files anew. */
  refresh(): void {
    const authorities = this.entry?.authorities ?? [];
    if (authorities.length === 0) {
      this.trust = this.digest = null;
      this.problem = noAuthorities;
      return;
    }
    try {
      const material = authorities.map((authority) => authorityMaterial(authority, (file) => textOf(this.read(file))));
      const digest = sha256(canonicalJson(material));
      if (digest !== this.digest) this.trust = new Trust(material);
      this.digest = digest;
      this.problem = null;
    } catch (error) {
      const problem = reasonOf(error);
      if (problem !== this.problem)
        this.log('error', 'authorities of devices are not usable for what FreeRADIUS asks', { problem });
      this.problem = problem;
    }
  }

  /** What device it names: whether that is the one on the port, whoever asks compares. */
  judge(claims: Claims, now: Date): NamedDevice | { readonly reason: string } {
    if (!this.trust) return { reason: `no certificate can be judged: ${this.problem}` };
    const facts = factsOf(claims);
    if ('reason' in facts) return facts;
    const judgement = this.trust.judgeFacts(facts, now);
    if ('reason' in judgement) return judgement;
    if (judgement.responder)
      return {
        reason:
          'its authority has `ocsp`, which asks about a certificate that is shown to Cordon itself: use revocation lists',
      };
    return judgement;
  }
}

/** What FreeRADIUS calls them; null: it tells these inside of other texts or not at all. */
const namesTold = {
  'dns-name': 'Subject-Alt-Name-Dns',
  email: 'Subject-Alt-Name-Email',
  'common-name': 'Common-Name',
  uri: null,
  'serial-number': null,
} as const;

function factsOf(claims: Claims): CertificateFacts | { readonly reason: string } {
  const only = (name: string): string | null => onlyValue(claims, prefix + name);
  const [serial, from, until, issuer] = [only('Serial'), only('Valid-Since'), only('Expiration'), only('Issuer')];
  const [validFromDate, validToDate] = [from, until].map((text) => (text === null ? null : readAsn1Time(text)));
  if (serial === null || !/^[0-9a-f]+$/i.test(serial) || issuer === null || !validFromDate || !validToDate)
    return {
      reason:
        'FreeRADIUS told no certificate, or more than one: TLS-Client-Cert-Serial, -Issuer, -Valid-Since and -Expiration must stand there once. Sessions must not be resumed (cache)',
    };
  const key = only('X509v3-Authority-Key-Identifier');
  const all = (name: string): readonly string[] => valuesOf(claims, prefix + name);
  return {
    validFrom: validFromDate.toISOString(),
    validFromDate,
    validTo: validToDate.toISOString(),
    validToDate,
    serialNumber: serial,
    isIssuedBy: (certificate) => oneLine(certificate) === issuer && hasKey(certificate, key),
    names: (from) => {
      const told = namesTold[from];
      return told === null ? [] : all(told);
    },
  };
}

/** `YYMMDDHHMMSSZ`, or with four digits of the year (RFC 5280 §4.1.2.5). */
export function readAsn1Time(text: string): Date | null {
  const match = /^(\d\d)?(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(text);
  if (!match) return null;
  const [, century, year, ...rest] = match;
  const whole = `${century ?? (Number(year) < 50 ? '20' : '19')}${year}`;
  const [month, day, hour, minute, second] = rest;
  const date = new Date(`${whole}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return Number.isNaN(date.getTime()) ? null : date;
}

/** As X509_NAME_oneline prints a subject: `/O=Hospital/CN=Device CA`. Null where that could be read in two ways. */
export function oneLine({ subject }: Pick<X509Certificate, 'subject'>): string | null {
  const parts = subject.split('\n');
  const isPlain = parts.every((part) => /^[A-Za-z0-9.]+=(?:[^/\\+=]|\\[,;<>#"])*$/.test(part) && isPrintable(part));
  return isPlain ? `/${parts.join('/').replaceAll('\\', '')}` : null;
}

const isPrintable = (text: string): boolean => /^[\x20-\x7e]*$/.test(text);

/** As FreeRADIUS prints it, if it does: `EA:76:…`, with `keyid:` before it or not. */
function hasKey(certificate: X509Certificate, told: string | null): boolean {
  if (told === null) return true;
  const own = new ParsedCertificate(certificate.raw).getExtension(SubjectKeyIdentifierExtension)?.keyId;
  const wanted = told
    .replace(/^keyid:/, '')
    .replaceAll(':', '')
    .toLowerCase();
  return own === undefined || own.toLowerCase() === wanted;
}
